//! GitHub's official OpenAPI description, cut to the paths in use, and its examples.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::paths;

/// What Sluice asks of GitHub.
const PATHS: &[&str] = &[
    "/app/installations/{installation_id}/access_tokens",
    "/repos/{owner}/{repo}",
    "/repos/{owner}/{repo}/branches/{branch}",
    "/repos/{owner}/{repo}/branches/{branch}/protection",
    "/repos/{owner}/{repo}/commits",
    "/repos/{owner}/{repo}/commits/{ref}/check-runs",
    "/repos/{owner}/{repo}/commits/{ref}/status",
    "/repos/{owner}/{repo}/compare/{basehead}",
    "/repos/{owner}/{repo}/git/blobs",
    "/repos/{owner}/{repo}/git/blobs/{file_sha}",
    "/repos/{owner}/{repo}/git/commits",
    "/repos/{owner}/{repo}/git/commits/{commit_sha}",
    "/repos/{owner}/{repo}/git/ref/{ref}",
    "/repos/{owner}/{repo}/git/refs",
    "/repos/{owner}/{repo}/git/refs/{ref}",
    "/repos/{owner}/{repo}/git/trees",
    "/repos/{owner}/{repo}/git/trees/{tree_sha}",
    "/repos/{owner}/{repo}/installation",
    "/repos/{owner}/{repo}/pulls",
    "/repos/{owner}/{repo}/pulls/{pull_number}",
    "/repos/{owner}/{repo}/pulls/{pull_number}/merge",
    "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
    "/repos/{owner}/{repo}/rules/branches/{branch}",
];

/// The description and the programs that came with it.
#[derive(Debug)]
pub(super) struct Contract {
    description: Value,
    /// The cut description.
    pub(super) file: PathBuf,
    /// Prism's program, for node.
    pub(super) prism: PathBuf,
}

impl Contract {
    /// Installs what is lacking, once a user and lock file.
    pub(super) fn load() -> Result<Self> {
        let modules = install()?.join("node_modules");
        let official = modules.join("@octokit/openapi/generated/api.github.com.json");
        let text = fs::read(&official).with_context(|| format!("failed to read {}", official.display()))?;
        let description = cut(serde_json::from_slice(&text)?)?;
        // Below the workspace's target directory, which is ours to fill.
        let dir = paths::cluster().with_file_name("contract");
        fs::create_dir_all(&dir)?;
        let file = dir.join("github.json");
        write_if_other(&file, &serde_json::to_vec(&description)?)?;
        Ok(Self { description, file, prism: modules.join("@stoplight/prism-cli/dist/index.js") })
    }

    /// The description's own example of what an operation answers when it succeeds.
    pub(super) fn example(&self, method: &str, path: &str) -> Value {
        let found = || {
            let answers = self.description["paths"][path][method]["responses"].as_object()?;
            let (_, answer) = answers.iter().find(|(status, _)| status.starts_with('2'))?;
            let examples = answer["content"]["application/json"]["examples"].as_object()?;
            let example = examples.values().next()?;
            let example = match example["$ref"].as_str() {
                Some(reference) => self.description.pointer(reference.strip_prefix('#')?)?,
                None => example,
            };
            Some(example["value"].clone())
        };
        found().unwrap_or_else(|| panic!("the description has no example of {method} {path}"))
    }
}

/// Leaves a file alone that has this content: another Prism may be reading it.
fn write_if_other(file: &Path, content: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|found| found == content) {
        return Ok(());
    }
    let aside = file.with_extension(format!("{}.new", std::process::id()));
    fs::write(&aside, content)?;
    Ok(fs::rename(aside, file)?)
}

/// Runs `npm ci` in the cache of the cluster's programs, unless that was done for this lock file; returns where.
fn install() -> Result<PathBuf> {
    let source = paths::workspace().join("tests/contract/github");
    let locked = fs::read(source.join("package-lock.json"))?;
    let hash = hex::encode(&digest(&SHA256, &locked).as_ref()[..8]);
    let cache = paths::program_cache();
    let (done, aside) = (cache.join(format!("contract-github-{hash}")), cache.join(format!(".contract-github-{hash}")));
    fs::create_dir_all(&cache)?;
    // Two processes at once: the second waits, then finds everything there.
    let lock = File::create(cache.join("contract-github.lock"))?;
    lock.lock()?;
    if done.is_dir() {
        return Ok(done);
    }
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    fs::create_dir(&aside)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(source.join(name), aside.join(name))?;
    }
    npm_ci(&aside)?;
    fs::rename(&aside, &done)?;
    Ok(done)
}

fn npm_ci(dir: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    // Nothing of the packages is run but what we start ourselves.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(dir);
    let output = npm.output().context("failed to run npm: install Node.js 18.20 or newer with npm")?;
    if !output.status.success() {
        bail!("npm ci failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// The description with only [`PATHS`] and what these refer to: whole, it takes Prism a minute to read.
fn cut(mut description: Value) -> Result<Value> {
    let mut paths = Map::new();
    for path in PATHS {
        let operations = description["paths"][path].take();
        if operations.is_null() {
            bail!("the official description has no {path}");
        }
        paths.insert((*path).to_owned(), operations);
    }
    let mut components = Map::new();
    let (mut seen, mut todo) = (BTreeSet::new(), BTreeSet::new());
    paths.values().for_each(|operations| references(operations, &mut todo));
    while let Some(reference) = todo.pop_first() {
        let Some(pointer) = reference.strip_prefix('#') else { bail!("{reference} is not in the description") };
        let [kind, name] = pointer.strip_prefix("/components/").unwrap_or_default().split('/').collect::<Vec<_>>()[..]
        else {
            bail!("{reference} is no component");
        };
        let found = description.pointer(pointer).with_context(|| format!("{reference} is missing"))?.clone();
        seen.insert(reference.clone());
        references(&found, &mut todo);
        todo.retain(|reference| !seen.contains(reference));
        components.entry(kind).or_insert_with(|| json!({}))[name] = found;
    }
    let mut paths = Value::Object(paths);
    let mut components = Value::Object(components);
    for part in [&mut paths, &mut components] {
        spell_out_nullable(part);
    }
    Ok(json!({
        "openapi": description["openapi"],
        "info": description["info"],
        "servers": description["servers"],
        "paths": paths,
        "components": components,
    }))
}

/// Says "or null" where `nullable` stands without a `type`: Prism's validator does not take that, and then passes whatever
/// the operation answers without a word.
fn spell_out_nullable(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(spell_out_nullable);
            if members.get("nullable") == Some(&Value::Bool(true)) && !members.contains_key("type") {
                members.remove("nullable");
                let or_null = json!({"type": "string", "nullable": true, "maxLength": 0});
                *schema = json!({"anyOf": [schema.take(), or_null]});
            }
        }
        Value::Array(items) => items.iter_mut().for_each(spell_out_nullable),
        _ => {}
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                found.insert(reference.clone());
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}
