//! A change of a local repository waits for a person, and the person sits here: merge it, see it, close it.
//!
//! What is done is done as a person does it, in that person's name: the run only sees that it happened.

use std::{
    collections::BTreeSet,
    io::{self, BufRead},
    path::PathBuf,
    thread,
};

use sluice_engine::{RunState, StepPhase, WaitKind, WaitingOn};
use sluice_scm::{GitHost, Local, Merge, PullRequestNumber, PullRequestState, RepoName};
use tokio::sync::mpsc;

use super::world::LocalWorld;
use crate::{output::Output, shell};

/// A change that a run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    host: PathBuf,
    repository: String,
    number: u64,
    branch: String,
    base: String,
}

/// What a person, or `--yes`, did about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// The change is another one now: the run should look.
    Changed,
    /// Nothing that the run could see.
    Nothing,
    /// The person wants to leave the run as it is.
    Leave,
}

impl Change {
    /// The changes of local repositories that the run waits for.
    pub(crate) fn all(state: &RunState, world: &LocalWorld) -> Vec<Self> {
        let waits = state.steps().filter(|step| step.phase == StepPhase::Running);
        let on = waits.filter_map(|step| step.waiting_on.as_ref());
        let on = on.filter(|on| on.kind == WaitKind::PullRequest);
        on.filter_map(|on| Self::of(on, state, world)).collect()
    }

    fn of(on: &WaitingOn, state: &RunState, world: &LocalWorld) -> Option<Self> {
        let opened = state.steps().find(|step| {
            step.phase == StepPhase::Succeeded && step.outputs.get("url").is_some_and(|url| *url == on.key)
        })?;
        let text = |name: &str| opened.outputs.get(name)?.as_str().map(str::to_owned);
        let provider = opened.outputs.get("providerRef")?.get("name")?.as_str()?;
        let (_, host) = world.local_hosts().into_iter().find(|(name, _)| name == provider)?;
        let number = opened.outputs.get("number")?.as_u64()?;
        Some(Self { host, repository: text("repository")?, number, branch: text("branch")?, base: text("base")? })
    }

    fn question(&self) -> String {
        let Self { number, base, .. } = self;
        format!("merge change {number} into {base}? [y]es [d]iff [c]lose [q]uit-and-leave ")
    }

    /// How people merge it who are not asked.
    fn remedy(&self) -> String {
        let Self { host, repository, number, branch, base } = self;
        let directory = shell::quoted(&host.join(format!("{repository}.git")).display().to_string());
        let (branch, base) = (shell::quoted(branch), shell::quoted(base));
        format!(
            "change {number} of {repository} waits for a person: merge it with `git -C {directory} push . {branch}:{base}`"
        )
    }

    fn opened(&self, person: &str) -> Result<(Local, RepoName, PullRequestNumber), sluice_scm::Error> {
        let local = Local::open(&self.host)?.signed_by(person);
        let repo = RepoName::parse(&self.repository).map_err(|error| sluice_scm::Error::Unsupported {
            host: local.describe().to_owned(),
            what: format!("open the repository {:?}", self.repository),
            remedy: error.to_string(),
        })?;
        Ok((local, repo, PullRequestNumber(self.number)))
    }

    /// Merges it as it is now. One that has ended already is left alone.
    async fn merge(&self, person: &str) -> Result<Done, sluice_scm::Error> {
        let (local, repo, number) = self.opened(person)?;
        let pull = local.pull_request(&repo, number).await?;
        if pull.state != PullRequestState::Open {
            return Ok(Done::Nothing);
        }
        local.merge(&repo, number, &Merge { head: pull.head_sha, method: None }).await?;
        Ok(Done::Changed)
    }

    async fn close(&self, person: &str) -> Result<Done, sluice_scm::Error> {
        let (local, repo, number) = self.opened(person)?;
        local.close_pull_request(&repo, number).await?;
        Ok(Done::Changed)
    }

    async fn diff(&self, person: &str) -> Result<String, sluice_scm::Error> {
        let (local, repo, number) = self.opened(person)?;
        local.diff(&repo, number).await
    }
}

/// Who decides about changes.
pub(crate) struct Person {
    name: String,
    /// Merge without a question.
    yes: bool,
    can_be_asked: bool,
    lines: Option<mpsc::UnboundedReceiver<String>>,
    /// The changes about which nobody was asked, but told once.
    told: BTreeSet<String>,
    /// The change that is asked about now.
    asked: Option<Change>,
}

impl Person {
    pub(crate) fn new(name: String, yes: bool, output: &Output) -> Self {
        let can_be_asked = !yes && output.can_ask();
        Self { name, yes, can_be_asked, lines: None, told: BTreeSet::new(), asked: None }
    }

    /// The run waits for these changes: merges them, asks about one, or says how they are merged.
    pub(crate) async fn consider(&mut self, changes: Vec<Change>, output: &Output) -> Done {
        if self.asked.as_ref().is_some_and(|asked| !changes.contains(asked)) {
            self.asked = None;
            output.asked(false);
        }
        if self.yes {
            return self.merge_all(&changes, output).await;
        }
        if !self.can_be_asked {
            changes.iter().for_each(|change| self.tell_once(change.remedy(), output));
            return Done::Nothing;
        }
        // One after the other: a question that is asked stays until it is answered.
        let Some(change) = self.asked.clone().or_else(|| changes.into_iter().next()) else { return Done::Nothing };
        self.lines.get_or_insert_with(lines_of_standard_input);
        output.ask(&change.question());
        self.asked = Some(change);
        Done::Nothing
    }

    async fn merge_all(&mut self, changes: &[Change], output: &Output) -> Done {
        let mut done = Done::Nothing;
        for change in changes {
            match change.merge(&self.name).await {
                Ok(Done::Nothing) => {}
                Ok(other) => done = other,
                Err(error) => self.tell_once(format!("change {} cannot be merged: {error}", change.number), output),
            }
        }
        done
    }

    /// The person's next line while there is a question; never, when there is none.
    pub(crate) async fn answer(&mut self) -> Option<String> {
        match (&self.asked, &mut self.lines) {
            (Some(_), Some(lines)) => lines.recv().await,
            _ => std::future::pending().await,
        }
    }

    /// Does what the person said; `None` is the end of standard input.
    pub(crate) async fn obey(&mut self, answer: Option<&str>, output: &Output) -> Done {
        let Some(change) = self.asked.take() else { return Done::Nothing };
        let Some(answer) = answer else {
            // Nobody is there any more.
            self.can_be_asked = false;
            output.asked(false);
            self.tell_once(change.remedy(), output);
            return Done::Nothing;
        };
        output.asked(true);
        let said = |done: Result<Done, sluice_scm::Error>| {
            done.unwrap_or_else(|error| {
                output.note(&error.to_string());
                Done::Nothing
            })
        };
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => said(change.merge(&self.name).await),
            "c" | "close" => said(change.close(&self.name).await),
            "d" | "diff" => {
                let diff = change.diff(&self.name).await;
                output.note(&diff.unwrap_or_else(|error| error.to_string()));
                Done::Nothing
            }
            "q" | "quit" => Done::Leave,
            _ => Done::Nothing,
        }
    }

    fn tell_once(&mut self, text: String, output: &Output) {
        if self.told.insert(text.clone()) {
            output.note(&text);
        }
    }
}

/// Reads lines on a thread of its own: a read of a terminal cannot be called off, and must not hold up the end of the process.
fn lines_of_standard_input() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
