//! The source `file`: a file of a git host.

use std::sync::Arc;

use serde_json::Value;
use sluice_api::step::FileSource;
use sluice_engine::Failure;
use sluice_scm::{
    CommitSha, GitHost, RepoName, RepoPath,
    document::{self, Source},
};

use super::NoValue;
use crate::{
    StepContext,
    git_host::{branch_named, branch_not_found, failure_of, host_of, repo_named, repository_failure},
};

/// What the file says. What may come with the next commit (a file, a branch, valid YAML) is asked for again.
pub(super) async fn measure(source: &FileSource, context: &StepContext<'_>) -> Result<Value, NoValue> {
    let FileSource { provider_ref, repository, r#ref, path } = source;
    let repo = repo_named(repository)?;
    let path = RepoPath::parse(path)
        .map_err(|error| NoValue::Ever(Failure::definite("InvalidPath", format!("path: {error}"))))?;
    let host = host_of(context, &provider_ref.name).await?;
    let (commit, name) = commit_of(host.as_ref(), &repo, r#ref.as_deref()).await?;
    let at = || format!("file {path} of repository {repo} on {}, {name}", host.describe());
    match host.read_file(&repo, &path, &commit).await {
        Ok(Some(file)) => {
            value(path.as_str(), &file.content).map_err(|why| later("InvalidFile", format!("{}: {why}", at())))
        }
        Ok(None) => Err(later("FileNotFound", format!("there is no {}: create it, or correct `path`", at()))),
        Err(sluice_scm::Error::NotFound { .. }) => {
            Err(later("CommitNotFound", format!("there is no {name} in repository {repo}: correct `ref`")))
        }
        Err(error) => Err(failure_of(&error).into()),
    }
}

/// The commit to read at, and how people name it.
async fn commit_of(
    host: &dyn GitHost,
    repo: &RepoName,
    reference: Option<&str>,
) -> Result<(CommitSha, String), NoValue> {
    if let Some(commit) = reference.and_then(|reference| CommitSha::parse(reference).ok()) {
        let name = format!("commit {}", commit.short());
        return Ok((commit, name));
    }
    let branch = branch_named(host, repo, reference, "ref").await?;
    let found = host.branch(repo, &branch).await.map_err(|error| repository_failure(&error))?;
    let Some(found) = found else { return Err(NoValue::Now(branch_not_found(host, repo, &branch, "ref"))) };
    let name = format!("branch {branch} at {}", found.head.sha.short());
    Ok((found.head.sha, name))
}

/// The value of a file, by its name; else why it has none.
fn value(name: &str, content: &[u8]) -> Result<Value, String> {
    let text = || {
        let text = std::str::from_utf8(content).map_err(|_| "it is no text in UTF-8".to_owned())?;
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
    };
    match name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("json") => serde_json::from_str(text()?).map_err(|error| format!("it is no JSON: {error}")),
        Some("yaml" | "yml") => yaml(Source::decode(name, content)),
        _ => text().map(Value::from),
    }
}

/// The one document, or a list of all; null where there is none.
fn yaml(source: Source) -> Result<Value, String> {
    let document::Read { documents, faults } = document::read(&Arc::new(source));
    if let Some(fault) = faults.first() {
        return Err(fault.to_string());
    }
    let mut values: Vec<Value> = documents.iter().map(|document| document.tree.value(document.root)).collect();
    Ok(match values.len() {
        0 | 1 => values.pop().unwrap_or_default(),
        _ => Value::Array(values),
    })
}

fn later(reason: &str, message: String) -> NoValue {
    NoValue::Now(Failure::transient(reason, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluice_api::{LocalProvider, ScmProviderSpec, step::Sources};
    use sluice_scm::Local;
    use tempfile::TempDir;

    use super::*;
    use crate::{fake_world::FakeWorld, sources};

    #[test]
    fn a_file_is_what_its_name_says_and_yaml_is_what_kubernetes_reads() {
        for (name, content, expected) in [
            (
                "a.yaml",
                "a: 0777\non: [1.10, '1.10', 9007199254740993]\n",
                json!({"a": 511, "true": [1.1, "1.10", 9_007_199_254_740_993_i64]}),
            ),
            ("a.YML", "a: 1\n---\n# nothing\n---\n- b\n", json!([{"a": 1}, ["b"]])),
            ("a.yaml", "", Value::Null),
            ("a.yaml", "text", json!("text")),
            ("a.json", "\u{feff}[\t9007199254740993, 0.1]", json!([9_007_199_254_740_993_i64, 0.1])),
            ("VERSION", "1.10\n", json!("1.10\n")),
            ("a.yaml/b", "a: 1", json!("a: 1")),
        ] {
            assert_eq!(value(name, content.as_bytes()), Ok(expected), "{name} {content}");
        }
    }

    #[test]
    fn what_is_none_is_said_with_its_place() {
        for (name, content, why) in [
            ("a.yaml", &b"a: 1\nb: [1"[..], "a.yaml:2:"),
            ("a.json", b"{\"a\": 01}", "it is no JSON: invalid number at line 1 column 8"),
            ("a.bin", b"\xff", "it is no text in UTF-8"),
        ] {
            let said = value(name, content).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    /// What the source `f` of this configuration yields from a repository with one commit.
    async fn read(config: Value) -> Result<Value, NoValue> {
        let root = TempDir::new().unwrap();
        let files = [("staging/web.yaml", "image: web:1\n"), ("broken.yaml", "a: [\n")];
        let files = files.map(|(path, content)| (RepoPath::parse(path).unwrap(), content.into()));
        let local = Local::open(root.path()).unwrap();
        let first = local.create(&repo_named("shop/gitops")?, &files, "Begin").await.unwrap();
        let local = Some(LocalProvider { path: ".".to_owned() });
        let world = FakeWorld { local_root: Some(root.path().to_owned()), ..FakeWorld::default() };
        let world = world.with_provider("gitops", ScmProviderSpec { local, ..ScmProviderSpec::default() });
        let mut file =
            json!({"providerRef": {"name": "gitops"}, "repository": "shop/gitops", "path": "staging/web.yaml"});
        file.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
        if file["ref"] == "FIRST" {
            file["ref"] = first.sha.to_string().into();
        }
        let sources: Sources = serde_json::from_value(json!({"f": {"file": file}})).unwrap();
        sources::measure(&sources, &world.context()).await.map(|mut values| values["f"].take())
    }

    #[tokio::test]
    async fn a_file_is_read_at_a_branch_at_a_commit_or_at_the_default_branch() {
        for config in [json!({}), json!({"ref": "main"}), json!({"ref": "FIRST"})] {
            assert_eq!(read(config).await, Ok(json!({"image": "web:1"})));
        }
    }

    #[tokio::test]
    async fn what_a_commit_may_bring_is_asked_for_again_and_what_is_wrong_is_not() {
        let nowhere = "1".repeat(40);
        for (config, again, reason, message) in [
            (
                json!({"path": "nope.yaml"}),
                true,
                "FileNotFound",
                "there is no file nope.yaml of repository shop/gitops on",
            ),
            (json!({"path": "broken.yaml"}), true, "InvalidFile", "broken.yaml:"),
            (json!({"ref": "nope"}), true, "BranchNotFound", "correct `ref`"),
            (json!({"ref": nowhere}), true, "CommitNotFound", "there is no commit 111111111111"),
            (json!({"path": "../x"}), false, "InvalidPath", "path: "),
            (json!({"path": "staging"}), false, "Unsupported", "it is a directory"),
            (json!({"ref": "a..b"}), false, "InvalidConfiguration", "ref: "),
            (json!({"repository": "shop"}), false, "InvalidConfiguration", "repository: "),
            (json!({"repository": "shop/other"}), false, "RepositoryNotFound", "git init --bare"),
            (json!({"providerRef": {"name": "other"}}), false, "ScmProviderNotFound", "other"),
        ] {
            let (asked_again, failure) = match read(config.clone()).await.unwrap_err() {
                NoValue::Now(failure) => (true, failure),
                NoValue::Ever(failure) => (false, failure),
            };
            assert_eq!((asked_again, failure.reason.as_str()), (again, reason), "{}", failure.message);
            assert!(
                failure.message.starts_with("source f: ") && failure.message.contains(message),
                "{}",
                failure.message
            );
        }
    }
}
