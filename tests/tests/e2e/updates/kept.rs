//! What is kept: the newest updates of each component, whatever is not concluded, and runs as long as their update asks for them.

use serde_json::json;
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, eventually};

use super::{PARAMS, all, component, deployed_by, said, staging, until, until_recorded, until_says, update};
use crate::PATIENCE;
use crate::flow::pipeline;
use crate::short::gate;

#[tokio::test]
async fn the_newest_updates_are_kept_and_all_of_which_something_is_left_to_do() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let gated = gate(&cluster, team.namespace());
    let slow = pipeline("slow", &format!("- {{name: deploy, steps: [{{name: wait, {gated}}}]}}"), PARAMS);
    let components = json!([{"name": "web"}, deployed_by("db", "slow")]);
    team.home().apply(&[staging(&components, &json!({"updateHistoryLimit": 2})), slow].join("\n---\n"));
    let _controller = team.controller().await;
    team.apply_value(&update("unknown", "nobody", 1));
    for sequence in 1..=4 {
        team.apply_value(&update(&format!("db-{sequence}"), "db", sequence));
        team.apply_value(&update(&format!("web-{sequence}"), "web", sequence));
    }
    until_recorded(&team, "web", "web-4").await;
    let expected = ["db-1", "db-2", "db-3", "db-4", "unknown", "web-3", "web-4"];
    eventually("only these are kept", PATIENCE, async || {
        let updates = all(&team, "ComponentUpdate").await;
        let names: Vec<String> =
            updates.iter().map(|it| it["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect();
        if names == expected { Ok(()) } else { Err(names.join(" ")) }
    })
    .await;
}

#[tokio::test]
async fn a_run_stays_until_its_update_says_what_became_of_it() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let fleeting = pipeline(
        "fleeting",
        "- {name: deploy, environment: staging, steps: [{name: it, set: {values: {x: 1}}}]}",
        &format!("{PARAMS}\nhistoryLimits: {{succeeded: 0}}"),
    );
    team.home().apply(&[staging(&json!([deployed_by("web", "fleeting")]), &json!({})), fleeting].join("\n---\n"));
    let _controller = team.controller().await;
    for sequence in 1..=5 {
        let name = format!("web-{sequence}");
        team.apply_value(&update(&name, "web", sequence));
        let object = until_says(&team, &name, "Deployed", "True").await;
        assert_eq!(object["status"]["runRef"]["name"], *name, "{}", said(&object, "Deployed"));
    }
    eventually("the runs are gone", PATIENCE, async || {
        let left = all(&team, "PipelineRun").await.len();
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
    until(&team, "Environment", "staging", "knows the last", |it| component(it, "web")["deployed"]["version"] == "1.5")
        .await;
}
