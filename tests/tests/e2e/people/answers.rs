//! Whatever is asked is answered: in order, once, by whichever controller.

use futures::future::join_all;
use serde_json::{Value, json};
use sluice_tests::{Cluster, eventually};

use super::{answered, append, ask, awaiting, outcomes, runs_as, team};
use crate::PATIENCE;
use crate::flow::start;
use crate::short::condition;

const CROWD: usize = 20;

fn approved(required: usize) -> String {
    format!("- {{name: ship, approval: {{required: {required}}}, steps: [{{name: a, set: {{values: {{x: 1}}}}}}]}}")
}

#[tokio::test]
async fn of_twenty_people_who_approve_at_once_none_is_lost() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    let names: Vec<String> = (1..=CROWD).map(|number| format!("person-{number}")).collect();
    let account = |name: &String| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
    let everybody = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "crowd"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "people"},
        "subjects": names.iter().map(|name| json!({"kind": "ServiceAccount", "name": name})).collect::<Vec<_>>(),
    });
    let manifests: Vec<String> = names.iter().map(account).chain([everybody]).map(|it| it.to_string()).collect();
    team.home().apply(&manifests.join("\n---\n"));
    let crowd = names.iter().map(async |name| {
        let client = cluster.service_account(team.namespace(), name).await.expect("a client");
        (format!("system:serviceaccount:{}:{name}", team.namespace()), runs_as(&team, client))
    });
    let crowd = join_all(crowd).await;
    start(&team, "web", &approved(CROWD), "");
    awaiting(&team, "web", "ship").await;

    let all = crowd.iter().map(|(by, runs)| append(runs, by, "web", "Approve", json!({"stage": "ship"})));
    for outcome in join_all(all).await {
        outcome.expect("accepted");
    }
    let run = team.succeeded("web").await;
    assert_eq!(outcomes(&run), vec!["Applied"; CROWD]);
    let approvers = |list: &Value, name: &str| {
        let mut names: Vec<String> =
            list.as_array().into_iter().flatten().filter_map(|it| it[name].as_str()).map(str::to_owned).collect();
        names.sort();
        names
    };
    let mut expected: Vec<String> = crowd.into_iter().map(|(by, _)| by).collect();
    expected.sort();
    assert_eq!(approvers(&run["status"]["stages"][0]["approval"]["by"], "name"), expected);
    assert_eq!(approvers(&run["spec"]["actions"], "by"), expected);
}

#[tokio::test]
async fn what_is_asked_while_no_controller_runs_is_answered_in_order_by_the_next() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let controller = team.controller().await;
    start(&team, "web", &approved(2), "");
    awaiting(&team, "web", "ship").await;
    controller.kill9();
    let ship = || json!({"stage": "ship"});
    for (who, kind, more) in [
        ("alice", "Approve", ship()),
        ("alice", "Approve", ship()),
        ("bob", "Pause", json!({"reason": "lunch"})),
        ("carol", "Resume", json!({})),
        ("carol", "Resume", json!({})),
        ("carol", "Approve", json!({"stage": "ship", "attempt": 1})),
        ("dave", "Approve", ship()),
    ] {
        ask(&team, who, "web", kind, more).await;
    }
    controller.restart().expect("another life");
    let run = team.succeeded("web").await;
    assert_eq!(
        outcomes(&answered(&team, "web").await),
        [
            "Applied",
            "alice has approved it before; somebody else has to",
            "Applied",
            "Applied",
            "it is not paused",
            "Applied",
            "it waits for no approval"
        ]
    );
    let names: Vec<&Value> =
        run["status"]["actions"].as_array().expect("answers").iter().map(|it| &it["index"]).collect();
    assert_eq!(names, (0..7).map(Value::from).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    assert_eq!(condition(&run).0, "True");
}

#[tokio::test]
async fn everything_that_people_do_is_told_in_an_event_of_its_own() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    let stages = "\
- {name: ship, approval: {required: 2, restricted: true}, steps: [{name: a, set: {values: {x: 1}}}]}
- {name: sign, approval: {}, steps: [{name: b, set: {values: {x: 1}}}]}";
    start(&team, "web", stages, "");
    awaiting(&team, "web", "ship").await;
    ask(&team, "alice", "web", "Approve", json!({"stage": "ship", "reason": "looks good"})).await;
    ask(&team, "alice", "web", "Approve", json!({"stage": "ship"})).await;
    ask(&team, "bob", "web", "Pause", json!({"reason": "lunch"})).await;
    ask(&team, "bob", "web", "Resume", json!({})).await;
    ask(&team, "bob", "web", "Approve", json!({"stage": "ship"})).await;
    awaiting(&team, "web", "sign").await;
    ask(&team, "carol", "web", "Reject", json!({"stage": "sign", "reason": "not today"})).await;
    team.ended("web").await;
    ask(&team, "dave", "web", "Retry", json!({})).await;
    awaiting_again(&team).await;
    ask(&team, "dave", "web", "Skip", json!({"stage": "sign"})).await;
    let needed = |stage: &str, attempt: u8, approvals: &str, guard: &str| {
        format!(
            "ApprovalNeeded: stage {stage} (attempt {attempt}) waits for {approvals}, by whoever has the verb approve on {guard}"
        )
    };
    let expected = vec![
        needed("ship", 1, "2 approvals", "stages/web.ship"),
        "Approved: stage ship, by alice: looks good".to_owned(),
        "ActionIgnored: Approve by alice changes nothing: alice has approved it before; somebody else has to"
            .to_owned(),
        "Paused: the run, by bob: lunch".to_owned(),
        "Resumed: the run, by bob".to_owned(),
        "Approved: stage ship, by bob".to_owned(),
        needed("sign", 1, "an approval", "pipelines/web"),
        "Rejected: stage sign, by carol: not today".to_owned(),
        "Retried: the run, by dave".to_owned(),
        needed("sign", 2, "an approval", "pipelines/web"),
        "Skipped: stage sign, by dave".to_owned(),
    ];
    eventually("each is told once, in order", PATIENCE, async || {
        let events = team.events("web").await;
        // The ends of the run are told, too.
        let told: Vec<String> = events.iter().filter(|event| is_of_people(event)).cloned().collect();
        if told == expected { Ok(()) } else { Err(format!("{events:#?}")) }
    })
    .await;
}

fn is_of_people(event: &str) -> bool {
    !event.starts_with("Succeeded:")
        && !event.starts_with("StageFailed:")
        && !event.starts_with("Rejected: stage sign: ")
}

async fn awaiting_again(team: &sluice_tests::fixture::Team) {
    super::in_round(team, "web", 2, "awaits", |run| run["status"]["stages"][1]["phase"] == "AwaitingApproval").await;
}
