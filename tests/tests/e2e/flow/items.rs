//! A stage for each item of a list.

use serde_json::{Value, json};
use sluice_tests::Cluster;
use sluice_tests::faults::Faults;
use sluice_tests::fixture::{Team, step_of};

use super::{entries, server::Server, start};
use crate::short::condition;

const ITEMS: usize = 20;

/// A stage that lists the items `r1` to `rN`, and one that does this for each of them, five at a time.
fn fan_out(count: usize, step: &str) -> String {
    fan_out_with(count, ", maxParallel: 5", step)
}

fn fan_out_with(count: usize, more: &str, step: &str) -> String {
    let items: Vec<String> = (1..=count).map(|number| format!("r{number}")).collect();
    format!(
        "\
- {{name: plan, steps: [{{name: list, set: {{values: {{regions: {items:?}}}}}}}]}}
- name: fan
  forEach: {{in: steps.list.outputs.regions, as: region{more}}}
  steps: [{step}]
"
    )
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn twenty_items_run_five_at_a_time_and_a_later_stage_reads_their_outputs_in_order() {
    let cluster = Cluster::connect().await;
    let faults = Faults::new();
    let team = Team::open_through(&cluster, faults.api(&cluster).await.expect("a proxy")).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let step = format!(
        "{{name: upload, http: {{method: POST, delivery: Idempotent, url: '{}/meet/5/upload', json: {{region: '${{{{ region }}}}'}}}}}}",
        server.url()
    );
    let stages = format!(
        "{}\
- name: after
  steps:
  - name: sum
    set:
      values:
        count: '${{{{ size(steps.upload.outputs) }}}}'
        numbers: '${{{{ steps.upload.outputs.map(outputs, outputs.json.number) }}}}'
",
        fan_out(ITEMS, &step)
    );
    start(&team, "web", &stages, "");
    let run = team.succeeded("web").await;

    assert_eq!((server.names().len(), server.most_at_once("upload")), (ITEMS, 5));
    let of_items: Vec<Value> = entries(&run, "fan").iter().map(|entry| entry["item"].clone()).collect();
    assert_eq!(of_items, (1..=ITEMS).map(|number| json!(format!("r{number}"))).collect::<Vec<_>>());
    let requests = server.requests();
    let numbers: Vec<Value> = of_items
        .iter()
        .map(|item| {
            json!(1 + requests.iter().position(|request| request.body["region"] == *item).expect("its request"))
        })
        .collect();
    assert_eq!(step_of(&run, "sum")["outputs"], json!({"count": ITEMS, "numbers": numbers}));

    let patches: usize = faults
        .status_patches()
        .into_iter()
        .filter(|(path, _)| path.contains("/pipelineruns/"))
        .map(|(_, count)| count)
        .sum();
    println!("fan-out: {patches} status patches for {ITEMS} steps that act, five at a time");
    assert!(patches <= ITEMS + 1, "{}", faults.log());
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn a_hundred_items_without_a_limit_run_at_once_as_far_as_a_run_may() {
    let cluster = Cluster::connect().await;
    let faults = Faults::new();
    let team = Team::open_through(&cluster, faults.api(&cluster).await.expect("a proxy")).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    start(&team, "web", &fan_out_with(100, "", &server.post("upload", "/meet/32/upload")), "");
    let run = team.succeeded("web").await;
    assert_eq!((server.names().len(), server.most_at_once("upload")), (100, 32));
    assert!(entries(&run, "fan").iter().all(|entry| entry["steps"][0]["claims"] == 1));
    let patches: usize = faults.status_patches().values().sum();
    println!("fan-out: {patches} status patches for 100 items, {} bytes of status", run["status"].to_string().len());
    assert!(patches <= 101, "{}", faults.log());
}

#[tokio::test]
async fn after_an_item_has_failed_no_other_starts_and_those_under_way_end() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let server = Server::start().await;
    let _controller = team.controller().await;
    let step = format!(
        "{{name: upload, http: {{method: POST, delivery: Idempotent, url: '{}/${{{{ region == \"r2\" ? \"fails/9/bad\" : \"hold/good\" }}}}'}}}}",
        server.url()
    );
    start(&team, "web", &fan_out(10, &step), "");
    server.has_seen("good", 4).await;
    team.until("web", "has a failed item", |run| {
        entries(run, "fan").get(1).is_some_and(|entry| entry["phase"] == "Failed")
    })
    .await;
    server.release("good");
    let run = team.ended("web").await;
    let phases: Vec<&str> =
        entries(&run, "fan").iter().map(|entry| entry["phase"].as_str().unwrap_or_default()).collect();
    let expected = [&["Succeeded", "Failed", "Succeeded", "Succeeded", "Succeeded"][..], &["Omitted"; 5]].concat();
    assert_eq!(phases, expected);
    let (_, reason, message) = condition(&run);
    assert!(reason == "HttpStatus" && message.starts_with("stage fan[r2]: step upload: "), "{reason}: {message}");
    assert_eq!(server.names().len(), 5);
}
