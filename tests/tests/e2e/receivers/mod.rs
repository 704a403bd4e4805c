//! `sluice server`: what it takes, what it refuses, and what it costs.

#![allow(clippy::unwrap_used, reason = "a test ends with its first surprise")]
#![allow(clippy::print_stdout, reason = "what was measured is for whoever asks for it with --nocapture")]

mod abuse;
mod forged;
mod hints;
mod reports;
mod trigger;

use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use serde_json::{Value, json};
use sluice_api::{ComponentUpdate, Environment};
use sluice_tests::{Cluster, Server, eventually, fixture::Team};

/// The secret of every Receiver here.
const SECRET: &str = "not a secret: only for tests";

/// A namespace with the Environment `staging`, which has the component `web`, and a ready Receiver `ci` for it.
struct Post {
    team: Team,
    server: Server,
    http: reqwest::Client,
}

impl Post {
    async fn open() -> Self {
        let cluster = Cluster::connect().await;
        let team = Team::open(&cluster).await;
        let server = team.server().await;
        team.apply_value(&json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "Environment", "metadata": {"name": "staging"},
            "spec": {"components": [{"name": "web"}, {"name": "db"}]},
        }));
        team.receive("ci", &json!({"component": {"environments": ["staging", "gone"]}}), SECRET).await;
        Self { team, server, http: reqwest::Client::new() }
    }

    fn url(&self) -> String {
        self.server.url_of(self.team.namespace(), "ci")
    }

    /// Sends a signed body to the Receiver `ci`: the status, and the answer.
    async fn send(&self, report: &Value) -> (u16, Value) {
        let body = report.to_string();
        self.send_as(&body, &sluice_server::sign(SECRET.as_bytes(), body.as_bytes())).await
    }

    async fn send_as(&self, body: &str, signature: &str) -> (u16, Value) {
        let request = self.http.post(self.url()).header("X-Hub-Signature-256", signature).body(body.to_owned());
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }

    /// All that was stored.
    async fn updates(&self) -> Vec<ComponentUpdate> {
        all(&self.team).await
    }
}

async fn all<K>(team: &Team) -> Vec<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    team.home().api::<K>().list(&Default::default()).await.unwrap().items
}

fn report(id: &str, sequence: i64) -> Value {
    json!({"id": id, "sequence": sequence, "environment": "staging", "component": "web", "version": format!("1.{sequence}")})
}
