//! A thousand updates of fifty components from sixteen senders at once, through the real server, with server and controller killed
//! at random points and every request sent again until it is answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, Controller, Server, eventually};

use super::{all, component, deploy, deployed_by, objects, said, staging};
use crate::dice::Dice;

const COMPONENTS: usize = 50;
const UPDATES_EACH: usize = 20;
const SENDERS: usize = 16;

/// The components whose updates are deployed: these one after the other, as a sender reports them, ...
const IN_ORDER: std::ops::Range<usize> = 0..10;

/// ... and these in whatever order they come.
const IN_DISORDER: std::ops::Range<usize> = 10..13;

/// What has to have become of everything by then.
const PATIENCE: Duration = Duration::from_secs(400);

const SECRET: &str = "not a secret: only for tests";

fn name_of(component: usize) -> String {
    format!("c{component:02}")
}

/// What each sender reports, in its order: component and sequence. There and back again: versions take turns.
fn reports(dice: &mut Dice) -> Vec<Vec<(usize, usize)>> {
    let mut senders = vec![Vec::new(); SENDERS];
    let mut rest: Vec<(usize, usize)> = (IN_ORDER.end..COMPONENTS)
        .flat_map(|component| (1..=UPDATES_EACH).map(move |sequence| (component, sequence)))
        .collect();
    dice.shuffle(&mut rest);
    rest.into_iter().enumerate().for_each(|(index, report)| senders[index % SENDERS].push(report));
    for component in IN_ORDER {
        let reports = &mut senders[component % SENDERS];
        // At random places, and in order.
        let mut places: Vec<usize> = (0..UPDATES_EACH).map(|_| dice.below(reports.len() + 1)).collect();
        places.sort_unstable();
        for (before, place) in places.into_iter().enumerate() {
            reports.insert(place + before, (component, before + 1));
        }
    }
    senders
}

/// Sends a report until it is taken, and returns the update's name.
async fn send(http: &reqwest::Client, url: &str, (component, sequence): (usize, usize)) -> String {
    let component = name_of(component);
    let version = if sequence % 2 == 0 { "b" } else { "a" };
    let body = json!({
        "id": format!("{component}/{sequence}"), "sequence": sequence, "environment": "staging", "component": component,
        "version": version, "by": "ci",
    })
    .to_string();
    let signature = sluice_server::sign(SECRET.as_bytes(), body.as_bytes());
    eventually(&format!("report {sequence} of {component} is taken"), PATIENCE, async || {
        let request = http.post(url).header("X-Hub-Signature-256", &signature).body(body.clone());
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let said: Value = answer.json().await.map_err(|error| error.to_string())?;
        assert!(matches!(status, 202 | 429 | 503), "{status} {said}");
        if status == 202 { Ok(said["name"].as_str().expect("a name").to_owned()) } else { Err(said.to_string()) }
    })
    .await
}

/// Kills one or the other at random moments until it is told to stop; how often.
async fn kill(server: &Server, controller: &Controller, dice: &mut Dice, stop: &AtomicBool) -> (usize, usize) {
    let mut kills = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(200 + dice.below(1200) as u64)).await;
        if dice.below(2) == 0 {
            server.restart().expect("another life");
            kills.0 += 1;
        } else {
            controller.restart().expect("another life");
            kills.1 += 1;
        }
    }
    kills
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn a_thousand_updates_through_kills_are_recorded_and_deployed_once_and_in_order() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let components: Vec<Value> = (0..COMPONENTS)
        .map(|number| match number < IN_DISORDER.end {
            true => deployed_by(&name_of(number), "deploy"),
            false => json!({"name": name_of(number)}),
        })
        .collect();
    team.home().apply(&[staging(&json!(components), &json!({})), deploy("deploy")].join("\n---\n"));
    let (server, controller) = (team.server().await, team.controller().await);
    let spec = json!({"component": {"environments": ["staging"]}, "maxRequestsPerMinute": 60000});
    team.receive("ci", &spec, SECRET).await;

    let started = Instant::now();
    let mut dice = Dice::new(0x5eed);
    let (url, http) = (server.url_of(team.namespace(), "ci"), reqwest::Client::new());
    let senders = reports(&mut dice);
    let stop = AtomicBool::new(false);
    let sending = async {
        let sent = join_all(senders.into_iter().map(async |reports| {
            let mut names = Vec::new();
            for report in reports {
                names.push(send(&http, &url, report).await);
            }
            names
        }))
        .await;
        stop.store(true, Ordering::Relaxed);
        sent.concat()
    };
    let (taken, kills) = tokio::join!(sending, kill(&server, &controller, &mut dice, &stop));
    let sent = started.elapsed();
    // One more time in the middle of what is left to do.
    controller.restart().expect("another life");
    let taken: BTreeSet<String> = taken.into_iter().collect();
    assert_eq!(taken.len(), COMPONENTS * UPDATES_EACH, "each has a name of its own");

    let updates = eventually("nothing is left to do", PATIENCE, async || {
        let updates = all(&team, "ComponentUpdate").await;
        let open = updates.iter().filter(|update| {
            !said(update, "Recorded").starts_with("True") || said(update, "Deployed").starts_with("Unknown")
        });
        let open = open.count();
        if open == 0 { Ok(updates) } else { Err(format!("{open} are open")) }
    })
    .await;
    println!(
        "{} updates: sent in {sent:?}, all done after {:?}; server killed {} times, controller {}",
        updates.len(),
        started.elapsed(),
        kills.0,
        kills.1 + 1
    );
    let stored: BTreeSet<String> = updates.iter().map(|update| text(update, "/metadata/name").to_owned()).collect();
    assert_eq!(stored, taken);
    check(&team, &updates).await;
}

/// Checks what stands of each component, and its runs.
async fn check(team: &Team, updates: &[Value]) {
    let environment = objects(team, "Environment").get("staging").await.expect("the Environment");
    let environment = serde_json::to_value(environment).expect("JSON");
    let runs = all(team, "PipelineRun").await;
    let runs: BTreeMap<&str, &Value> = runs.iter().map(|run| (text(run, "/metadata/name"), run)).collect();
    let mut deployed = 0;
    for number in 0..COMPONENTS {
        let name = name_of(number);
        assert_eq!(component(&environment, &name)["recorded"]["sequence"], UPDATES_EACH, "{name}");
        let mut of: Vec<&Value> = updates.iter().filter(|update| text(update, "/spec/component") == name).collect();
        of.sort_by_key(|update| update["spec"]["sequence"].as_u64());
        let mut last = "";
        for update in of {
            let (recorded, is_deployed) = (said(update, "Recorded"), said(update, "Deployed"));
            let stood = recorded.starts_with("True Recorded");
            assert!(stood || !IN_ORDER.contains(&number), "{name}: {recorded}");
            let run = runs.get(text(update, "/metadata/name"));
            if !stood || number >= IN_DISORDER.end {
                assert!(is_deployed.is_empty() && run.is_none(), "{name}: {is_deployed}");
                continue;
            }
            deployed += 1;
            assert!(is_deployed.starts_with("True"), "{name}: {is_deployed}");
            let run = run.unwrap_or_else(|| panic!("{name}: {is_deployed}"));
            assert_eq!(run["spec"]["trigger"]["componentUpdate"]["uid"], update["metadata"]["uid"]);
            assert_eq!(run["spec"]["params"]["version"], update["spec"]["version"]);
            let start: jiff::Timestamp = text(run, "/status/startedAt").parse().expect("a time");
            assert!(
                last.is_empty() || last.parse::<jiff::Timestamp>().expect("a time") <= start,
                "{name}: one at a time"
            );
            last = text(run, "/status/finishedAt");
        }
    }
    let audit = team.cluster().audit(team.namespace()).expect("the audit log");
    let of_runs = audit.iter().filter(|event| event["objectRef"]["resource"] == "pipelineruns");
    // Where the controller was killed under way, the log may not say that one was made.
    let made = of_runs.clone().filter(|event| event["verb"] == "create" && event["responseStatus"]["code"] == 201);
    assert_eq!(of_runs.filter(|event| event["verb"] == "delete").count(), 0, "so none was made twice");
    assert_eq!(runs.len(), deployed, "one run of each that is deployed");
    assert!(made.count() <= deployed, "and none was made twice");
    assert!(deployed >= IN_ORDER.len() * UPDATES_EACH + IN_DISORDER.len());
}
