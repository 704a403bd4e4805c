//! What is generated and committed: one table of it, and one test that makes all of it anew and finds no difference.
//! `SLUICE_GENERATE=1`, which `make generate` sets, writes it instead. It needs no cluster, only the cluster's Helm.

mod chart;
mod deploy;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use sluice_api::json_schema;
use sluice_tests::namespace::unique;
use sluice_tests::{helm, paths};

/// Generated files: their paths in a directory, and their contents.
type Files = BTreeMap<PathBuf, String>;

/// A directory from the workspace's root, and what makes its files.
type Generated = (&'static str, fn() -> Result<Files>);

/// Every directory whose files are generated, and what makes them; files that people write among them are given back as they
/// are. They are written in this order: what is made from the files of another directory comes after it.
const GENERATED: &[Generated] = &[
    ("crds", crds),
    ("schemas", schemas),
    ("docs/reference", reference),
    // Helm reads nothing outside of the chart.
    ("charts/sluice/files/crds", crds),
    ("charts/sluice", chart),
    ("deploy", deploy),
];

fn crds() -> Result<Files> {
    let of = |crd| {
        let text = sluice_api::crd_to_yaml(&crd)?;
        Ok((format!("{}.yaml", crd.spec.names.plural).into(), text))
    };
    sluice_api::crds().into_iter().map(of).collect()
}

fn schemas() -> Result<Files> {
    let of = |(file, schema): (String, _)| Ok((file.into(), json_schema::to_text(&schema)?));
    json_schema::files().into_iter().map(of).collect()
}

fn chart() -> Result<Files> {
    let mut files = files_in(&helm::chart())?;
    let text = |name: &str| files.get(Path::new(name)).with_context(|| format!("the chart has no {name}"));
    let readme = chart::readme(text("README.md")?, text("values.yaml")?)?;
    files.insert("README.md".into(), readme);
    Ok(files)
}

fn deploy() -> Result<Files> {
    let mut files = files_in(&paths::workspace().join("deploy"))?;
    files.insert("sluice.yaml".into(), deploy::manifests()?);
    files.insert("stamp.yaml".into(), deploy::stamp()?);
    files.insert("server.yaml".into(), deploy::server()?);
    files.insert("argocd/health.yaml".into(), deploy::health()?);
    Ok(files)
}

/// What the program writes; its own tests keep no copy.
fn reference() -> Result<Files> {
    let directory = env::temp_dir().join(unique("sluice-reference"));
    fs::create_dir(&directory)?;
    let output =
        Command::new(paths::sluice()).arg("reference").arg(&directory).output().context("failed to run sluice")?;
    let files = files_in(&directory)?;
    fs::remove_dir_all(&directory)?;
    ensure!(output.status.success(), "sluice reference: {}", String::from_utf8_lossy(&output.stderr));
    Ok(files)
}

#[test]
fn everything_generated_is_committed_as_it_is_generated() {
    let mut stale = Vec::new();
    for (directory, make) in GENERATED {
        let generated = make().unwrap_or_else(|error| panic!("failed to generate {directory}: {error:#}"));
        let place = paths::workspace().join(directory);
        let committed = files_in(&place).unwrap_or_else(|error| panic!("failed to read {directory}: {error:#}"));
        if env::var_os("SLUICE_GENERATE").is_some() {
            write(&place, &committed, &generated)
                .unwrap_or_else(|error| panic!("failed to write {directory}: {error:#}"));
        } else {
            stale.extend(differences(&committed, &generated).into_iter().map(|it| format!("{directory}/{it}")));
        }
    }
    assert!(stale.is_empty(), "run `make generate`, these are not what is generated:\n{}", stale.join("\n"));
}

/// Every file in a directory and those below it; none where there is no directory.
fn files_in(directory: &Path) -> Result<Files> {
    let mut found = Files::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        let Ok(entries) = fs::read_dir(directory.join(&below)) else { continue };
        for entry in entries {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else {
                let text =
                    fs::read_to_string(entry.path()).with_context(|| format!("{} is no text", path.display()))?;
                found.insert(path, text);
            }
        }
    }
    Ok(found)
}

/// A line for each file that is not the same in both.
fn differences(committed: &Files, generated: &Files) -> Vec<String> {
    let all: BTreeSet<&PathBuf> = committed.keys().chain(generated.keys()).collect();
    let difference = |path: &&PathBuf| match (committed.get(*path), generated.get(*path)) {
        (Some(committed), Some(generated)) if committed == generated => None,
        (Some(committed), Some(generated)) => Some(format!("{}: {}", path.display(), first(committed, generated))),
        (None, _) => Some(format!("{}: is missing", path.display())),
        (_, None) => Some(format!("{}: nothing generates it", path.display())),
    };
    all.iter().filter_map(difference).collect()
}

/// The first line in which two texts differ.
fn first(committed: &str, generated: &str) -> String {
    let lines = committed.lines().zip(generated.lines()).zip(1..);
    let different = lines.into_iter().find(|((committed, generated), _)| committed != generated);
    different.map_or_else(
        || "one is longer than the other".to_owned(),
        |((committed, generated), number)| format!("line {number} is {committed:?} instead of {generated:?}"),
    )
}

fn write(directory: &Path, committed: &Files, generated: &Files) -> Result<()> {
    for path in committed.keys().filter(|path| !generated.contains_key(*path)) {
        fs::remove_file(directory.join(path))?;
    }
    for (path, text) in generated.iter().filter(|(path, text)| committed.get(*path) != Some(text)) {
        let file = directory.join(path);
        fs::create_dir_all(file.parent().unwrap_or(directory))?;
        fs::write(file, text)?;
    }
    Ok(())
}

#[test]
fn a_stale_a_missing_and_a_surplus_file_are_named() {
    let files = |all: &[(&str, &str)]| all.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
    let committed: Files = files(&[("same", "a\n"), ("stale", "a\nb\n"), ("surplus", "")]);
    let generated: Files = files(&[("same", "a\n"), ("stale", "a\nc\n"), ("missing", "")]);
    assert_eq!(
        differences(&committed, &generated),
        ["missing: is missing", "stale: line 2 is \"b\" instead of \"c\"", "surplus: nothing generates it"]
    );
}
