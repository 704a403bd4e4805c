//! Signing in as an installation of a GitHub App: short-lived tokens, made with the App's private key and kept in memory
//! until shortly before they expire.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use octocrab::AuthState;
use octocrab::auth::AppAuth;
use octocrab::models::AppId;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::api::{Answer, Api};
use super::limits::date;
use crate::error::{Error, Outcome};
use crate::http::{Call, Failure};
use crate::names::RepoName;

/// A token that is about to expire may do so on its way.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// For how long a token is used whose answer does not say the time: GitHub gives them an hour.
const UNKNOWN_LIFE: Duration = Duration::from_secs(5 * 60);

/// The tokens of the process. Another host, App, installation or private key is another entry, so nobody gets a token
/// without having the key that it was made with.
static TOKENS: LazyLock<Mutex<HashMap<Account, Slot>>> = LazyLock::new(Mutex::default);

/// A token, and the lock that has one caller fetch it for all that wait.
type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// A GitHub App, and the installation of it to act as.
#[derive(Debug, Clone)]
pub struct App {
    /// The App's id, as its settings page shows it.
    pub id: u64,
    /// Its private key, as GitHub gives it: RSA in PEM.
    pub private_key: SecretString,
    /// The installation; `None` is the one that has the repository.
    pub installation: Option<u64>,
}

/// An App whose key was read.
#[derive(Clone)]
pub(super) struct SignedApp {
    auth: AppAuth,
    installation: Option<u64>,
    key_hash: [u8; 32],
}

impl fmt::Debug for SignedApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { auth, installation, key_hash: _ } = self;
        f.debug_struct("App").field("id", &auth.app_id.0).field("installation", installation).finish_non_exhaustive()
    }
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Account {
    base: String,
    app: u64,
    key_hash: [u8; 32],
    installation: Installation,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Installation {
    Id(u64),
    Of(RepoName),
}

#[derive(Debug, Clone)]
struct Token {
    secret: SecretString,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct WireInstallation {
    id: u64,
}

#[derive(Deserialize)]
struct WireToken {
    token: String,
    expires_at: Timestamp,
}

impl SignedApp {
    /// Reads the private key.
    ///
    /// # Errors
    /// With the remedy, when it is none.
    pub(super) fn new(app: &App) -> Result<Self, &'static str> {
        let App { id, private_key, installation } = app;
        let pem = private_key.expose_secret().trim();
        let key = octocrab::auth::EncodingKey::from_rsa_pem(pem.as_bytes())
            .map_err(|_| "the App's private key is no RSA key in PEM: put the file that GitHub gave into the secret")?;
        let auth = AppAuth { app_id: AppId(*id), key };
        Ok(Self { auth, installation: *installation, key_hash: Sha256::digest(pem.as_bytes()).into() })
    }

    /// Signs in as the App itself, which may do little more than fetch tokens.
    pub(super) fn itself(&self) -> AuthState {
        AuthState::App(self.auth.clone())
    }

    pub(super) fn id(&self) -> u64 {
        self.auth.app_id.0
    }

    /// A token for a repository; `refused` is one that the host no longer accepts.
    ///
    /// Takes no longer than a request may, however many wait for the same one.
    pub(super) async fn token(
        &self,
        api: &Api,
        repo: &RepoName,
        refused: Option<&SecretString>,
    ) -> Result<SecretString, Error> {
        let limit = api.timeout();
        tokio::time::timeout(limit, self.kept_or_fetched(api, repo, refused)).await.unwrap_or_else(|_| {
            let message = format!("no token within {} s", limit.as_secs());
            Err(api.unavailable(&format!("sign in as App {}", self.id()), Outcome::NotApplied, message))
        })
    }

    async fn kept_or_fetched(
        &self,
        api: &Api,
        repo: &RepoName,
        refused: Option<&SecretString>,
    ) -> Result<SecretString, Error> {
        let slot = self.slot(api, repo);
        let mut kept = slot.lock().await;
        if let Some(token) = kept.as_ref() {
            let is_refused = refused.is_some_and(|other| other.expose_secret() == token.secret.expose_secret());
            if !is_refused && Instant::now() < token.renew_at {
                return Ok(token.secret.clone());
            }
        }
        // Taken out first: what is dropped in between leaves nothing stale behind.
        *kept = None;
        let token = self.fetch(api, repo).await?;
        let secret = token.secret.clone();
        *kept = Some(token);
        Ok(secret)
    }

    fn slot(&self, api: &Api, repo: &RepoName) -> Slot {
        let installation = self.installation.map_or_else(|| Installation::Of(repo.clone()), Installation::Id);
        let account = Account { base: api.base().to_string(), app: self.id(), key_hash: self.key_hash, installation };
        let mut tokens = TOKENS.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|kept, slot| *kept == account || is_of_use(slot));
        tokens.entry(account).or_default().clone()
    }

    async fn fetch(&self, api: &Api, repo: &RepoName) -> Result<Token, Error> {
        let answer = match self.installation {
            Some(id) => self.post_token(api, id, json!({})).await,
            None => {
                let id = self.find_installation(api, repo).await?;
                self.post_token_of_one(api, id, repo).await
            }
        };
        let answer = answer.map_err(|error| self.not_accepted(error))?;
        let WireToken { token, expires_at } = api.parse(&call_of_token(), &answer.body)?;
        let life = date(&answer.headers).and_then(|now| Duration::try_from(expires_at.duration_since(now)).ok());
        let life = life.map_or(UNKNOWN_LIFE, |life| life.saturating_sub(MARGIN));
        Ok(Token { secret: token.into(), renew_at: Instant::now() + life })
    }

    /// A token that is good for the repository alone. It has all permissions of the installation: to ask for one that the
    /// installation lacks is refused, and which are needed depends on the steps.
    async fn post_token_of_one(&self, api: &Api, installation: u64, repo: &RepoName) -> Result<Answer, Failure> {
        let (_, name) = api.owner_and_name(repo).map_err(Failure::Other)?;
        match self.post_token(api, installation, json!({"repositories": [name]})).await {
            // It has another name now, under which reads find it.
            Err(Failure::Refusal(refusal)) if refusal.status == StatusCode::UNPROCESSABLE_ENTITY => {
                self.post_token(api, installation, json!({})).await
            }
            answer => answer,
        }
    }

    async fn post_token(&self, api: &Api, installation: u64, body: Value) -> Result<Answer, Failure> {
        let number = installation.to_string();
        let segments = vec!["app", "installations", &number, "access_tokens"];
        let object = format!("installation {installation} of App {}", self.id());
        let call = Call::new(Method::POST, segments, format!("fetch a token of {object}"), object).harmless();
        api.as_app(self, &call.json(body)).await
    }

    async fn find_installation(&self, api: &Api, repo: &RepoName) -> Result<u64, Error> {
        let (owner, name) = api.owner_and_name(repo)?;
        let object = format!("installation of App {} for repository {repo}", self.id());
        let segments = vec!["repos", owner, name, "installation"];
        let call = Call::new(Method::GET, segments, format!("look up the {object}"), object);
        let answer = api.as_app(self, &call).await.map_err(|error| self.not_accepted(error))?;
        Ok(api.parse::<WireInstallation>(&call, &answer.body)?.id)
    }

    /// A 401 is about the key here, not about a token.
    fn not_accepted(&self, failure: Failure) -> Error {
        match failure.into() {
            Error::Unauthorized { host, credential } => {
                let said = credential.strip_prefix("token").unwrap_or_default();
                Error::Unauthorized { host, credential: format!("private key of App {}{said}", self.id()) }
            }
            error => error,
        }
    }
}

fn call_of_token() -> Call<'static> {
    Call::new(Method::GET, vec![], "fetch a token".into(), String::new())
}

/// Whether somebody holds it or it keeps a token that lives.
fn is_of_use(slot: &Slot) -> bool {
    Arc::strong_count(slot) > 1
        || slot.try_lock().is_ok_and(|token| token.as_ref().is_some_and(|token| Instant::now() < token.renew_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::api::SignIn;
    use crate::http::Transport;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_for_a_token_that_another_fetches_than_for_an_answer() {
        let auth = AppAuth { app_id: AppId(7), key: octocrab::auth::EncodingKey::from_secret(b"any") };
        let app = SignedApp { auth, installation: Some(1), key_hash: [7; 32] };
        let transport = Transport::new(reqwest::Client::new(), "http://127.0.0.1:1/".parse().unwrap());
        let limit = Duration::from_secs(20);
        let api = Api::new(transport, "github h".into(), SignIn::App(Box::new(app.clone()))).with_timeout(limit);
        let repo = RepoName::parse("shop/gitops").unwrap();
        let slot = app.slot(&api, &repo);
        let _fetching = slot.lock().await;
        let waited = tokio::time::timeout(limit * 2, app.token(&api, &repo, None)).await;
        let error = waited.expect("it gives up").unwrap_err();
        assert!(error.is_transient() && error.end_is_known(), "{error}");
        assert!(error.to_string().contains("sign in as App 7") && error.to_string().contains("20 s"), "{error}");
    }
}
