//! How a test reaches the cluster: clients for people and ServiceAccounts, and kubectl.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::facts::Facts;
use crate::gitea::Gitea;

/// A connection to the running test cluster.
#[derive(Clone)]
pub struct Cluster {
    facts: Facts,
    admin: Client,
    http: reqwest::Client,
}

impl Cluster {
    /// Connects to the cluster that `cluster up` or `cluster with` started.
    ///
    /// # Panics
    /// When there is none: a missing cluster fails a test, it never skips it.
    pub async fn connect() -> Self {
        Self::try_connect().await.expect("the end-to-end tests need the test cluster")
    }

    /// As [`Cluster::connect`], for callers that handle the error themselves.
    pub async fn try_connect() -> Result<Self> {
        Self::of(Facts::find()?).await
    }

    /// Connects to the cluster of these facts.
    pub(crate) async fn of(facts: Facts) -> Result<Self> {
        let admin = client(&facts.kubeconfig("admin")).await?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { facts, admin, http })
    }

    /// Where everything is.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// A client that may do everything.
    pub fn admin(&self) -> Client {
        self.admin.clone()
    }

    /// A client of one of [`crate::cluster::USERS`].
    pub async fn user(&self, name: &str) -> Client {
        let path = self.facts.kubeconfig(name);
        client(&path).await.unwrap_or_else(|error| panic!("failed to connect as {name}: {error:#}"))
    }

    /// A client of one of [`crate::cluster::USERS`] through a proxy (plain HTTP).
    pub async fn user_through(&self, name: &str, proxy: &str) -> Result<Client> {
        from_text(&kubeconfig_text(proxy, None, &crate::cluster::token_of(name))).await
    }

    /// A client of a ServiceAccount.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<Client> {
        let token = self.token(namespace, name).await?;
        let text = kubeconfig_text(&self.facts.api_url, Some(&self.facts.api_ca), &token);
        from_text(&text).await
    }

    /// A token of a ServiceAccount, good for a day.
    pub async fn token(&self, namespace: &str, name: &str) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin(), namespace);
        let spec = TokenRequestSpec { expiration_seconds: Some(24 * 3600), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let answer = accounts.create_token_request(name, &PostParams::default(), &request).await;
        let status = answer.with_context(|| format!("no token for {namespace}/{name}"))?.status;
        status.and_then(|status| status.token).context("a TokenRequest without an answer")
    }

    /// Runs kubectl as `admin` and returns its output, or fails with what it said.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl_as("admin", arguments)
    }

    /// Runs kubectl as one of [`crate::cluster::USERS`].
    pub fn kubectl_as(&self, user: &str, arguments: &[&str]) -> Result<String> {
        let output = self.kubectl_command(user).args(arguments).output().context("failed to run kubectl")?;
        if !output.status.success() {
            bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Applies manifests (YAML, several documents) in a namespace as `admin`.
    pub fn apply(&self, namespace: &str, manifests: &str) -> Result<String> {
        self.apply_as("admin", namespace, manifests)
    }

    /// Applies manifests as one of [`crate::cluster::USERS`].
    pub fn apply_as(&self, user: &str, namespace: &str, manifests: &str) -> Result<String> {
        use std::io::Write;
        use std::process::Stdio;
        let mut command = self.kubectl_command(user);
        command.args(["apply", "--server-side", "--force-conflicts", "-n", namespace, "-f", "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("no stdin")?.write_all(manifests.as_bytes())?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(anyhow!("kubectl apply: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        // Warnings count: nothing of ours may cause one.
        Ok(String::from_utf8(output.stdout)? + &String::from_utf8_lossy(&output.stderr))
    }

    /// What the API server has audited in a namespace, oldest first: every write and every read of a Secret, as `Event` of
    /// `audit.k8s.io/v1` without bodies (`verb`, `user`, `impersonatedUser`, `objectRef`, `responseStatus`, ...).
    pub fn audit(&self, namespace: &str) -> Result<Vec<Value>> {
        let log = std::fs::read_to_string(self.facts.audit_log())?;
        // The last line may still be under way.
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Ok(events.filter(|event| event["objectRef"]["namespace"] == namespace).collect())
    }

    /// A kubectl to give arguments to.
    pub fn kubectl_command(&self, user: &str) -> Command {
        let mut command = Command::new(self.facts.program("kubectl"));
        command.env("KUBECONFIG", self.facts.kubeconfig(user)).env("PATH", self.facts.path());
        command
    }

    /// Gitea as its administrator.
    pub fn gitea(&self) -> Gitea {
        Gitea::new(self.http.clone(), &self.facts.gitea_url, &self.facts.gitea_token)
    }

    /// A client for the small services, without redirects followed or proxies used.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The list at a path of the small services: `/alerts?run=x`, `/collections?environment=y`.
    pub async fn services(&self, path: &str) -> Result<Vec<Value>> {
        let answer = self.http.get(format!("{}{path}", self.facts.services_url)).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Sets a gauge that Prometheus scrapes within about a second.
    pub async fn set_metric(&self, name: &str, value: f64) -> Result<()> {
        let request = self.http.put(format!("{}/metrics/{name}", self.facts.services_url)).body(value.to_string());
        Ok(request.send().await?.error_for_status().map(|_| ())?)
    }
}

/// A kubeconfig of one cluster and one token. Without a certificate authority the URL is plain HTTP.
pub fn kubeconfig_text(url: &str, ca: Option<&str>, token: &str) -> String {
    use base64::Engine;
    let mut cluster = json!({"server": url});
    if let Some(ca) = ca {
        cluster["certificate-authority-data"] = base64::prelude::BASE64_STANDARD.encode(ca).into();
    }
    // JSON is YAML.
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "default"}}],
    })
    .to_string()
}

/// A client of a kubeconfig.
pub(crate) async fn client(kubeconfig: &Path) -> Result<Client> {
    let text =
        std::fs::read_to_string(kubeconfig).with_context(|| format!("failed to read {}", kubeconfig.display()))?;
    from_text(&text).await
}

async fn from_text(text: &str) -> Result<Client> {
    // Two crates choose a provider of their own, and rustls refuses to guess. Installed twice is fine.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let config = Config::from_custom_kubeconfig(Kubeconfig::from_yaml(text)?, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
