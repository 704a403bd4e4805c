//! What the steps that use a git host share: the host behind an ScmProvider, and what its errors mean to a step.
//!
//! The token is read as the run's service account, for every step anew, and never kept; neither is the private key of a
//! GitHub App, but what it fetched is, in memory, for whoever has that key. Whether the host's address may be dialled at all
//! is [`crate::HttpClient`]'s to say.

use std::{fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use sluice_api::{GitHubProvider, GiteaProvider, LocalProvider, LocalReference, ScmProviderSpec, SecretKeyReference};
use sluice_engine::{End, Failure, Outputs};
use sluice_expr::Expression;
use sluice_scm::{BranchName, EffectKey, Error, GitHost, Local, RepoName, github::App};
use url::Url;

use crate::StepContext;

/// The key of the token in an ScmProvider's Secret.
const TOKEN_KEY: &str = "token";

/// The key of a GitHub App's private key in it.
const PRIVATE_KEY_KEY: &str = "privateKey";

/// The reason of a failure over something that stands in the effect's place and does not carry its key.
pub(crate) const NOT_OURS: &str = "NotOurs";

/// How far the clocks of a git host and of this process may differ.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(15);

/// The git host of the ScmProvider of this name in the run's namespace.
pub(crate) async fn host_of(context: &StepContext<'_>, provider: &str) -> Result<Arc<dyn GitHost>, Failure> {
    let spec = context.world.scm_provider(provider).await?;
    let signed_in = SignedIn { context, provider, secret_ref: spec.secret_ref.as_ref() };
    match spec {
        ScmProviderSpec { gitea: Some(gitea), github: None, local: None, .. } => signed_in.gitea(&gitea).await,
        ScmProviderSpec { github: Some(github), gitea: None, local: None, .. } => signed_in.github(&github).await,
        ScmProviderSpec { github: None, gitea: None, local: Some(LocalProvider { path }), .. } => {
            let Some(root) = context.world.local_root() else {
                let remedy = "local repositories exist only for `sluice run`; name a github or gitea here";
                return Err(invalid(provider, remedy));
            };
            let host = Local::open(&root.join(path)).map_err(|error| invalid(provider, error))?;
            Ok(Arc::new(host))
        }
        _ => Err(invalid(provider, "it names no git host: set exactly one of github, gitea, local")),
    }
}

/// The definite failure over a provider that cannot be used as it is.
fn invalid(provider: &str, why: impl fmt::Display) -> Failure {
    Failure::definite("InvalidProvider", format!("ScmProvider {provider:?}: {why}"))
}

/// What it takes to sign in to a host.
struct SignedIn<'a> {
    context: &'a StepContext<'a>,
    provider: &'a str,
    secret_ref: Option<&'a LocalReference>,
}

impl SignedIn<'_> {
    async fn gitea(&self, gitea: &GiteaProvider) -> Result<Arc<dyn GitHost>, Failure> {
        let url = self.url("gitea", &gitea.url)?;
        let token = self.secret(TOKEN_KEY).await?;
        let client = self.context.world.http().client_for(&url)?.clone();
        let host = sluice_scm::Gitea::new(client, &url, token).map_err(|error| invalid(self.provider, error))?;
        Ok(Arc::new(host))
    }

    async fn github(&self, github: &GitHubProvider) -> Result<Arc<dyn GitHost>, Failure> {
        let url = self.url("github", &github.url)?;
        let client = self.context.world.http().client_for(&url)?.clone();
        let host = match &github.app {
            None => sluice_scm::GitHub::new(client, &url, self.secret(TOKEN_KEY).await?),
            Some(app) => {
                let number = |id: i64, field: &str| {
                    let wrong = |_| invalid(self.provider, format!("`spec.github.app.{field}` must not be negative"));
                    u64::try_from(id).map_err(wrong)
                };
                let app = App {
                    id: number(app.id, "id")?,
                    private_key: self.secret(PRIVATE_KEY_KEY).await?,
                    installation: app.installation_id.map(|id| number(id, "installationId")).transpose()?,
                };
                sluice_scm::GitHub::as_app(client, &url, &app)
            }
        };
        Ok(Arc::new(host.map_err(|error| invalid(self.provider, error))?))
    }

    fn url(&self, host: &str, url: &str) -> Result<Url, Failure> {
        Url::parse(url).map_err(|error| {
            invalid(self.provider, format!("its URL is not valid: {error}; correct `spec.{host}.url`"))
        })
    }

    /// One key of the provider's Secret.
    async fn secret(&self, key: &str) -> Result<SecretString, Failure> {
        let Some(LocalReference { name }) = self.secret_ref else {
            return Err(invalid(self.provider, "it has no Secret to sign in with: set `spec.secretRef`"));
        };
        let reference = SecretKeyReference { name: name.clone(), key: key.to_owned() };
        self.context.world.secret(&self.context.run.namespace, &reference).await
    }
}

/// What an error of a git host is to a step. [`Error`] names host, object and remedy already.
///
/// The reason is a stable word. The end is [`End::Unknown`] only when the request was a write that may have happened.
pub(crate) fn failure_of(error: &Error) -> Failure {
    let definite = |reason: &str| Failure::definite(reason, error.to_string());
    let transient = |reason: &str| Failure::transient(reason, error.to_string()).with_end(End::Known);
    match error {
        Error::NotFound { .. } => definite("NotFound"),
        Error::Unauthorized { .. } => definite("Unauthorized"),
        Error::Forbidden { .. } => definite("Forbidden"),
        Error::AlreadyExists { .. } => definite("AlreadyExists"),
        Error::BranchMoved { .. } => transient("BranchMoved"),
        Error::NotMergeable { .. } => definite("NotMergeable"),
        Error::RateLimited { retry_after, .. } => {
            let retry_after = retry_after.and_then(|pause| SignedDuration::try_from(pause).ok());
            Failure { retry_after, ..transient("RateLimited") }
        }
        Error::Unavailable { .. } => {
            let end = if error.end_is_known() { End::Known } else { End::Unknown };
            transient("GitHostUnavailable").with_end(end)
        }
        Error::Unsupported { .. } => definite("Unsupported"),
        Error::NotOurs { .. } => definite(NOT_OURS),
        // The rest are refusals by the host that will be the same next time.
        _ => definite("Refused"),
    }
}

/// The same for a read of a repository itself, or of a branch by name.
pub(crate) fn repository_failure(error: &Error) -> Failure {
    let failure = failure_of(error);
    match error {
        Error::NotFound { .. } => Failure { reason: "RepositoryNotFound".to_owned(), ..failure },
        _ => failure,
    }
}

/// The failure of a step whose base or target branch is not there.
pub(crate) fn branch_not_found(host: &dyn GitHost, repo: &RepoName, branch: &BranchName, field: &str) -> Failure {
    let host = host.describe();
    let message =
        format!("there is no branch {branch} in repository {repo} on {host}: create it, or correct `{field}`");
    Failure::definite("BranchNotFound", message)
}

/// The repository of a rendered configuration.
pub(crate) fn repo_named(name: &str) -> Result<RepoName, Failure> {
    RepoName::parse(name).map_err(|error| Failure::definite("InvalidConfiguration", format!("repository: {error}")))
}

/// The branch of this name, where the configuration's `field` has one; the repository's default branch otherwise.
pub(crate) async fn branch_named(
    host: &dyn GitHost,
    repo: &RepoName,
    name: Option<&str>,
    field: &str,
) -> Result<BranchName, Failure> {
    match name {
        Some(name) => BranchName::parse(name)
            .map_err(|error| Failure::definite("InvalidConfiguration", format!("{field}: {error}"))),
        None => Ok(host.repository(repo).await.map_err(|error| repository_failure(&error))?.default_branch),
    }
}

/// The key that the step's commit and pull request carry.
pub(crate) fn key_of(context: &StepContext<'_>) -> Result<EffectKey, Failure> {
    EffectKey::parse(context.key).map_err(|error| Failure::definite("InvalidKey", error.to_string()))
}

/// A time before which this key was never claimed: what carries it is not older.
///
/// An attempt after an unknown end keeps the key of the attempts before it, so it is the run's start and not the
/// attempt's that counts.
pub(crate) fn not_older_than(context: &StepContext<'_>) -> Timestamp {
    let started =
        Expression::compile("run.startedAt").ok().and_then(|expression| expression.evaluate(&context.scope).ok());
    let started = started.as_ref().and_then(|started| started.as_str()?.parse::<Timestamp>().ok());
    let earliest = started.unwrap_or(context.started_at).min(context.started_at);
    earliest.checked_sub(CLOCK_SLACK).unwrap_or(Timestamp::MIN)
}

/// The step's outputs from a struct of them.
pub(crate) fn outputs(outputs: &impl Serialize) -> Outputs {
    match serde_json::to_value(outputs) {
        Ok(serde_json::Value::Object(outputs)) => outputs,
        _ => Outputs::new(),
    }
}

/// The outputs of an earlier step as a struct of them; a definite failure when they are of another shape.
pub(crate) fn read_outputs<T: DeserializeOwned>(outputs: &Outputs, field: &str) -> Result<T, Failure> {
    serde_json::from_value(serde_json::Value::Object(outputs.clone())).map_err(|error| {
        let message = format!("the outputs of the step in `{field}` cannot be read: {error}");
        Failure::definite("InvalidOutputs", message)
    })
}

#[cfg(test)]
mod tests {
    use sluice_api::GitHubApp;
    use sluice_engine::Outcome;
    use sluice_expr::Scope;
    use sluice_scm::RepoPath;

    use super::*;
    use crate::{
        Perform,
        fake_world::{FakeWorld, now},
    };

    fn world(url: &str) -> FakeWorld {
        let secret_ref = Some(LocalReference { name: "gitea-token".to_owned() });
        let gitea = Some(GiteaProvider { url: url.to_owned() });
        FakeWorld::default()
            .with_secret("gitea-token", "token", "s3cret")
            .with_provider("gitea", ScmProviderSpec { gitea, secret_ref, ..ScmProviderSpec::default() })
    }

    #[tokio::test]
    async fn a_provider_becomes_a_host() {
        let host = host_of(&world("http://127.0.0.1:3000").context(), "gitea").await.unwrap();
        assert!(host.describe().contains("127.0.0.1:3000"), "{}", host.describe());
        assert!(!format!("{host:?}").contains("s3cret"));
    }

    fn github(url: &str, app: Option<GitHubApp>) -> FakeWorld {
        let secret_ref = Some(LocalReference { name: "github".to_owned() });
        let github = Some(GitHubProvider { url: url.to_owned(), app });
        FakeWorld::default()
            .with_secret("github", "token", "s3cret")
            .with_secret("github", "privateKey", "no s3cret key")
            .with_provider("github", ScmProviderSpec { github, secret_ref, ..ScmProviderSpec::default() })
    }

    #[tokio::test]
    async fn github_is_signed_in_to_by_a_token_or_as_an_app() {
        let host = host_of(&github("http://127.0.0.1:3000", None).context(), "github").await.unwrap();
        assert_eq!(host.describe(), "github 127.0.0.1:3000");
        let app = |id| GitHubApp { id, installation_id: None };
        for (url, app, remedy) in [
            ("https://github.com", None, "https://api.github.com"),
            ("http://127.0.0.1:3000", Some(app(7)), "no RSA key in PEM"),
            ("http://127.0.0.1:3000", Some(app(-7)), "spec.github.app.id"),
        ] {
            let failure = host_of(&github(url, app).context(), "github").await.unwrap_err();
            assert_eq!((failure.reason.as_str(), failure.transient), ("InvalidProvider", false));
            assert!(failure.message.contains(remedy) && !failure.message.contains("s3cret"), "{}", failure.message);
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_provider_is_said() {
        let no_secret = FakeWorld { secrets: Default::default(), ..world("http://127.0.0.1:3000") };
        let mut no_host = world("http://127.0.0.1:3000");
        no_host.providers.get_mut("gitea").unwrap().gitea = None;
        for (world, name, reason) in [
            (world("http://127.0.0.1:3000"), "github", "ScmProviderNotFound"),
            (world("http://169.254.169.254"), "gitea", "AddressForbidden"),
            (world("git.example"), "gitea", "InvalidProvider"),
            (world("ssh://git.example"), "gitea", "InvalidProvider"),
            (world("https://u:p4ss@git.example"), "gitea", "InvalidProvider"),
            (no_secret, "gitea", "SecretNotFound"),
            (no_host, "gitea", "InvalidProvider"),
        ] {
            let failure = host_of(&world.context(), name).await.unwrap_err();
            assert_eq!((failure.reason.as_str(), failure.transient), (reason, false), "{}", failure.message);
            assert!(!failure.message.contains("p4ss") && !failure.message.contains("s3cret"), "{}", failure.message);
        }
    }

    fn local_world(root: Option<&std::path::Path>, path: &str) -> FakeWorld {
        let local = Some(LocalProvider { path: path.to_owned() });
        let world = FakeWorld { local_root: root.map(ToOwned::to_owned), ..FakeWorld::default() };
        world.with_provider("gitops", ScmProviderSpec { local, ..ScmProviderSpec::default() })
    }

    #[tokio::test]
    async fn a_local_provider_is_a_directory_from_that_of_the_manifests_or_an_absolute_one() {
        let root = tempfile::TempDir::new().unwrap();
        std::fs::create_dir(root.path().join("git")).unwrap();
        let absolute = root.path().join("git");
        let expected = format!("local {}", absolute.canonicalize().unwrap().display());
        for path in ["git", "./git/", "git/../git", absolute.to_str().unwrap()] {
            let host = host_of(&local_world(Some(root.path()), path).context(), "gitops").await.unwrap();
            assert_eq!(host.describe(), expected, "{path}");
        }
        let failure = host_of(&local_world(Some(root.path()), "nowhere").context(), "gitops").await.unwrap_err();
        assert!(failure.reason == "InvalidProvider" && failure.message.contains("nowhere"), "{}", failure.message);
    }

    #[tokio::test]
    async fn a_change_of_a_local_repository_is_opened_found_again_and_merged() {
        let root = tempfile::TempDir::new().unwrap();
        let file = RepoPath::parse("staging/web.yaml").unwrap();
        let repo = RepoName::parse("shop/gitops").unwrap();
        let local = Local::open(root.path()).unwrap();
        local.create(&repo, &[(file.clone(), b"image: web:1 # ours\n".to_vec())], "Begin").await.unwrap();
        let world = local_world(Some(root.path()), ".");
        let open = |claims| {
            let config = serde_json::json!({
                "providerRef": {"name": "gitops"}, "repository": "shop/gitops", "title": "Deploy",
                "edits": [{"file": "staging/web.yaml", "set": {"path": "image", "value": "web:2"}}],
            });
            let config: sluice_api::step::PullRequest = serde_json::from_value(config).unwrap();
            let context = StepContext { claims, now: Timestamp::now(), ..world.context() };
            async move { config.act(&context).await }
        };
        let Outcome::Succeeded(opened) = open(1).await else { panic!() };
        assert_eq!(opened["changed"], true);
        assert_eq!(open(2).await, Outcome::Succeeded(opened.clone()));
        let wait: sluice_api::step::PullRequestWait =
            serde_json::from_value(serde_json::json!({"from": "openPr", "merge": "Now"})).unwrap();
        let Outcome::Succeeded(merged) = wait.act(&StepContext { from: Some(&opened), ..world.context() }).await else {
            panic!()
        };
        let commit = sluice_scm::CommitSha::parse(merged["commit"]["sha"].as_str().unwrap()).unwrap();
        let read = local.read_file(&repo, &file, &commit).await.unwrap().unwrap();
        assert_eq!(read.content, b"image: web:2 # ours\n");
        assert_eq!(merged["mergedBy"], "Sluice");
    }

    #[tokio::test]
    async fn where_there_is_no_disk_there_are_no_local_repositories() {
        let failure = host_of(&local_world(None, "/srv/git").context(), "gitops").await.unwrap_err();
        let message = "ScmProvider \"gitops\": local repositories exist only for `sluice run`; \
                       name a github or gitea here";
        assert_eq!((failure.reason.as_str(), failure.message.as_str()), ("InvalidProvider", message));
        assert!(!failure.transient);
    }

    #[test]
    fn a_key_is_as_old_as_its_run_and_no_younger_than_its_attempt() {
        let world = FakeWorld::default();
        assert_eq!(not_older_than(&world.context()), now() - CLOCK_SLACK);
        for (started, expected) in [
            ("2026-05-01T00:00:00Z", "2026-04-30T23:45:00Z"),
            ("2026-05-04T13:00:00Z", "2026-05-04T11:45:00Z"),
            ("nonsense", "2026-05-04T11:45:00Z"),
        ] {
            let scope = Scope::new().with_owned_at(&["run", "startedAt"], started.into());
            let since = not_older_than(&StepContext { scope, ..world.context() });
            assert_eq!(since.to_string(), expected, "{started}");
        }
    }
}
