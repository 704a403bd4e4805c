//! The local mode beside a real cluster: what the manifests do not hold comes from the cluster of the kubeconfig, as its user.

use std::process::Command;

use sluice_tests::fixture::install;
use sluice_tests::{Cluster, TestNamespace, paths};

use crate::short::kubectl;

#[tokio::test]
async fn a_run_on_this_machine_reads_the_cluster_of_the_kubeconfig() {
    let cluster = Cluster::connect().await;
    install(&cluster).await;
    let test = TestNamespace::new(&cluster, "local").await;
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: hello}\n";
    kubectl(&cluster, &["apply", "-n", test.name(), "-f", "-"], account).expect("accepted");

    let state = std::env::temp_dir().join(test.name());
    let output = Command::new(paths::sluice())
        .args(["run", "--output", "json", "-n", test.name(), "-f"])
        .arg(paths::workspace().join("examples/hello.yaml"))
        .arg("--state")
        .arg(&state)
        .env("KUBECONFIG", cluster.facts().kubeconfig("admin"))
        .output()
        .expect("the program");
    std::fs::remove_dir_all(&state).expect("its state");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // The account was read as the user of the kubeconfig: nobody granted it anything.
    assert!(said.contains("Hello, Ada, from "), "{said}");
    assert!(
        !kubectl(&cluster, &["get", "plr", "-n", test.name(), "-o", "name"], "").expect("a list").contains("hello")
    );
}
