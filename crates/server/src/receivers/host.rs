//! Webhooks of git hosts. They are hints: all that is taken from one is which pull request, or which repository, it is about.
//!
//! A hint for a repository wakes every run that waits for one of its pull requests, so only what may bring a merge is one.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sluice_api::names;
use url::Url;

use super::{answer::Answer, signature::Scheme};

/// How long an address may be, as the schema of `status.recent` has it.
const KEY_LIMIT: usize = 2048;

/// How many pull requests one webhook may speak of.
const PULLS_LIMIT: usize = 16;

/// What the path of a repository has at least: owner and name. Less would be every repository of somebody, or of a host.
const REPOSITORY_PARTS: usize = 2;

/// What the path of a pull request has at least: what its repository has, the word for it, and its number.
const PULL_PARTS: usize = REPOSITORY_PARTS + 2;

/// What a webhook is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The addresses, for people, of pull requests or of a repository.
    Hints(Vec<String>),
    /// The host only tries whether anybody answers.
    Ping,
    /// Nothing that brings a merge nearer.
    Nothing,
}

/// What is read of every payload.
#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    pull_request: Option<Place>,
    #[serde(default)]
    repository: Option<Place>,
}

/// Something with an address.
#[derive(Deserialize)]
struct Place {
    html_url: String,
}

/// What is read of the payloads that name no pull request as their subject.
#[derive(Deserialize)]
struct Details {
    /// Of a push.
    #[serde(default, rename = "ref")]
    reference: String,
    /// Of a commit's status.
    #[serde(default)]
    state: String,
    /// Of checks.
    #[serde(default)]
    action: String,
    #[serde(default, alias = "check_run")]
    check_suite: Checks,
}

/// Checks of a commit.
#[derive(Default, Deserialize)]
struct Checks {
    /// The pull requests of which it is the head.
    #[serde(default)]
    pull_requests: Vec<Numbered>,
}

/// A pull request of GitHub, which says its number alone.
#[derive(Deserialize)]
struct Numbered {
    number: u64,
}

/// What a webhook is about, once its signature is proved.
pub(crate) fn read(scheme: Scheme, headers: &HeaderMap, body: &[u8]) -> Result<About, Answer> {
    let name = match scheme {
        Scheme::GitHub => "x-github-event",
        Scheme::Gitea => "x-gitea-event",
    };
    let event = headers.get(name).and_then(|event| event.to_str().ok()).unwrap_or_default();
    if event == "ping" {
        return Ok(About::Ping);
    }
    let payload: Payload = parse(body)?;
    if let Some(pull) = payload.pull_request {
        return Ok(About::Hints(vec![key(&pull, "pull_request.html_url", PULL_PARTS)?]));
    }
    let Some(repository) =
        payload.repository.filter(|_| matches!(event, "push" | "status" | "check_suite" | "check_run"))
    else {
        return Ok(About::Nothing);
    };
    let repository = key(&repository, "repository.html_url", REPOSITORY_PARTS)?;
    let hints = of_repository(event, repository, parse(body)?);
    Ok(if hints.is_empty() { About::Nothing } else { About::Hints(hints) })
}

/// What an event of a repository brings nearer: whoever waits there, or the pull requests that are named.
fn of_repository(event: &str, repository: String, details: Details) -> Vec<String> {
    let is_news = match event {
        "push" => details.reference.strip_prefix("refs/heads/").is_some_and(|it| !it.starts_with(names::BRANCH_PREFIX)),
        "status" => details.state == "success",
        _ => {
            let pulls = details.check_suite.pull_requests.iter().filter(|_| details.action == "completed");
            let pulls = pulls.map(|pull| format!("{repository}/pull/{}", pull.number));
            return pulls.take(PULLS_LIMIT).filter(|key| key.len() <= KEY_LIMIT).collect();
        }
    };
    if is_news { vec![repository] } else { Vec::new() }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| {
        let remedy = "set the webhook's content type to application/json";
        invalid(format!("the body is no webhook in JSON ({error}): {remedy}"))
    })
}

fn key(place: &Place, field: &str, parts: usize) -> Result<String, Answer> {
    let key = address(&place.html_url, parts).filter(|key| key.len() <= KEY_LIMIT);
    key.ok_or_else(|| {
        let what = if parts == PULL_PARTS { "a pull request" } else { "a repository" };
        invalid(format!("{field} is no address of {what} that people could open"))
    })
}

/// The address as runs know it that wait: without credentials, query and fragment. `None` where its path has fewer parts.
fn address(text: &str, parts: usize) -> Option<String> {
    let mut url =
        Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    let has_parts = url.path_segments()?.filter(|part| !part.is_empty()).count() >= parts;
    has_parts.then(|| String::from(url).trim_end_matches('/').to_owned())
}

fn invalid(message: String) -> Answer {
    Answer::refused(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn about(event: &'static str, payload: serde_json::Value) -> About {
        let headers = HeaderMap::from_iter([(http::HeaderName::from_static("x-github-event"), event.parse().unwrap())]);
        read(Scheme::GitHub, &headers, payload.to_string().as_bytes()).unwrap()
    }

    fn hint(key: &str) -> About {
        About::Hints(vec![key.to_owned()])
    }

    #[test]
    fn a_webhook_is_about_its_pull_request_or_else_its_repository() {
        let repository = json!({"full_name": "shop/web", "html_url": "https://git.example.com/shop/web"});
        let pull = json!({"number": 7, "html_url": "https://git.example.com/shop/web/pull/7", "merged": true});
        let merged = json!({"action": "closed", "pull_request": pull, "repository": repository});
        assert_eq!(about("pull_request", merged), hint("https://git.example.com/shop/web/pull/7"));
        let pushed = json!({"ref": "refs/heads/main", "repository": repository});
        assert_eq!(about("push", pushed), hint("https://git.example.com/shop/web"));
        assert_eq!(about("ping", json!({"zen": "Design for failure.", "repository": repository})), About::Ping);
        assert_eq!(about("installation", json!({"action": "created"})), About::Nothing);
    }

    #[test]
    fn of_what_happens_in_a_repository_only_what_may_bring_a_merge_counts() {
        let repository = "https://git.example.com/shop/web";
        let of = |event, mut payload: serde_json::Value| {
            payload["repository"] = json!({"html_url": repository});
            about(event, payload)
        };
        assert_eq!(of("status", json!({"state": "success"})), hint(repository));
        for (event, payload) in [
            ("push", json!({"ref": "refs/heads/sluice/deploy-1-openPr-key"})),
            ("push", json!({"ref": "refs/tags/v1"})),
            ("status", json!({"state": "pending"})),
            ("star", json!({"action": "created"})),
            ("workflow_job", json!({"action": "completed"})),
            ("check_run", json!({"action": "created", "check_run": {"pull_requests": [{"number": 7}]}})),
            ("check_suite", json!({"action": "completed", "check_suite": {"pull_requests": []}})),
        ] {
            assert_eq!(of(event, payload.clone()), About::Nothing, "{event} {payload}");
        }
        let pulls = About::Hints(vec![format!("{repository}/pull/7"), format!("{repository}/pull/8")]);
        for event in ["check_suite", "check_run"] {
            let checks = json!({"action": "completed", event: {"pull_requests": [{"number": 7}, {"number": 8}]}});
            assert_eq!(of(event, checks), pulls);
        }
    }

    #[test]
    fn an_address_is_written_as_runs_know_it() {
        for (sent, known) in [
            ("https://GIT.example.com/shop/web/", Some("https://git.example.com/shop/web")),
            ("https://ada:pw@git.example.com/a/b?x=1#y", Some("https://git.example.com/a/b")),
            ("http://127.0.0.1:3000/a/b/pulls/1", Some("http://127.0.0.1:3000/a/b/pulls/1")),
            ("https://git.example.com", None),
            ("https://git.example.com/shop//", None),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            assert_eq!(address(sent, REPOSITORY_PARTS).as_deref(), known);
        }
        for wrong in [format!("https://a.example/a/b/{}", "a".repeat(KEY_LIMIT)), "https://a.example/a/b".to_owned()] {
            let payload = json!({"pull_request": {"html_url": wrong}}).to_string();
            assert!(read(Scheme::Gitea, &HeaderMap::new(), payload.as_bytes()).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_payload_makes_the_reader_panic(bytes: Vec<u8>, url in ".{0,60}") {
            read(Scheme::Gitea, &HeaderMap::new(), &bytes).ok();
            let payload = json!({"pull_request": {"html_url": url}}).to_string();
            if let Ok(About::Hints(keys)) = read(Scheme::Gitea, &HeaderMap::new(), payload.as_bytes()) {
                prop_assert!(keys.iter().all(|key| key.starts_with("http") && key.len() <= KEY_LIMIT));
            }
        }
    }
}
