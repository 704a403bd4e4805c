//! `commit`: commits file edits straight onto a branch.
//!
//! # Idempotency
//! The commit carries the key in its trailer. A key that may have been acted on is looked for on the branch first, also
//! after the branch moved in between: a write whose answer was lost may land late.

use async_trait::async_trait;
use serde::Serialize;
use sluice_api::step::{Commit as Config, CommitOutput, ConfigMistake};
use sluice_engine::{Failure, Outcome};
use sluice_scm::{BranchName, CommitSha, EffectKey, GitHost, NewCommit, Onto, RepoName};

use crate::{
    Perform, StepContext,
    git_edits::Edits,
    git_effect::{Stop, Tries, outcome_of},
    git_host::{
        branch_named, branch_not_found, failure_of, host_of, key_of, not_older_than, outputs, repo_named,
        repository_failure,
    },
    literals::Literals,
};

#[async_trait]
impl Perform for Config {
    const EXAMPLE: &'static str = r#"
commit:
  providerRef: {name: gitea}
  repository: shop/gitops
  branch: main
  message: "Record ${{ params.application }} ${{ params.version }}"
  edits:
  - file: "staging/${{ params.application }}.yaml"
    set: {path: deployedVersion, value: "${{ params.version }}", create: true}
"#;

    fn literal_mistakes(&self) -> Vec<ConfigMistake> {
        Literals::default()
            .repository("repository", &self.repository)
            .branch("branch", self.branch.as_deref())
            .edits(&self.edits)
            .mistakes()
    }

    async fn act(&self, context: &StepContext<'_>) -> Outcome {
        let committed = async {
            let host = host_of(context, &self.provider_ref.name).await?;
            commit(host.as_ref(), self, context).await
        };
        outcome_of(context, committed.await.map(|committed| outputs(&committed)))
    }
}

/// The outputs of the step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Committed {
    commit: CommitOutput,
    changed: bool,
}

/// Finds the commit of the key, or makes it.
async fn commit(host: &dyn GitHost, config: &Config, context: &StepContext<'_>) -> Result<Committed, Failure> {
    let committing = Committing::prepare(host, config, context).await?;
    let mut tries = Tries::new(context);
    loop {
        match committing.attempt(tries.look_first).await {
            Ok(committed) => return Ok(committed),
            Err(stop) => tries.again(stop).await?,
        }
    }
}

struct Committing<'a> {
    host: &'a dyn GitHost,
    context: &'a StepContext<'a>,
    config: &'a Config,
    repo: RepoName,
    branch: BranchName,
    key: EffectKey,
    edits: Edits,
}

impl<'a> Committing<'a> {
    async fn prepare(host: &'a dyn GitHost, config: &'a Config, context: &'a StepContext<'a>) -> Result<Self, Failure> {
        let repo = repo_named(&config.repository)?;
        let edits = Edits::parse(&config.edits)?;
        let key = key_of(context)?;
        if config.message.trim().is_empty() {
            return Err(Failure::definite("InvalidConfiguration", "message: it is empty; write at least a line"));
        }
        let branch = branch_named(host, &repo, config.branch.as_deref(), "branch").await?;
        Ok(Self { host, context, config, repo, branch, key, edits })
    }

    async fn attempt(&self, look_first: bool) -> Result<Committed, Stop> {
        let Self { host, context, config, repo, branch, key, edits } = self;
        let found = host.branch(repo, branch).await.map_err(|error| repository_failure(&error))?;
        let head = found.ok_or_else(|| branch_not_found(*host, repo, branch, "branch"))?.head;
        // After the head was read: what lands later moves the branch, and is found by the next try.
        if look_first {
            let own = host.find_commit(repo, branch, key, not_older_than(context)).await;
            if let Some(own) = own.map_err(|error| failure_of(&error))? {
                return Ok(self.committed(&own.sha, true));
            }
        }
        let files = edits.changes(*host, repo, branch, &head).await?;
        if files.is_empty() {
            return Ok(self.committed(&head.sha, false));
        }
        let onto = Onto::Branch { branch: branch.clone(), head: head.sha };
        let new = NewCommit { onto, message: config.message.clone(), key: key.clone(), files };
        let made = host.commit_files(repo, &new).await.map_err(Stop::of_write)?;
        Ok(self.committed(&made.sha, true))
    }

    fn committed(&self, sha: &CommitSha, changed: bool) -> Committed {
        let commit = CommitOutput {
            sha: sha.to_string(),
            repository: self.repo.to_string(),
            provider_ref: self.config.provider_ref.clone(),
        };
        Committed { commit, changed }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::LazyLock, time::Duration};

    use sluice_engine::End;

    use super::*;
    use crate::{
        fake_git_host::{Claim, FakeHost, Fault, Repo, away, forbidden, lost, rate_limited},
        fake_world::FakeWorld,
    };

    const WEB: &str = "version: '1.0' # deployed\n";
    const EDITED: &str = "version: '1.1' # deployed\n";

    /// Its HTTP client takes a while to make.
    static WORLD: LazyLock<FakeWorld> = LazyLock::new(FakeWorld::default);

    fn config() -> Config {
        serde_saphyr::from_str(
            "providerRef: {name: gitea}
repository: shop/gitops
message: Record web 1.1
edits: [{file: staging/web.yaml, set: {path: version, value: '1.1'}}]
",
        )
        .unwrap()
    }

    async fn act(host: &FakeHost, config: &Config, claim: &Claim) -> Option<Outcome> {
        let key = claim.key();
        let context = StepContext { key: &key, claims: claim.claims, ..WORLD.context() };
        let made = async { outcome_of(&context, commit(host, config, &context).await.map(|made| outputs(&made))) };
        tokio::time::timeout(Duration::from_secs(3600), made).await.ok()
    }

    /// Calls `act` as the engine does until it succeeds; gives the SHA and whether something changed.
    async fn until_success(host: &FakeHost, claim: &mut Claim) -> (String, bool) {
        for _ in 0..10 {
            match act(host, &config(), claim).await {
                Some(Outcome::Succeeded(outputs)) => {
                    let sha = outputs["commit"]["sha"].as_str().unwrap().to_owned();
                    return (sha, outputs["changed"].as_bool().unwrap());
                }
                Some(Outcome::Failed(failure)) if failure.end == End::Known => claim.anew(),
                _ => claim.again(),
            }
        }
        panic!("it never succeeds");
    }

    fn commits(repo: &Repo) -> usize {
        let key = |epoch| EffectKey::parse(&Claim { epoch, claims: 1 }.key()).unwrap();
        (1..10).map(|epoch| repo.commits_of(&key(epoch)).len()).sum()
    }

    fn sha(number: u8) -> String {
        format!("{number:040x}")
    }

    #[tokio::test]
    async fn edits_become_one_commit_on_the_branch() {
        let host = FakeHost::new(WEB);
        let outcome = act(&host, &config(), &Claim::first()).await;
        let Some(Outcome::Succeeded(outputs)) = outcome else { panic!("{outcome:?}") };
        let expected = serde_json::json!({
            "commit": {"sha": sha(2), "repository": "shop/gitops", "providerRef": {"name": "gitea"}},
            "changed": true,
        });
        assert_eq!(serde_json::Value::from(outputs), expected);
        let repo = host.repo();
        assert_eq!(repo.file("main", "staging/web.yaml"), EDITED);
        assert_eq!(repo.head("main").message, format!("Record web 1.1\n\nSluice-Key: {}", Claim::first().key()));
        assert_eq!(repo.calls, ["repository", "branch", "read_file", "commit_files"]);
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_happens_to_the_write_there_is_one_commit() {
        type Cause = fn() -> Fault;
        let faults: [(&str, Cause); 8] = [
            ("crash before", || Fault::CrashBefore),
            ("crash after", || Fault::CrashAfter),
            ("answer lost", || Fault::AnswerLost),
            ("lost before", || Fault::Refused(lost())),
            ("late", || Fault::Late(0)),
            ("between the look and the write", || Fault::Late(2)),
            ("away", || Fault::Refused(away())),
            ("rate limit", || Fault::Refused(rate_limited())),
        ];
        for (first, fault) in &faults {
            for (second, other) in &faults {
                let host = FakeHost::new(WEB);
                host.fault("commit_files", fault());
                host.fault("commit_files", other());
                let mut claim = Claim::first();
                let seen = until_success(&host, &mut claim).await;
                assert_eq!((seen, commits(&host.repo())), ((sha(2), true), 1), "{first}, then {second}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_commit_is_found_under_what_others_pushed_on_top() {
        let host = FakeHost::new(WEB);
        host.fault("commit_files", Fault::CrashAfter);
        let mut claim = Claim::first();
        assert_eq!(act(&host, &config(), &claim).await, None);
        host.repo().push("main", "staging/web.yaml", WEB, "Revert it by hand");
        claim.again();
        assert_eq!(until_success(&host, &mut claim).await, (sha(2), true));
        assert_eq!(host.repo().file("main", "staging/web.yaml"), WEB);
    }

    #[tokio::test(start_paused = true)]
    async fn a_branch_that_moves_is_read_anew() {
        let host = FakeHost::new(WEB);
        for tag in ["0.8", "0.9"] {
            let text = format!("version: {tag}\n");
            let moved = move |repo: &mut Repo| drop(repo.push("main", "staging/web.yaml", &text, "Person"));
            host.fault("commit_files", Fault::Meanwhile(Box::new(moved)));
        }
        let mut claim = Claim::first();
        assert_eq!(until_success(&host, &mut claim).await, (sha(4), true));
        assert_eq!(claim.epoch, 1, "a moved branch needs no further attempt");
        assert_eq!(host.repo().file("main", "staging/web.yaml"), "version: \"1.1\"\n");
    }

    #[tokio::test]
    async fn no_change_is_a_success_at_the_branchs_head() {
        let host = FakeHost::new(EDITED);
        assert_eq!(until_success(&host, &mut Claim::first()).await, (sha(1), false));
        assert_eq!(host.repo().count("commit_files"), 0);
    }

    #[tokio::test]
    async fn failures_say_whether_a_further_attempt_is_a_new_effect() {
        for (call, error, claims, expected) in [
            ("commit_files", forbidden(), 1, ("Forbidden", false, End::Known)),
            ("commit_files", rate_limited(), 1, ("RateLimited", true, End::Known)),
            ("commit_files", forbidden(), 2, ("Forbidden", false, End::Unknown)),
            ("find_commit", away(), 2, ("GitHostUnavailable", true, End::Unknown)),
            ("repository", away(), 2, ("GitHostUnavailable", true, End::Unknown)),
        ] {
            let host = FakeHost::new(WEB);
            host.fault(call, Fault::Refused(error));
            let outcome = act(&host, &config(), &Claim { epoch: 1, claims }).await;
            let Some(Outcome::Failed(failure)) = outcome else { panic!("{outcome:?}") };
            assert_eq!((failure.reason.as_str(), failure.transient, failure.end), expected, "{call}");
        }
    }

    #[tokio::test]
    async fn mistakes_name_the_field() {
        for (config, reason, message) in [
            (Config { branch: Some("next".to_owned()), ..config() }, "BranchNotFound", "correct `branch`"),
            (Config { message: "\n".to_owned(), ..config() }, "InvalidConfiguration", "message: "),
        ] {
            let outcome = act(&FakeHost::new(WEB), &config, &Claim::first()).await;
            let Some(Outcome::Failed(failure)) = outcome else { panic!("{outcome:?}") };
            assert_eq!((failure.reason.as_str(), failure.transient), (reason, false));
            assert!(failure.message.contains(message), "{}", failure.message);
        }
    }
}
