//! The pages that people write keep to what is true: their manifests are right, their links lead somewhere, and every example
//! is told of.

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What blocks of `control-flow.md` and `people.md`, which are members of a pipeline's `spec`, leave out.
const AROUND: &str = "apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {name: page}
spec:
  serviceAccountName: deployer
  params: [{name: version, default: \"1.10\"}]
";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    fs::read_to_string(workspace().join(name)).unwrap()
}

/// The code blocks of this language.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// Where the links of a page lead, without those to other sites.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1).map(|rest| rest.split_once(')').unwrap().0);
    targets.filter(|target| !target.contains("://"))
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn sluice(arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.args(arguments).current_dir(workspace()).env("KUBECONFIG", "none").env_remove("KUBERNETES_SERVICE_HOST");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Where it does not read its input, it may have ended already.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_manifests_of_pages_have_no_mistakes() {
    let names = ["control-flow", "locks", "people", "triggers"];
    let pages = names.map(|name| page(&format!("docs/{name}.md")));
    let blocks: Vec<&str> = pages.iter().flat_map(|page| blocks(page, "yaml")).collect();
    assert!(blocks.len() > 11, "{}", blocks.len());
    for block in blocks {
        let members: String = block.lines().map(|line| format!("  {line}\n")).collect();
        let (code, said) = sluice(&["lint", "--local", "-"], &format!("{AROUND}{members}"));
        assert_eq!((code, &*said), (Some(0), "1 object: no mistakes\n"), "{block}");
    }
}

#[test]
fn the_manifests_of_sources_have_no_mistakes() {
    let build = "---
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {name: build}
spec: {serviceAccountName: a, stages: [{name: publish, steps: [{name: push, set: {values: {digest: a}}}]}]}
";
    for block in blocks(&page("docs/sources.md"), "yaml") {
        let members: String = block.lines().map(|line| format!("  {line}\n")).collect();
        let (code, said) = sluice(&["lint", "--local", "-"], &format!("{AROUND}{members}{build}"));
        assert_eq!((code, &*said), (Some(0), "2 objects: no mistakes\n"), "{block}");
    }
}

#[test]
fn the_manifests_of_environments_have_no_mistakes() {
    let page = page("docs/environments.md");
    let manifests: Vec<&str> =
        blocks(&page, "yaml").into_iter().filter(|block| block.starts_with("apiVersion")).collect();
    let (code, said) = sluice(&["lint", "-"], &manifests.join("---\n"));
    assert_eq!((code, &*said), (Some(0), "2 objects: no mistakes\n"));
}

#[test]
fn the_manifests_of_receivers_have_no_mistakes() {
    let page = page("docs/receivers.md");
    let (code, said) = sluice(&["lint", "-"], &blocks(&page, "yaml").join("---\n"));
    assert_eq!((code, &*said), (Some(0), "3 objects: no mistakes\n"));
}

#[test]
fn the_manifests_of_component_updates_have_no_mistakes() {
    let page = page("docs/component-updates.md");
    let (code, said) = sluice(&["lint", "-"], &blocks(&page, "yaml").join("---\n"));
    assert_eq!((code, &*said), (Some(0), "2 objects: no mistakes\n"));
}

#[test]
fn links_lead_somewhere() {
    let pages = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "docs/command-line.md",
        "docs/component-updates.md",
        "docs/control-flow.md",
        "docs/environments.md",
        "docs/local-mode.md",
        "docs/locks.md",
        "docs/people.md",
        "docs/receivers.md",
        "docs/sources.md",
        "docs/triggers.md",
    ];
    for name in pages {
        let here = workspace().join(name);
        let text = page(name);
        for target in links(&text) {
            let (file, heading) =
                target.split_once('#').map_or((target, None), |(file, heading)| (file, Some(heading)));
            let path = if file.is_empty() { here.clone() } else { here.parent().unwrap().join(file) };
            assert!(path.exists(), "{name}: {target}");
            if let Some(heading) = heading {
                let there = fs::read_to_string(&path).unwrap();
                let mut headings = there.lines().filter_map(|line| {
                    line.split_once("# ").filter(|(hashes, _)| hashes.chars().all(|hash| hash == '#'))
                });
                assert!(headings.any(|(_, words)| anchor(words) == heading), "{name}: {target}");
            }
        }
    }
}

#[test]
fn every_example_is_told_of_where_its_subject_is() {
    let subjects = [
        ("flow", "control-flow"),
        ("hooks", "control-flow"),
        ("approvals", "people"),
        ("environments", "environments"),
        ("triggers", "triggers"),
        ("component-update", "component-updates"),
        ("sources", "sources"),
    ];
    for (directory, subject) in subjects {
        let page = page(&format!("docs/{subject}.md"));
        for file in fs::read_dir(workspace().join("examples").join(directory)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            // Whoever has run one has its state beside it.
            if !name.ends_with(".yaml") {
                continue;
            }
            assert!(
                page.contains(&format!("(../examples/{directory}/{name})")),
                "docs/{subject}.md does not tell of {directory}/{name}"
            );
        }
    }
}

#[test]
fn the_picture_of_the_readme_is_the_one_of_its_example() {
    let page = page("README.md");
    let (code, chart) = sluice(&["graph", "-f", "examples/flow/needs.yaml"], "");
    assert_eq!((code, &[&*chart][..]), (Some(0), &*blocks(&page, "mermaid")));
}
