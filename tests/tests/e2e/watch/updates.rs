//! `sluice watch` by the name of a ComponentUpdate: it waits for the run, or ends because there will be none.

use kube::api::DeleteParams;
use serde_json::json;
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{Live, grant, sluice, user};
use crate::flow::pipeline;
use crate::short::{gate, open_gate};
use crate::updates::{PARAMS, deploy, deployed_by, objects, staging, until_says, update};

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_watched_before_it_is_recorded_while_it_is_queued_and_through_its_run() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    grant(&team, "alice", "view", "watch", "componentupdates.sluice.dev").await;
    let alice = user(&team, "alice");
    let wait = format!("{{name: wait, when: params.version == '1.1', {}}}", gate(&cluster, team.namespace()));
    let slow = pipeline("slow", &format!("- {{name: deploy, environment: staging, steps: [{wait}]}}"), PARAMS);
    team.home().apply(&[staging(&json!([{"name": "db"}]), &json!({})), slow].join("\n---\n"));
    let _controller = team.controller().await;
    team.apply_value(&update("web-1", "web", 1));
    team.apply_value(&update("web-2", "web", 2));

    let first = Live::start(&team, &alice, &["watch", "componentupdate.sluice.dev/web-1"]);
    let second = Live::start(&team, &alice, &["watch", "web-2"]);
    let unknown = "is not recorded: ComponentUnknown: Environment \"staging\" does not declare component \"web\"";
    first.says(&format!("note componentupdate.sluice.dev/web-1 {unknown}")).await;
    second.says(&format!("note componentupdate.sluice.dev/web-2 {unknown}")).await;
    team.home().apply(&staging(&json!([deployed_by("web", "slow")]), &json!({})));
    first.says("step deploy/wait Running").await;
    let queued = "is recorded: Queued: its run waits for its turn, behind web-1, whose run has not ended";
    second.says(&format!("note componentupdate.sluice.dev/web-2 {queued}")).await;
    open_gate(&cluster, team.namespace()).await;
    for live in [first, second] {
        let said = live.end().await;
        assert_eq!((said.code, &*said.err), (Some(0), ""), "{said:?}");
        assert_eq!(said.lines().last().copied(), Some("run Succeeded"), "{said:?}");
    }

    until_says(&team, "web-1", "Deployed", "True").await;
    team.runs().delete("web-1", &DeleteParams::default()).await.expect("its end");
    let said = sluice(&team, &alice, &["watch", "web-1"]).await;
    assert!(said.code == Some(0) && said.out.contains("is deployed, and its run is not there any more"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_will_have_no_run_is_not_waited_for() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let admin = user(&team, "admin");
    let by_hand = "- {name: first, approval: {required: 1}, steps: [{name: a, set: {values: {x: 1}}}]}";
    let components = json!([{"name": "mail"}, deployed_by("web", "manual"), deployed_by("db", "deploy")]);
    let manual = pipeline("manual", by_hand, PARAMS);
    team.home().apply(&[staging(&components, &json!({})), manual, deploy("deploy")].join("\n---\n"));
    let _controller = team.controller().await;
    for (name, component, sequence) in [("mail-1", "mail", 1), ("web-1", "web", 1), ("db-2", "db", 2)] {
        team.apply_value(&update(name, component, sequence));
    }
    until_says(&team, "db-2", "Deployed", "True").await;
    team.apply_value(&update("db-1", "db", 1));
    for (name, why) in [
        ("mail-1", "is recorded, and starts no run: component \"mail\" of Environment \"staging\" had no onUpdate"),
        (
            "web-1",
            "is not deployed: ManualFirstStage: updates deploy nothing by Pipeline \"manual\": it begins with a stage that",
        ),
        ("db-1", "is superseded and starts no run: sequence 2 had been recorded before, by update \"db-2\""),
    ] {
        let said = sluice(&team, &admin, &["watch", name]).await;
        let error = format!("error: componentupdate.sluice.dev/{name} {why}");
        assert!(said.code == Some(1) && said.err.starts_with(&error), "{said:?}");
    }
    objects(&team, "ComponentUpdate").delete("db-2", &DeleteParams::default()).await.expect("its end");
    let said = sluice(&team, &admin, &["watch", "cu/db-2"]).await;
    assert!(said.code == Some(0) && said.lines().ends_with(&["run Succeeded"]), "{said:?}");
    let said = sluice(&team, &admin, &["watch", "cu/db-3"]).await;
    assert!(said.code == Some(1) && said.err.contains("there is no ComponentUpdate \"db-3\""), "{said:?}");
    let said = sluice(&team, &admin, &["watch", "db-3"]).await;
    assert!(said.code == Some(1) && said.err.contains("there is no run \"db-3\""), "{said:?}");
}
