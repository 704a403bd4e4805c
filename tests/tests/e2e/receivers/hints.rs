//! Webhooks of git hosts: who waits goes on at once.

use std::time::{Duration, Instant};

use sluice_api::Receiver;
use sluice_tests::fixture::{Merge, Plan, step_of};

use super::*;

/// The step that waits for a person to merge.
const WAITS: &str = "waitForAcceptedDeployRequest";

#[tokio::test]
async fn a_run_goes_on_within_two_seconds_of_the_merge_although_it_looks_every_ten_minutes() {
    let cluster = Cluster::connect().await;
    let mut shop = Plan::new().merge(Merge::Manual).open(&cluster).await;
    shop.manifests.step(WAITS)["pullRequestWait"]["interval"] = "10m".into();
    shop.apply();
    let (server, _controller) = (shop.server().await, shop.controller().await);
    shop.receive("host", &json!({"gitea": {}}), SECRET).await;
    shop.repo.webhook(&server.url_of(shop.namespace(), "host"), SECRET, &["pull_request"]).await.unwrap();
    shop.start("deploy", "1.1");
    let is_waiting = |run: &Value| step_of(run, WAITS)["waitingOn"]["kind"] == "PullRequest";
    let run = shop.until("deploy", "it waits for the merge", is_waiting).await;
    let url = step_of(&run, WAITS)["waitingOn"]["key"].as_str().unwrap().to_owned();
    // Until its webhook for the new pull request has woken it for nothing.
    eventually("the host has spoken of the pull request", crate::PATIENCE, async || spoken_of(&shop, &url).await).await;
    let number: i64 = url.rsplit('/').next().unwrap().parse().unwrap();

    let asked = Instant::now();
    shop.repo.merge(number).await.unwrap();
    let merged = Instant::now();
    shop.until("deploy", "it has seen the merge", |run| step_of(run, WAITS)["phase"] == "Succeeded").await;
    let (since_asked, since_merged) = (asked.elapsed(), merged.elapsed());
    println!("the run went on {since_merged:?} after the merge, {since_asked:?} after it was asked for");
    assert!(since_merged <= Duration::from_secs(2), "{since_merged:?}");
}

async fn spoken_of(team: &Team, address: &str) -> Result<(), String> {
    let receiver: Receiver = team.home().api().get("host").await.map_err(|error| error.to_string())?;
    let recent = receiver.status.unwrap_or_default().recent;
    if recent.iter().any(|hint| hint.key == address) { Ok(()) } else { Err(format!("{recent:?}")) }
}

/// A delivery as GitHub describes it, with the fields that count.
fn delivery(number: u32) -> Value {
    json!({
        "action": "closed", "number": number,
        "pull_request": {
            "id": 1, "number": number, "state": "closed", "merged": true,
            "url": format!("https://api.github.com/repos/shop/web/pulls/{number}"),
            "html_url": format!("https://github.com/shop/web/pull/{number}"),
        },
        "repository": {"id": 2, "full_name": "shop/web", "html_url": "https://github.com/shop/web"},
        "sender": {"login": "ada", "id": 3},
    })
}

#[tokio::test]
async fn what_github_speaks_of_is_in_the_status_before_it_is_answered_and_a_burst_is_few_writes() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = team.server().await;
    team.receive("host", &json!({"github": {}}), SECRET).await;
    let http = reqwest::Client::new();
    let send = async |event: &str, payload: Value| {
        let body = payload.to_string();
        let request = http.post(server.url_of(team.namespace(), "host")).header("X-GitHub-Event", event);
        let signature = sluice_server::sign(SECRET.as_bytes(), body.as_bytes());
        let answer = request.header("X-Hub-Signature-256", signature).body(body).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(send("ping", json!({"zen": "Keep it logically awesome.", "hook_id": 1})).await, 200);
    assert_eq!(send("pull_request", delivery(7)).await, 202);
    spoken_of(&team, "https://github.com/shop/web/pull/7").await.unwrap();
    assert_eq!(send("push", json!({"ref": "refs/heads/main", "repository": delivery(7)["repository"]})).await, 202);
    spoken_of(&team, "https://github.com/shop/web").await.unwrap();

    let writes = || {
        let audit = cluster.audit(team.namespace()).unwrap();
        let is_write = |event: &&Value| {
            event["verb"] == "patch"
                && event["objectRef"]["subresource"] == "status"
                && event["responseStatus"]["code"] == 200
        };
        audit.iter().filter(is_write).count()
    };
    let before = writes();
    let sent = futures::future::join_all((0..100).map(|number| send("pull_request", delivery(number)))).await;
    assert!(sent.iter().all(|status| *status == 202), "{sent:?}");
    let receiver: Receiver = team.home().api().get("host").await.unwrap();
    assert_eq!(receiver.status.unwrap().recent.len(), 64);
    let written = writes() - before;
    println!("100 webhooks at once were {written} writes");
    assert!(written <= 20, "{written}");
}
