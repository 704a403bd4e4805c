//! The example of exploratory testing, morning by morning: what the timer takes, what it leaves alone and why, who signs off, and
//! what only starts then.
//!
//! Mornings come as the test has them: the schedule is moved to a minute of the past that the controller has not looked at yet.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use sluice_api::Pipeline;
use sluice_tests::fixture::{Team, stage_of, step_of};
use sluice_tests::{Cluster, eventually};

use super::told::example;
use super::{apply, of_file};
use crate::PATIENCE;
use crate::short::{condition, kubectl};

/// When the pipeline's timer comes, as the example has it.
const SCHEDULE: &str = "15 10 * * *";

/// How far the first morning is in the past; the others are ten minutes apart.
const MINUTES: i64 = 110;

struct World {
    team: Team,
    mornings: i64,
}

impl World {
    fn kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        kubectl(self.team.cluster(), &[arguments, &["-n", self.team.namespace()]].concat(), "")
    }

    fn object(&self, kind: &str, name: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", kind, name, "-o", "json"]).expect("the object")).expect("JSON")
    }

    /// The names of the runs of a pipeline, the oldest first.
    fn runs(&self, pipeline: &str) -> Vec<String> {
        let selector = format!("--field-selector=spec.pipelineRef.name={pipeline}");
        let names = "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}";
        let said = self.kubectl(&["get", "plr", &selector, "--sort-by=.metadata.creationTimestamp", "-o", names]);
        said.expect("the runs").lines().map(str::to_owned).collect()
    }

    fn trigger(&self) -> Value {
        self.object("pl", "qa")["status"]["triggers"][0].clone()
    }

    /// It becomes a quarter past ten once more: what the pipeline's status says of that.
    async fn morning(&mut self) -> Value {
        let rome = TimeZone::get("Europe/Rome").expect("a time zone");
        let at = Timestamp::now() - (MINUTES - 10 * self.mornings).minutes();
        let at = at.to_zoned(rome);
        self.mornings += 1;
        let schedule = format!("{} {} * * *", at.minute(), at.hour());
        let change = json!([{"op": "replace", "path": "/spec/triggers/0/cron/schedule", "value": schedule}]);
        self.kubectl(&["patch", "pl", "qa", "--type=json", "-p", &change.to_string()]).expect("another schedule");
        eventually("the new schedule is seen", PATIENCE, async || {
            let trigger = self.trigger();
            let is_seen = trigger["schedule"].as_str().is_some_and(|text| text.contains(&schedule));
            if is_seen { Ok(()) } else { Err(trigger.to_string()) }
        })
        .await;
        // As if nobody had looked since the day before.
        let since = json!([{"op": "replace", "path": "/status/triggers/0/since", "value": at.timestamp() - 1.hour()}]);
        self.patch_status(since).await;
        let minute = at.timestamp().strftime("%Y-%m-%dT%H:%M").to_string();
        let last = eventually("the morning is dealt with", PATIENCE, async || {
            let last = self.trigger()["last"].clone();
            let is_it = last["at"].as_str().is_some_and(|text| text.starts_with(&minute));
            if is_it { Ok(last) } else { Err(self.object("pl", "qa")["status"].to_string()) }
        });
        last.await
    }

    /// Only the controller writes a status: as it.
    async fn patch_status(&self, patch: Value) {
        let controller = self.team.cluster().service_account("sluice-system", "sluice-controller").await;
        let pipelines: Api<Pipeline> = Api::namespaced(controller.expect("a client"), self.team.namespace());
        let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).expect("a patch"));
        pipelines.patch_status("qa", &PatchParams::default(), &patch).await.expect("a status");
    }

    /// A morning that starts a run.
    async fn starts(&mut self) -> String {
        let last = self.morning().await;
        assert_eq!(last["result"], "Started", "{last:#}");
        last["runRef"]["name"].as_str().expect("a run").to_owned()
    }

    /// A morning that starts none, for this reason.
    async fn drops(&mut self, reason: &str, because: &str) {
        let before = self.runs("qa");
        let last = self.morning().await;
        assert_eq!((&last["result"], &last["reason"]), (&json!("Dropped"), &json!(reason)), "{last:#}");
        let message = last["message"].as_str().expect("a message");
        assert!(message.contains(because), "{message}");
        assert_eq!(self.runs("qa"), before);
        eventually("an Event says so, too", PATIENCE, async || {
            let events = self.kubectl(&["events", "--for=pipeline/qa"]).expect("the Events");
            if events.contains(message) { Ok(()) } else { Err(events) }
        })
        .await;
    }

    async fn build(&self, name: &str, version: &str) {
        let run = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": name},
            "spec": {"pipelineRef": {"name": "build-web"}, "params": {"version": version}},
        });
        self.team.apply_value(&run);
        self.team.succeeded(name).await;
    }

    /// The testers have it on all their machines, and it waits for their word.
    async fn is_being_tested(&self, run: &str, version: &str) {
        let awaits = |run: &Value| stage_of(run, "signOff")["phase"] == "AwaitingApproval";
        let run = self.team.until(run, "awaits the testers", awaits).await;
        let stages = run["status"]["stages"].as_array().into_iter().flatten();
        let machines: Vec<&Value> = stages.filter(|stage| stage["name"] == "deploy").collect();
        let text = |stage: &&Value| stage["steps"][1]["outputs"]["text"].as_str().unwrap_or_default().to_owned();
        let expected = ["qa-1", "qa-2", "qa-lab"]
            .map(|host| format!("registry.example/web:{version} on {host}.shop.example (exploratory)"));
        assert_eq!(machines.iter().map(text).collect::<Vec<_>>(), expected, "{:#}", run["status"]);
    }

    fn sign_off(&self, (person, group): (&str, &str), run: &str, what: &str) -> Result<String, String> {
        let entry = json!({"type": what, "by": person, "stage": "signOff", "reason": "the checkout"});
        let patch = json!([{"op": "add", "path": "/spec/actions/-", "value": entry}]).to_string();
        let (who, group) = (format!("--as={person}"), format!("--as-group={group}"));
        self.kubectl(&[
            "patch",
            "plr",
            run,
            "--type=json",
            "-p",
            &patch,
            &who,
            &group,
            "--as-group=system:authenticated",
        ])
    }

    fn suspend(&self, reason: Option<&str>) {
        let suspend = reason.map(|reason| json!({"reason": reason}));
        let patch = json!({"spec": {"suspend": suspend}}).to_string();
        let who = ["--as=grace", "--as-group=testers", "--as-group=system:authenticated"];
        self.kubectl(&[&["patch", "pl", "qa", "--type=merge", "-p", &patch][..], &who].concat()).expect("accepted");
    }

    /// The runs of what comes after, once there are so many.
    async fn released(&self, count: usize) -> Vec<String> {
        eventually("what comes after has started", PATIENCE, async || {
            let runs = self.runs("pre-release");
            if runs.len() == count { Ok(runs) } else { Err(format!("{runs:?}")) }
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exploratory_testing_goes_as_the_example_tells() {
    let cluster = Cluster::connect().await;
    let team = Team::open_with_policies(&cluster).await;
    let controller = team.controller().await;
    let builds = example("qa-exploratory/build.yaml");
    let qa = of_file("qa-exploratory/qa");
    assert!(qa.contains(SCHEDULE), "the timer comes every morning");
    apply(&team, &["environment", "people", "pre-release"].map(|name| of_file(&format!("qa-exploratory/{name}"))));
    apply(&team, &[builds.text.clone(), qa]);
    for told in &builds.runs {
        told.assert(&team.ended(&told.run).await);
    }
    team.pipeline_ready("qa").await;
    let mut world = World { team, mornings: 0 };
    assert_eq!(world.object("pl", "qa")["status"]["next"], world.trigger()["next"]);

    // No build starts anything by itself. The timer takes the last good one, and counts as the approval of the first stage.
    assert_eq!(world.runs("qa"), [""; 0]);
    let first = world.starts().await;
    world.is_being_tested(&first, "1.41").await;
    let run = world.team.run(&first).await.expect("the run");
    assert_eq!(step_of(&run, "chosen")["outputs"]["from"], "build-web-41");
    assert_eq!(run["spec"]["trigger"]["cron"]["name"], "morning");
    assert_eq!(run["status"]["sources"][0]["run"]["name"], "build-web-41");

    // They are not done with it the next day: a new build wipes nothing out, by the timer or by hand.
    world.build("build-web-43", "1.43").await;
    world.drops("Locked", &first).await;
    world.team.apply_value(&json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "PipelineRun", "metadata": {"name": "by-hand"},
        "spec": {"pipelineRef": {"name": "qa"}},
    }));
    let by_hand = world.team.ended("by-hand").await;
    assert_eq!((&by_hand["status"]["phase"], condition(&by_hand).1), (&json!("Cancelled"), "Locked"));
    world.suspend(Some("still exploring the checkout"));
    world.drops("Suspended", "still exploring the checkout").await;
    controller.kill9();
    controller.restart().expect("another life");
    world.suspend(None);

    // Only testers sign off. What comes after starts only then, once, and on all of its targets.
    let refused = world.sign_off(("ada", "developers"), &first, "Approve").expect_err("it is restricted");
    assert!(refused.contains("needs the verb approve on stages/qa.signOff"), "{refused}");
    assert_eq!(world.runs("pre-release"), [""; 0]);
    world.sign_off(("grace", "testers"), &first, "Approve").expect("accepted");
    world.team.succeeded(&first).await;
    let after = world.released(1).await;
    let after = world.team.succeeded(&after[0]).await;
    let installed: Vec<&Value> = after["status"]["stages"].as_array().into_iter().flatten().collect();
    let text = |stage: &&Value| stage["steps"][0]["outputs"]["text"].as_str().unwrap_or_default().to_owned();
    let expected = ["eu", "us"].map(|region| format!("registry.example/web:1.41 on {region}.pre.shop.example"));
    assert_eq!(installed.iter().map(text).collect::<Vec<_>>(), expected);
    assert_eq!(after["spec"]["trigger"]["source"]["run"]["name"], *first);

    // The next morning brings the newest good build; what they reject goes no further.
    let second = world.starts().await;
    world.is_being_tested(&second, "1.43").await;
    world.sign_off(("grace", "testers"), &second, "Reject").expect("accepted");
    let rejected = world.team.ended(&second).await;
    assert_eq!(condition(&rejected).1, "Rejected");
    // There is nothing new to test.
    world.drops("NoChanges", "build-web-43").await;
    assert_eq!(world.released(1).await.len(), 1);

    let environment = world.object("environment", "exploratory-testing");
    assert_eq!(environment["status"]["lastSucceededRuns"][0]["name"], *first);
}
