//! What waits for a person, and the person sits here: a change to merge, a stage to approve. One question at a time.

use std::{
    collections::BTreeSet,
    io::{self, BufRead},
    thread,
};

use tokio::sync::mpsc;

use super::{
    approval::{Approval, Entry},
    change::Change,
};
use crate::output::Output;

/// What waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Matter {
    /// A change that is to be merged.
    Change(Change),
    /// A stage that is to be approved.
    Approval(Approval),
}

/// What a person, or `--yes`, did about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// The change is another one now: the run should look.
    Changed,
    /// This is asked of runs.
    Asked(Vec<Entry>),
    /// Nothing that the run could see.
    Nothing,
    /// The person wants to leave the run as it is.
    Leave,
}

impl Matter {
    fn question(&self) -> String {
        match self {
            Self::Change(change) => change.question(),
            Self::Approval(approval) => approval.question(),
        }
    }

    /// What people do who are not asked.
    fn remedy(&self) -> String {
        match self {
            Self::Change(change) => change.remedy(),
            Self::Approval(approval) => approval.remedy(),
        }
    }
}

/// Who decides about what waits for a person.
pub(crate) struct Person {
    name: String,
    /// Merge and approve without a question.
    yes: bool,
    can_be_asked: bool,
    lines: Option<mpsc::UnboundedReceiver<String>>,
    /// What nobody was asked about, but told once.
    told: BTreeSet<String>,
    /// What is asked about now.
    asked: Option<Matter>,
    /// What was approved without a question, once each.
    approved: Vec<Approval>,
}

impl Person {
    pub(crate) fn new(name: String, yes: bool, output: &Output) -> Self {
        let can_be_asked = !yes && output.can_ask();
        let (told, approved) = (BTreeSet::new(), Vec::new());
        Self { name, yes, can_be_asked, lines: None, told, asked: None, approved }
    }

    /// Whether anything that waits for a person may ever go on.
    pub(crate) fn can_answer(&self) -> bool {
        self.yes || self.can_be_asked
    }

    /// Whether answers come without a question.
    pub(crate) fn says_yes(&self) -> bool {
        self.yes
    }

    /// These wait: merges and approves them, asks about one, or says what people may do.
    pub(crate) async fn consider(&mut self, matters: Vec<Matter>, output: &Output) -> Done {
        if self.asked.as_ref().is_some_and(|asked| !matters.contains(asked)) {
            self.asked = None;
            output.asked(false);
        }
        if self.yes {
            return self.say_yes(matters, output).await;
        }
        if !self.can_be_asked {
            matters.iter().for_each(|matter| self.tell_once(matter.remedy(), output));
            return Done::Nothing;
        }
        // One after the other: a question that is asked stays until it is answered.
        let Some(matter) = self.asked.clone().or_else(|| matters.into_iter().next()) else { return Done::Nothing };
        self.lines.get_or_insert_with(lines_of_standard_input);
        output.ask(&matter.question());
        self.asked = Some(matter);
        Done::Nothing
    }

    async fn say_yes(&mut self, matters: Vec<Matter>, output: &Output) -> Done {
        let (mut has_changed, mut entries) = (false, Vec::new());
        for matter in matters {
            match matter {
                Matter::Change(change) => match change.merge(&self.name).await {
                    Ok(changed) => has_changed |= changed,
                    Err(error) => self.tell_once(format!("change {} cannot be merged: {error}", change.number), output),
                },
                Matter::Approval(approval) if self.approved.contains(&approval) => {}
                Matter::Approval(approval) => {
                    entries.push(approval.yes(&self.name));
                    self.approved.push(approval);
                }
            }
        }
        match has_changed {
            _ if !entries.is_empty() => Done::Asked(entries),
            true => Done::Changed,
            false => Done::Nothing,
        }
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
        let Some(matter) = self.asked.take() else { return Done::Nothing };
        let Some(answer) = answer else {
            // Nobody is there any more.
            self.can_be_asked = false;
            output.asked(false);
            self.tell_once(matter.remedy(), output);
            return Done::Nothing;
        };
        output.asked(true);
        if matches!(answer.trim().to_lowercase().as_str(), "q" | "quit") {
            return Done::Leave;
        }
        match matter {
            Matter::Change(change) => self.obey_about(&change, answer, output).await,
            Matter::Approval(approval) => {
                let entry = approval.answer(answer, &self.name);
                entry.map_or(Done::Nothing, |entry| Done::Asked(vec![entry]))
            }
        }
    }

    async fn obey_about(&self, change: &Change, answer: &str, output: &Output) -> Done {
        let done = match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => change.merge(&self.name).await,
            "c" | "close" => change.close(&self.name).await.map(|()| true),
            "d" | "diff" => change.diff(&self.name).await.map(|diff| {
                output.note(&diff);
                false
            }),
            _ => Ok(false),
        };
        match done {
            Ok(true) => return Done::Changed,
            Ok(false) => {}
            Err(error) => output.note(&error.to_string()),
        }
        Done::Nothing
    }

    /// What was approved without a question did not become known.
    pub(super) fn forget(&mut self) {
        self.approved.clear();
    }

    pub(super) fn tell_once(&mut self, text: String, output: &Output) {
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
