//! One life of a release, in a cluster of its own, with the commands of the chart's README and notes: installed, used, upgraded,
//! uninstalled, and installed again. What runs is the real binary, with the arguments and the rights that the chart gives it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sluice_tests::cluster::OwnKubernetes;
use sluice_tests::controller::Options;
use sluice_tests::{Cluster, Controller, eventually, helm};

use super::helm_chart;
use crate::PATIENCE;

const SYSTEM: &str = "sluice-system";
const ACCOUNT: &str = "system:serviceaccount:sluice-system:sluice-controller";
const SERVER: &str = "system:serviceaccount:sluice-system:sluice-server";
const DEFINITIONS: [&str; 6] = [
    "componentupdates.sluice.dev",
    "environments.sluice.dev",
    "pipelineruns.sluice.dev",
    "pipelines.sluice.dev",
    "receivers.sluice.dev",
    "scmproviders.sluice.dev",
];

/// A pipeline that waits for the ConfigMap of its run's name, with something to do when it is aborted.
const SHOP: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: deployer}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: deployer}
rules: [{apiGroups: [''], resources: [configmaps], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}
subjects: [{kind: ServiceAccount, name: deployer}]
---
apiVersion: sluice.dev/v1alpha1
kind: Pipeline
metadata: {name: wait}
spec:
  serviceAccountName: deployer
  stages:
  - name: only
    steps:
    - name: gate
      waitFor:
        interval: 1s
        condition: gate.object != null
        sources: {gate: {resource: {apiVersion: v1, kind: ConfigMap, name: '${{ run.name }}'}}}
  hooks:
  - {name: cleanUp, events: [Abortion], steps: [{name: note, set: {values: {done: yes it is}}}]}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_installed_used_upgraded_uninstalled_and_installed_again() {
    let shared = Cluster::connect().await;
    let own = OwnKubernetes::start(shared.facts()).await.expect("a Kubernetes");
    let cluster = own.cluster();
    let restricted = format!(
        "{{apiVersion: v1, kind: Namespace, metadata: {{name: {SYSTEM}, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}}}"
    );
    cluster.apply("default", &restricted).expect("a namespace");
    cluster.kubectl(&["create", "namespace", "shop"]).expect("a namespace");

    // An earlier chart, whose definitions have a column of another name.
    let older = older_chart(&cluster.facts().dir);
    let waited = ["--wait", "--timeout=2m"];
    let notes = cluster.helm(&[&["install", "sluice", &older, "--namespace", SYSTEM], &waited[..]].concat());
    let notes = notes.expect("an installation");
    assert_eq!(column(cluster), "Host");
    let pods = ["get", "pods", "-n", SYSTEM, "-o", "jsonpath={.items[*].status.phase}"];
    assert_eq!(cluster.kubectl(&pods).expect("the Pods"), "Running", "the Pod fits `restricted`");

    cluster.apply("shop", SHOP).expect("a pipeline");
    follow(cluster, &notes, 4);
    let controller = controller(cluster).await;
    start(cluster, "first");
    open(cluster, "first");
    succeeds(cluster, "first");
    start(cluster, "deleted");
    waits(cluster, "deleted").await;
    cluster.kubectl(&["delete", "plr", "deleted", "-n", "shop", "--timeout=60s"]).expect("its end");
    start(cluster, "long");
    waits(cluster, "long").await;
    may_do_nothing_else(cluster);
    nobody_else_writes_a_status(cluster);
    the_built_in_roles_know_the_kinds(cluster).await;
    assert!(!controller.log().to_lowercase().contains("forbidden"), "{}", controller.log());

    let values = ["--set=concurrency=8,allowHttpTo={127.0.0.0/8},server.enabled=true"];
    helm_chart(cluster, "upgrade", "sluice", SYSTEM, &[&waited[..], &values].concat()).expect("an upgrade");
    assert_eq!(column(cluster), "Gitea");
    let of_new = arguments(cluster);
    assert!(of_new.contains(&"--concurrency=8".to_owned()), "{of_new:?}");
    assert!(of_new.contains(&"--allow-http-to=127.0.0.0/8".to_owned()), "{of_new:?}");

    let pods = [
        "get",
        "pods",
        "-n",
        SYSTEM,
        "-l",
        "app.kubernetes.io/component=server",
        "-o",
        "jsonpath={.items[*].status.phase}",
    ];
    assert_eq!(cluster.kubectl(&pods).expect("the Pods"), "Running Running", "its Pods fit `restricted`");
    the_server_may_do_little(cluster);

    controller.terminate().expect("its end");
    cluster.helm(&[&["uninstall", "sluice", "--namespace", SYSTEM], &waited[..]].concat()).expect("an end");
    let left = [
        "get",
        "deploy,sa,clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,\
         mutatingadmissionpolicy,mutatingadmissionpolicybinding",
        "-A",
        "-o",
        "name",
        "-l",
        "app.kubernetes.io/part-of=sluice",
    ];
    assert_eq!(cluster.kubectl(&left).expect("a list").trim(), "");
    let mut kept = cluster.kubectl(&["get", "crd", "-o", "jsonpath={.items[*].metadata.name}"]).expect("definitions");
    kept += &cluster.kubectl(&["get", "plr", "-n", "shop", "-o", "name"]).expect("the runs");
    for name in DEFINITIONS.iter().chain(&["pipelinerun.sluice.dev/first", "pipelinerun.sluice.dev/long"]) {
        assert!(kept.contains(name), "{name} is gone: {kept}");
    }

    helm_chart(cluster, "install", "sluice", SYSTEM, &waited).expect("an installation over what is there");
    let _controller = self::controller(cluster).await;
    open(cluster, "long");
    succeeds(cluster, "long");
}

/// A copy of the chart in which a column of a definition is called otherwise.
fn older_chart(dir: &Path) -> String {
    let copy = dir.join("older").display().to_string();
    let status = Command::new("cp").arg("-r").arg(helm::chart()).arg(&copy).status().expect("cp");
    assert!(status.success());
    let file = Path::new(&copy).join("files/crds/scmproviders.yaml");
    let text = std::fs::read_to_string(&file).expect("the definition");
    let column = text.replace("name: Gitea\n", "name: Host\n");
    assert_ne!(text, column, "the definition has no column of this name any more");
    std::fs::write(&file, column).expect("a changed definition");
    copy
}

fn column(cluster: &Cluster) -> String {
    let columns = "jsonpath={.spec.versions[0].additionalPrinterColumns[?(@.jsonPath=='.spec.gitea.url')].name}";
    cluster.kubectl(&["get", "crd", "scmproviders.sluice.dev", "-o", columns]).expect("the definition")
}

/// Does what the notes say, word for word: so many commands.
pub(super) fn follow(cluster: &Cluster, notes: &str, number: usize) {
    let commands: Vec<&str> = notes.lines().map(str::trim).filter(|line| line.starts_with("kubectl ")).collect();
    assert_eq!(commands.len(), number, "{notes}");
    for command in commands {
        let mut shell = Command::new("sh");
        shell.args(["-ec", command]).env("KUBECONFIG", cluster.facts().kubeconfig("admin"));
        let output = shell.env("PATH", cluster.facts().path()).output().expect("sh");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The arguments of the container, after the program.
fn arguments(cluster: &Cluster) -> Vec<String> {
    let container =
        ["get", "deploy/sluice-controller", "-n", SYSTEM, "-o", "jsonpath={.spec.template.spec.containers[0]}"];
    let container: Value = serde_json::from_str(&cluster.kubectl(&container).expect("the Deployment")).expect("JSON");
    serde_json::from_value(container["args"].clone()).expect("arguments")
}

/// The controller as the kubelet would start it, with its probes answered.
async fn controller(cluster: &Cluster) -> Controller {
    let of_container = arguments(cluster);
    assert_eq!(of_container[..2], ["controller", "--listen=[::]:8081"]);
    // Here the port may be taken.
    let arguments = [&of_container[1..], &["--listen=127.0.0.1:0".to_owned()]].concat();
    let options = Options { namespace: None, arguments, ..Options::in_namespace("") };
    let controller = Controller::start(cluster, options).await.expect("a controller");
    eventually("the probes are answered", PATIENCE, async || {
        let log = controller.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let address = lines.filter_map(|line| line["address"].as_str().map(str::to_owned)).next();
        let address = address.ok_or_else(|| log.clone())?;
        for path in ["/healthz", "/readyz"] {
            let answer = cluster.http().get(format!("http://{address}{path}")).send().await;
            let status = answer.map_err(|error| error.to_string())?.status();
            if status != 200 {
                return Err(format!("{path}: {status}"));
            }
        }
        Ok(())
    })
    .await;
    controller
}

fn start(cluster: &Cluster, run: &str) {
    cluster.apply("shop", &crate::short::run(run, "wait")).expect("a run");
}

fn open(cluster: &Cluster, run: &str) {
    cluster.kubectl(&["create", "configmap", run, "-n", "shop"]).expect("a ConfigMap");
}

async fn waits(cluster: &Cluster, run: &str) {
    eventually(&format!("{run} waits"), PATIENCE, async || {
        let status = cluster.kubectl(&["get", "plr", run, "-n", "shop", "-o", "jsonpath={.status}"]);
        let status = status.map_err(|error| error.to_string())?;
        if status.contains("\"reason\":\"Waiting\"") { Ok(()) } else { Err(status) }
    })
    .await;
}

fn succeeds(cluster: &Cluster, run: &str) {
    let name = format!("plr/{run}");
    let wait = ["wait", "--for=condition=Succeeded", &name, "-n", "shop", "--timeout=120s"];
    cluster.kubectl(&wait).unwrap_or_else(|error| {
        let status = cluster.kubectl(&["get", "plr", run, "-n", "shop", "-o", "jsonpath={.status}"]);
        panic!("{error:#}: {status:?}")
    });
}

/// What `kubectl auth can-i` says of a user.
fn can(cluster: &Cluster, user: &str, question: &str) -> String {
    let mut command = cluster.kubectl_command("admin");
    let output = command.args(["auth", "can-i", "--as", user]).args(question.split(' ')).output().expect("kubectl");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Who may view or edit a namespace may do so with what is Sluice's in it.
async fn the_built_in_roles_know_the_kinds(cluster: &Cluster) {
    for (person, role) in [("alice", "view"), ("bob", "edit"), ("carol", "admin"), ("dave", "sluice-approver")] {
        let binding = ["create", "rolebinding", person, "--clusterrole", role, "--user", person, "-n", "shop"];
        cluster.kubectl(&binding).expect("a binding");
    }
    eventually("the roles are aggregated", PATIENCE, async || {
        let sees = can(cluster, "alice", "list pipelineruns -n shop");
        let starts = can(cluster, "bob", "create pipelineruns -n shop");
        if sees == "yes" && starts == "yes" { Ok(()) } else { Err(format!("{sees} {starts}")) }
    })
    .await;
    for (person, question, answer) in [
        ("alice", "create pipelineruns -n shop", "no"),
        ("alice", "abort pipelines.sluice.dev/wait -n shop", "no"),
        ("bob", "patch pipelineruns --subresource=status -n shop", "no"),
        ("bob", "list pipelineruns -n default", "no"),
        ("bob", "patch pipelines.sluice.dev -n shop", "yes"),
        ("bob", "patch environments.sluice.dev -n shop", "no"),
        ("alice", "get receivers.sluice.dev -n shop", "yes"),
        ("alice", "watch componentupdates.sluice.dev -n shop", "yes"),
        ("bob", "create componentupdates.sluice.dev -n shop", "no"),
        ("bob", "delete componentupdates.sluice.dev -n shop", "no"),
        ("bob", "create receivers.sluice.dev -n shop", "no"),
        ("bob", "patch receivers.sluice.dev -n shop", "no"),
        ("dave", "list componentupdates.sluice.dev -n shop", "yes"),
        ("dave", "create componentupdates.sluice.dev -n shop", "no"),
        ("carol", "create componentupdates.sluice.dev -n shop", "yes"),
        ("carol", "delete componentupdates.sluice.dev -n shop", "yes"),
        ("carol", "create receivers.sluice.dev -n shop", "yes"),
        ("carol", "patch receivers --subresource=status -n shop", "no"),
        ("bob", "run pipelines.sluice.dev/wait -n shop", "yes"),
        ("bob", "retry pipelines.sluice.dev/wait -n shop", "yes"),
        ("bob", "approve pipelines.sluice.dev/wait -n shop", "no"),
        ("bob", "skip pipelines.sluice.dev/wait -n shop", "no"),
        ("dave", "approve pipelines.sluice.dev/wait -n shop", "yes"),
        ("dave", "approve environments.sluice.dev/production -n shop", "yes"),
        ("dave", "abort pipelines.sluice.dev/wait -n shop", "no"),
        ("dave", "create pipelineruns.sluice.dev -n shop", "no"),
        ("carol", "unlock pipelines.sluice.dev/wait -n shop", "yes"),
        ("carol", "skip environments.sluice.dev/production -n shop", "yes"),
        ("carol", "patch environments.sluice.dev -n shop", "yes"),
        ("carol", "patch pipelineruns --subresource=status -n shop", "no"),
    ] {
        assert_eq!(can(cluster, person, question), answer, "{person}: {question}");
    }
    for (person, answer) in [("bob", "false"), ("carol", "true"), ("dave", "false"), (ACCOUNT, "false")] {
        assert_eq!(may_approve_stage(cluster, person), answer, "{person}");
    }
}

/// Whether a user may approve the restricted stage `only` of the pipeline `wait`. Stages are no kind of objects, of which alone
/// `kubectl auth can-i` knows.
fn may_approve_stage(cluster: &Cluster, user: &str) -> String {
    let attributes = "{group: sluice.dev, resource: stages, name: wait.only, namespace: shop, verb: approve}";
    let review = format!(
        "{{apiVersion: authorization.k8s.io/v1, kind: SubjectAccessReview, spec: {{user: '{user}', resourceAttributes: {attributes}}}}}"
    );
    let asked = ["create", "-f", "-", "-o", "jsonpath={.status.allowed}"];
    crate::short::kubectl(cluster, &asked, &review).expect("a review")
}

/// What the server is for, and nothing of what whoever takes it over might be tempted to.
fn the_server_may_do_little(cluster: &Cluster) {
    for (question, answer) in [
        ("watch receivers.sluice.dev -A", "yes"),
        ("patch receivers --subresource=status -n shop", "yes"),
        ("get environments.sluice.dev -n shop", "yes"),
        ("create componentupdates.sluice.dev -n shop", "yes"),
        ("get componentupdates.sluice.dev -n shop", "yes"),
        ("get serviceaccounts -n shop", "yes"),
        ("patch receivers.sluice.dev -n shop", "no"),
        ("create receivers.sluice.dev -n shop", "no"),
        ("list environments.sluice.dev -n shop", "no"),
        ("patch environments.sluice.dev -n shop", "no"),
        ("patch environments --subresource=status -n shop", "no"),
        ("list componentupdates.sluice.dev -n shop", "no"),
        ("patch componentupdates.sluice.dev -n shop", "no"),
        ("patch componentupdates --subresource=status -n shop", "no"),
        ("delete componentupdates.sluice.dev -n shop", "no"),
        ("get pipelines.sluice.dev -n shop", "no"),
        ("run pipelines.sluice.dev/wait -n shop", "no"),
        ("get pipelineruns.sluice.dev -n shop", "no"),
        ("create pipelineruns.sluice.dev -n shop", "no"),
        ("patch pipelineruns.sluice.dev -n shop", "no"),
        ("get secrets -n shop", "no"),
        ("list secrets -A", "no"),
        ("create serviceaccounts/token -n shop", "no"),
        ("impersonate serviceaccounts/deployer -n shop", "no"),
        ("impersonate users -A", "no"),
        ("create leases.coordination.k8s.io -n shop", "no"),
        ("get configmaps -n shop", "no"),
    ] {
        assert_eq!(can(cluster, SERVER, question), answer, "{question}");
    }
}

/// Not even whoever may do everything.
fn nobody_else_writes_a_status(cluster: &Cluster) {
    let forge =
        ["patch", "plr", "long", "-n", "shop", "--subresource=status", "--type=merge", "-p", "{\"status\": {}}"];
    let refusal = cluster.kubectl(&forge).expect_err("refused").to_string();
    assert!(refusal.contains("only the controller writes a status"), "{refusal}");
}

/// Nothing of what a controller might be tempted to.
fn may_do_nothing_else(cluster: &Cluster) {
    for question in [
        "get secrets -A",
        "list secrets -n sluice-system",
        "get configmaps -n shop",
        "list pods -A",
        "create jobs -n shop",
        "create serviceaccounts/token -n shop",
        "get applications.argoproj.io -n argocd",
        "patch applications.argoproj.io -n argocd",
        "impersonate serviceaccounts/default -n shop",
        "impersonate serviceaccounts/deployer -n kube-system",
        "impersonate users -A",
        "deletecollection pipelineruns.sluice.dev -n shop",
        "delete pipelines.sluice.dev -n shop",
        "patch pipelines.sluice.dev -n shop",
        "create roles -n shop",
        "patch environments.sluice.dev -n shop",
        "create componentupdates.sluice.dev -n shop",
        "patch componentupdates.sluice.dev -n shop",
        "patch receivers.sluice.dev -n shop",
        "patch receivers --subresource=status -n shop",
        "approve pipelines.sluice.dev/wait -n shop",
        "approve environments.sluice.dev/production -n shop",
        "run pipelines.sluice.dev/wait -n shop",
        "retry pipelines.sluice.dev/wait -n shop",
        "skip pipelines.sluice.dev/wait -n shop",
        "unlock pipelines.sluice.dev/wait -n shop",
        "delete validatingadmissionpolicies.admissionregistration.k8s.io",
    ] {
        assert_eq!(can(cluster, ACCOUNT, question), "no", "{question}");
    }
    // It ends the runs that steps have started, as anybody would.
    for question in ["impersonate serviceaccounts/deployer -n shop", "abort pipelines.sluice.dev/wait -n shop"] {
        assert_eq!(can(cluster, ACCOUNT, question), "yes", "{question}");
    }
}
