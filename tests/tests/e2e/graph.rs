//! `sluice graph`: a pipeline in a cluster is drawn as the manifest that it was made from.

use std::path::Path;
use std::process::{Command, Output};

use sluice_tests::fixture::install;
use sluice_tests::{Cluster, TestNamespace, paths};

use crate::short::pipeline;

fn graph(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = Command::new(paths::sluice());
    command.arg("graph").args(arguments).env("KUBECONFIG", cluster.facts().kubeconfig("admin"));
    command.output().expect("sluice")
}

fn of_file(cluster: &Cluster, file: &Path) -> Output {
    graph(cluster, &["-f", &file.display().to_string()])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_in_a_cluster_is_drawn_as_its_manifest() {
    let cluster = Cluster::connect().await;
    install(&cluster).await;
    let test = TestNamespace::new(&cluster, "graph").await;
    let manifest = pipeline("web", "- {name: a, set: {values: {x: 1}}}\n- {name: b, delay: {duration: 1s}}");
    test.apply(&manifest);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("web.yaml");
    std::fs::write(&file, manifest).expect("a file");

    let (drawn, expected) = (graph(&cluster, &["web", "-n", test.name()]), of_file(&cluster, &file));
    assert!(drawn.status.success() && expected.status.success(), "{drawn:?} {expected:?}");
    assert_eq!(String::from_utf8_lossy(&drawn.stdout), String::from_utf8_lossy(&expected.stdout));

    let missing = graph(&cluster, &["wbe", "-n", test.name()]);
    let said = format!("error: there is no pipeline \"wbe\" in namespace \"{}\"; did you mean \"web\"?\n", test.name());
    assert_eq!((missing.status.code(), &*String::from_utf8_lossy(&missing.stderr)), (Some(2), &*said));
}
