//! `sluice abort`: what kubectl could do, as whoever the kubeconfig names, with the rights that they have.

use std::path::Path;

use serde_json::{Value, json};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, kubeconfig_text};

use super::waiting_with_hook;
use crate::short::{condition, kubectl, pipeline, run, told};
use crate::verbs::{self, Said, grant, user};

/// `sluice abort` with this kubeconfig, in the team's namespace.
async fn sluice(team: &Team, kubeconfig: &Path, arguments: &[&str]) -> Said {
    verbs::sluice(team, kubeconfig, &[&["abort"], arguments].concat()).await
}

async fn actions(team: &Team, name: &str) -> Value {
    team.run(name).await.expect("the run")["spec"]["actions"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_edit_ends_a_run_under_their_own_name_and_once() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    grant(&team, "--user=alice", "edit", "patch").await;
    waiting_with_hook(&team, "web").await;
    let alice = user(&team, "alice");

    let said = sluice(&team, &alice, &["plr/web", "--reason", "enough", "--wait"]).await;
    let out = "pipelinerun.sluice.dev/web abort requested\n\
               pipelinerun.sluice.dev/web Aborted: aborted by alice: enough\n";
    assert_eq!(said, Said { code: Some(0), out: out.to_owned(), err: String::new() });
    let ended = team.run("web").await.expect("the run");
    assert_eq!(condition(&ended), ("False", "Aborted", "aborted by alice: enough"));
    let expected = json!([{"type": "Abort", "by": "alice", "reason": "enough"}]);
    assert_eq!(ended["spec"]["actions"], expected);
    assert_eq!(told(&cluster, &ended).await.len(), 1);

    let again = sluice(&team, &alice, &["web", "--wait"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.out.starts_with("pipelinerun.sluice.dev/web was aborted before: "), "{again:?}");
    assert_eq!(actions(&team, "web").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_is_refused_by_the_api_server_and_nothing_is_asked_of_the_run() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    grant(&team, "--user=bob", "view", "get").await;
    team.home().apply(&format!("{}---\n{}", pipeline("web", "- {name: a, set: {values: {x: 1}}}"), run("web", "web")));
    for (name, verb) in [("bob", "patch"), ("carol", "get")] {
        let said = sluice(&team, &user(&team, name), &["web"]).await;
        assert_eq!((said.code, &*said.out), (Some(1), ""), "{said:?}");
        let refusal = format!("User \"{name}\" cannot {verb} resource \"pipelineruns\"");
        assert!(said.err.contains(&refusal) && said.err.contains("ask for a role"), "{said:?}");
    }
    assert_eq!(actions(&team, "web").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_known_by_its_whole_name_and_the_object_is_the_one_that_kubectl_prints() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let namespace = team.namespace();
    kubectl(&cluster, &["create", "serviceaccount", "robot", "-n", namespace], "").expect("created");
    grant(&team, &format!("--serviceaccount={namespace}:robot"), "edit", "patch").await;
    let facts = cluster.facts();
    let token = cluster.token(namespace, "robot").await.expect("a token");
    let directory = tempfile::tempdir().expect("a directory");
    let kubeconfig = directory.path().join("robot");
    std::fs::write(&kubeconfig, kubeconfig_text(&facts.api_url, Some(&facts.api_ca), &token)).expect("a kubeconfig");
    // There is no controller: nothing changes meanwhile.
    team.home().apply(&format!("{}---\n{}", run("json", "none"), run("yaml", "none")));

    let path = kubeconfig.display().to_string();
    let admin = user(&team, "admin");
    let said = sluice(&team, &admin, &["json", "--kubeconfig", &path, "--context", "test", "-o", "json"]).await;
    let by = format!("system:serviceaccount:{namespace}:robot");
    assert_eq!(actions(&team, "json").await, json!([{"type": "Abort", "by": by}]), "{said:?}");
    let printed = |name: &str, format: &str| {
        kubectl(&cluster, &["get", "plr", name, "-n", namespace, "-o", format], "").expect("the run")
    };
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(value(&said.out), value(&printed("json", "json")));
    let said = sluice(&team, &kubeconfig, &["yaml", "-o", "yaml"]).await;
    let read: Value = serde_saphyr::from_str(&said.out).expect("YAML");
    assert_eq!(read, value(&printed("yaml", "json")));
    let said = sluice(&team, &kubeconfig, &["yaml", "-o", "name"]).await;
    assert_eq!((said.code, &*said.out), (Some(0), "pipelinerun.sluice.dev/yaml\n"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_there_or_has_ended_by_itself_cannot_be_aborted() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let steps = "- {name: a, set: {values: {x: 1}}}";
    team.home().apply(&format!("{}---\n{}", pipeline("web", steps), run("web-1", "web")));
    team.succeeded("web-1").await;
    let admin = user(&team, "admin");
    let said = sluice(&team, &admin, &["web-1"]).await;
    let err = "error: pipelinerun.sluice.dev/web-1 has ended already: Succeeded\n";
    assert_eq!(said, Said { code: Some(1), out: String::new(), err: err.to_owned() });
    assert_eq!(actions(&team, "web-1").await, json!([]));
    let said = sluice(&team, &admin, &["web-2"]).await;
    let err =
        format!("error: there is no run \"web-2\" in namespace \"{}\"; did you mean \"web-1\"?\n", team.namespace());
    assert_eq!(said, Said { code: Some(1), out: String::new(), err });
}
