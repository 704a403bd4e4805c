//! `sluice lint --cluster`: what is in a cluster is judged as files are, and what it names has to be there.

use std::process::{Command, Output};

use serde_json::{Value, json};
use sluice_tests::{Cluster, TestNamespace, paths};

use crate::short::{pipeline, run};

fn lint(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = Command::new(paths::sluice());
    command.args(["lint", "--cluster", "-o", "json"]).args(arguments);
    command.env("KUBECONFIG", cluster.facts().kubeconfig("admin")).output().expect("sluice")
}

fn codes(output: &Output) -> Value {
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).expect("findings");
    findings.iter().map(|it| json!([it["code"], it["file"], it["path"]])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_linted() {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "lint").await;
    test.apply(&pipeline("good", "- {name: a, set: {values: {x: 1}}}"));
    let fine = lint(&cluster, &["-n", test.name()]);
    assert_eq!((fine.status.code(), codes(&fine)), (Some(0), json!([])));

    let mistaken = pipeline("bad", "- {name: a, set: {values: {x: '${{ params.y }}'}}}");
    test.apply(&format!("{mistaken}---\n{}", run("lost", "gone")));
    let findings = lint(&cluster, &["-n", test.name()]);
    let file = |kind: &str, name: &str| format!("{kind} {}/{name}", test.name());
    let expected = json!([
        ["unknown-member", file("Pipeline", "bad"), "spec.stages[0].steps[0].set.values.x"],
        ["missing-object", file("PipelineRun", "lost"), "spec.pipelineRef.name"],
    ]);
    assert_eq!((findings.status.code(), codes(&findings)), (Some(1), expected));
}
