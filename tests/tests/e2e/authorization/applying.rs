//! Manifests of runs that are applied again, replaced and edited by hand: nothing that people have said goes, and nobody speaks
//! for another.

use serde_json::json;

use super::ways::finish;
use super::{Place, append, run, waiting};

const APPEND_ONLY: &str = "actions are appended, one a request, and never changed or removed";

impl Place {
    /// kubectl as this person.
    fn kubectl(&self, person: &str, arguments: &[&str], input: &str) -> Result<(), String> {
        let mut command = self.test.cluster().kubectl_command(person);
        command.args(["-n", self.test.name()]).args(arguments);
        finish(command, input)
    }
}

/// As Argo CD does, either way.
#[tokio::test]
async fn a_manifest_that_is_applied_again_takes_nothing_away() {
    let place = Place::open().await;
    let manifest = |name: &str| run(name).to_string();
    let ways: [(&str, &[&str]); 2] = [
        ("client-side", &["apply", "-f", "-"]),
        (
            "server-side",
            &["apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller", "-f", "-"],
        ),
    ];
    for (name, way) in ways {
        place.kubectl("developer", way, &manifest(name)).expect("created");
        let entry = json!({"type": "Abort", "by": "carol"});
        append(&place.runs_as("carol").await, name, &entry).await.expect("accepted");
        place.kubectl("developer", way, &manifest(name)).expect("applied again");
        let run = place.runs_as("alice").await.get(name).await.expect("the run");
        assert_eq!(run.data["spec"]["actions"], json!([entry]), "{name}");
        assert_eq!(run.data["spec"]["requestedBy"], "developer", "{name}");
    }
}

#[tokio::test]
async fn a_manifest_with_an_action_is_its_authors_alone() {
    let place = Place::open().await;
    let ways: [(&str, &[&str]); 2] = [
        ("client-side", &["apply", "-f", "-"]),
        ("server-side", &["apply", "--server-side", "--force-conflicts", "-f", "-"]),
    ];
    for (name, way) in ways {
        place.kubectl("developer", way, &run(name).to_string()).expect("created");
        let mut with = run(name);
        with["spec"]["actions"] = json!([{"type": "Abort", "by": "carol"}]);
        let refusal = place.kubectl("developer", way, &with.to_string()).expect_err("refused");
        assert!(refusal.contains("by must be your own user name: developer"), "{refusal}");
        place.kubectl("carol", way, &with.to_string()).expect("accepted");
        place.kubectl("developer", way, &with.to_string()).expect("nothing new");
        with["spec"]["actions"] = json!([{"type": "Pause", "by": "carol"}]);
        let refusal = place.kubectl("carol", way, &with.to_string()).expect_err("refused");
        assert!(refusal.contains(APPEND_ONLY), "{refusal}");
        assert_eq!(place.asked(name).await, json!([{"type": "Abort", "by": "carol"}]));
    }
}

#[tokio::test]
async fn a_replacement_without_the_actions_is_refused() {
    let place = Place::open().await;
    place.run("web", &waiting()).await;
    append(&place.runs_as("carol").await, "web", &json!({"type": "Pause", "by": "carol"})).await.expect("accepted");
    let refusal = place.kubectl("developer", &["replace", "-f", "-"], &run("web").to_string()).expect_err("refused");
    assert!(refusal.contains(APPEND_ONLY) && refusal.contains("spec.requestedBy"), "{refusal}");
}

#[tokio::test]
async fn an_editor_appends_too() {
    let place = Place::open().await;
    place.run("web", &waiting()).await;
    let edit = |person: &str, to: &str| {
        let mut command = place.test.cluster().kubectl_command(person);
        command.args(["-n", place.test.name(), "edit", "plr", "web"]);
        command.env("KUBE_EDITOR", format!("sed -i 's/^  actions: .*/  actions: [{to}]/'"));
        finish(command, "")
    };
    edit("approver", "{type: Approve, by: approver, stage: production}").expect("accepted");
    assert_eq!(place.asked("web").await, json!([{"type": "Approve", "by": "approver", "stage": "production"}]));
}
