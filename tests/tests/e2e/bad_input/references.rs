//! Things that a run names and that are not there, or not for it.

use serde_json::json;
use sluice_tests::Facts;

use super::{Trouble, fails, start};
use crate::short::{condition, pipeline, run};

#[tokio::test]
async fn a_run_waits_for_its_pipeline_and_starts_when_it_is_there() {
    let trouble = Trouble::open().await;
    trouble.apply(&run("early", "late"));
    let namespace = trouble.team.namespace();
    let message = format!("there is no Pipeline \"late\" in namespace \"{namespace}\"; the run starts once there is");
    let expected = ("Unknown", "PipelineNotFound", &*message);
    let waits = trouble.team.until("early", "says what it waits for", |run| condition(run) == expected).await;
    assert_eq!(waits["status"]["message"], message);
    assert_eq!(waits["status"]["phase"], "Pending");
    trouble.apply(&pipeline("late", "- {name: a, set: {values: {x: 1}}}"));
    trouble.team.succeeded("early").await;
    trouble.no_harm().await;
}

#[tokio::test]
async fn a_run_waits_for_its_account_and_starts_when_it_is_there() {
    let trouble = Trouble::open().await;
    let manifest = pipeline("web", "- {name: a, set: {values: {x: 1}}}").replace("deployer", "nobody");
    trouble.apply(&format!("{manifest}---\n{}", run("web", "web")));
    let namespace = trouble.team.namespace();
    let message = format!(
        "there is no service account \"nobody\" in namespace \"{namespace}\": create it, or correct \
         spec.serviceAccountName of the pipeline"
    );
    let expected = ("Unknown", "ServiceAccountNotFound", &*message);
    trouble.team.until("web", "says what it waits for", |run| condition(run) == expected).await;
    trouble.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: nobody}}");
    trouble.team.succeeded("web").await;
    trouble.no_harm().await;
}

/// Lets `deployer` read these Secrets.
fn allow_secrets(trouble: &Trouble, names: &[&str]) {
    trouble.apply(
        &json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "secrets"},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get"]}],
        })
        .to_string(),
    );
    trouble.apply(
        &json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "secrets"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "secrets"},
            "subjects": [{"kind": "ServiceAccount", "name": "deployer"}],
        })
        .to_string(),
    );
}

/// A request with a header from this Secret.
fn with_secret(trouble: &Trouble, secret: &str) -> String {
    let services = &trouble.team.cluster().facts().services_url;
    format!(
        "http: {{url: {services}/echo, headers: [{{name: X, valueFrom: {{secretKeyRef: {{name: {secret}, key: token}}}}}}]}}"
    )
}

#[tokio::test]
async fn a_secret_that_is_missing_has_not_the_key_or_is_not_for_the_account() {
    let trouble = Trouble::open().await;
    let (team, namespace) = (&trouble.team, trouble.team.namespace());
    allow_secrets(&trouble, &["absent", "keyless"]);
    trouble.apply("{apiVersion: v1, kind: Secret, metadata: {name: keyless}, stringData: {other: value}}");
    trouble.apply("{apiVersion: v1, kind: Secret, metadata: {name: private}, stringData: {token: value}}");
    for secret in ["absent", "keyless", "private"] {
        start(team, secret, &with_secret(&trouble, secret));
    }
    fails(
        team,
        "absent",
        "SecretNotFound",
        &format!("there is no secret \"absent\" in namespace \"{namespace}\": create it, or name another one"),
    )
    .await;
    fails(team, "keyless", "SecretKeyNotFound", "secret \"keyless\" has no key \"token\": add it, or name another one")
        .await;
    let message = format!(
        "failed to read secret \"private\": secrets \"private\" is forbidden: User \
         \"system:serviceaccount:{namespace}:deployer\" cannot get resource \"secrets\" in API group \"\" in the namespace \
         \"{namespace}\"; grant the run's service account the verb get on secrets with a Role"
    );
    fails(team, "private", "Forbidden", &message).await;
    trouble.no_harm().await;
}

#[tokio::test]
async fn objects_that_are_not_for_the_account() {
    let trouble = Trouble::open().await;
    let (team, namespace) = (&trouble.team, trouble.team.namespace());
    let user = format!("User \"system:serviceaccount:{namespace}:deployer\"");
    start(team, "deployment", "resource: {apiVersion: apps/v1, kind: Deployment, namespace: kube-system, name: web}");
    start(team, "application", "argocdWait: {application: {name: web, namespace: argocd}}");
    let message = format!(
        "failed to read Deployment \"web\" in namespace \"kube-system\": deployments.apps \"web\" is forbidden: {user} cannot \
         get resource \"deployments\" in API group \"apps\" in the namespace \"kube-system\"; grant the run's service account \
         the verb get on deployments.apps with a Role"
    );
    fails(team, "deployment", "Forbidden", &message).await;
    let argocd = Facts::ARGOCD_NAMESPACE;
    let message = format!(
        "failed to read Application {argocd}/web: applications.argoproj.io \"web\" is forbidden: {user} cannot get resource \
         \"applications\" in API group \"argoproj.io\" in the namespace \"{argocd}\"; grant the run's service account the \
         verb get on applications.argoproj.io with a Role"
    );
    fails(team, "application", "Forbidden", &message).await;
    trouble.no_harm().await;
}

#[tokio::test]
async fn an_account_that_the_controller_may_not_act_as() {
    let trouble = Trouble::open().await;
    let (team, namespace) = (&trouble.team, trouble.team.namespace());
    trouble.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: stranger}}");
    let step = format!("- {{name: bad, {}}}", with_secret(&trouble, "any"));
    trouble.apply(&pipeline("web", &step).replace("deployer", "stranger"));
    trouble.apply(&run("web", "web"));
    let message = format!(
        "failed to read secret \"any\": serviceaccounts \"stranger\" is forbidden: User \
         \"system:serviceaccount:sluice-system:sluice-controller\" cannot impersonate resource \"serviceaccounts\" in API group \
         \"\" in the namespace \"{namespace}\"; grant it with a Role in that namespace, as the README shows"
    );
    fails(team, "web", "ImpersonationForbidden", &message).await;
    trouble.no_harm().await;
}
