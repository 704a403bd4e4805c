//! The small services say what they are said to say.

use serde_json::{Value, json};
use sluice_tests::{Cluster, TestNamespace, eventually};

use super::{PATIENCE, deployment};

#[tokio::test]
async fn the_collector_sees_the_version_and_honours_keys() {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "collect").await;
    let key = format!("key-of-{}", test.name());
    assert_eq!(collect(&cluster, &test, None).await, json!({"done": true, "version": "", "ready": false}));

    test.apply(&deployment("registry.example:5000/web:1.0"));
    eventually("the collector sees version 1.0 ready", PATIENCE, async || {
        let seen = collect(&cluster, &test, None).await;
        if seen == json!({"done": true, "version": "1.0", "ready": true}) { Ok(()) } else { Err(seen.to_string()) }
    })
    .await;

    let first = start(&cluster, &test, Some(&key)).await;
    assert_eq!(start(&cluster, &test, Some(&key)).await, first);
    let listed = cluster.services(&format!("/collections?key={key}")).await.expect("a list");
    assert_eq!(listed.iter().map(|c| &c["posts"]).collect::<Vec<_>>(), [&json!(2)]);
}

#[tokio::test]
async fn alerts_are_listed_with_their_keys() {
    let cluster = Cluster::connect().await;
    let run = sluice_tests::namespace::unique("run");
    let url = format!("{}/alerts", cluster.facts().services_url);
    let alert = cluster.http().post(url).header("Idempotency-Key", "k1").json(&json!({"run": run, "why": "it failed"}));
    alert.send().await.and_then(reqwest::Response::error_for_status).expect("an alert");
    let alerts = cluster.services(&format!("/alerts?run={run}")).await.expect("a list");
    assert_eq!(alerts, [json!({"key": "k1", "body": {"run": run, "why": "it failed"}})]);
}

#[tokio::test]
async fn prometheus_answers_with_what_a_test_has_set() {
    let cluster = Cluster::connect().await;
    let name = sluice_tests::namespace::unique("error_rate").replace('-', "_");
    cluster.set_metric(&name, 0.25).await.expect("a gauge");
    let url = format!("{}/api/v1/query?query={name}", cluster.facts().prometheus_url);
    eventually("prometheus has scraped the gauge", PATIENCE, async || {
        let answer = cluster.http().get(&url).send().await.map_err(|error| error.to_string())?;
        let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        if answer["data"]["result"][0]["value"][1] == "0.25" { Ok(()) } else { Err(answer.to_string()) }
    })
    .await;
}

async fn start(cluster: &Cluster, test: &TestNamespace, key: Option<&str>) -> String {
    let url = format!("{}/collections", cluster.facts().services_url);
    let mut request = cluster.http().post(url).json(&json!({"application": "web", "environment": test.name()}));
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    answer["id"].as_str().expect("an id").to_owned()
}

async fn collect(cluster: &Cluster, test: &TestNamespace, key: Option<&str>) -> Value {
    let url = format!("{}/collections/{}", cluster.facts().services_url, start(cluster, test, key).await);
    eventually("the collection is done", PATIENCE, async || {
        let answer = cluster.http().get(&url).send().await.map_err(|error| error.to_string())?;
        let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        if answer["done"] == true { Ok(answer) } else { Err(answer.to_string()) }
    })
    .await
}
