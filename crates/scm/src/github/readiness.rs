//! What a pull request on GitHub lacks: GitHub's own verdict, and where that is "blocked", the rules that the token may
//! read.

use reqwest::Method;
use serde::de::DeserializeOwned;

use super::GitHub;
use super::wire::{
    WireBranch, WireCheckRun, WireCheckRuns, WireCombinedStatus, WireProtection, WireReview, WireRule, WireStatus,
};
use crate::error::Error;
use crate::host::{Blocker, PullRequest};
use crate::names::{BranchName, CommitSha, RepoName};

const PAGE: usize = 100;
const MAX_PAGES: usize = 10;

/// What the rules of a branch ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    checks: Vec<String>,
    approvals: u32,
    /// Merges go through a queue of GitHub's.
    queue: bool,
}

impl GitHub {
    /// One request where it can be merged; where it is blocked, up to eight, for people want to know why.
    pub(super) async fn blockers(&self, repo: &RepoName, pull: &PullRequest) -> Result<Vec<Blocker>, Error> {
        let now = self.get_pull(repo, pull.number).await?;
        if now.state != "open" {
            return Ok(vec![Blocker::NotOpen]);
        }
        let blocker = match now.mergeable_state.as_str() {
            "clean" | "has_hooks" | "unstable" => return Ok(vec![]),
            "draft" => Blocker::Draft,
            "dirty" => Blocker::Conflicts,
            "behind" => Blocker::OutOfDate,
            "blocked" => return self.rules_in_the_way(repo, pull).await,
            "unknown" | "" => Blocker::Computing,
            other => Blocker::Other(format!("GitHub says that it is {other}")),
        };
        Ok(vec![blocker])
    }

    async fn rules_in_the_way(&self, repo: &RepoName, pull: &PullRequest) -> Result<Vec<Blocker>, Error> {
        let wanted = self.wanted(repo, &pull.base).await?;
        let mut blockers = vec![];
        if wanted.queue {
            blockers.push(Blocker::Other(format!("branch {} takes merges through its merge queue only", pull.base)));
        }
        if !wanted.checks.is_empty() {
            blockers.extend(self.checks_in_the_way(repo, &pull.head_sha, wanted.checks).await?);
        }
        if let Some(reviews) = readable(self.reviews(repo, pull).await)? {
            blockers.extend(missing_reviews(wanted.approvals, &reviews));
        }
        if blockers.is_empty() {
            let why =
                format!("a rule of branch {} that this token may not read, or that GitHub alone judges", pull.base);
            blockers.push(Blocker::Other(why));
        }
        Ok(blockers)
    }

    /// What cannot be seen is not said to be missing: fine-grained tokens, for one, are not shown every check.
    async fn checks_in_the_way(
        &self,
        repo: &RepoName,
        sha: &CommitSha,
        mut required: Vec<String>,
    ) -> Result<Vec<Blocker>, Error> {
        let (runs, statuses) = (readable(self.runs(repo, sha).await)?, readable(self.statuses(repo, sha).await)?);
        let sees_all = runs.is_some() && statuses.is_some();
        let (runs, statuses) = (runs.unwrap_or_default(), statuses.unwrap_or_default());
        required.retain(|name| {
            sees_all || runs.iter().any(|run| run.name == *name) || statuses.iter().any(|one| one.context == *name)
        });
        Ok(missing_checks(&required, &runs, &statuses))
    }

    /// What rulesets and the older branch protection ask for together.
    async fn wanted(&self, repo: &RepoName, base: &BranchName) -> Result<Wanted, Error> {
        let tail = ["rules", "branches", base.as_str()];
        let rules = self.pages(repo, &tail, &format!("rules of branch {base}"), |page| page).await;
        // Servers of some years ago have no rulesets.
        let rules: Vec<WireRule> = readable(rules)?.unwrap_or_default();
        let branch = self.get_wire_branch(repo, base).await?;
        let protection = match &branch {
            Some(WireBranch { protected: true, protection: Some(known), .. }) if known.enabled => {
                self.protection(repo, base).await?
            }
            _ => WireProtection::default(),
        };
        Ok(wanted(&rules, branch.as_ref(), &protection))
    }

    /// The protection, or none where the token may not read it.
    async fn protection(&self, repo: &RepoName, base: &BranchName) -> Result<WireProtection, Error> {
        let object = format!("protection of branch {base} of {repo}");
        let tail = ["branches", base.as_str(), "protection"];
        let call = self.call(Method::GET, repo, &tail, format!("read the {object}"), object)?;
        Ok(readable(self.api.get(repo, &call).await.map_err(Error::from))?.unwrap_or_default())
    }

    async fn runs(&self, repo: &RepoName, sha: &CommitSha) -> Result<Vec<WireCheckRun>, Error> {
        let what = format!("checks of commit {}", sha.short());
        let tail = ["commits", sha.as_str(), "check-runs"];
        self.pages(repo, &tail, &what, |page: WireCheckRuns| page.check_runs).await
    }

    /// The newest status of each context.
    async fn statuses(&self, repo: &RepoName, sha: &CommitSha) -> Result<Vec<WireStatus>, Error> {
        let what = format!("status of commit {}", sha.short());
        let tail = ["commits", sha.as_str(), "status"];
        self.pages(repo, &tail, &what, |page: WireCombinedStatus| page.statuses).await
    }

    /// All reviews, oldest first.
    async fn reviews(&self, repo: &RepoName, pull: &PullRequest) -> Result<Vec<WireReview>, Error> {
        let number = pull.number.to_string();
        let what = format!("reviews of pull request {}", pull.number);
        self.pages(repo, &["pulls", &number, "reviews"], &what, |page| page).await
    }

    async fn pages<P: DeserializeOwned, T>(
        &self,
        repo: &RepoName,
        tail: &[&str],
        what: &str,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, Error> {
        let object = format!("{what} of {repo}");
        let mut all = vec![];
        for page in 1..=MAX_PAGES {
            let call = self.call(Method::GET, repo, tail, format!("read the {object}"), object.clone())?;
            let found = items(self.api.get(repo, &call.query("per_page", PAGE).query("page", page)).await?);
            let is_last = found.len() < PAGE;
            all.extend(found);
            if is_last {
                break;
            }
        }
        Ok(all)
    }
}

/// `None` where the token may not read it, or the server does not have it.
fn readable<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(Error::Forbidden { .. } | Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn wanted(rules: &[WireRule], branch: Option<&WireBranch>, protection: &WireProtection) -> Wanted {
    let of_rules = |kind: &'static str| rules.iter().filter(move |rule| rule.kind == kind);
    let of_protection = branch.and_then(|branch| branch.protection.as_ref()?.required_status_checks.as_ref());
    let mut checks: Vec<String> = of_rules("required_status_checks")
        .flat_map(|rule| rule.parameters.required_status_checks.iter().map(|check| check.context.clone()))
        .chain(of_protection.into_iter().flat_map(|checks| checks.contexts.clone()))
        .collect();
    checks.sort();
    checks.dedup();
    let of_rulesets = of_rules("pull_request").map(|rule| rule.parameters.required_approving_review_count);
    let of_reviews = protection.required_pull_request_reviews.as_ref();
    let of_reviews = of_reviews.map(|reviews| reviews.required_approving_review_count);
    Wanted {
        checks,
        approvals: of_rulesets.chain(of_reviews).max().unwrap_or(0),
        queue: of_rules("merge_queue").next().is_some(),
    }
}

/// Each required check needs a run or a status of its name, and every one of that name must be a success.
fn missing_checks(required: &[String], runs: &[WireCheckRun], statuses: &[WireStatus]) -> Vec<Blocker> {
    let mut blockers = vec![];
    for name in required {
        let of_runs = runs.iter().filter(|run| run.name == *name).map(|run| match &run.conclusion {
            Some(conclusion) if run.status == "completed" => {
                Some(matches!(conclusion.as_str(), "success" | "neutral" | "skipped"))
            }
            _ => None,
        });
        let of_statuses =
            statuses.iter().filter(|status| status.context == *name).map(|status| match status.state.as_str() {
                "success" => Some(true),
                "pending" => None,
                _ => Some(false),
            });
        let verdicts: Vec<Option<bool>> = of_runs.chain(of_statuses).collect();
        if verdicts.contains(&Some(false)) {
            blockers.push(Blocker::CheckFailed(name.clone()));
        } else if verdicts.is_empty() || verdicts.contains(&None) {
            blockers.push(Blocker::CheckPending(name.clone()));
        }
    }
    blockers
}

/// The newest verdict of each person counts; a comment is none.
fn missing_reviews(required: u32, reviews: &[WireReview]) -> Vec<Blocker> {
    let mut newest: Vec<(&str, &str)> = vec![];
    for WireReview { user, state } in reviews {
        let Some(user) = user else { continue };
        if matches!(state.as_str(), "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED") {
            newest.retain(|(login, _)| *login != user.login);
            newest.push((&user.login, state));
        }
    }
    let have = newest.iter().filter(|(_, state)| *state == "APPROVED").count();
    let have = u32::try_from(have).unwrap_or(u32::MAX);
    let mut blockers = vec![];
    if have < required {
        blockers.push(Blocker::ReviewsMissing { have, want: required });
    }
    let objecting = newest.iter().filter(|(_, state)| *state == "CHANGES_REQUESTED");
    blockers.extend(objecting.map(|(login, _)| Blocker::ChangesRequested((*login).to_owned())));
    blockers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::wire::WireUser;

    fn run(name: &str, status: &str, conclusion: Option<&str>) -> WireCheckRun {
        WireCheckRun { name: name.into(), status: status.into(), conclusion: conclusion.map(str::to_owned) }
    }

    fn status(context: &str, state: &str) -> WireStatus {
        WireStatus { context: context.into(), state: state.into() }
    }

    fn review(login: &str, state: &str) -> WireReview {
        WireReview { user: Some(WireUser { login: login.into() }), state: state.into() }
    }

    #[test]
    fn every_required_check_must_be_there_and_succeed() {
        let required = ["build", "lint", "scan", "test"].map(str::to_owned);
        let runs = [
            run("build", "completed", Some("success")),
            run("lint", "in_progress", None),
            run("scan", "completed", Some("timed_out")),
            run("other", "completed", Some("failure")),
        ];
        let missing = [
            Blocker::CheckPending("lint".into()),
            Blocker::CheckFailed("scan".into()),
            Blocker::CheckPending("test".into()),
        ];
        assert_eq!(missing_checks(&required, &runs, &[]), missing);
        let statuses = [status("lint", "success"), status("build", "error"), status("test", "success")];
        let done = [run("lint", "completed", Some("skipped")), run("scan", "completed", Some("neutral"))];
        assert_eq!(missing_checks(&required, &done, &statuses), [Blocker::CheckFailed("build".into())]);
    }

    #[test]
    fn the_newest_review_of_a_person_counts() {
        let reviews = [
            review("a", "CHANGES_REQUESTED"),
            review("a", "APPROVED"),
            review("a", "COMMENTED"),
            review("b", "APPROVED"),
            review("b", "CHANGES_REQUESTED"),
            review("c", "APPROVED"),
            review("c", "DISMISSED"),
        ];
        let missing = [Blocker::ReviewsMissing { have: 1, want: 2 }, Blocker::ChangesRequested("b".into())];
        assert_eq!(missing_reviews(2, &reviews), missing);
        assert_eq!(missing_reviews(1, &reviews[..3]), []);
    }

    #[test]
    fn rulesets_and_branch_protection_add_up() {
        let rules: Vec<WireRule> = serde_json::from_str(
            r#"[
              {"type": "deletion", "ruleset_id": 1},
              {"type": "required_status_checks", "parameters": {
                "required_status_checks": [{"context": "ci", "integration_id": 7}, {"context": "lint"}],
                "strict_required_status_checks_policy": false}},
              {"type": "pull_request", "parameters": {"required_approving_review_count": 1}},
              {"type": "merge_queue", "parameters": {"merge_method": "SQUASH"}}
            ]"#,
        )
        .unwrap();
        let branch: WireBranch = serde_json::from_str(
            r#"{"name": "main", "protected": true,
                "commit": {"sha": "", "commit": {"message": "", "committer": null}},
                "protection": {"enabled": true, "required_status_checks": {"contexts": ["ci", "test"]}}}"#,
        )
        .unwrap();
        let protection: WireProtection =
            serde_json::from_str(r#"{"required_pull_request_reviews": {"required_approving_review_count": 2}}"#)
                .unwrap();
        let checks = ["ci", "lint", "test"].map(str::to_owned).to_vec();
        assert_eq!(wanted(&rules, Some(&branch), &protection), Wanted { checks, approvals: 2, queue: true });
        assert_eq!(wanted(&[], None, &WireProtection::default()), Wanted::default());
    }
}
