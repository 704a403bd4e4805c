//! What starts runs without a person: who may bring it about, and what the server's account may not. A report of a component starts
//! the run that its Environment names, so it has to be as hard to forge as a run.

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{Place, run, told, waiting};

const SERVER: &str = "system:serviceaccount:sluice-system:sluice-server";

fn update(name: &str) -> Value {
    let spec = json!({"environment": "staging", "component": "web", "version": "1.4.2", "sequence": 17, "id": name});
    object("ComponentUpdate", name, &spec)
}

fn receiver(name: &str) -> Value {
    let spec = json!({"gitea": {}, "serviceAccountName": "receiver", "secretRef": {"name": "hooks"}});
    object("Receiver", name, &spec)
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

impl Place {
    async fn server(&self) -> Client {
        self.test.cluster().service_account("sluice-system", "sluice-server").await.expect("its account")
    }

    async fn create_as(&self, client: Client, object: &Value) -> Result<(), String> {
        let api = self.kind(object["kind"].as_str().unwrap_or_default(), client);
        told(api.create(&PostParams::default(), &serde_json::from_value(object.clone()).expect("an object")).await)
    }

    async fn create(&self, person: &str, object: &Value) -> Result<(), String> {
        self.create_as(self.test.cluster().user(person).await, object).await
    }
}

async fn merge(api: &Api<DynamicObject>, name: &str, patch: Value) -> Result<(), String> {
    told(api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await)
}

async fn merge_status(api: &Api<DynamicObject>, name: &str, status: Value) -> Result<(), String> {
    told(api.patch_status(name, &PatchParams::default(), &Patch::Merge(json!({"status": status}))).await)
}

#[track_caller]
fn refused(answer: Result<(), String>, words: &str) {
    let refusal = answer.expect_err(words);
    assert!(refusal.contains(words), "{refusal}\ninstead of\n{words}");
}

/// `edit` may start runs of pipelines, by the verb `run`; a report would go around it, and around who asked.
#[tokio::test]
async fn a_report_is_made_by_whoever_administers_the_namespace_or_the_server() {
    let place = Place::open().await;
    for person in ["bob", "alice", "developer", "approver"] {
        for object in [update("forged"), receiver("forged")] {
            refused(place.create(person, &object).await, &format!("User \"{person}\" cannot create resource"));
        }
    }
    for object in [update("by-hand"), receiver("hooks")] {
        place.create("carol", &object).await.expect("whoever administers the namespace");
    }
    let mut taken = update("taken");
    taken["spec"]["receiverRef"] = json!({"name": "hooks"});
    taken["spec"]["by"] = "somebody who is known to the sender".into();
    place.create_as(place.server().await, &taken).await.expect("what the server is for");
    for person in ["developer", "approver"] {
        for kind in ["ComponentUpdate", "Receiver"] {
            let api = place.kind(kind, place.test.cluster().user(person).await);
            assert!(
                !api.list(&Default::default()).await.expect("whoever may see").items.is_empty(),
                "{person}: {kind}"
            );
            let name = if kind == "Receiver" { "hooks" } else { "taken" };
            let labels = json!({"metadata": {"labels": {"a": "b"}}});
            refused(merge(&api, name, labels).await, &format!("User \"{person}\" cannot patch resource"));
            let deletion = told(api.delete(name, &Default::default()).await);
            refused(deletion, &format!("User \"{person}\" cannot delete resource"));
        }
    }
}

#[tokio::test]
async fn a_report_by_hand_is_in_nobody_elses_name() {
    let place = Place::open().await;
    let mut forged = update("forged");
    forged["spec"]["by"] = "alice".into();
    refused(place.create("carol", &forged).await, "by must be your own user name, or left out: carol");
    let mut forged = update("forged");
    forged["spec"]["receiverRef"] = json!({"name": "hooks"});
    refused(place.create("carol", &forged).await, "only sluice server sets receiverRef: leave it out");
    let mut own = update("own");
    own["spec"]["by"] = "carol".into();
    place.create("carol", &own).await.expect("in her own name");
}

/// It would be deployed, and the name of its run is known beforehand.
#[tokio::test]
async fn a_report_stays_what_it_is() {
    let place = Place::open().await;
    place.create("carol", &update("web-17")).await.expect("a report");
    let carol = place.kind("ComponentUpdate", place.test.cluster().user("carol").await);
    for change in [
        json!({"version": "1.4.3"}),
        json!({"version": null, "sha": "abc"}),
        json!({"sequence": 18}),
        json!({"environment": "production"}),
        json!({"component": "api"}),
        json!({"id": "another"}),
        json!({"by": "carol"}),
        json!({"sha": "abc"}),
        json!({"receiverRef": {"name": "hooks"}}),
    ] {
        let answer = merge(&carol, "web-17", json!({"spec": change})).await;
        refused(answer, "a report never changes; send another one, with a new id and a higher sequence");
    }
    merge(&carol, "web-17", json!({"metadata": {"labels": {"a": "b"}}})).await.expect("a label is no matter");
}

#[tokio::test]
async fn what_becomes_of_a_report_and_of_a_receiver_is_said_by_the_controller_and_the_server_alone() {
    let place = Place::open().await;
    place.create("carol", &update("web-17")).await.expect("a report");
    place.create("carol", &receiver("hooks")).await.expect("a Receiver");
    let cluster = place.test.cluster();
    let recent = json!({"recent": [{"key": "https://git.example/a/b/pulls/1", "at": "2026-05-04T12:00:00Z"}]});
    let recorded = json!({"runRef": {"name": "web-17"}});

    // No role of people gives it, and whoever has every right is refused, too.
    for person in ["developer", "carol"] {
        let [receivers, updates] = [
            place.kind("Receiver", cluster.user(person).await),
            place.kind("ComponentUpdate", cluster.user(person).await),
        ];
        refused(merge_status(&receivers, "hooks", recent.clone()).await, "cannot patch resource \"receivers/status\"");
        refused(
            merge_status(&updates, "web-17", recorded.clone()).await,
            "cannot patch resource \"componentupdates/status\"",
        );
    }
    let only_server = "only sluice server writes the status of a Receiver";
    let only_controller = "only the controller writes a status";
    let of = |kind: &str, client: &Client| place.kind(kind, client.clone());
    refused(merge_status(&of("Receiver", &cluster.admin()), "hooks", recent.clone()).await, only_server);
    refused(merge_status(&of("ComponentUpdate", &cluster.admin()), "web-17", recorded.clone()).await, only_controller);

    let server = place.server().await;
    refused(merge_status(&of("Receiver", &place.controller), "hooks", recent.clone()).await, "cannot patch resource");
    refused(merge_status(&of("ComponentUpdate", &server), "web-17", recorded.clone()).await, "cannot patch resource");
    merge_status(&of("Receiver", &server), "hooks", recent).await.expect("the server's");
    merge_status(&of("ComponentUpdate", &place.controller), "web-17", recorded).await.expect("the controller's");
}

/// It is reached from outside: what somebody who has taken it over could do.
#[tokio::test]
async fn the_account_of_the_server_can_do_nothing_else() {
    let place = Place::open().await;
    place.run("web", &waiting()).await;
    place.create("carol", &update("web-17")).await.expect("a report");
    place.create("carol", &receiver("hooks")).await.expect("a Receiver");
    place.test.apply(
        r#"{"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "sluice.dev/v1alpha1", "kind": "Environment", "metadata": {"name": "staging"}, "spec": {}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hooks"}, "stringData": {"secret": "a"}}]}"#,
    );
    let server = place.server().await;
    let of = |kind: &str| place.kind(kind, server.clone());
    let cannot = |what: &str| format!("User \"{SERVER}\" cannot {what}");
    refused(place.create_as(server.clone(), &run("forged")).await, &cannot("create resource \"pipelineruns\""));
    let entry = json!({"spec": {"actions": [{"type": "Approve", "by": SERVER, "stage": "production"}]}});
    refused(merge(&of("PipelineRun"), "web", entry).await, &cannot("patch resource \"pipelineruns\""));
    let recorded = json!({"components": [{"name": "web", "recorded": {"version": "6.6.6"}}]});
    refused(
        merge_status(&of("Environment"), "staging", recorded).await,
        &cannot("patch resource \"environments/status\""),
    );
    let spec = json!({"spec": {"allowedPipelines": ["*"]}});
    refused(merge(&of("Environment"), "staging", spec).await, &cannot("patch resource \"environments\""));
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    refused(
        merge(&of("ComponentUpdate"), "web-17", label.clone()).await,
        &cannot("patch resource \"componentupdates\""),
    );
    let deletion = told(of("ComponentUpdate").delete("web-17", &Default::default()).await);
    refused(deletion, &cannot("delete resource \"componentupdates\""));
    refused(merge(&of("Receiver"), "hooks", label).await, &cannot("patch resource \"receivers\""));
    refused(place.create_as(server.clone(), &receiver("forged")).await, &cannot("create resource \"receivers\""));
    let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::namespaced(server.clone(), place.test.name());
    refused(told(secrets.get("hooks").await), &cannot("get resource \"secrets\""));
    refused(told(secrets.list(&Default::default()).await), &cannot("list resource \"secrets\""));
    for kind in ["PipelineRun", "Pipeline", "ScmProvider", "ComponentUpdate"] {
        refused(told(of(kind).list(&Default::default()).await), &cannot("list resource"));
    }
    for (name, answer) in
        [("get", told(of("ComponentUpdate").get("web-17").await)), ("of", told(of("Environment").get("staging").await))]
    {
        answer.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[tokio::test]
async fn no_person_says_that_something_else_has_started_a_run() {
    let place = Place::open().await;
    let of_run = json!({"name": "build-41", "uid": "b"});
    for trigger in [
        json!({"cron": {"name": "nightly", "at": "2026-05-04T12:00:00Z"}}),
        json!({"source": {"name": "build", "run": of_run, "pipelines": ["build"]}}),
        json!({"componentUpdate": {"name": "web-17", "uid": "a"}}),
        json!({}),
    ] {
        let mut forged = run("forged");
        forged["spec"]["trigger"] = trigger;
        refused(place.create("carol", &forged).await, "only the controller sets trigger: leave it out");
        refused(place.create_as(place.test.cluster().admin(), &forged).await, "only the controller sets trigger");
    }

    let from = json!([{"source": "build", "runRef": {"name": "build-41"}}]);
    let mut forged = run("forged");
    forged["spec"]["from"] = from.clone();
    forged["spec"]["requestedBy"] = "alice".into();
    refused(place.create("developer", &forged).await, "requestedBy must be your own user name, or left out: developer");
    forged["spec"]["requestedBy"] = "developer".into();
    place.create("developer", &forged).await.expect("an older build in their own name");
    let runs = place.runs_as("carol").await;
    for change in [json!({"from": null}), json!({"from": [{"source": "build", "runRef": {"name": "build-42"}}]})] {
        refused(merge(&runs, "forged", json!({"spec": change})).await, "a run never changes; create another one");
    }
    let changed = json!({"spec": {"trigger": {"componentUpdate": {"name": "web-17", "uid": "a"}}}});
    refused(merge(&runs, "forged", changed).await, "a run never changes; create another one");
}
