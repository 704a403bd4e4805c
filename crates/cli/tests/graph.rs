//! `sluice graph` by the real binary: which pipeline is drawn, and what is said where none is.

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// Exit code, standard output, standard error.
type Said = (Option<i32>, String, String);

fn graph(directory: &Path, arguments: &[&str], input: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.arg("graph").args(arguments).current_dir(directory).env("KUBECONFIG", directory.join("none"));
    command.env_remove("KUBERNETES_SERVICE_HOST").env("HOME", directory);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Where it does not read its input, it may have ended already.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn pipeline(name: &str, step: &str) -> String {
    format!(
        "apiVersion: sluice.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: {name}}}\nspec:\n  serviceAccountName: a\n  \
         stages: [{{name: s, steps: [{{name: t, {step}}}]}}]\n---\n"
    )
}

/// A directory with two pipelines.
fn two() -> TempDir {
    let place = TempDir::new().unwrap();
    fs::write(place.path().join("web.yaml"), pipeline("web", "set: {values: {x: 1}}")).unwrap();
    fs::write(place.path().join("db.yaml"), pipeline("db", "set: {values: {x: 1}}")).unwrap();
    place
}

#[test]
fn the_one_that_is_named_or_the_only_one_is_drawn() {
    let place = two();
    let (code, chart, said) = graph(place.path(), &["-f", ".", "web"], "");
    assert_eq!((code, &*said), (Some(0), ""));
    assert!(chart.starts_with("flowchart TD\n    start([\"web\"])\n"), "{chart}");
    assert_eq!(graph(place.path(), &["-f", "web.yaml"], "").1, chart);
    assert_eq!(graph(place.path(), &["-f", "-"], &pipeline("web", "set: {values: {x: 1}}")).1, chart);
}

#[test]
fn where_none_is_drawn_it_is_said_what_to_do() {
    let place = two();
    for (arguments, expected) in [
        (&["-f", "."][..], "error: there are several pipelines: name one of db, web\n"),
        (&["-f", ".", "wbe"], "error: there is no pipeline \"wbe\" among the manifests; did you mean \"web\"?\n"),
        (&["-f", "gone.yaml"], "error: failed to read gone.yaml: No such file or directory (os error 2)\n"),
        (&["-f", ".", "-n", "shop"], "error: a cluster and a namespace are chosen without -f; files say theirs in"),
        (&["-f", "web.yaml", "-f", "web.yaml"], "error: there are several pipelines: name one of web, web\n"),
        (&["-f", "web.yaml", "-f", "web.yaml", "web"], "error: there are two pipelines \"web\": web.yaml:1 and web"),
        (&["web"], "error: there is no kubeconfig: set KUBECONFIG, or name one with --kubeconfig\n"),
        (&[], "error: the following required arguments were not provided"),
    ] {
        let (code, chart, said) = graph(place.path(), arguments, "");
        assert!(said.starts_with(expected), "{arguments:?}: {said}");
        assert_eq!((code, &*chart), (Some(2), ""), "{arguments:?}");
    }
}

#[test]
fn a_pipeline_with_a_mistake_is_drawn_with_a_warning() {
    let place = TempDir::new().unwrap();
    let mistaken = pipeline("web", "set: {values: {x: '${{ params.gone }}'}}");
    let (code, chart, said) = graph(place.path(), &["-f", "-"], &mistaken);
    assert_eq!((code, &*said), (Some(0), "warning: the pipeline has mistakes (1); `sluice lint` says which\n"));
    assert!(chart.contains("step_t[\"t<br/>set\"]"), "{chart}");
}

#[test]
fn every_example_can_be_drawn() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut drawn = 0;
    for directory in ["examples", "examples/steps", "examples/demo"] {
        for file in fs::read_dir(workspace.join(directory)).unwrap() {
            let path = file.unwrap().path();
            let is_manifest = path.extension().is_some_and(|extension| extension == "yaml");
            if !is_manifest || !fs::read_to_string(&path).unwrap().contains("kind: Pipeline\n") {
                continue;
            }
            let path = path.display().to_string();
            let (code, chart, said) = graph(&workspace, &["-f", &path], "");
            let several = said.strip_prefix("error: there are several pipelines: name one of ");
            match several {
                None => assert_eq!((code, &*said), (Some(0), ""), "{path}"),
                Some(names) => assert_eq!(chart, "", "{names}"),
            }
            for name in several.into_iter().flat_map(|names| names.trim().split(", ")) {
                let (code, _, said) = graph(&workspace, &["-f", &path, name], "");
                assert_eq!((code, &*said), (Some(0), ""), "{path}: {name}");
            }
            drawn += 1;
        }
    }
    assert!(drawn > 10, "{drawn}");
}

#[test]
fn the_picture_of_the_documentation_is_the_one_of_its_pipeline() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(workspace.join("docs/command-line.md")).unwrap();
    let block = |language: &str| {
        let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0
    };
    let (code, chart, said) = graph(&workspace, &["-f", "-"], block("yaml"));
    assert_eq!((code, &*said), (Some(0), ""));
    assert_eq!(chart, block("mermaid"));
}
