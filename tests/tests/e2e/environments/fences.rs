//! The account of an Environment is for the stages that are bound to it, in the pipelines that it allows, and for nobody else.

use jiff::{SignedDuration, Timestamp};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use sluice_tests::fixture::{Team, stage_of, step_of};
use sluice_tests::{Cluster, eventually};

use super::{environment, environments};
use crate::PATIENCE;
use crate::flow::{pipeline, start};
use crate::short::{condition, run};

/// What only the account `production` may read: a ConfigMap and a Secret; and the controller's right to be that account.
const VAULT: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: production}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: vault}
data: {code: "1047"}
---
apiVersion: v1
kind: Secret
metadata: {name: vault}
stringData: {token: hunter2}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: vault}
rules:
- {apiGroups: [""], resources: [configmaps, secrets], resourceNames: [vault], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: vault}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: vault}
subjects: [{kind: ServiceAccount, name: production}]
"#;

/// The controller's right to act as the account.
const IMPERSONATE: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: sluice-impersonate-production}
rules:
- {apiGroups: [""], resources: [serviceaccounts], resourceNames: [production], verbs: [impersonate]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: sluice-impersonate-production}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: sluice-impersonate-production}
subjects: [{kind: ServiceAccount, name: sluice-controller, namespace: sluice-system}]
"#;

fn production(allowed: &[&str]) -> String {
    environment("production", &json!({"allowedPipelines": allowed, "serviceAccountName": "production"}))
}

/// A team with a vault, and an Environment that allows these pipelines.
async fn team(cluster: &Cluster, allowed: &[&str]) -> Team {
    let team = Team::open(cluster).await;
    team.home().apply(&[VAULT, IMPERSONATE, &production(allowed)].join("\n---\n"));
    team
}

/// A step that reads the vault.
fn read(name: &str) -> String {
    format!(
        "{{name: {name}, resource: {{apiVersion: v1, kind: ConfigMap, name: vault, outputs: {{code: object.data.code}}}}}}"
    )
}

/// What it comes to for an account that may not.
fn assert_refused(team: &Team, step: &Value, account: &str) {
    assert_eq!((&step["phase"], &step["reason"]), (&"Failed".into(), &"Forbidden".into()), "{step:#}");
    let message = step["message"].as_str().unwrap_or_default();
    let user =
        format!("User \"system:serviceaccount:{}:{account}\" cannot get resource \"configmaps\"", team.namespace());
    assert!(message.contains(&user), "{message}");
}

#[tokio::test]
async fn a_stage_that_is_bound_and_hooks_for_it_act_as_the_environments_account() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster, &["web"]).await;
    let _controller = team.controller().await;
    let secret = format!(
        "{{name: secret, http: {{url: '{}/echo', headers: [{{name: X, valueFrom: {{secretKeyRef: {{name: vault, key: token}}}}}}]}}}}",
        cluster.facts().services_url
    );
    let stages = format!(
        "\
- {{name: deploy, environment: '${{{{ params.to }}}}', steps: [{}, {secret}]}}
- {{name: other, steps: [{{name: two, set: {{values: {{x: 1}}}}}}]}}
",
        read("one")
    );
    let hooks = format!(
        "\
params: [{{name: to, default: production}}]
hooks:
- {{name: early, events: [Started], for: {{stage: deploy}}, steps: [{}]}}
- {{name: late, events: [Success], for: {{step: one}}, steps: [{}]}}
- {{name: elsewhere, events: [Success], for: {{stage: other}}, steps: [{}]}}
- {{name: whole, events: [Success], steps: [{}]}}
",
        read("a"),
        read("b"),
        read("c"),
        read("d")
    );
    start(&team, "web", &stages, &hooks);
    let run = team.succeeded("web").await;
    for step in ["one", "a", "b"] {
        assert_eq!(step_of(&run, step)["outputs"]["code"], "1047", "{step}");
    }
    assert_eq!(step_of(&run, "secret")["outputs"]["status"], 200);
    for step in ["c", "d"] {
        assert_refused(&team, step_of(&run, step), "deployer");
    }
    assert_eq!(stage_of(&run, "deploy")["environment"], "production");
    assert_eq!(stage_of(&run, "deploy")["guard"], json!({"resource": "environments", "name": "production"}));
}

#[tokio::test]
async fn nobody_else_can_use_the_account() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster, &["web", "parent"]).await;
    let _controller = team.controller().await;
    let bound = |step: &str| format!("- {{name: deploy, environment: production, steps: [{step}]}}");
    // A stage that is not bound, in a pipeline that is allowed, behind one that is.
    start(&team, "web", &format!("{}\n- {{name: after, steps: [{}]}}", bound(&read("one")), read("two")), "");
    // A pipeline that is not allowed: nor has it hooks for that stage.
    let hook = format!("hooks: [{{name: tell, events: [Failure], for: {{stage: deploy}}, steps: [{}]}}]", read("told"));
    start(&team, "stranger", &bound(&read("one")), &hook);
    // A run that a bound stage starts: of another pipeline, and of one that claims the same place.
    let child = |name: &str| format!("{{name: {name}, pipelineRun: {{pipelineRef: {{name: {name}}}}}}}");
    team.home().apply(&pipeline("plain", &format!("- {{name: only, steps: [{}]}}", read("one")), ""));
    team.home().apply(&pipeline("claims", &bound(&read("one")), ""));
    let parallel = format!(
        "- {{name: deploy, environment: production, parallel: true, steps: [{}, {}, {}]}}",
        read("own"),
        child("plain"),
        child("claims")
    );
    start(&team, "parent", &parallel, "");
    // A pipeline that names no Environment there is, and one that names the account itself has to be allowed that by its author.
    start(&team, "lost", &bound(&read("one")).replace("production", "prodution"), "");

    let run = team.ended("web").await;
    assert_eq!(step_of(&run, "one")["outputs"]["code"], "1047");
    assert_refused(&team, step_of(&run, "two"), "deployer");

    let not_allowed = |pipeline: &str| {
        format!(
            "stage deploy: Environment \"production\" does not allow pipeline \"{pipeline}\": whoever may change the Environment \
             adds it to spec.allowedPipelines"
        )
    };
    let run = team.ended("stranger").await;
    assert_eq!(condition(&run), ("False", "EnvironmentNotAllowed", &*not_allowed("stranger")));
    assert_eq!(step_of(&run, "one")["phase"], "Omitted");
    // The stage never began, so that nothing follows it.
    assert!(run["status"]["hooks"].is_null(), "{run}");

    let run = team.ended("parent").await;
    assert_eq!(step_of(&run, "own")["outputs"]["code"], "1047");
    let message = |step: &str| step_of(&run, step)["message"].as_str().unwrap_or_default().to_owned();
    assert!(message("plain").contains("cannot get resource \"configmaps\""), "{}", message("plain"));
    assert!(message("claims").contains(&not_allowed("claims")), "{}", message("claims"));

    let run = team.ended("lost").await;
    let missing = format!(
        "stage deploy: there is no Environment \"prodution\" in namespace \"{}\": create it, or correct the stage's environment",
        team.namespace()
    );
    assert_eq!(condition(&run), ("False", "EnvironmentNotFound", &*missing));
}

#[tokio::test]
async fn an_account_that_is_missing_or_may_not_be_used_is_named_with_the_remedy() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let _controller = team.controller().await;
    let namespace = team.namespace();
    team.home().apply(&production(&["missing", "forbidden"]));
    let bound = format!("- {{name: deploy, environment: production, steps: [{}]}}", read("one"));
    start(&team, "missing", &bound, "");
    let run = team.ended("missing").await;
    let message = format!(
        "stage deploy: step one: there is no service account \"production\" in namespace \"{namespace}\": create it, or correct \
         spec.serviceAccountName of Environment \"production\""
    );
    assert_eq!(condition(&run), ("False", "ServiceAccountNotFound", &*message));

    team.home().apply(VAULT);
    start(&team, "forbidden", &bound, "");
    let run = team.ended("forbidden").await;
    let (_, reason, message) = condition(&run);
    assert_eq!(reason, "ImpersonationForbidden");
    assert!(message.contains("serviceaccounts \"production\" is forbidden"), "{message}");
    assert!(message.ends_with("grant it with a Role in that namespace, as the README shows"), "{message}");
}

/// When the controller asked the API server as the account `production`.
fn uses(team: &Team) -> Vec<Timestamp> {
    let account = format!("system:serviceaccount:{}:production", team.namespace());
    let events = team.cluster().audit(team.namespace()).expect("the audit log");
    let uses = events.iter().filter(|event| event["impersonatedUser"]["username"] == *account);
    uses.filter_map(|event| event["requestReceivedTimestamp"].as_str()?.parse().ok()).collect()
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figures belong to the test's output")]
async fn a_pipeline_that_is_taken_off_stops_using_the_account_within_seconds() {
    let cluster = Cluster::connect().await;
    let team = team(&cluster, &["web"]).await;
    let _controller = team.controller().await;
    // Reads of Secrets are audited, and each look reads one.
    let secret = "{name: X, valueFrom: {secretKeyRef: {name: vault, key: token}}}";
    let wait = format!(
        "{{name: wait, waitFor: {{interval: 1s, condition: state.status == 500, sources: {{state: {{http: {{url: '{}/echo', headers: [{secret}]}}}}}}}}}}",
        cluster.facts().services_url
    );
    start(&team, "web", &format!("- {{name: deploy, environment: production, steps: [{wait}]}}"), "");
    eventually("the account is used", PATIENCE, async || match uses(&team).len() {
        0..3 => Err("not yet"),
        _ => Ok(()),
    })
    .await;
    let closed = Patch::Merge(json!({"spec": {"allowedPipelines": []}}));
    environments(&team).patch("production", &PatchParams::default(), &closed).await.expect("closed");
    let closed_at = Timestamp::now();
    let said = team.until("web", "says that it may not", |run| {
        let step = step_of(run, "wait");
        step["message"].as_str().is_some_and(|message| message.contains("does not allow pipeline \"web\""))
    });
    said.await;
    team.home().apply(&format!(
        "{}---\n{}",
        pipeline("probe", "- {name: only, steps: [{name: pause, delay: {duration: 4s}}]}", ""),
        run("probe", "probe")
    ));
    team.succeeded("probe").await;
    let last = uses(&team).into_iter().max().expect("a use").duration_since(closed_at);
    println!("the account was used last {} ms after the pipeline was taken off allowedPipelines", last.as_millis());
    assert!(last < SignedDuration::from_secs(5), "{last:#}");
}
