//! Argo CD: its repository server and its application controller, which is all that syncing takes.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::runtime::wait::{await_condition, conditions::is_crd_established};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Layout, ready};
use crate::facts::{self, Facts};
use crate::paths;
use crate::process::{Process, bound_to_us};

/// How often Argo CD looks for new commits by itself; a refresh annotation is seen at once.
const RECONCILIATION: &str = "10s";

/// The ports that Argo CD takes.
pub(super) struct Ports {
    pub(super) redis: u16,
    pub(super) repo_server: u16,
    pub(super) repo_server_metrics: u16,
    pub(super) controller_metrics: u16,
}

/// Applies the CRDs and the settings, then starts both servers.
pub(super) async fn start(
    layout: &Layout,
    admin: Client,
    gitea: &super::gitea::Gitea,
    ports: &Ports,
) -> Result<Vec<Process>> {
    install(layout, admin, &gitea.url, &gitea.token).await?;
    let redis = format!("127.0.0.1:{}", ports.redis);
    let kubeconfig = facts::kubeconfig(&layout.dir, "admin").display().to_string();
    let repo_server = format!("127.0.0.1:{}", ports.repo_server);

    let mut command = environment(layout, "argocd-repo-server")?;
    command.args([
        "--redis",
        &redis,
        "--address",
        "127.0.0.1",
        "--port",
        &ports.repo_server.to_string(),
        "--disable-tls",
    ]);
    command.args(["--metrics-address", "127.0.0.1", "--metrics-port", &ports.repo_server_metrics.to_string()]);
    // A commit made a moment ago is what a comparison is about.
    command.args(["--revision-cache-expiration", "1s"]);
    let repo = Process::start("argocd-repo-server", command, &layout.log("argocd-repo-server"))?;

    let mut command = environment(layout, "argocd-application-controller")?;
    command.args(["--kubeconfig", &kubeconfig, "--namespace", Facts::ARGOCD_NAMESPACE, "--redis", &redis]);
    command.args(["--repo-server", &repo_server, "--repo-server-plaintext", "--app-resync-jitter", "0"]);
    command.args(["--metrics-port", &ports.controller_metrics.to_string()]);
    let controller =
        Process::start("argocd-application-controller", command, &layout.log("argocd-application-controller"))?;

    let client = reqwest::Client::new();
    let health = |port| format!("http://127.0.0.1:{port}/healthz");
    ready::http(&repo, &client, &health(ports.repo_server_metrics)).await?;
    ready::http(&controller, &client, &health(ports.controller_metrics)).await?;
    Ok(vec![controller, repo])
}

/// What both servers would find in their container.
fn environment(layout: &Layout, name: &str) -> Result<Command> {
    let dir = layout.fresh(name)?;
    let kubeconfig = facts::kubeconfig(&layout.dir, "admin");
    let mut command = bound_to_us(layout.program(name));
    command.env("KUBECONFIG", kubeconfig).env("HOME", &dir).env("TMPDIR", &dir);
    command.env("ARGOCD_GPG_ENABLED", "false").env("ARGOCD_FAKE_IN_CLUSTER", "true");
    command.env("ARGOCD_RECONCILIATION_TIMEOUT", RECONCILIATION).env("ARGOCD_RECONCILIATION_JITTER", "0s");
    // Relative: the path of a socket is limited to 107 bytes.
    command.current_dir(&dir).env("ARGOCD_ASK_PASS_SOCK", "askpass.sock");
    for (variable, sub) in
        [("ARGOCD_TLS_DATA_PATH", "tls"), ("ARGOCD_SSH_DATA_PATH", "ssh"), ("ARGOCD_PLUGINSOCKFILEPATH", "plugins")]
    {
        fs::create_dir(dir.join(sub))?;
        command.env(variable, dir.join(sub));
    }
    // git asks `argocd` for credentials.
    command.env("PATH", format!("{}:{}", layout.dir.join("bin").display(), std::env::var("PATH").unwrap_or_default()));
    Ok(command)
}

async fn install(layout: &Layout, admin: Client, gitea: &str, token: &str) -> Result<()> {
    // With a slash at the end, or kubectl does not follow the link.
    let crds = format!("{}/", layout.dir.join("argocd").display());
    kubectl(layout, &["apply", "--server-side", "-f", &crds], None)?;
    let definitions: Api<CustomResourceDefinition> = Api::all(admin);
    for kind in ["applications", "appprojects", "applicationsets"] {
        let name = format!("{kind}.argoproj.io");
        let established = await_condition(definitions.clone(), &name, is_crd_established());
        timeout(Duration::from_secs(60), established)
            .await
            .with_context(|| format!("{name} was not established"))??;
    }
    let settings = json!({"apiVersion": "v1", "kind": "List", "items": settings(gitea, token)});
    kubectl(layout, &["apply", "--server-side", "-f", "-"], Some(&settings))?;
    // As a person teaches Argo CD the health of Sluice's kinds.
    let health = paths::workspace().join("deploy/argocd/health.yaml").display().to_string();
    kubectl(layout, &["apply", "--server-side", "--field-manager=sluice", "-f", &health], None)
}

fn settings(gitea: &str, token: &str) -> Vec<Value> {
    let namespace = Facts::ARGOCD_NAMESPACE;
    let object = |kind: &str, name: &str, data: Value| {
        let labels = json!({"app.kubernetes.io/part-of": "argocd"});
        let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace, "labels": labels}});
        object[if kind == "Secret" { "stringData" } else { "data" }] = data;
        object
    };
    let exclusions = "[{apiGroups: ['', events.k8s.io, coordination.k8s.io, discovery.k8s.io, authentication.k8s.io, authorization.k8s.io, \
                      metrics.k8s.io], kinds: [Event, Lease, Endpoints, EndpointSlice, TokenReview, SubjectAccessReview, \
                      SelfSubjectReview, LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview], clusters: ['*']}]";
    let main = json!({"timeout.reconciliation": RECONCILIATION, "timeout.reconciliation.jitter": "0s", "resource.exclusions": exclusions});
    let mut repositories =
        object("Secret", "gitea", json!({"type": "git", "url": gitea, "username": "sluice-admin", "password": token}));
    repositories["metadata"]["labels"]["argocd.argoproj.io/secret-type"] = "repo-creds".into();
    let project = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "default", "namespace": namespace},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"namespace": "*", "server": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        },
    });
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        object("ConfigMap", "argocd-cm", main),
        object("ConfigMap", "argocd-cmd-params-cm", json!({})),
        object("ConfigMap", "argocd-rbac-cm", json!({})),
        object("ConfigMap", "argocd-tls-certs-cm", json!({})),
        object("ConfigMap", "argocd-ssh-known-hosts-cm", json!({"ssh_known_hosts": ""})),
        object("ConfigMap", "argocd-gpg-keys-cm", json!({})),
        object("Secret", "argocd-secret", json!({"server.secretkey": "nobody logs in here"})),
        repositories,
        project,
    ]
}

fn kubectl(layout: &Layout, arguments: &[&str], input: Option<&Value>) -> Result<()> {
    let mut command = Command::new(layout.program("kubectl"));
    command.env("KUBECONFIG", facts::kubeconfig(&layout.dir, "admin")).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    if let (Some(input), Some(stdin)) = (input, child.stdin.take()) {
        serde_json::to_writer(stdin, input)?;
    }
    let output = child.wait_with_output().context("failed to run kubectl")?;
    if !output.status.success() {
        bail!("kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
