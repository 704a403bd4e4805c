//! Runs that are ended by people: by an action, by deletion, by the deletion of everything around them.

mod by_action;
mod by_command;
mod by_deletion;
mod undone;

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use sluice_tests::fixture::Team;

use crate::short::{gate, pipeline_with, run, tell};

/// Asks for the end of a run, as alice.
pub(crate) async fn abort(team: &Team, run: &str) {
    let action = json!({"type": "Abort", "by": "alice", "reason": "enough"});
    let patch = json!([{"op": "add", "path": "/spec/actions/-", "value": action}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).expect("a patch"));
    team.runs().patch(run, &PatchParams::default(), &patch).await.expect("accepted");
}

/// A run that waits at the gate of the team's name, with a hook on its abortion.
async fn waiting_with_hook(team: &Team, name: &str) -> Value {
    let cluster = team.cluster();
    let hooks = format!("hooks: [{{name: end, events: [Abortion], steps: [{}]}}]", tell(cluster, "end"));
    let steps =
        format!("- {{name: wait, {}}}\n- {{name: after, set: {{values: {{x: 1}}}}}}", gate(cluster, team.namespace()));
    team.home().apply(&format!("{}---\n{}", pipeline_with(name, &steps, &hooks), run(name, name)));
    team.at(name, "wait").await
}
