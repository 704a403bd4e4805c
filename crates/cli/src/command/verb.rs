//! What the verbs share that ask something of a run in a cluster: their options, one request, and its answer.

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;
use kube::ResourceExt;
use sluice_api::{ActionType, RunAction};
use sluice_engine::ActionOutcome;

use crate::{
    actions::{self, Ask, Run, Runs},
    cluster::{self, Cluster, RequestError},
    local::StateDirectory,
    output::{complain, write},
    printable,
};

/// How the exit codes of a verb read in `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  it was done; or it was asked, and nobody has answered within
     5 seconds, which is said, or --wait=false
  1  it was not: it would change nothing, the controller has
     ignored it, or the API server refuses it or does not answer
  2  the command is wrong";

/// Options of every verb.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Why, for whoever reads the record.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    #[command(flatten)]
    pub(super) cluster: cluster::Options,
    /// What is printed: a line for people unless set.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub(super) output: Option<Format>,
}

/// Whether the answer is waited for.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Waiting {
    /// Wait until the controller has answered; with =false do not wait. For 5 seconds unless set.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) wait: Option<bool>,
}

/// How the run is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// The name, as kubectl writes it.
    Name,
    /// The whole object.
    Json,
    /// The whole object.
    Yaml,
}

/// Why a command came to its end early.
pub(super) enum Failed {
    /// What is to be said to the person.
    Said(String),
    /// Nothing can be said any more.
    Print(anyhow::Error),
}

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Said(error.to_string())
    }
}

/// How long the answer is waited for unless it is said: a controller that is there answers within a second.
const BRIEFLY: Duration = Duration::from_secs(5);

/// How often a run is looked at whose controller is about to answer.
const SOON: Duration = Duration::from_millis(200);

/// How often a run is looked at that is waited for.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many times in a row nobody may answer meanwhile.
const PATIENCE: u32 = 60;

/// Carries out a command, and says why it came to its end early.
pub(super) fn block_on(work: impl Future<Output = Result<ExitCode, Failed>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.context("failed to start the runtime")?.block_on(work) {
        Ok(code) => Ok(code),
        Err(Failed::Print(error)) => Err(error),
        Err(Failed::Said(text)) => {
            complain(&format!("error: {}", printable::lines(&text)));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Asks something of a run, waits for the answer and says it.
pub(super) fn run(name: &str, ask: Ask, options: &Options, waiting: Waiting) -> anyhow::Result<ExitCode> {
    block_on(async {
        let desk = Desk::open(options).await?;
        let run = desk.get(name).await?;
        let request = desk.send(ask, &run).await?;
        let run = desk.settle(request, waiting).await?;
        desk.print(&run)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Where things are asked of runs.
pub(super) struct Desk {
    cluster: Cluster,
    runs: Runs,
    output: Option<Format>,
}

/// An entry that is there, and the run with it.
pub(super) struct Request {
    pub(super) action: RunAction,
    pub(super) index: usize,
    pub(super) run: Run,
}

/// What has become of an entry.
enum Answer {
    Applied,
    Ignored(String),
    /// The run is gone.
    Deleted,
    None,
}

impl Desk {
    pub(super) async fn open(options: &Options) -> Result<Self, Failed> {
        let cluster = options.cluster.connect().await?;
        Ok(Self { runs: Runs::of(&cluster), cluster, output: options.output })
    }

    /// The run of this name. Whoever means one of the local mode is told how that one is dealt with.
    pub(super) async fn get(&self, name: &str) -> Result<Run, Failed> {
        self.runs.get(name).await.map_err(|error| {
            let is_local = StateDirectory::beside(Path::new(".")).run_path(name).exists();
            Failed::Said(match matches!(error, RequestError::NoObject { .. }) && is_local {
                true => format!(
                    "{error}\nThe run {name:?} in .sluice is one of the local mode: Ctrl-C in its terminal aborts it, \
                     `sluice resume` carries it on, and who has to decide is asked in its terminal."
                ),
                false => error.to_string(),
            })
        })
    }

    /// Appends what is asked, under the name of whoever asks.
    pub(super) async fn send(&self, ask: Ask, run: &Run) -> Result<Request, Failed> {
        let by = actions::user(&self.cluster).await?;
        let entry = ask.entry(run, &by);
        let action = entry.map_err(|why| Failed::Said(format!("{} {why}", run.reference())))?;
        let run = self.runs.append(&run.0.name_any(), &action).await?;
        // Nothing can come behind it in the same request.
        let index = run.entries().len().saturating_sub(1);
        Ok(Request { action, index, run })
    }

    /// Waits for the answer and says it: the run as it was then.
    pub(super) async fn settle(&self, request: Request, waiting: Waiting) -> Result<Run, Failed> {
        let asked = actions::asked(&request.action);
        let patience = match waiting.wait {
            Some(true) => {
                self.tell(&request.run, &asked)?;
                None
            }
            Some(false) => {
                self.tell(&request.run, &asked)?;
                return Ok(request.run);
            }
            None => Some(BRIEFLY),
        };
        let (run, answer) = self.answered(&request, patience).await?;
        match answer {
            Answer::Applied => self.tell(&run, &actions::done(&request.action, &run))?,
            Answer::Ignored(why) => return Err(Failed::Said(format!("{}: {why}", run.reference()))),
            Answer::Deleted if request.action.r#type == ActionType::Abort => self.tell(&run, "was deleted")?,
            Answer::Deleted => {
                return Err(Failed::Said(format!("{} was deleted before anybody answered", run.reference())));
            }
            Answer::None => {
                self.tell(&run, &asked)?;
                let at = format!("status.actions[{}]", request.index);
                complain(&format!(
                    "note: no controller has answered yet; its answer will be in {at}, and --wait waits for it"
                ));
            }
        }
        Ok(run)
    }

    /// The answer to an entry, if it comes in time.
    async fn answered(&self, request: &Request, patience: Option<Duration>) -> Result<(Run, Answer), Failed> {
        let mut run = request.run.clone();
        let begun = Instant::now();
        let mut unanswered = 0;
        loop {
            if let Some(answer) = run.answer(request.index) {
                let why = || actions::ignored(&request.action, answer.message.as_deref());
                let is_done = answer.result == ActionOutcome::Applied;
                return Ok((run, if is_done { Answer::Applied } else { Answer::Ignored(why()) }));
            }
            if patience.is_some_and(|patience| begun.elapsed() >= patience) {
                return Ok((run, Answer::None));
            }
            let pause = if begun.elapsed() < BRIEFLY { SOON } else { INTERVAL };
            match self.look_again(&run, pause, &mut unanswered).await? {
                Some(now) => run = now,
                None => return Ok((run, Answer::Deleted)),
            }
        }
    }

    /// The run once it has ended, its hooks included; `None` when it was deleted.
    pub(super) async fn ended(&self, mut run: Run) -> Result<(Run, Option<actions::End>), Failed> {
        let mut unanswered = 0;
        loop {
            if let Some(end) = run.end() {
                return Ok((run, Some(end)));
            }
            match self.look_again(&run, INTERVAL, &mut unanswered).await? {
                Some(now) => run = now,
                None => return Ok((run, None)),
            }
        }
    }

    /// The same run a little later; `None` when it is gone. It is the same for a while where nobody answers.
    async fn look_again(&self, run: &Run, pause: Duration, unanswered: &mut u32) -> Result<Option<Run>, Failed> {
        tokio::time::sleep(pause).await;
        match self.runs.get(&run.0.name_any()).await {
            Ok(now) if now.0.metadata.uid == run.0.metadata.uid => {
                *unanswered = 0;
                Ok(Some(now))
            }
            Ok(_) | Err(RequestError::NoObject { .. }) => Ok(None),
            Err(error) if error.may_pass() && *unanswered < PATIENCE => {
                *unanswered += 1;
                Ok(Some(run.clone()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says something of a run, to people.
    pub(super) fn tell(&self, run: &Run, text: &str) -> Result<(), Failed> {
        match self.output {
            None => print(&format!("{} {}\n", run.reference(), printable::line(text))),
            Some(_) => Ok(()),
        }
    }

    /// Prints the run, for programs.
    pub(super) fn print(&self, run: &Run) -> Result<(), Failed> {
        match self.output {
            None => Ok(()),
            Some(Format::Name) => print(&format!("{}\n", run.reference())),
            Some(Format::Json) => print(&format!("{:#}\n", run.to_value()?)),
            Some(Format::Yaml) => print(&serde_saphyr::to_string(&run.to_value()?)?),
        }
    }
}

fn print(text: &str) -> Result<(), Failed> {
    write(text).context("failed to print").map_err(Failed::Print)
}
