//! What a person asks of a run in a cluster: one entry more in its `spec.actions`, by a patch that any client could send.
//!
//! Every verb goes this way. Who may do what is decided by the API server, for all clients alike.

mod rules;
mod status;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

use kube::{
    ResourceExt,
    api::{DynamicObject, Patch},
};
use serde_json::{Value, json};
use sluice_api::{PipelineRun, RunAction, names};
use sluice_engine::{ActionOutcome, ActionResult, RunPhase};

use crate::cluster::{Cluster, Objects, RequestError};

pub(crate) use rules::Ask;
pub(crate) use words::{asked, done, ignored};

/// How often an entry is put behind those of others who appended theirs at the same time. The API server itself tries each
/// of them a few times.
const ATTEMPTS: u32 = 20;

/// The pause before the first further attempt; each next one is longer by as much.
const PAUSE: Duration = Duration::from_millis(25);

/// The runs of a namespace.
pub(crate) struct Runs(Objects);

/// A run as the API server has it, whatever else a newer version of Sluice may keep in it.
#[derive(Clone, Debug)]
pub(crate) struct Run(pub(crate) DynamicObject);

/// How a run has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// `Succeeded`, `Failed`, `Aborted` or `Cancelled`.
    phase: String,
    /// The same, and why where that is said.
    pub(crate) text: String,
}

/// The name by which the API server knows whoever asks.
///
/// # Errors
/// It does not answer, or knows nobody by these credentials.
pub(crate) async fn user(cluster: &Cluster) -> Result<String, RequestError> {
    let user = sluice_client::client::user(&cluster.client).await;
    let user = user.map_err(|source| RequestError::Ask { what: "who you are", source })?;
    user.filter(|name| !name.is_empty()).ok_or(RequestError::Nobody)
}

impl Runs {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        Self(Objects::of::<PipelineRun>(cluster, "run"))
    }

    /// The run of this name.
    ///
    /// # Errors
    /// There is none, or it may not be read.
    pub(crate) async fn get(&self, name: &str) -> Result<Run, RequestError> {
        self.0.get(name).await.map(Run)
    }

    /// Creates a run; `name` is what messages call it.
    ///
    /// # Errors
    /// The API server refuses it, or does not answer: then it may be there or not.
    pub(crate) async fn create(&self, name: &str, run: &DynamicObject) -> Result<Run, RequestError> {
        self.0.create(name, run).await.map(Run)
    }

    /// The run that was created last among those that have not ended; of those at the same time the last by name.
    ///
    /// # Errors
    /// They may not be listed, or nobody answers.
    pub(crate) async fn newest_unfinished(&self) -> Result<Option<Run>, RequestError> {
        use RunPhase::{Aborted, Cancelled, Failed, Succeeded};
        let ended = [Succeeded, Failed, Aborted, Cancelled].map(|phase| format!("status.phase!={phase:?}"));
        let unfinished = self.0.list(&ended.join(",")).await?;
        let age = |run: &DynamicObject| (run.creation_timestamp().map(|time| time.0), run.name_any());
        Ok(unfinished.into_iter().max_by_key(age).map(Run))
    }

    /// Appends an entry to what was asked of a run. When others appended theirs at the same time, it goes behind them.
    ///
    /// # Errors
    /// The API server refuses it, or does not answer: then the entry may be there or not.
    pub(crate) async fn append(&self, name: &str, action: &RunAction) -> Result<Run, RequestError> {
        let patch = json!([{"op": "add", "path": names::NEXT_ACTION, "value": action}]);
        let patch = serde_json::from_value(patch).map(Patch::<()>::Json).map_err(RequestError::Patch)?;
        for attempt in 1..=ATTEMPTS {
            if let Some(run) = self.0.patch(name, &patch).await? {
                return Ok(Run(run));
            }
            tokio::time::sleep(PAUSE * attempt).await;
        }
        Err(self.0.contended(name))
    }
}

impl Run {
    /// As kubectl writes it.
    pub(crate) fn reference(&self) -> String {
        reference(&self.0.name_any())
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        self.0.metadata.deletion_timestamp.is_some()
    }

    /// The whole object; who wrote which field of it is left out, as kubectl does.
    pub(crate) fn to_value(&self) -> serde_json::Result<Value> {
        let mut object = self.0.clone();
        object.metadata.managed_fields = None;
        serde_json::to_value(object)
    }

    /// How the run has ended, if it has. Machines read the condition.
    pub(crate) fn end(&self) -> Option<End> {
        let status = &self.0.data["status"];
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let succeeded = conditions.clone().find(|condition| condition["type"] == "Succeeded")?;
        matches!(succeeded["status"].as_str(), Some("True" | "False")).then(|| End::of(status))
    }

    /// The result of a run that has not ended, but only has to finish its hooks.
    pub(crate) fn decided(&self) -> Option<End> {
        let ending = &self.0.data["status"]["ending"];
        (self.end().is_none() && ending.is_object()).then(|| End::of(ending))
    }

    /// What was asked of it, oldest first.
    pub(crate) fn entries(&self) -> &[Value] {
        self.0.data["spec"]["actions"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// What was asked of it and is not answered yet, oldest first.
    pub(crate) fn unanswered(&self) -> &[Value] {
        let answered = self.0.data["status"]["actions"].as_array().map_or(0, Vec::len);
        self.entries().get(answered..).unwrap_or_default()
    }

    /// The controller's answer to the entry at this place, once there is one.
    pub(crate) fn answer(&self, index: usize) -> Option<ActionResult> {
        let answers = self.0.data["status"]["actions"].as_array()?;
        let answer = answers.iter().find(|answer| answer["index"] == index)?;
        // A newer controller's word for it is none that this version knows as success.
        let unknown = || ActionResult {
            index: i32::try_from(index).unwrap_or(i32::MAX),
            result: ActionOutcome::Ignored,
            message: Some(format!("the answer is {}", answer["result"])),
            at: None,
        };
        Some(serde_json::from_value(answer.clone()).unwrap_or_else(|_| unknown()))
    }
}

impl End {
    fn of(told: &Value) -> Self {
        let phase = told["phase"].as_str().unwrap_or("Failed").to_owned();
        let why = told["message"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
        Self { text: format!("{phase}{why}"), phase }
    }

    pub(crate) fn is(&self, phase: RunPhase) -> bool {
        self.phase == format!("{phase:?}")
    }
}

/// A run as kubectl writes it.
pub(crate) fn reference(name: &str) -> String {
    format!("pipelinerun.sluice.dev/{name}")
}

/// The name in `web-1`, and in what kubectl writes: `plr/web-1`, `pipelinerun.sluice.dev/web-1`.
///
/// # Errors
/// It is something else.
pub(crate) fn run_name(text: &str) -> Result<String, String> {
    const KINDS: [&str; 5] =
        ["plr", "pipelinerun", "pipelineruns", "pipelinerun.sluice.dev", "pipelineruns.sluice.dev"];
    let name = match text.split_once('/') {
        None => text,
        Some((kind, name)) if KINDS.contains(&kind) => name,
        Some((kind, _)) => return Err(format!("{kind:?} is no kind of run: write plr/NAME, or the name alone")),
    };
    object_name(name)
}

/// The name in what kubectl writes of a ComponentUpdate: `cu/web-1`, `componentupdate.sluice.dev/web-1`; `None` if it is something
/// else.
pub(crate) fn update_name(text: &str) -> Option<Result<String, String>> {
    const KINDS: [&str; 5] =
        ["cu", "componentupdate", "componentupdates", "componentupdate.sluice.dev", "componentupdates.sluice.dev"];
    let (kind, name) = text.split_once('/')?;
    KINDS.contains(&kind).then(|| object_name(name))
}

fn object_name(name: &str) -> Result<String, String> {
    match crate::lint::is_dns_subdomain(name) {
        true => Ok(name.to_owned()),
        false => Err("a name has lower-case letters, digits, `-` and `.` only".to_owned()),
    }
}
