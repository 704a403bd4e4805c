//! What `sluice run`, `sluice resume` and `sluice demo` share: their options, their exit codes, and how a run is carried on
//! from a command line.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use ipnet::IpNet;
use kube::ResourceExt;
use sluice_api::PipelineRun;
use sluice_engine::RunPhase;
use tokio::runtime::{Builder, Runtime};

use crate::{
    local::{self, Ended, Objects, Remembered, Signals, StateDirectory, Use},
    logs::{self, LogFormat},
    manifest::{self, Manifests},
    output::{Format, complain},
    printable, shell,
};

/// The exit code when nothing was started, because of what was given.
pub(crate) const WRONG_INPUT: u8 = 2;

/// How the exit codes read in `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0         the run succeeded
  1         the run failed, or its state cannot be kept
  2         wrong input; nothing was started
  3         the run was aborted
  4         a run is left unfinished: it waits for an approval,
            and there is nobody to ask
  130, 143  a run is left unfinished, by SIGINT or SIGTERM

Signals:
  The first Ctrl-C (SIGINT) or SIGTERM aborts the run, takes
  back what it can and runs its hooks; a second one leaves
  the run as it is, for `sluice resume`. SIGKILL, a crash or the loss of power
  leave it as it is, too.";

/// Options of the commands that carry runs on.
#[derive(Debug, clap::Args)]
pub(crate) struct Shared {
    /// Merge changes of local repositories and approve stages that wait for a person, without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// A loopback or link-local network that steps may reach all the same, such as 127.0.0.0/8. May be repeated.
    #[arg(long, value_name = "CIDR")]
    pub(crate) allow_http_to: Vec<IpNet>,
    /// Write logs to standard error; RUST_LOG chooses them.
    #[arg(short, long)]
    verbose: bool,
}

impl Shared {
    /// Whether any of them was given.
    pub(crate) fn is_any_given(&self) -> bool {
        let Self { yes, allow_http_to, verbose } = self;
        *yes || !allow_http_to.is_empty() || *verbose
    }

    /// The options of a command that has none of its own but this.
    pub(crate) fn only_yes(yes: bool) -> Self {
        Self { yes, allow_http_to: Vec::new(), verbose: false }
    }

    /// How a run is shown for which this was given.
    pub(crate) fn format(&self, output: Option<Format>) -> Format {
        // Logs between the lines of a tree would leave pieces of it behind.
        let unless_set = if self.verbose { Format::Plain } else { Format::suitable() };
        output.unwrap_or(unless_set)
    }

    /// Starts what every run needs.
    pub(crate) fn prepare(&self) -> anyhow::Result<Runtime> {
        if self.verbose || std::env::var_os("RUST_LOG").is_some() {
            logs::start(LogFormat::Text);
        }
        if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
            anyhow::bail!("another TLS provider was installed before");
        }
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.context("failed to start the runtime")
    }
}

/// The state directory that is meant: the given one, or the one beside the manifests, or the one of the working directory.
pub(crate) fn state_directory(given: Option<&PathBuf>, manifests: &[PathBuf]) -> StateDirectory {
    match given {
        Some(path) => StateDirectory::at(path.clone()),
        None => StateDirectory::beside(&local::directory_of(manifests.first().map(PathBuf::as_path))),
    }
}

/// What the local mode uses of these manifests; `namespace` is that of those which do not say one.
pub(crate) async fn objects(manifests: &Manifests, namespace: Option<String>) -> Result<Objects, manifest::Error> {
    let namespace = match namespace {
        Some(namespace) => namespace,
        None => local::default_namespace().await,
    };
    Objects::of(manifests, namespace)
}

/// How a run of these manifests is started.
pub(crate) fn remember(manifests: &[PathBuf], shared: &Shared) -> anyhow::Result<Remembered> {
    let remembered = Remembered::manifests(manifests);
    let remembered = remembered
        .map_err(|(path, error)| anyhow::Error::new(error).context(format!("failed to find {}", path.display())))?;
    let Shared { yes, allow_http_to, verbose: _ } = shared;
    Ok(Remembered { yes: *yes, allow_http_to: allow_http_to.clone(), ..remembered })
}

/// Says what is wrong with the input. Nothing was started.
pub(crate) fn refuse(problems: impl IntoIterator<Item = impl std::fmt::Display>) -> ExitCode {
    problems.into_iter().for_each(|problem| complain(&format!("error: {}", printable::lines(&problem.to_string()))));
    ExitCode::from(WRONG_INPUT)
}

/// Carries a run on and says how it can be resumed if it is left.
pub(crate) async fn carry_on(
    session: local::Session,
    directory: &StateDirectory,
    signals: &mut Signals,
) -> anyhow::Result<u8> {
    let name = session.kept.get().name_any();
    match local::carry_on(session, signals).await? {
        Ended::Finished(phase) => Ok(exit_code(phase)),
        Ended::Left(code) => {
            left(directory, &name);
            Ok(code)
        }
    }
}

/// Says that a run is left unfinished, and the remedy.
pub(crate) fn left(directory: &StateDirectory, name: &str) {
    let command = resume_command(directory, name);
    complain(&format!("run {name:?} is left unfinished; carry it on with: {command}"));
}

/// The exit code of a run that has ended.
pub(crate) fn exit_code(phase: RunPhase) -> u8 {
    match phase {
        RunPhase::Succeeded => 0,
        RunPhase::Aborted => 3,
        RunPhase::Failed | RunPhase::Cancelled | RunPhase::Running | RunPhase::Pending => 1,
    }
}

/// The command that carries a run on from here, to be pasted.
pub(crate) fn resume_command(directory: &StateDirectory, name: &str) -> String {
    let command = format!("{} resume {}", shell::own_command(), shell::quoted(name));
    // To kubectl's plugin a name alone is that of a run in the cluster.
    let is_found = *directory == StateDirectory::beside(Path::new(".")) && shell::plugin_command().is_none();
    match is_found {
        true => command,
        false => format!("{command} --state {}", shell::quoted(&directory.path().display().to_string())),
    }
}

/// Whether a name is taken, and by a run that can be carried on.
pub(crate) fn use_of(directory: &StateDirectory, name: &str) -> Use {
    if !directory.run_path(name).exists() {
        return Use::Free;
    }
    let run = directory.run(name).ok().flatten();
    let unfinished = run.filter(|run| !run.status.as_ref().is_some_and(|status| status.state.is_finished()));
    Use::Taken { resume: unfinished.map(|_| resume_command(directory, name)) }
}

/// How a run was started: its own notes, and over them what is given `now`.
pub(crate) fn remembered(run: &PipelineRun, now: &Remembered, has_manifests: bool) -> Result<Remembered, String> {
    let before = Remembered::of(run)?;
    let mut allow_http_to = before.allow_http_to;
    allow_http_to
        .extend(now.allow_http_to.iter().filter(|network| !allow_http_to.contains(network)).collect::<Vec<_>>());
    let (manifests, standard_input) = match has_manifests {
        true => (now.manifests.clone(), now.standard_input),
        false => (before.manifests, before.standard_input),
    };
    Ok(Remembered { manifests, standard_input, yes: before.yes || now.yes, allow_http_to })
}
