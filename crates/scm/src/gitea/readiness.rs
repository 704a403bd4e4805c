//! What a pull request on Gitea lacks, from the rules that the token may read.

use reqwest::Method;

use super::Gitea;
use super::wire::{WireBranch, WireCombinedStatus, WireProtection, WireReview, WireStatus};
use crate::error::Error;
use crate::host::{Blocker, Mergeable, PullRequest, PullRequestState};
use crate::names::{CommitSha, RepoName};

const PAGE: usize = 50;
const MAX_PAGES: usize = 10;

impl Gitea {
    pub(super) async fn blockers(&self, repo: &RepoName, pull: &PullRequest) -> Result<Vec<Blocker>, Error> {
        if pull.state != PullRequestState::Open {
            return Ok(vec![Blocker::NotOpen]);
        }
        let mut blockers = vec![];
        if pull.draft {
            blockers.push(Blocker::Draft);
        } else if pull.mergeable != Mergeable::Yes {
            blockers.push(Blocker::Other("it conflicts with its base branch, or Gitea is still checking".into()));
        }
        let Some(base) = self.get_wire_branch(repo, &pull.base).await? else {
            blockers.push(Blocker::Other(format!("its base branch {} is gone", pull.base)));
            return Ok(blockers);
        };
        if !base.protected {
            return Ok(blockers);
        }
        if base.enable_status_check {
            let statuses = self.statuses(repo, &pull.head_sha).await?;
            blockers.extend(missing_checks(base.status_check_contexts.as_deref().unwrap_or_default(), &statuses));
        }
        let rules = self.protection(repo, &base).await?;
        if base.required_approvals > 0 || rules.block_on_rejected_reviews {
            blockers.extend(missing_reviews(base.required_approvals, &rules, &self.reviews(repo, pull).await?));
        }
        if rules.block_on_outdated_branch {
            let behind = match CommitSha::parse(&base.commit.sha) {
                Ok(base_head) => !self.has_ancestor(repo, &base_head, &pull.head_sha).await?,
                Err(_) => false,
            };
            blockers.extend(behind.then_some(Blocker::OutOfDate));
        }
        Ok(blockers)
    }

    /// The newest status of each context.
    async fn statuses(&self, repo: &RepoName, sha: &CommitSha) -> Result<Vec<WireStatus>, Error> {
        let mut all = vec![];
        for page in 1..=MAX_PAGES {
            let object = format!("status of commit {} of {repo}", sha.short());
            let tail = ["commits", sha.as_str(), "status"];
            let call = self.call(Method::GET, repo, &tail, format!("read the {object}"), object)?;
            let combined: WireCombinedStatus = self.api.get(call.query("page", page).query("limit", PAGE)).await?;
            let statuses = combined.statuses.unwrap_or_default();
            if statuses.is_empty() {
                break;
            }
            all.extend(statuses);
        }
        Ok(all)
    }

    async fn reviews(&self, repo: &RepoName, pull: &PullRequest) -> Result<Vec<WireReview>, Error> {
        let tail = format!("{}/reviews", pull.number);
        let mut all = vec![];
        for page in 1..=MAX_PAGES {
            let call = self.pull_call(Method::GET, repo, "read the reviews of", pull.number, &tail)?;
            let reviews: Vec<WireReview> = self.api.get(call.query("page", page).query("limit", PAGE)).await?;
            if reviews.is_empty() {
                break;
            }
            all.extend(reviews);
        }
        Ok(all)
    }

    /// The rest of the rules, or none where the token may not read them.
    async fn protection(&self, repo: &RepoName, base: &WireBranch) -> Result<WireProtection, Error> {
        let name = &base.effective_branch_protection_name;
        if name.is_empty() {
            return Ok(WireProtection::default());
        }
        let object = format!("rules of branch {name} of {repo}");
        let tail = ["branch_protections", name.as_str()];
        let call = self.call(Method::GET, repo, &tail, format!("read the {object}"), object)?;
        match self.api.get(call).await.map_err(Error::from) {
            Err(Error::Forbidden { .. } | Error::NotFound { .. }) => Ok(WireProtection::default()),
            other => other,
        }
    }
}

/// Each required pattern needs a status, and every status it fits must be a success.
fn missing_checks(patterns: &[String], statuses: &[WireStatus]) -> Vec<Blocker> {
    let everything = ["*".to_owned()];
    let patterns = if patterns.is_empty() { &everything[..] } else { patterns };
    let mut blockers = vec![];
    for pattern in patterns {
        let mut fitting = statuses.iter().filter(|status| fits(pattern, &status.context)).peekable();
        if fitting.peek().is_none() {
            blockers.push(Blocker::CheckPending(pattern.clone()));
        }
        for WireStatus { context, status } in fitting {
            let blocker = match status.as_str() {
                "success" | "skipped" => continue,
                "pending" => Blocker::CheckPending(context.clone()),
                _ => Blocker::CheckFailed(context.clone()),
            };
            if !blockers.contains(&blocker) {
                blockers.push(blocker);
            }
        }
    }
    blockers
}

/// The newest review of each person counts.
fn missing_reviews(required: u32, rules: &WireProtection, reviews: &[WireReview]) -> Vec<Blocker> {
    let mut newest: Vec<(&str, &WireReview)> = vec![];
    for review in reviews.iter().filter(|r| r.official && !r.dismissed && r.state != "COMMENT" && r.state != "PENDING")
    {
        let Some(user) = &review.user else { continue };
        newest.retain(|(login, _)| *login != user.login);
        newest.push((&user.login, review));
    }
    let approvals = newest.iter().filter(|(_, r)| r.state == "APPROVED" && !(rules.ignore_stale_approvals && r.stale));
    let have = u32::try_from(approvals.count()).unwrap_or(u32::MAX);
    let mut blockers = vec![];
    if have < required {
        blockers.push(Blocker::ReviewsMissing { have, want: required });
    }
    if rules.block_on_rejected_reviews {
        let rejecting = newest.iter().filter(|(_, r)| r.state == "REQUEST_CHANGES");
        blockers.extend(rejecting.map(|(login, _)| Blocker::ChangesRequested((*login).to_owned())));
    }
    blockers
}

/// `*` is any text, `?` any character; in linear space and no worse than quadratic time.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match &mut retry {
                Some((after, from)) => {
                    *from += 1;
                    (p, t) = (*after, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(context: &str, status: &str) -> WireStatus {
        WireStatus { context: context.into(), status: status.into() }
    }

    #[test]
    fn patterns_fit_as_globs_do() {
        for (pattern, text) in
            [("ci", "ci"), ("ci/*", "ci/a/b"), ("*", ""), ("*test*", "a test b"), ("c?", "ci"), ("a*b*c", "aXbXbXc")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("ci", "ci2"), ("ci/*", "ci"), ("c?", "c"), ("a*b", "abc"), ("", "x")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn every_required_check_must_be_there_and_succeed() {
        let required = ["ci/*".to_owned(), "lint".to_owned()];
        assert_eq!(
            missing_checks(
                &required,
                &[status("ci/a", "success"), status("ci/b", "pending"), status("other", "failure")]
            ),
            [Blocker::CheckPending("ci/b".into()), Blocker::CheckPending("lint".into())]
        );
        assert_eq!(
            missing_checks(&required, &[status("ci/a", "success"), status("lint", "error")]),
            [Blocker::CheckFailed("lint".into())]
        );
        assert_eq!(missing_checks(&[], &[]), [Blocker::CheckPending("*".into())]);
    }

    #[test]
    fn the_newest_review_of_a_person_counts() {
        let review = |login: &str, state: &str| WireReview {
            user: Some(crate::gitea::wire::WireUser { login: login.into() }),
            state: state.into(),
            official: true,
            dismissed: false,
            stale: false,
        };
        let rules = WireProtection { block_on_rejected_reviews: true, ..WireProtection::default() };
        let reviews = [
            review("a", "REQUEST_CHANGES"),
            review("a", "APPROVED"),
            review("b", "APPROVED"),
            review("b", "REQUEST_CHANGES"),
        ];
        assert_eq!(
            missing_reviews(2, &rules, &reviews),
            [Blocker::ReviewsMissing { have: 1, want: 2 }, Blocker::ChangesRequested("b".into())]
        );
    }
}
