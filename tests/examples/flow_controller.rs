//! A small controller with a kind of its own, which carries `Delivery` objects through a flow.
//!
//! The state of each object is in its status; one worker serves them all, since nothing that waits holds it. A delivery is
//! requested by a ConfigMap, waits until somebody sets `accepted: "true"` in that, and is announced by another.
//!
//! ```sh
//! cargo run -p sluice-tests --example flow_controller crd | kubectl apply -f -
//! cargo run -p sluice-tests --example flow_controller
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, PostParams};
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::watcher;
use kube::{Api, Client, CustomResource, CustomResourceExt, Resource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::flow::{BuildError, Flow, Next, State};

/// Brings a version to where it is wanted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "flow.example.com",
    version = "v1",
    kind = "Delivery",
    plural = "deliveries",
    namespaced,
    status = "DeliveryStatus",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.flow.phase"),
    printcolumn(name = "At", type_ = "string", json_path = ".status.flow.at")
)]
pub(crate) struct DeliverySpec {
    /// What is delivered.
    pub(crate) version: String,
    /// Whether it is announced in the end.
    #[serde(default)]
    pub(crate) announce: bool,
}

/// Where the delivery stands.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DeliveryStatus {
    pub(crate) flow: State,
}

/// The flow of every delivery.
fn delivery() -> Result<Flow<Work, kube::Error>, BuildError> {
    Flow::<Work, kube::Error>::named("delivery/v1")
        .step("request", async |work| work.create("request").await)
        .wait_for("waitForAcceptance", Work::is_accepted)
        .case("announce", Work::is_announced, |group| {
            group.step("tell", async |work| work.create("announcement").await)
        })
        .build()
}

/// What the steps of one delivery work with.
struct Work {
    delivery: Arc<Delivery>,
    config_maps: Api<ConfigMap>,
}

impl Work {
    /// Creates a ConfigMap of the delivery. The name is the key: one that is there was created by an apply whose outcome was
    /// not saved.
    async fn create(&mut self, what: &str) -> kube::Result<()> {
        let config_map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(self.name_of(what)),
                owner_references: self.delivery.controller_owner_ref(&()).map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            data: Some(BTreeMap::from([("version".to_owned(), self.delivery.spec.version.clone())])),
            ..ConfigMap::default()
        };
        match self.config_maps.create(&PostParams::default(), &config_map).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            created => created.map(|_| ()),
        }
    }

    async fn is_accepted(&mut self) -> kube::Result<bool> {
        let request = self.config_maps.get(&self.name_of("request")).await?;
        Ok(request.data.unwrap_or_default().get("accepted").is_some_and(|accepted| accepted == "true"))
    }

    async fn is_announced(&mut self) -> kube::Result<bool> {
        Ok(self.delivery.spec.announce)
    }

    fn name_of(&self, what: &str) -> String {
        format!("{}-{what}", self.delivery.name_any())
    }
}

/// What all reconciles share.
struct Shared {
    client: Client,
    flow: Flow<Work, kube::Error>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("failed to apply the flow")]
    Apply(#[from] sluice_engine::flow::Error<kube::Error>),
    #[error("failed to save the state")]
    Save(#[from] kube::Error),
}

/// One apply: the state is read, the next thing done, the state saved.
async fn reconcile(delivery: Arc<Delivery>, shared: Arc<Shared>) -> Result<Action, Error> {
    let namespace = delivery.namespace().unwrap_or_default();
    let saved = delivery.status.as_ref().map(|status| &status.flow);
    let config_maps = Api::namespaced(shared.client.clone(), &namespace);
    let mut work = Work { delivery: delivery.clone(), config_maps };
    let state = shared.flow.apply(&mut work, saved.unwrap_or(&shared.flow.start())).await?;
    if saved != Some(&state) {
        save(&shared.client, &namespace, &delivery, state.clone()).await?;
    }
    Ok(match state.next() {
        // The saved status is a change, which calls this again.
        Next::Apply | Next::Nothing => Action::await_change(),
        // So is a change of a ConfigMap; the minute is for what might be missed.
        Next::Wait => Action::requeue(Duration::from_secs(60)),
        Next::WaitUntil(time) => {
            Action::requeue(Duration::try_from(time.duration_since(Timestamp::now())).unwrap_or_default())
        }
    })
}

/// Writes the status over the version that was read: a reconcile that saw an old one does not win.
async fn save(client: &Client, namespace: &str, delivery: &Delivery, flow: State) -> kube::Result<()> {
    let deliveries: Api<Delivery> = Api::namespaced(client.clone(), namespace);
    let next = Delivery { status: Some(DeliveryStatus { flow }), ..delivery.clone() };
    deliveries.replace_status(&delivery.name_any(), &PostParams::default(), &next).await.map(|_| ())
}

/// A failure keeps the position, so the same is tried again.
fn after_failure(_: Arc<Delivery>, _: &Error, _: Arc<Shared>) -> Action {
    Action::requeue(Duration::from_secs(1))
}

/// Runs the controller with one worker, in a namespace. Dropped at any point, it goes on from there when it runs again.
pub(crate) async fn run(client: Client, namespace: &str) -> Result<(), BuildError> {
    let shared = Shared { client: client.clone(), flow: delivery()? };
    Controller::new(Api::<Delivery>::namespaced(client.clone(), namespace), watcher::Config::default())
        .owns(Api::<ConfigMap>::namespaced(client, namespace), watcher::Config::default())
        .with_config(controller::Config::default().concurrency(1))
        .run(reconcile, after_failure, Arc::new(shared))
        .for_each(async |outcome| match outcome {
            Ok((delivery, _)) => tracing::info!(%delivery, "applied"),
            Err(error) => tracing::warn!(%error, "not applied"),
        })
        .await;
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("crd") {
        println!("{}", serde_json::to_string_pretty(&Delivery::crd())?);
        return Ok(());
    }
    tracing_subscriber::fmt::init();
    // More than one of the crates here brings a provider, and rustls refuses to guess.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let client = Client::try_default().await?;
    let namespace = client.default_namespace().to_owned();
    Ok(run(client, &namespace).await?)
}
