//! One request to GitHub as an account, and what its failure means.

use std::time::Duration;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Builder;
use octocrab::{AuthState, GitHubError, Octocrab, OctocrabBuilder};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::GIVE_THE_API;
use super::app::SignedApp;
use super::limits;
use super::transport;
use crate::error::{Error, Outcome};
use crate::http::{Call, Failure, Host, Refusal, Transport, Unanswered, UnansweredKind, in_one_line};
use crate::names::RepoName;

/// What GitHub asks to be told of permissions that are missing.
const ACCEPTED_PERMISSIONS: &str = "x-accepted-github-permissions";

/// The REST API as one account.
#[derive(Debug, Clone)]
pub(super) struct Api {
    transport: Transport,
    host: Host,
    sign_in: SignIn,
}

#[derive(Debug, Clone)]
pub(super) enum SignIn {
    Token(SecretString),
    App(Box<SignedApp>),
}

/// A success.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Api {
    pub(super) fn new(transport: Transport, host: String, sign_in: SignIn) -> Self {
        Self { transport, host: Host(host), sign_in }
    }

    pub(super) fn with_timeout(self, timeout: Duration) -> Self {
        Self { transport: self.transport.with_timeout(timeout), ..self }
    }

    pub(super) fn host(&self) -> &str {
        self.host.name()
    }

    /// The longest that a request may take.
    pub(super) fn timeout(&self) -> Duration {
        self.transport.timeout()
    }

    pub(super) fn base(&self) -> &Url {
        self.transport.base()
    }

    /// The two parts of a repository's name.
    pub(super) fn owner_and_name<'r>(&self, repo: &'r RepoName) -> Result<(&'r str, &'r str), Error> {
        repo.owner_and_name().ok_or_else(|| Error::Unsupported {
            host: self.host().to_owned(),
            what: format!("use the repository {repo}"),
            remedy: "repositories of GitHub are named `owner/name`".into(),
        })
    }

    /// Sends a call about a repository and reads a JSON answer.
    pub(super) async fn get<T: DeserializeOwned>(&self, repo: &RepoName, call: &Call<'_>) -> Result<T, Failure> {
        let answer = self.send(repo, call).await?;
        self.parse(call, &answer.body).map_err(Failure::Other)
    }

    /// Sends a call about a repository. An App's token that is no longer accepted is fetched anew, once: a 401 did nothing.
    pub(super) async fn send(&self, repo: &RepoName, call: &Call<'_>) -> Result<Answer, Failure> {
        let sent = match &self.sign_in {
            SignIn::Token(token) => self.with_token(token, call).await,
            SignIn::App(app) => {
                let token = app.token(self, repo, None).await.map_err(Failure::Other)?;
                match self.with_token(&token, call).await {
                    Err(NoAnswer::Failed(Failure::Other(Error::Unauthorized { .. }))) => {
                        let token = app.token(self, repo, Some(&token)).await.map_err(Failure::Other)?;
                        self.with_token(&token, call).await
                    }
                    sent => sent,
                }
            }
        };
        match sent {
            Ok(answer) => Ok(answer),
            Err(NoAnswer::Moved(status)) => Err(Failure::Other(self.moved(repo, call, status).await)),
            Err(NoAnswer::Failed(Failure::Refusal(refusal)))
                if refusal.status == StatusCode::NOT_FOUND && !call.is_read() =>
            {
                Err(Failure::Refusal(Box::new(self.missing_for_write(repo, call, *refusal).await)))
            }
            Err(NoAnswer::Failed(failure)) => Err(failure),
        }
    }

    /// Sends a call as an App itself.
    pub(super) async fn as_app(&self, app: &SignedApp, call: &Call<'_>) -> Result<Answer, Failure> {
        match self.once(app.itself(), "", call).await {
            Ok(answer) => Ok(answer),
            Err(NoAnswer::Failed(failure)) => Err(failure),
            Err(NoAnswer::Moved(status)) => {
                Err(Failure::Other(self.refused(call, status, "it redirected the sign-in".into())))
            }
        }
    }

    /// The answer of a call as JSON.
    pub(super) fn parse<T: DeserializeOwned>(&self, call: &Call<'_>, body: &str) -> Result<T, Error> {
        self.host.parse(call, body.as_bytes())
    }

    async fn with_token(&self, token: &SecretString, call: &Call<'_>) -> Result<Answer, NoAnswer> {
        let secret = token.expose_secret();
        self.once(AuthState::AccessToken { token: token.clone() }, secret, call).await
    }

    /// Sends a call exactly once.
    async fn once(&self, auth: AuthState, secret: &str, call: &Call<'_>) -> Result<Answer, NoAnswer> {
        let octocrab = self.octocrab(auth);
        let request = octocrab.build_request(self.request(call), call.body.as_ref());
        let request = request.map_err(|error| self.unsent(call, &error))?;
        let response = octocrab.execute(request).await.map_err(|error| self.no_answer(call, error))?;
        match octocrab::map_github_error(response).await {
            Ok(response) => {
                let headers = response.headers().clone();
                let body = octocrab.body_to_string(response).await.map_err(|error| self.no_answer(call, error))?;
                Ok(Answer { headers, body })
            }
            Err(octocrab::Error::GitHub { source, .. }) => Err(NoAnswer::Failed(self.failure(call, *source, secret))),
            Err(error) => Err(self.no_answer(call, error)),
        }
    }

    /// A client of the library. Its inner task belongs to the runtime that it is made in, so one is made for each call; the
    /// connections are those of the caller's client.
    fn octocrab(&self, auth: AuthState) -> Octocrab {
        let transport = self.transport.clone();
        let service = tower::service_fn(move |request| transport::send(transport.clone(), request));
        match OctocrabBuilder::new_empty().with_service(service).with_auth(auth).build() {
            Ok(octocrab) => octocrab,
            Err(impossible) => match impossible {},
        }
    }

    /// A relative path: the library signs in to these only, and the transport knows where they go.
    fn request(&self, call: &Call<'_>) -> Builder {
        let mut path = String::from("/");
        if let Ok(root) = Url::parse("http://base/") {
            let url = call.url(&root);
            path = url.path().to_owned();
            if let Some(query) = url.query() {
                path = format!("{path}?{query}");
            }
        }
        Builder::new().method(call.method.clone()).uri(path)
    }

    fn failure(&self, call: &Call<'_>, refused: GitHubError, secret: &str) -> Failure {
        let GitHubError { status_code: status, message, errors, headers, .. } = refused;
        let headers = headers.unwrap_or_default();
        let mut message = in_one_line(&reason(message, errors.unwrap_or_default()), secret);
        if let Some(pause) = limits::pause(status, &headers, &message) {
            return Failure::Other(Error::RateLimited { host: self.host().to_owned(), retry_after: Some(pause) });
        }
        match status {
            // Whether it has expired, or the App's signature is wrong.
            StatusCode::UNAUTHORIZED => {
                let credential = format!("token ({message})");
                return Failure::Other(Error::Unauthorized { host: self.host().to_owned(), credential });
            }
            StatusCode::FORBIDDEN => {
                if let Some(needed) = headers.get(ACCEPTED_PERMISSIONS).and_then(|value| value.to_str().ok()) {
                    message = format!("{message} (it takes {})", in_one_line(needed, secret));
                }
            }
            StatusCode::NOT_FOUND if is_web_page(&headers) => {
                let (what, remedy) = (call.intent.clone(), format!("a web page answered; {GIVE_THE_API}"));
                return Failure::Other(Error::Unsupported { host: self.host().to_owned(), what, remedy });
            }
            _ => {}
        }
        self.host.failure(call, status, message)
    }

    fn no_answer(&self, call: &Call<'_>, error: octocrab::Error) -> NoAnswer {
        let octocrab::Error::Service { source, .. } = &error else { return self.unsent(call, &error) };
        let Some(Unanswered { kind, message }) = source.downcast_ref::<Unanswered>() else {
            return NoAnswer::Failed(Failure::Other(self.unavailable(
                &call.intent,
                call.outcome(),
                in_one_line(&source.to_string(), ""),
            )));
        };
        match kind {
            UnansweredKind::Moved(status) => NoAnswer::Moved(*status),
            kind => {
                let why = Unanswered { kind: *kind, message: message.clone() };
                NoAnswer::Failed(Failure::Other(self.host.unanswered(call, why)))
            }
        }
    }

    /// An error of the library itself. What it cannot make sense of arrived; all else never left.
    fn unsent(&self, call: &Call<'_>, error: &octocrab::Error) -> NoAnswer {
        NoAnswer::Failed(Failure::Other(match error {
            octocrab::Error::JWT { .. } => Error::Unsupported {
                host: self.host().to_owned(),
                what: call.intent.clone(),
                remedy: "the App's private key cannot sign: put the file that GitHub gave into the secret".into(),
            },
            octocrab::Error::InvalidUtf8 { .. } => {
                self.unavailable(&call.intent, call.outcome(), "its answer is no text".into())
            }
            error => {
                let message = in_one_line(&std::error::Error::source(error).unwrap_or(error).to_string(), "");
                self.unavailable(&call.intent, Outcome::NotApplied, message)
            }
        }))
    }

    /// A write to a repository that has another name now.
    async fn moved(&self, repo: &RepoName, call: &Call<'_>, status: u16) -> Error {
        let message = match self.seen_as(repo).await {
            Some(name) => format!("{repo} has moved to {name}; use the new name"),
            None => format!("{repo} has moved; use the new name"),
        };
        self.refused(call, status, message)
    }

    /// GitHub says 404 also of what a token may read and not write.
    async fn missing_for_write(&self, repo: &RepoName, call: &Call<'_>, refusal: Refusal) -> Refusal {
        match self.seen_as(repo).await {
            None => {
                let what = format!("repository {repo}");
                Refusal { error: Error::NotFound { host: self.host().to_owned(), what }, ..refusal }
            }
            Some(_) => {
                let (what, message) = (call.intent.clone(), refusal.message.clone());
                let message = format!("{message}, as it says where a token may read and not write");
                Refusal { error: Error::Forbidden { host: self.host().to_owned(), what, message }, ..refusal }
            }
        }
    }

    /// The name of a repository that the account sees under this one.
    async fn seen_as(&self, repo: &RepoName) -> Option<String> {
        #[derive(Deserialize)]
        struct Named {
            full_name: String,
        }
        let (owner, name) = repo.owner_and_name()?;
        let object = format!("repository {repo}");
        let call = Call::new(Method::GET, vec!["repos", owner, name], format!("read {object}"), object);
        let token = match &self.sign_in {
            SignIn::Token(token) => token.clone(),
            SignIn::App(app) => app.token(self, repo, None).await.ok()?,
        };
        let answer = self.with_token(&token, &call).await.ok()?;
        let found: Named = serde_json::from_str(&answer.body).ok()?;
        RepoName::parse(&found.full_name).ok().map(|name| name.to_string())
    }

    pub(super) fn unavailable(&self, intent: &str, outcome: Outcome, message: String) -> Error {
        self.host.unavailable(intent, outcome, message)
    }

    pub(super) fn refused(&self, call: &Call<'_>, status: u16, message: String) -> Error {
        self.host.refused(call, status, message)
    }
}

/// Why one request has no answer.
enum NoAnswer {
    Failed(Failure),
    /// A write was redirected, with this status.
    Moved(u16),
}

/// Whether a person was meant to read the answer. The API says JSON, or nothing.
fn is_web_page(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| !kind.contains("json"))
}

/// GitHub's `message`, and what its `errors` say beside it: texts, or the field of a resource that is wrong.
fn reason(message: String, errors: Vec<Value>) -> String {
    let detail = errors.iter().find_map(|error| {
        let text = |name: &str| error.get(name).and_then(Value::as_str);
        let of_field = || Some(format!("{} {} is {}", text("resource")?, text("field")?, text("code")?));
        error.as_str().or_else(|| text("message")).map(str::to_owned).or_else(of_field)
    });
    match detail {
        Some(detail) => format!("{message}: {detail}"),
        None => message,
    }
}
