//! Webhooks of git hosts. They are hints: all that is taken from one is which pull request, or which repository, it is about.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use url::Url;

use super::{answer::Answer, signature::Scheme};

/// How long an address may be, as the schema of `status.recent` has it.
const KEY_LIMIT: usize = 2048;

/// What a webhook is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The address, for people, of a pull request or of a repository.
    Hint(String),
    /// The host only tries whether anybody answers.
    Ping,
    /// No repository.
    Nothing,
}

/// What is read of a payload.
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

/// What a webhook is about, once its signature is proved.
pub(crate) fn read(scheme: Scheme, headers: &HeaderMap, body: &[u8]) -> Result<About, Answer> {
    let event = match scheme {
        Scheme::GitHub => "x-github-event",
        Scheme::Gitea => "x-gitea-event",
    };
    if headers.get(event).is_some_and(|event| event == "ping") {
        return Ok(About::Ping);
    }
    let payload: Payload = serde_json::from_slice(body).map_err(|error| {
        let remedy = "set the webhook's content type to application/json";
        invalid(format!("the body is no webhook in JSON ({error}): {remedy}"))
    })?;
    let (field, place) = match (payload.pull_request, payload.repository) {
        (Some(pull), _) => ("pull_request.html_url", pull),
        (None, Some(repository)) => ("repository.html_url", repository),
        (None, None) => return Ok(About::Nothing),
    };
    let key = address(&place.html_url).filter(|key| key.len() <= KEY_LIMIT);
    key.map(About::Hint).ok_or_else(|| invalid(format!("{field} is no address that people could open")))
}

/// The address as runs know it that wait: without credentials, query and fragment.
fn address(text: &str) -> Option<String> {
    let mut url =
        Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(String::from(url).trim_end_matches('/').to_owned())
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

    #[test]
    fn a_webhook_is_about_its_pull_request_or_else_its_repository() {
        let repository = json!({"full_name": "shop/web", "html_url": "https://git.example.com/shop/web"});
        let pull = json!({"number": 7, "html_url": "https://git.example.com/shop/web/pull/7", "merged": true});
        let merged = json!({"action": "closed", "pull_request": pull, "repository": repository});
        assert_eq!(about("pull_request", merged), About::Hint("https://git.example.com/shop/web/pull/7".to_owned()));
        let pushed = json!({"ref": "refs/heads/main", "repository": repository});
        assert_eq!(about("push", pushed), About::Hint("https://git.example.com/shop/web".to_owned()));
        assert_eq!(about("ping", json!({"zen": "Design for failure.", "repository": repository})), About::Ping);
        assert_eq!(about("installation", json!({"action": "created"})), About::Nothing);
    }

    #[test]
    fn an_address_is_written_as_runs_know_it() {
        for (sent, known) in [
            ("https://GIT.example.com/shop/web/", Some("https://git.example.com/shop/web")),
            ("https://ada:pw@git.example.com/a/b?x=1#y", Some("https://git.example.com/a/b")),
            ("http://127.0.0.1:3000/a/b/pulls/1", Some("http://127.0.0.1:3000/a/b/pulls/1")),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            assert_eq!(address(sent).as_deref(), known);
        }
        let long = json!({"repository": {"html_url": format!("https://a.example/{}", "a".repeat(KEY_LIMIT))}});
        assert!(read(Scheme::Gitea, &HeaderMap::new(), long.to_string().as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_payload_makes_the_reader_panic(bytes: Vec<u8>, url in ".{0,60}") {
            read(Scheme::Gitea, &HeaderMap::new(), &bytes).ok();
            let payload = json!({"pull_request": {"html_url": url}}).to_string();
            if let Ok(About::Hint(key)) = read(Scheme::Gitea, &HeaderMap::new(), payload.as_bytes()) {
                prop_assert!(key.starts_with("http") && key.len() <= KEY_LIMIT);
            }
        }
    }
}
