//! `tests/examples/flow_controller.rs`: the engine's flows in a controller of somebody else, with one worker for many processes.

#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../../examples/flow_controller.rs"]
mod example;

use std::collections::BTreeMap;

use futures::future::join_all;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, CustomResourceExt};
use serde_json::json;
use sluice_engine::flow::{Next, State};
use sluice_tests::{Cluster, TestNamespace, eventually};
use tokio::task::JoinHandle;

use crate::PATIENCE;
use example::{Delivery, DeliverySpec};

const DELIVERIES: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_carries_fifty_deliveries_through_two_kills_and_each_effect_comes_once() {
    let cluster = Cluster::connect().await;
    define(&cluster).await;
    let test = TestNamespace::new(&cluster, "flow").await;
    join_all((0..DELIVERIES).map(|number| create(&test, number))).await;

    let controller = Running::start(&test);
    reached(&test, "deliveries are under way", |states| states.len() >= DELIVERIES / 5).await;
    controller.kill().await;

    let controller = Running::start(&test);
    let all_wait = |states: &[State]| states.iter().filter(|state| state.next() == Next::Wait).count() == DELIVERIES;
    reached(&test, "all wait at once", all_wait).await;
    join_all((0..DELIVERIES).map(|number| accept(&test, number))).await;
    reached(&test, "deliveries are finished", |states| finished(states) >= DELIVERIES / 5).await;
    controller.kill().await;

    let _controller = Running::start(&test);
    reached(&test, "all are finished", |states| finished(states) == DELIVERIES).await;
    assert_eq!(effects(&test), expected());
}

/// The controller of the example, as long as it is kept.
struct Running(JoinHandle<()>);

impl Running {
    fn start(test: &TestNamespace) -> Self {
        let (client, namespace) = (test.cluster().admin(), test.name().to_owned());
        Self(tokio::spawn(async move { example::run(client, &namespace).await.expect("a flow") }))
    }

    /// Drops it, whatever it is doing.
    async fn kill(mut self) {
        self.0.abort();
        let ended = (&mut self.0).await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "it ended by itself");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Has the kind of the example in the cluster.
async fn define(cluster: &Cluster) {
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.admin());
    let parameters = PatchParams::apply("flow-controller").force();
    let name = Delivery::crd_name();
    definitions.patch(name, &parameters, &Patch::Apply(Delivery::crd())).await.expect("a definition");
    let established = await_condition(definitions, name, conditions::is_crd_established());
    tokio::time::timeout(PATIENCE, established).await.expect("in time").expect("the definition");
}

fn name_of(number: usize) -> String {
    format!("delivery-{number}")
}

/// Every second one is announced.
async fn create(test: &TestNamespace, number: usize) {
    let delivery = Delivery {
        metadata: ObjectMeta { name: Some(name_of(number)), ..ObjectMeta::default() },
        spec: DeliverySpec { version: "1.1.0".to_owned(), announce: number.is_multiple_of(2) },
        status: None,
    };
    test.api().create(&PostParams::default(), &delivery).await.expect("a delivery");
}

async fn accept(test: &TestNamespace, number: usize) {
    let request = format!("{}-request", name_of(number));
    let patch = Patch::Merge(json!({"data": {"accepted": "true"}}));
    test.api::<ConfigMap>().patch(&request, &PatchParams::default(), &patch).await.expect("a request");
}

/// Waits until the saved states are as they should be.
async fn reached(test: &TestNamespace, what: &str, is_reached: impl Fn(&[State]) -> bool) {
    let deliveries: Api<Delivery> = test.api();
    eventually(what, PATIENCE, async || {
        let list = deliveries.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
        let states: Vec<State> = list.items.into_iter().filter_map(|it| it.status).map(|status| status.flow).collect();
        if is_reached(&states) { Ok(()) } else { Err(format!("{states:?}")) }
    })
    .await;
}

fn finished(states: &[State]) -> usize {
    states.iter().filter(|state| state.is_finished()).count()
}

/// How often the API server has created each ConfigMap of a delivery.
fn effects(test: &TestNamespace) -> BTreeMap<String, usize> {
    let mut created = BTreeMap::new();
    for event in test.cluster().audit(test.name()).expect("the audit log") {
        let (object, code) = (&event["objectRef"], &event["responseStatus"]["code"]);
        let name = object["name"].as_str().unwrap_or_default();
        if event["verb"] == "create"
            && object["resource"] == "configmaps"
            && code == 201
            && name.starts_with("delivery-")
        {
            *created.entry(name.to_owned()).or_default() += 1;
        }
    }
    created
}

/// One request each, and every second announcement.
fn expected() -> BTreeMap<String, usize> {
    let requests = (0..DELIVERIES).map(|number| format!("{}-request", name_of(number)));
    let announcements = (0..DELIVERIES).step_by(2).map(|number| format!("{}-announcement", name_of(number)));
    requests.chain(announcements).map(|name| (name, 1)).collect()
}
