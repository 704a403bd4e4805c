//! A controller that was down for a day.

use jiff::SignedDuration;
use sluice_tests::Cluster;
use sluice_tests::fixture::Team;

use super::{ago, became, dropped, looked_at, runs_of, seen, started, timed};

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test]
async fn what_a_controller_missed_becomes_what_its_trigger_says() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    let at = ago(SignedDuration::from_hours(5));
    let cases = [
        ("none", ""),
        ("latest", "catchUp: Latest"),
        ("in-time", "catchUp: Latest, startingDeadline: 6h"),
        ("too-late", "catchUp: Latest, startingDeadline: 4h"),
    ];
    for (name, cron) in cases {
        team.home().apply(&timed(name, at, cron, ""));
        seen(&team, name, at).await;
    }
    controller.kill9();
    for (name, _) in cases {
        looked_at(&team, name, at, at - DAY * 2 - SignedDuration::from_hours(1)).await;
    }
    controller.restart().expect("a controller");

    for (name, reason) in [("none", Some("Missed")), ("latest", None), ("in-time", None), ("too-late", Some("Missed"))]
    {
        let last = became(&team, name, at).await;
        let message = last["message"].as_str().expect("a message");
        assert!(message.contains("2 times before it started no run"), "{message}");
        match reason {
            Some(reason) => assert_eq!(dropped(&team, name, &last).await, reason),
            None => {
                let run = team.succeeded(&started(&last)).await;
                assert_eq!(run["spec"]["trigger"]["cron"]["at"], at.to_string());
                team.told(name, "a start", |event| event.starts_with("RunStarted: ")).await;
                team.told(name, "those before", |event| event.contains("2 times before it")).await;
            }
        }
        assert_eq!(runs_of(&team, name).await.len(), usize::from(reason.is_none()), "{name}");
    }
}
