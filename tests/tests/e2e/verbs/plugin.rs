//! The same program under the name by which kubectl finds plugins.

use std::env::{join_paths, split_paths};
use std::os::unix::fs::symlink;
use std::process::Command;

use sluice_tests::fixture::Team;
use sluice_tests::{Cluster, paths};
use tempfile::TempDir;

use super::{Said, said};
use crate::short::{pipeline, run};

/// A directory with the plugin in it, where commands are given.
struct Plugin<'t> {
    team: &'t Team,
    directory: TempDir,
}

impl<'t> Plugin<'t> {
    fn of(team: &'t Team) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        symlink(paths::sluice(), directory.path().join("kubectl-sluice")).expect("a link");
        Self { team, directory }
    }

    /// `kubectl sluice` with these arguments.
    async fn kubectl_sluice(&self, arguments: &[&str]) -> Said {
        let mut command = self.team.cluster().kubectl_command("admin");
        command.arg("sluice").args(arguments).current_dir(self.directory.path());
        let own = command
            .get_envs()
            .find_map(|(name, value)| value.filter(|_| name == "PATH"))
            .unwrap_or_default()
            .to_owned();
        let path = [self.directory.path().to_owned()].into_iter().chain(split_paths(&own));
        command.env("PATH", join_paths(path).expect("a path"));
        said(command).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_finds_it_and_it_tells_of_itself_as_it_is_called() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let plugin = Plugin::of(&team);
    let help = plugin.kubectl_sluice(&["approve", "--help"]).await;
    assert!(help.out.contains("Usage: kubectl sluice approve [OPTIONS] <RUN> [STAGE]"), "{help:?}");
    let wrong = plugin.kubectl_sluice(&["skip", "web-1"]).await;
    assert!(wrong.code == Some(2) && wrong.err.contains("Usage: kubectl sluice skip"), "{wrong:?}");
    let version = plugin.kubectl_sluice(&["--version"]).await;
    assert!(version.out.starts_with("sluice "), "{version:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn to_kubectl_a_name_is_that_of_a_run_in_the_cluster_whatever_is_in_the_directory() {
    let cluster = Cluster::connect().await;
    let team = Team::open(&cluster).await;
    let plugin = Plugin::of(&team);
    let manifest = plugin.directory.path().join("web.yaml");
    std::fs::write(&manifest, pipeline("web", "- {name: a, fail: {message: enough}}")).expect("written");
    let mut local = Command::new(paths::sluice());
    local.args(["run", "-f", "web.yaml", "--name", "web-1"]).current_dir(plugin.directory.path());
    let local = said(local).await;
    assert_eq!(local.code, Some(1), "{local:?}");
    team.home().apply(&run("web-1", "web"));

    // The context's namespace is another one.
    let elsewhere = plugin.kubectl_sluice(&["resume", "web-1"]).await;
    elsewhere.is_refused("there is no run \"web-1\" in namespace \"default\"");
    let here = plugin.kubectl_sluice(&["resume", "web-1", "-n", team.namespace()]).await;
    here.is_refused("pipelinerun.sluice.dev/web-1 is not paused");
    let mut sluice = Command::new(paths::sluice());
    sluice.args(["resume", "web-1"]).current_dir(plugin.directory.path());
    let sluice = said(sluice).await;
    assert!(sluice.code == Some(1) && sluice.out.contains("has ended already: Failed"), "{sluice:?}");
}
