//! What people ask of runs with `sluice`: as whoever the kubeconfig names, with the rights that they have, and what comes of it.

mod answers;
mod approvals;
mod pauses;
mod plugin;
mod same_request;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sluice_tests::fixture::Team;
use sluice_tests::{eventually, paths};

use crate::PATIENCE;
use crate::short::kubectl;

const RUNS: &str = "pipelineruns.sluice.dev";

/// What a command said, and its exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// That this was done to the run, and nothing else was said.
    pub(crate) fn is_done(&self, run: &str, done: &str) {
        let out = format!("pipelinerun.sluice.dev/{run} {done}\n");
        assert_eq!((self.code, &*self.out, &*self.err), (Some(0), &*out, ""));
    }

    /// That it was refused, and nothing was printed for programs.
    pub(crate) fn is_refused(&self, why: &str) {
        assert_eq!((self.code, &*self.out), (Some(1), ""), "{self:?}");
        assert!(self.err.starts_with("error: ") && self.err.contains(why), "{self:?}");
    }
}

/// `sluice` with this kubeconfig, in the team's namespace.
pub(crate) async fn sluice(team: &Team, kubeconfig: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(paths::sluice());
    command.args(arguments).args(["-n", team.namespace()]).env("KUBECONFIG", kubeconfig);
    said(command).await
}

/// What a command says until its end.
async fn said(mut command: Command) -> Said {
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    Said::of(output.expect("a program"))
}

/// `sluice` as one of the cluster's people.
async fn by(team: &Team, name: &str, arguments: &[&str]) -> Said {
    sluice(team, &user(team, name), arguments).await
}

/// The kubeconfig of one of the cluster's people.
pub(crate) fn user(team: &Team, name: &str) -> PathBuf {
    team.cluster().facts().kubeconfig(name)
}

/// Gives a built-in role, which has the rights on Sluice's kinds by aggregation, and waits until it counts.
pub(crate) async fn grant(team: &Team, subject: &str, role: &str, verb: &str) {
    let (cluster, namespace) = (team.cluster(), team.namespace());
    let name = subject.replace(['=', ':'], "-").trim_start_matches('-').to_owned();
    let (role, subject) = (format!("--clusterrole={role}"), subject.to_owned());
    kubectl(cluster, &["create", "rolebinding", &name, &role, &subject, "-n", namespace], "").expect("granted");
    let who = match subject.split_once('=') {
        Some(("--serviceaccount", account)) => format!("--as=system:serviceaccount:{account}"),
        Some((_, user)) => format!("--as={user}"),
        None => panic!("{subject} is no subject"),
    };
    eventually(&format!("{who} may {verb}"), PATIENCE, async || {
        kubectl(cluster, &["auth", "can-i", verb, RUNS, &who, "-n", namespace], "")
    })
    .await;
}
