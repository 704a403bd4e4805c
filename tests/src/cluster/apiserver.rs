//! kube-apiserver, its users and its kubeconfigs.

use std::fs;

use anyhow::{Context, Result};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::{Layout, ready};
use crate::connect::kubeconfig_text;
use crate::process::{Process, bound_to_us};

/// The people of the cluster. Only `admin` has rights (`system:masters`); tests give the others theirs, by namespace.
pub const USERS: &[&str] = &["admin", "developer", "approver", "alice", "bob", "carol", "dave"];

/// Writes are audited, and so is who reads Secrets; the rest is noise of the cluster's own controllers.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, resources: [{group: coordination.k8s.io}, {group: events.k8s.io}, {group: '', resources: [events]}]}
- {level: Metadata, resources: [{group: '', resources: [secrets]}]}
- {level: None, verbs: [get, list, watch]}
- {level: Metadata}
";

/// A started API server.
pub(super) struct ApiServer {
    pub(super) process: Process,
    pub(super) url: String,
    /// PEM.
    pub(super) ca: String,
}

/// The file of the key that signs the tokens of ServiceAccounts.
pub(super) fn signing_key(layout: &Layout) -> std::path::PathBuf {
    layout.dir.join("service-accounts.key")
}

/// Starts the API server and writes a kubeconfig for each of [`USERS`].
pub(super) async fn start(layout: &Layout, etcd: &str, port: u16) -> Result<ApiServer> {
    write_signing_key(layout)?;
    let tokens = layout.dir.join("tokens.csv");
    let lines: Vec<_> = USERS.iter().map(|user| token_line(user)).collect();
    fs::write(&tokens, lines.join("\n"))?;
    let policy = layout.dir.join("audit-policy.yaml");
    fs::write(&policy, AUDIT_POLICY)?;
    let certificates = layout.fresh("apiserver")?;
    let key = signing_key(layout).display().to_string();

    let mut command = bound_to_us(layout.program("kube-apiserver"));
    command.args(["--bind-address=127.0.0.1", "--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/24"]);
    command.args(["--endpoint-reconciler-type=none", "--service-account-issuer=https://kubernetes.default.svc"]);
    command.args([format!("--secure-port={port}"), format!("--etcd-servers={etcd}")]);
    command.args([format!("--service-account-key-file={key}"), format!("--service-account-signing-key-file={key}")]);
    command.args([format!("--token-auth-file={}", tokens.display()), format!("--cert-dir={}", certificates.display())]);
    command.args([
        format!("--audit-policy-file={}", policy.display()),
        format!("--audit-log-path={}", layout.log("audit").display()),
    ]);
    // Tests and benchmarks are one client to the API server, and it may have all of it.
    command.args(["--max-requests-inflight=4000", "--max-mutating-requests-inflight=2000"]);
    let process = Process::start("kube-apiserver", command, &layout.log("kube-apiserver"))?;

    let url = format!("https://127.0.0.1:{port}");
    ready::tcp(&process, port).await?;
    let ca = fs::read_to_string(certificates.join("apiserver.crt")).context("no certificate of the API server")?;
    fs::create_dir_all(layout.dir.join("kubeconfig"))?;
    for user in USERS {
        fs::write(crate::facts::kubeconfig(&layout.dir, user), kubeconfig_text(&url, Some(&ca), &token_of(user)))?;
    }
    let root = reqwest::Certificate::from_pem_bundle(ca.as_bytes())?;
    let client = reqwest::Client::builder().tls_certs_only(root);
    let headers =
        [(reqwest::header::AUTHORIZATION, format!("Bearer {}", token_of("admin")).parse()?)].into_iter().collect();
    ready::http(&process, &client.default_headers(headers).build()?, &format!("{url}/readyz")).await?;
    Ok(ApiServer { process, url, ca })
}

/// The token of one of [`USERS`].
pub fn token_of(user: &str) -> String {
    format!("{user}-token")
}

fn token_line(user: &str) -> String {
    let group = if user == "admin" { "system:masters" } else { "people" };
    format!("{},{user},{user},{group}", token_of(user))
}

fn write_signing_key(layout: &Layout) -> Result<()> {
    let pair = KeyPair::generate(KeySize::Rsa2048).context("failed to make a key")?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).context("failed to encode a key")?;
    let body = BASE64_STANDARD.encode(der.as_ref());
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    Ok(fs::write(signing_key(layout), pem)?)
}
