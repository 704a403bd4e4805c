//! Jobs of a run: made once, followed, read, and never made again. The Jobs are Kubernetes' own; their pods are played.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use sluice_tests::controller::Options;
use sluice_tests::faults::{Faults, Position};
use sluice_tests::fixture::{Team, step_of};
use sluice_tests::{Cluster, Controller, eventually};

use crate::PATIENCE;
use crate::short::{condition, pipeline, run};

const RIGHTS: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: deployer-jobs}
rules:
- {apiGroups: [batch], resources: [jobs], verbs: [create, get, delete]}
- {apiGroups: [''], resources: [pods], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer-jobs}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer-jobs}
subjects: [{kind: ServiceAccount, name: deployer}]
";

/// A team whose account may have Jobs.
pub(crate) async fn team(cluster: &Cluster) -> Team {
    let team = Team::open(cluster).await;
    team.home().apply(RIGHTS);
    team
}

/// A step `work` that is a Job whose pods have these annotations of the played kubelet; `more` are further fields.
pub(crate) fn work(annotations: &str, more: &str) -> String {
    let pod = "spec: {containers: [{name: web, image: 'web:1'}]}";
    format!("- name: work\n  job: {{template: {{metadata: {{annotations: {{{annotations}}}}}, {pod}}}{more}}}")
}

/// A pipeline and a run of it, both of this name.
pub(crate) fn start(team: &Team, name: &str, steps: &str) {
    team.home().apply(&format!("{}---\n{}", pipeline(name, steps), run(name, name)));
}

/// The Jobs of a run.
pub(crate) async fn jobs(team: &Team, run: &str) -> Vec<Job> {
    let of_run = ListParams::default().labels(&format!("sluice.dev/run={run}"));
    team.home().api::<Job>().list(&of_run).await.expect("the Jobs").items
}

/// Waits until the run has one Job.
pub(crate) async fn job(team: &Team, run: &str) -> Job {
    eventually(&format!("run {run} has a Job"), PATIENCE, async || {
        jobs(team, run).await.pop().ok_or_else(|| "none".to_owned())
    })
    .await
}

const NEVER: &str = "kubelet.test/after-ms: never";

#[tokio::test]
async fn the_next_step_uses_what_a_job_left_and_the_job_goes_with_its_run() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    let left = r#"kubelet.test/message: '{"image": "web:1.4", "count": 3}'"#;
    let next = "- {name: next, set: {values: {image: '${{ steps.work.outputs.image }}', more: '${{ steps.work.outputs.count + 1 }}'}}}";
    start(&team, "web", &format!("{}\n{next}", work(left, "")));
    let run = team.succeeded("web").await;
    assert_eq!(step_of(&run, "next")["outputs"], json!({"image": "web:1.4", "more": 4}));

    let job = job(&team, "web").await;
    let owner = &job.owner_references()[0];
    assert_eq!((owner.kind.as_str(), Some(owner.uid.as_str())), ("PipelineRun", run["metadata"]["uid"].as_str()));
    assert_eq!(job.annotations().get("sluice.dev/key").map(String::as_str), step_of(&run, "work")["key"].as_str());
    let spec = job.spec.as_ref().expect("a spec");
    assert_eq!((spec.backoff_limit, spec.active_deadline_seconds), (Some(0), Some(3540)));
    assert_eq!((spec.ttl_seconds_after_finished, job.finalizers().len()), (None, 0));

    team.runs().delete("web", &DeleteParams::default()).await.expect("the end of the run");
    eventually("the Job goes with its run", PATIENCE, async || match jobs(&team, "web").await.len() {
        0 => Ok(()),
        some => Err(format!("{some} Jobs")),
    })
    .await;
}

#[tokio::test]
async fn a_job_is_made_once_wherever_the_controller_is_killed_around_that() {
    let cluster = Cluster::connect().await;
    for position in Position::ALL {
        let team = team(&cluster).await;
        let faults = Faults::counting(|method, path| *method == "POST" && path.ends_with("/jobs"));
        let url = faults.api(&cluster).await.expect("a proxy");
        let options = Options { api_url: Some(url), ..team.controller_options() };
        let controller = Controller::start(&cluster, options).await.expect("a controller");
        faults.kill_at(1, position, controller.killer());
        start(&team, "web", &work("kubelet.test/message: done", ""));
        faults.kills(1).await;
        controller.restart().expect("another life");

        let run = team.succeeded("web").await;
        assert_eq!(step_of(&run, "work")["outputs"], json!({"message": "done"}), "{position:?}");
        let made =
            cluster.audit(team.namespace()).expect("the audit log").into_iter().filter(is_creation_of_job).count();
        assert_eq!((jobs(&team, "web").await.len(), made), (1, 1), "{position:?}: {}", faults.log());
    }
}

fn is_creation_of_job(event: &Value) -> bool {
    let (object, code) = (&event["objectRef"], &event["responseStatus"]["code"]);
    event["verb"] == "create" && object["resource"] == "jobs" && *code == 201
}

#[tokio::test]
async fn a_job_of_the_same_name_that_is_not_its_own_is_refused_and_left_alone() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let faults = Faults::counting(|method, path| *method == "POST" && path.ends_with("/jobs"));
    // The first attempt is not answered, so that its name can be taken before the second.
    faults.answer_at(1, Position::Before, 503.try_into().expect("a status"));
    let url = faults.api(&cluster).await.expect("a proxy");
    let options = Options { api_url: Some(url), ..team.controller_options() };
    let _controller = Controller::start(&cluster, options).await.expect("a controller");
    let retry = "  retry: {limit: 3, backoff: {initial: 10s}}";
    start(&team, "web", &format!("{}\n{retry}", work(NEVER, "")));
    let waiting = team.until("web", "tries again", |run| step_of(run, "work")["attempt"] == 2).await;
    let key = step_of(&waiting, "work")["key"].as_str().expect("a key").to_owned();
    let name = format!("web-work-{}", &key[..12]);
    team.apply_value(&json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "annotations": {"sluice.dev/key": key}},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "web:1"}]}}},
    }));
    let run = team.ended("web").await;
    let work = step_of(&run, "work");
    assert_eq!((&work["reason"], &work["phase"]), (&json!("NotOurs"), &json!("Failed")), "{work:#}");
    assert!(condition(&run).2.contains(&format!("{name} that this step did not make")), "{:#}", run["status"]);
    team.home().api::<Job>().get(&name).await.expect("it is left alone");
}

#[tokio::test]
async fn a_failed_job_fails_the_step_with_what_ended_it_and_is_not_repeated() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    for (name, annotations, reason, says) in [
        (
            "code",
            "kubelet.test/exit-code: '3', kubelet.test/message: no such table",
            "BackoffLimitExceeded",
            "exit code 3: no such table",
        ),
        ("memory", "kubelet.test/reason: OOMKilled", "OOMKilled", "exit code 137 (OOMKilled)"),
        ("evicted", "kubelet.test/reason: Evicted", "Evicted", "The node was low on resource: memory"),
    ] {
        start(&team, name, &work(annotations, ""));
        let run = team.ended(name).await;
        let work = step_of(&run, "work");
        assert_eq!((&work["reason"], &work["attempt"]), (&json!(reason), &json!(1)), "{work:#}");
        assert!(work["message"].as_str().is_some_and(|message| message.contains(says)), "{work:#}");
        assert_eq!(jobs(&team, name).await.len(), 1, "{name}");
    }
}

#[tokio::test]
async fn each_attempt_that_the_pipeline_asks_for_is_a_job_of_its_own() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    let retry = "  retry: {limit: 1, when: failure.reason == 'Evicted', backoff: {initial: 1s}}";
    start(&team, "web", &format!("{}\n{retry}", work("kubelet.test/reason: Evicted", "")));
    let run = team.ended("web").await;
    assert_eq!((&step_of(&run, "work")["attempt"], condition(&run).0), (&json!(2), "False"));
    let jobs = jobs(&team, "web").await;
    assert_eq!(jobs.len(), 2, "{jobs:#?}");
}

#[tokio::test]
async fn a_job_that_is_deleted_by_hand_is_noticed_at_once_and_not_made_again() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    start(&team, "web", &work(NEVER, ", interval: 1h"));
    let name = job(&team, "web").await.name_any();
    team.at("web", "work").await;
    team.home().api::<Job>().delete(&name, &DeleteParams::background()).await.expect("its end");
    let run = team.ended("web").await;
    assert_eq!(step_of(&run, "work")["reason"], "JobGone", "{:#}", run["status"]);
    assert!(jobs(&team, "web").await.is_empty());
}

/// The step looks once an hour, so it is the watch that brings the news.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figure belongs to the test's output")]
async fn the_end_of_a_job_wakes_its_run() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    start(&team, "web", &work(NEVER, ", interval: 1h"));
    let name = job(&team, "web").await.name_any();
    team.at("web", "work").await;
    let pods = team.home().api::<Pod>();
    let of_job = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={name}"));
    let pod = eventually("the Job has a pod that runs", PATIENCE, async || {
        let pods = pods.list(&of_job).await.map_err(|error| error.to_string())?.items;
        let runs = |pod: &Pod| pod.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Running"));
        pods.into_iter().find(runs).ok_or_else(|| "none".to_owned())
    })
    .await;
    let go_on = json!({"metadata": {"annotations": {"kubelet.test/after-ms": "1"}}});
    pods.patch(&pod.name_any(), &PatchParams::default(), &Patch::Merge(&go_on)).await.expect("a patch");

    let run = team.succeeded("web").await;
    let job = team.home().api::<Job>().get(&name).await.expect("the Job");
    let ended = job.status.and_then(|status| status.completion_time).expect("its end").0;
    let told: Timestamp = run["status"]["finishedAt"].as_str().expect("an end").parse().expect("a time");
    let late = told.duration_since(ended);
    println!("the end of a Job is known {late:#} after its (whole) second");
    assert!(late.as_secs() < 30, "{late:#}");
}

#[tokio::test]
async fn what_ails_a_job_is_told_and_a_template_that_kubernetes_refuses_is_refused_with_its_words() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster).await;
    let _controller = team.controller().await;
    let job = |container: &str| {
        format!("- {{name: work, job: {{interval: 1s, template: {{spec: {{containers: [{container}]}}}}}}}}")
    };
    start(&team, "broken", &job("{name: web, image: 'broken:1'}"));
    let tells =
        |run: &Value| step_of(run, "work")["message"].as_str().is_some_and(|it| it.contains("ImagePullBackOff"));
    team.until("broken", "says what ails its pod", tells).await;

    for (name, container, says) in [
        (
            "unknown",
            "{name: web, image: 'web:1', imagePulPolicy: Always}",
            "unknown field \"spec.template.spec.containers[0].imagePulPolicy\"",
        ),
        ("invalid", "{name: Web, image: 'web:1'}", "spec.template.spec.containers[0].name"),
    ] {
        start(&team, name, &job(container));
        let run = team.ended(name).await;
        assert!(condition(&run).2.contains(says), "{:#}", run["status"]);
    }
}

#[tokio::test]
async fn an_account_without_the_rights_is_told_which_before_anything_is_made() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    start(&team, "web", &work(NEVER, ""));
    let run = team.ended("web").await;
    let work = step_of(&run, "work");
    assert_eq!(work["reason"], "Forbidden", "{work:#}");
    assert!(
        work["message"].as_str().is_some_and(|it| it.contains("the verb get on jobs.batch with a Role")),
        "{work:#}"
    );
}
