//! Pipelines on GitHub under the real controller: killed at every write of a run to GitHub, and left to people and to what
//! goes wrong.

use std::sync::Arc;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use sluice_tests::faults::{Faults, Position, is_effect};
use sluice_tests::fixture::{Team, step_of};
use sluice_tests::github::{GitHub, Repo};
use sluice_tests::{Cluster, Controller};

use super::FILE;
use crate::PATIENCE;
use crate::short::{condition, pipeline, run};

/// What a run writes to GitHub: a blob, a tree, a commit, a reference, a pull request, a merge.
const WRITES: usize = 6;

/// A team whose runs deploy by pull requests on GitHub.
struct Deployers {
    team: Team,
    controller: Arc<Controller>,
}

impl Deployers {
    async fn open() -> Self {
        let cluster = Cluster::connect().await;
        let team = Team::open(&cluster).await;
        let deployer = json!({"kind": "ServiceAccount", "name": "deployer"});
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "secrets"});
        let rule = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]});
        team.apply_value(&rbac("Role", "rules", json!([rule]), json!({})));
        team.apply_value(&rbac("RoleBinding", "subjects", json!([deployer]), json!({"roleRef": role})));
        let controller = Arc::new(team.controller().await);
        Self { team, controller }
    }

    /// Starts a run, of a pipeline and with a provider of its own, that opens a pull request and waits for its merge.
    fn start(&self, name: &str, repo: &Repo, github: &Value, secret: &Value, merge: &str) {
        let object = |api: &str, kind: &str, member: &str, value: &Value| json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}, member: value});
        self.team.apply_value(&object("v1", "Secret", "stringData", secret));
        let spec = json!({"github": github, "secretRef": {"name": name}});
        self.team.apply_value(&object("sluice.dev/v1alpha1", "ScmProvider", "spec", &spec));
        let steps = format!(
            "\
- name: open
  pullRequest:
    providerRef: {{name: {name}}}
    repository: {}
    title: Deploy web 2
    edits: [{{file: {FILE}, set: {{path: image, value: 'r/web:2'}}}}]
- name: merged
  pullRequestWait: {{from: open, merge: {merge}, interval: 1s}}
",
            repo.full_name()
        );
        self.team.home().apply(&format!("{}---\n{}", pipeline(name, &steps), run(name, name)));
    }

    /// The same with the repository's token, straight to GitHub's double.
    fn start_with_token(&self, name: &str, repo: &Repo, token: &str, merge: &str) {
        self.start(name, repo, &json!({"url": GitHub::shared().url()}), &json!({"token": token}), merge);
    }
}

fn rbac(kind: &str, member: &str, value: Value, more: Value) -> Value {
    let mut object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "secrets"}, member: value,
    });
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

fn repository() -> Repo {
    GitHub::shared().new_repo(&[(FILE, "image: r/web:1 # the shop\n")])
}

fn is_write_to_github(method: &Method, path: &str) -> bool {
    path.starts_with("/repos/") && is_effect(method, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_write_to_github_leaves_one_branch_one_pull_request_and_one_merge() {
    let deployers = Deployers::open().await;
    let faults = Arc::new(Faults::counting(is_write_to_github));
    let url = faults.before("github", GitHub::shared().url(), None).await.unwrap();
    let plans = (1..=WRITES).flat_map(|number| Position::ALL.map(|position| (number, position)));
    for (plan, (number, position)) in plans.enumerate() {
        faults.clear();
        faults.kill_at(number, position, deployers.controller.killer());
        let repo = repository();
        // As an App, so that signing in is a part of it.
        let app = repo.new_app(SignedDuration::from_hours(1));
        let github = json!({"url": url, "app": {"id": app.id}});
        let name = format!("kill-{number}-{}", plan % 3);
        deployers.start(&name, &repo, &github, &json!({"privateKey": app.private_key}), "WhenReady");
        let what = format!("a kill {position:?} write {number}");
        let kills = faults.kills(plan as u64 + 1);
        tokio::time::timeout(PATIENCE, kills).await.unwrap_or_else(|_| panic!("{what} never came:\n{}", faults.log()));
        deployers.controller.restart().unwrap();
        let run = deployers.team.succeeded(&name).await;
        leaves_one_of_each(&repo, &run, &format!("{what}\n{}", faults.log()));
    }
}

fn leaves_one_of_each(repo: &Repo, run: &Value, what: &str) {
    let pulls = repo.pulls();
    assert_eq!(pulls.iter().map(|pull| pull.state).collect::<Vec<_>>(), ["merged"], "{what}");
    assert_eq!(repo.branches(), ["main".to_owned(), pulls[0].head.clone()], "{what}");
    let subjects: Vec<String> =
        repo.messages("main").iter().filter_map(|message| message.lines().next().map(str::to_owned)).collect();
    assert_eq!(subjects, ["Merge pull request #1", "Deploy web 2", "Start"], "{what}");
    assert_eq!(repo.file("main", FILE).unwrap().1, b"image: r/web:2 # the shop\n", "{what}");
    let outputs = &step_of(run, "merged")["outputs"];
    assert_eq!(outputs["commit"]["sha"], repo.head("main").unwrap(), "{what}");
    assert_eq!(step_of(run, "open")["outputs"]["number"], pulls[0].number, "{what}");
    assert!(repo.violations().is_empty(), "{what}: {:?}", repo.violations());
}

#[tokio::test]
async fn a_person_merges_one_and_closes_another() {
    let deployers = Deployers::open().await;
    let (merged, closed) = (repository(), repository());
    deployers.start_with_token("merged", &merged, merged.token(), "Manual");
    deployers.start_with_token("closed", &closed, closed.token(), "Manual");
    let at = deployers.team.at("merged", "merged").await;
    assert_eq!(step_of(&at, "open")["outputs"]["url"], format!("https://github.com/{}/pull/1", merged.full_name()));
    let commit = merged.merge(1, "alice");
    let run = deployers.team.succeeded("merged").await;
    let outputs = &step_of(&run, "merged")["outputs"];
    assert_eq!((&outputs["mergedBy"], &outputs["commit"]["sha"]), (&json!("alice"), &json!(commit)));

    deployers.team.at("closed", "merged").await;
    closed.close(1);
    let run = deployers.team.ended("closed").await;
    assert_eq!(condition(&run).1, "PullRequestClosed", "{:#}", run["status"]);
    for repo in [merged, closed] {
        assert!(repo.violations().is_empty(), "{:?}", repo.violations());
    }
}

#[tokio::test]
async fn a_token_that_expired_and_a_repository_that_is_missing_end_the_run_and_a_limit_does_not() {
    let deployers = Deployers::open().await;
    let (expired, missing, limited) = (repository(), repository(), repository());
    let token = expired.new_token(true);
    expired.revoke(&token);
    deployers.start_with_token("expired", &expired, &token, "Now");
    missing.delete();
    deployers.start_with_token("missing", &missing, missing.token(), "Now");
    let secondary = "You have exceeded a secondary rate limit.";
    limited.refuse_next(Method::POST, "/pulls", 403, &[("retry-after", "1")], secondary);
    limited.refuse_next(Method::PUT, "/merge", 429, &[("retry-after", "1")], secondary);
    deployers.start_with_token("limited", &limited, limited.token(), "Now");

    for (name, reason, said) in [
        ("expired", "Unauthorized", "put a valid one into the provider's secret"),
        ("missing", "RepositoryNotFound", missing.full_name()),
    ] {
        let run = deployers.team.ended(name).await;
        let (_, found, message) = condition(&run);
        assert!(found == reason && message.contains(said), "{:#}", run["status"]);
        assert!(!run.to_string().contains(&token), "a token is shown: {run:#}");
    }
    let run = deployers.team.succeeded("limited").await;
    leaves_one_of_each(&limited, &run, "a limit");
}

#[tokio::test]
async fn one_that_the_list_does_not_show_yet_is_adopted_on_the_refusal_to_open_another() {
    let deployers = Deployers::open().await;
    let faults = Faults::counting(is_write_to_github);
    let url = faults.before("github", GitHub::shared().url(), None).await.unwrap();
    faults.kill_at(5, Position::AfterSent, deployers.controller.killer());
    let repo = repository();
    deployers.start("late", &repo, &json!({"url": url}), &json!({"token": repo.token()}), "Now");
    tokio::time::timeout(PATIENCE, faults.kills(1)).await.expect("a kill at the pull request");
    repo.answer_next(Method::GET, "/pulls", 200, json!([]));
    deployers.controller.restart().unwrap();
    let run = deployers.team.succeeded("late").await;
    leaves_one_of_each(&repo, &run, &faults.log());
    let refused = faults.writes().into_iter().filter(|write| write.status == Some(422)).count();
    assert_eq!(refused, 1, "{}", faults.log());
}
