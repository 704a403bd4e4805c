//! `pullRequestWait`: waits until a pull request is merged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_engine::{Nature, WaitKind, WaitTarget};
use sluice_expr::Type;

use crate::{
    Duration,
    step::{Claim, StepType, TakesFrom, interval::interval, output::CommitOutput},
};

/// Waits until the pull request of an earlier step is merged. Closed without a merge is a failure; a merge by a person
/// counts, whatever they merged. When the earlier step changed nothing, this one succeeds at once.
///
/// Without `timeout` it waits for ever. Outputs: `mergedBy`, and `commit` (`sha`, `repository`, `providerRef`): the
/// merge, or the head of the base branch when nothing was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct PullRequestWait {
    /// The name of the earlier `pullRequest` step.
    #[schemars(length(min = 1, max = 63))]
    pub from: String,
    /// Who merges; `Manual` unless set.
    #[serde(default)]
    pub merge: MergePolicy,
    /// How it is merged, when it is not a person who merges; the repository's default unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<MergeMethod>,
    /// How often the git host is asked, such as `1m`; `30s` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
}

/// Who merges a pull request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MergePolicy {
    /// A person merges, on the git host.
    #[default]
    Manual,
    /// Sluice merges, or the git host by itself, as soon as the pull request is mergeable and the required checks and
    /// reviews have passed: exactly the head that the earlier step recorded.
    WhenReady,
    /// Sluice merges at once: exactly the head that the earlier step recorded.
    Now,
}

/// How a pull request is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MergeMethod {
    /// With a merge commit.
    Merge,
    /// As one commit.
    Squash,
    /// With its commits on top of the base branch.
    Rebase,
}

/// How often a git host is asked unless a step says.
const INTERVAL: Duration = Duration::from_secs(30);

impl PullRequestWait {
    /// How often the git host is asked.
    pub fn interval(&self) -> Duration {
        interval(self.interval, INTERVAL)
    }
}

impl StepType for PullRequestWait {
    fn nature(&self) -> Nature {
        match self.merge {
            MergePolicy::Manual => Nature::Reads,
            MergePolicy::WhenReady | MergePolicy::Now => Nature::Acts,
        }
    }

    fn outputs(&self) -> Type {
        Type::object([("mergedBy", Type::Any), ("commit", CommitOutput::value_type())])
    }

    fn waiting_on(&self, claim: &Claim<'_>) -> Option<WaitTarget> {
        let url = claim.from?.get("url")?.as_str()?;
        Some(WaitTarget { kind: WaitKind::PullRequest, key: url.to_owned() })
    }

    fn takes_from(&self) -> Option<TakesFrom<'_>> {
        Some(TakesFrom { field: "from", step: &self.from, types: &["pullRequest"] })
    }
}
