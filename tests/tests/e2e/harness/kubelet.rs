//! Workloads behave as on real nodes.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use serde_json::{Value, json};
use sluice_tests::{Cluster, TestNamespace, eventually};

use super::{PATIENCE, deployment};

#[tokio::test]
async fn a_deployment_rolls_from_one_image_to_the_next() {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "roll").await;
    for image in ["registry.example/web:1.0", "registry.example/web:1.1"] {
        test.apply(&deployment(image));
        eventually("both replicas run the new image", PATIENCE, async || {
            let deployment = test.api::<Deployment>().get("web").await.map_err(|error| error.to_string())?;
            let status = deployment.status.unwrap_or_default();
            let done = status.observed_generation >= deployment.metadata.generation
                && status.updated_replicas == Some(2)
                && status.available_replicas == Some(2)
                && status.replicas == Some(2);
            if done { Ok(()) } else { Err(json!(status).to_string()) }
        })
        .await;
        eventually("the old pods are gone", PATIENCE, async || {
            let pods = test.api::<Pod>().list(&ListParams::default()).await.map_err(|error| error.to_string())?;
            let images: Vec<_> = pods.iter().map(|pod| json!(pod.spec)["containers"][0]["image"].clone()).collect();
            if images == [image, image] { Ok(()) } else { Err(json!(images).to_string()) }
        })
        .await;
    }
}

#[tokio::test]
async fn a_broken_image_never_becomes_ready() {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "broken").await;
    test.apply(&deployment("registry.example/web:broken"));
    eventually("the pods wait for their image", PATIENCE, async || {
        let pods = test.api::<Pod>().list(&ListParams::default()).await.map_err(|error| error.to_string())?;
        let reason = |pod: &Pod| json!(pod.status)["containerStatuses"][0]["state"]["waiting"]["reason"].clone();
        let reasons: Vec<_> = pods.iter().map(reason).collect();
        if reasons == ["ImagePullBackOff", "ImagePullBackOff"] { Ok(()) } else { Err(json!(reasons).to_string()) }
    })
    .await;
}

#[tokio::test]
async fn a_job_completes_with_its_message() {
    let pod = job_ends("Complete", json!({"kubelet.test/message": "{\"sha\":\"abc\"}"})).await;
    assert_eq!(pod["phase"], "Succeeded");
    assert_eq!(pod["containerStatuses"][0]["state"]["terminated"]["message"], "{\"sha\":\"abc\"}");
}

#[tokio::test]
async fn a_job_fails_for_memory() {
    let pod = job_ends("Failed", json!({"kubelet.test/reason": "OOMKilled"})).await;
    assert_eq!(pod["phase"], "Failed");
    let terminated = &pod["containerStatuses"][0]["state"]["terminated"];
    assert_eq!((&terminated["reason"], &terminated["exitCode"]), (&json!("OOMKilled"), &json!(137)));
}

#[tokio::test]
async fn a_job_is_evicted() {
    let pod = job_ends("Failed", json!({"kubelet.test/reason": "Evicted"})).await;
    assert_eq!((&pod["phase"], &pod["reason"]), (&json!("Failed"), &json!("Evicted")));
}

/// Runs a Job with these annotations of its Pod until it has the condition; returns the Pod's status.
async fn job_ends(condition: &str, annotations: Value) -> Value {
    let cluster = Cluster::connect().await;
    let test = TestNamespace::new(&cluster, "job").await;
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "task"},
        "spec": {"backoffLimit": 0, "template": {
            "metadata": {"annotations": annotations},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "task", "image": "registry.example/task:1"}]},
        }},
    });
    test.apply(&job.to_string());
    eventually(&format!("the job is {condition}"), PATIENCE, async || {
        let job = test.api::<Job>().get("task").await.map_err(|error| error.to_string())?;
        let conditions = job.status.unwrap_or_default().conditions.unwrap_or_default();
        let found = conditions.iter().any(|c| c.type_ == condition && c.status == "True");
        if found { Ok(()) } else { Err(json!(conditions).to_string()) }
    })
    .await;
    let pods = test.api::<Pod>().list(&ListParams::default()).await.expect("the job's pods");
    json!(pods.items[0].status)
}
