//! Times that start no run: why, and that it is said.

use jiff::SignedDuration;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, eventually};

use super::{ago, became, comes, daily, dropped, looked_at, pipelines, runs_of, seen, started, timed, until};
use crate::PATIENCE;
use crate::short::{gate, kubectl, open_gate, pipeline, pipeline_with, run};

const LATE: &str = "catchUp: Latest";

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

#[tokio::test]
async fn a_suspended_pipeline_starts_nothing_and_is_not_caught_up_with() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let controller = team.controller().await;
    let at = ago(minutes(10));
    let suspended = timed("web", at, LATE, "suspend: {reason: holidays}");
    team.home().apply(&suspended);
    let last = comes(&team, "web", at).await;
    assert_eq!(dropped(&team, "web", &last).await, "Suspended");
    assert_eq!(last["message"], "the pipeline is suspended: holidays");

    // It goes on, and nobody is there to see it before the next time has come.
    controller.kill9();
    let next = ago(minutes(5));
    looked_at(&team, "web", next, next - minutes(1)).await;
    team.home().apply(&timed("web", next, LATE, ""));
    controller.restart().expect("a controller");
    let last = became(&team, "web", next).await;
    assert_eq!(dropped(&team, "web", &last).await, "Suspended");
    assert_eq!(last["message"], "the pipeline was suspended when it was last looked at");
    assert!(runs_of(&team, "web").await.is_empty());

    let free = ago(minutes(3));
    team.home().apply(&timed("web", free, LATE, ""));
    team.succeeded(&started(&comes(&team, "web", free).await)).await;
}

#[tokio::test]
async fn a_pipeline_with_mistakes_starts_nothing() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let at = ago(minutes(10));
    let mistaken = timed("web", at, LATE, "outputs: {of: '${{ steps.nobody.outputs.x }}'}");
    team.home().apply(&mistaken);
    let last = comes(&team, "web", at).await;
    assert_eq!(dropped(&team, "web", &last).await, "PipelineInvalid");
}

#[tokio::test]
async fn a_lock_that_another_run_has_is_not_waited_for_where_it_says_so() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    // The name of the group is known only with the run's own parameters and trigger.
    let more = "params: [{name: place, default: eu}]\n\
                concurrency: {policy: Forbid, group: '${{ params.place }}-web'}";
    let held = format!("- {{name: stay, {}}}", gate(&cluster, team.namespace()));
    team.home().apply(&pipeline_with("other", &held, more));
    team.home().apply(&run("holder", "other"));
    team.until("holder", "has the lock", |run| run["status"]["lock"]["position"] == 0).await;

    let at = ago(minutes(10));
    team.home().apply(&timed("web", at, LATE, more));
    let last = comes(&team, "web", at).await;
    assert_eq!(dropped(&team, "web", &last).await, "Locked");
    assert_eq!(last["message"], "run \"holder\" has the lock \"eu-web\"");

    open_gate(&cluster, team.namespace()).await;
    team.succeeded("holder").await;
    let next = ago(minutes(5));
    team.home().apply(&timed("web", next, LATE, more));
    team.succeeded(&started(&comes(&team, "web", next).await)).await;
}

#[tokio::test]
async fn of_two_triggers_at_one_time_the_second_is_dropped_before_the_first_has_the_lock() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let at = ago(minutes(10));
    let trigger = |name: &str| format!("{{name: {name}, cron: {{schedule: '{}', {LATE}}}}}", daily(at));
    let more = format!("triggers: [{}, {}]\nconcurrency: {{policy: Forbid}}", trigger("morning"), trigger("early"));
    let held = format!("- {{name: stay, {}}}", gate(&cluster, team.namespace()));
    team.home().apply(&pipeline_with("web", &held, &more));
    seen(&team, "web", at).await;
    let before = |name: &str| json!({"name": name, "schedule": format!("{} UTC", daily(at)), "since": at - minutes(1)});
    let patch = Patch::Merge(json!({"status": {"triggers": [before("morning"), before("early")]}}));
    pipelines(&team).patch_status("web", &PatchParams::default(), &patch).await.expect("a patch");

    let first = started(&became(&team, "web", at).await);
    let is_over = |pipeline: &Value| pipeline["status"]["triggers"][1]["last"]["at"] == at.to_string();
    let both = until(&team, "web", "has dealt with both", is_over).await;
    let second = &both["status"]["triggers"][1]["last"];
    assert_eq!((&second["result"], &second["reason"]), (&json!("Dropped"), &json!("Locked")), "{second}");
    assert!(second["message"].as_str().expect("a message").contains(&first), "{second}");
    open_gate(&cluster, team.namespace()).await;
    team.succeeded(&first).await;
    assert_eq!(runs_of(&team, "web").await, [first]);
}

#[tokio::test]
async fn a_run_that_waits_for_what_it_needs_is_not_overtaken_either() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    // It has not asked for its lock yet, and is of another pipeline.
    let group = "concurrency: {policy: Forbid, group: shared}";
    let nobody = pipeline_with("other", super::STEPS, group).replace("deployer", "nobody");
    team.home().apply(&nobody);
    team.home().apply(&run("waits", "other"));
    team.until("waits", "has no account", |run| run.to_string().contains("ServiceAccountNotFound")).await;
    let at = ago(minutes(10));
    team.home().apply(&timed("web", at, LATE, group));
    let last = comes(&team, "web", at).await;
    assert_eq!(dropped(&team, "web", &last).await, "Locked");
    assert_eq!(last["message"], "run \"waits\" was made before, and takes the lock \"shared\"");
    assert!(runs_of(&team, "web").await.is_empty());
}

#[tokio::test]
async fn without_a_good_run_or_anything_new_nothing_starts() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let cron = "catchUp: Latest, onlyOnChanges: true";
    let sources = "sources: [{name: build, pipelineRef: {name: build}}]";
    let at = ago(minutes(40));
    team.home().apply(&pipeline("build", super::STEPS));
    team.home().apply(&timed("qa", at, cron, sources));
    let last = comes(&team, "qa", at).await;
    assert_eq!(dropped(&team, "qa", &last).await, "NoGoodRun");

    team.home().apply(&run("build-1", "build"));
    let build = team.succeeded("build-1").await;
    let first = ago(minutes(30));
    team.home().apply(&timed("qa", first, cron, sources));
    let qa = team.succeeded(&started(&comes(&team, "qa", first).await)).await;
    assert_eq!(qa["spec"]["from"], json!([{"source": "build", "runRef": {"name": "build-1"}}]));
    assert_eq!(qa["status"]["sources"][0]["run"]["uid"], build["metadata"]["uid"]);

    // Still the same build; also when the run that took it is gone.
    for (time, is_deleted) in [(25, false), (20, true)] {
        let name = qa["metadata"]["name"].as_str().expect("a name");
        if is_deleted {
            team.runs().delete(name, &Default::default()).await.expect("a deletion");
            eventually("the run is gone", PATIENCE, async || match runs_of(&team, "qa").await {
                runs if runs.is_empty() => Ok(()),
                runs => Err(runs.join(" ")),
            })
            .await;
        }
        let second = ago(minutes(time));
        team.home().apply(&timed("qa", second, cron, sources));
        let unchanged = comes(&team, "qa", second).await;
        assert_eq!(dropped(&team, "qa", &unchanged).await, "NoChanges");
        assert_eq!(unchanged["message"], "build is still at run \"build-1\"");
    }

    team.home().apply(&run("build-2", "build"));
    team.succeeded("build-2").await;
    let third = ago(minutes(10));
    team.home().apply(&timed("qa", third, cron, sources));
    let qa = team.succeeded(&started(&comes(&team, "qa", third).await)).await;
    assert_eq!(qa["spec"]["from"][0]["runRef"]["name"], "build-2");
}

#[tokio::test]
async fn kubectl_shows_when_the_next_run_is_due() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let at = ago(minutes(60));
    team.home().apply(&timed("web", at, "", ""));
    seen(&team, "web", at).await;
    let next = (at + SignedDuration::from_hours(24)).to_string();
    let shown = kubectl(&cluster, &["-n", team.namespace(), "get", "pl", "web"], "").expect("a table");
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((lines[0][3], lines[1][3]), ("NEXT", next.as_str()), "{shown}");
    // Nothing is due where its time would start nothing.
    let mistaken = "outputs: {of: '${{ steps.nobody.outputs.x }}'}";
    for (more, is_due) in [("suspend: {}", false), ("", true), (mistaken, false)] {
        team.home().apply(&timed("web", at, "", more));
        let is_it = |pipeline: &Value| {
            let (generation, status) = (&pipeline["metadata"]["generation"], &pipeline["status"]);
            assert_eq!(status["triggers"][0]["next"], next.as_str());
            status["observedGeneration"] == *generation && status["next"].is_null() != is_due
        };
        until(&team, "web", &format!("is due: {is_due}"), is_it).await;
    }
    // Without triggers there is none, and nothing is left of them.
    team.home().apply(&pipeline("web", super::STEPS));
    let is_gone = |pipeline: &Value| pipeline["status"]["triggers"].is_null() && pipeline["status"]["next"].is_null();
    until(&team, "web", "has no triggers any more", is_gone).await;
}
