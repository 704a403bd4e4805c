//! The rules of the branch `main`, and the checks and reviews that meet them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answers::{Reply, overlay};
use super::pulls::PullRecord;
use super::{Repository, Request};
use crate::github::contract::Contract;

const BRANCH: &str = "main";

#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Names of required checks: by a ruleset.
    pub(crate) checks: Vec<String>,
    pub(crate) approvals: usize,
    /// The same as the older branch protection.
    pub(crate) is_classic: bool,
    /// The conclusion of a check by its commit and name; none is one under way.
    pub(crate) runs: BTreeMap<(String, String), Option<String>>,
    /// The state of a status by its commit and context.
    pub(crate) statuses: BTreeMap<(String, String), String>,
}

impl Rules {
    pub(crate) fn is_of(&self, branch: &str) -> bool {
        branch == BRANCH && (!self.checks.is_empty() || self.approvals > 0)
    }
}

impl Repository {
    /// Why it must not be merged, in GitHub's words.
    pub(crate) fn lacks(&self, pull: &PullRecord) -> Option<String> {
        if !self.rules.is_of(&pull.base) {
            return None;
        }
        let succeeded = |check: &&String| {
            let key = (pull.head_sha.clone(), (*check).clone());
            self.rules.runs.get(&key).is_some_and(|run| run.as_deref() == Some("success"))
                || self.rules.statuses.get(&key).is_some_and(|state| state == "success")
        };
        if let Some(check) = self.rules.checks.iter().find(|check| !succeeded(check)) {
            return Some(format!("Required status check \"{check}\" is expected."));
        }
        let approvals = pull.reviews.iter().filter(|(_, state)| state == "APPROVED").count();
        let lacking = approvals < self.rules.approvals;
        lacking.then(|| "At least 1 approving review is required by reviewers with write access.".to_owned())
    }

    /// Whether a branch is protected, and what everybody is shown of it.
    pub(crate) fn shown_protection(&self, branch: &str) -> (bool, Value) {
        let checks = if self.rules.is_classic { self.rules.checks.clone() } else { vec![] };
        let is_of = self.rules.is_of(branch);
        let enforced = if checks.is_empty() { "off" } else { "non_admins" };
        let shown = json!({
            "enabled": is_of && self.rules.is_classic,
            "required_status_checks": {"enforcement_level": enforced, "contexts": checks, "checks": []},
        });
        (is_of, shown)
    }

    pub(crate) fn protection(&self) -> Reply {
        if !self.rules.is_classic {
            return Reply::refusal(404, "Branch not protected");
        }
        let reviews = json!({
            "dismiss_stale_reviews": false, "require_code_owner_reviews": false,
            "required_approving_review_count": self.rules.approvals,
        });
        Reply::ok(json!({"required_pull_request_reviews": reviews}))
    }

    pub(crate) fn rules_of(&self, branch: &str) -> Reply {
        if self.rules.is_classic || !self.rules.is_of(branch) {
            return Reply::ok(json!([]));
        }
        let source = json!({"ruleset_source_type": "Repository", "ruleset_source": self.full_name, "ruleset_id": 42});
        let rule = |kind: &str, parameters: Value| {
            let mut rule = source.clone();
            overlay(&mut rule, json!({"type": kind, "parameters": parameters}));
            rule
        };
        let checks: Vec<Value> = self.rules.checks.iter().map(|check| json!({"context": check})).collect();
        let checks = json!({"required_status_checks": checks, "strict_required_status_checks_policy": false});
        let reviews = json!({
            "required_approving_review_count": self.rules.approvals, "dismiss_stale_reviews_on_push": false,
            "require_code_owner_review": false, "require_last_push_approval": false,
            "required_review_thread_resolution": false,
        });
        Reply::ok(json!([rule("required_status_checks", checks), rule("pull_request", reviews)]))
    }

    pub(crate) fn check_runs(&self, contract: &Contract, sha: &str, request: &Request) -> Reply {
        let mut answer = contract.example("get", "/repos/{owner}/{repo}/commits/{ref}/check-runs");
        let example = answer["check_runs"][0].clone();
        let of_commit = self.rules.runs.iter().filter(|((commit, _), _)| commit == sha);
        let runs: Vec<Value> = of_commit
            .map(|((_, name), conclusion)| {
                let mut run = example.clone();
                let status = if conclusion.is_some() { "completed" } else { "in_progress" };
                overlay(&mut run, json!({"name": name, "head_sha": sha, "status": status, "conclusion": conclusion}));
                run
            })
            .collect();
        overlay(&mut answer, json!({"total_count": runs.len(), "check_runs": request.page(runs)}));
        Reply::ok(answer)
    }

    pub(crate) fn combined_status(&self, contract: &Contract, sha: &str, request: &Request) -> Reply {
        let mut answer = contract.example("get", "/repos/{owner}/{repo}/commits/{ref}/status");
        let example = answer["statuses"][0].clone();
        let of_commit = self.rules.statuses.iter().filter(|((commit, _), _)| commit == sha);
        let statuses: Vec<Value> = of_commit
            .map(|((_, context), state)| {
                let mut status = example.clone();
                overlay(&mut status, json!({"context": context, "state": state}));
                status
            })
            .collect();
        overlay(
            &mut answer,
            json!({"sha": sha, "total_count": statuses.len(), "state": "pending", "statuses": request.page(statuses)}),
        );
        Reply::ok(answer)
    }

    pub(crate) fn reviews(&self, contract: &Contract, number: &str, request: &Request) -> Reply {
        let Some(at) = self.at(number) else { return Reply::missing() };
        let example = contract.example("get", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews");
        let review = |(login, state): &(String, String)| {
            let mut review = example[0].clone();
            overlay(
                &mut review,
                json!({"state": state, "user": {"login": login}, "commit_id": self.pulls[at].head_sha}),
            );
            review
        };
        Reply::ok(request.page(self.pulls[at].reviews.iter().map(review).collect()).into())
    }
}
