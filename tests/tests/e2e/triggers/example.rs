//! The example of a trigger, at a time that has come.

use jiff::SignedDuration;
use sluice_tests::Cluster;
use sluice_tests::fixture::{Team, step_of};

use super::{ago, comes, daily, started};
use crate::examples;

#[tokio::test]
async fn it_starts_its_run() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let at = ago(SignedDuration::from_mins(5));
    let text = examples::of_file("triggers/every-morning");
    let (schedule, name) = ("\"30 6 * * 1-5\", timeZone: Europe/Rome", "name: every-morning");
    assert!(text.contains(schedule) && text.contains(name), "{text}");
    team.home().apply(&text.replace(schedule, &daily(at)).replace(name, "name: morning"));
    let run = team.succeeded(&started(&comes(&team, "morning-check", at).await)).await;
    assert_eq!(step_of(&run, "due")["outputs"]["text"], format!("production, due at {at}"));
}
