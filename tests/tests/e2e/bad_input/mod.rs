//! Bad input: each mistake ends, or holds, its own run with a message that says what to do, and harms nothing else.

mod argocd;
mod expressions;
mod git;
mod http;
mod malformed;
mod parameters;
mod references;

use sluice_tests::fixture::{Team, step_of};
use sluice_tests::{Cluster, Controller};

use crate::short::{condition, pipeline, run};

/// A team, its controller, and a good run that goes on beside whatever the test does wrong.
struct Trouble {
    team: Team,
    controller: Controller,
}

impl Trouble {
    async fn open() -> Self {
        let cluster = Cluster::connect().await;
        let team = Team::open(&cluster).await;
        let controller = team.controller().await;
        begin_beside(&team);
        Self { team, controller }
    }

    fn apply(&self, manifests: &str) {
        self.team.home().apply(manifests);
    }

    async fn no_harm(&self) {
        no_harm(&self.team, &self.controller).await;
    }
}

/// A good pipeline, and a run of it.
fn begin_beside(team: &Team) {
    let services = &team.cluster().facts().services_url;
    let steps = format!(
        "\
- {{name: compute, set: {{values: {{answer: '${{{{ 6 * 7 }}}}'}}}}}}
- {{name: pause, delay: {{duration: 2s}}}}
- {{name: ask, http: {{method: POST, delivery: Idempotent, url: {services}/echo, json: {{answer: '${{{{ steps.compute.outputs.answer }}}}'}}}}}}
"
    );
    team.home().apply(&format!("{}---\n{}", pipeline("good", &steps), run("beside", "good")));
}

/// The run beside has succeeded, another one does, and the controller is well.
async fn no_harm(team: &Team, controller: &Controller) {
    team.home().apply(&run("behind", "good"));
    for good in ["beside", "behind"] {
        let run = team.succeeded(good).await;
        assert_eq!(step_of(&run, "ask")["outputs"]["json"]["body"]["answer"], 42);
    }
    assert!(controller.ended().is_none(), "the controller runs");
    assert!(!controller.log().contains("panicked"), "nothing panicked");
}

/// A pipeline of this name with the step `bad`, and a run of it.
fn start(team: &Team, name: &str, bad: &str) {
    team.home().apply(&format!("{}---\n{}", pipeline(name, &format!("- {{name: bad, {bad}}}")), run(name, name)));
}

/// The step `bad` of a run of [`start`] fails with this reason and message, and the run with it.
async fn fails(team: &Team, name: &str, reason: &str, message: &str) {
    let run = team.ended(name).await;
    let step = step_of(&run, "bad");
    assert_eq!((step["reason"].as_str(), step["message"].as_str()), (Some(reason), Some(message)), "{name}");
    assert_eq!(step["phase"], "Failed", "{name}");
    assert_eq!(condition(&run), ("False", reason, &*format!("stage only: step bad: {message}")), "{name}");
}
