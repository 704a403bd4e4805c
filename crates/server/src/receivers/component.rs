//! Reports of components: read strictly, judged by the Receiver and the Environment, and stored as a ComponentUpdate.

use http::StatusCode;
use kube::{Api, Client, ResourceExt, api::PostParams, core::ObjectMeta};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;
use sluice_api::{
    ComponentReports, ComponentUpdate, ComponentUpdateSpec, Environment, LocalReference, Receiver, names,
};
use sluice_client::{
    causes::in_one_line,
    guarded::{Guarded, Invalid},
    refusals::why_final,
};

use super::{answer::Answer, unavailable};

/// The body of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    /// What tells the report from every other one of its sender.
    #[serde(deserialize_with = "text")]
    pub id: String,
    /// Its place among the reports of the component.
    #[serde(deserialize_with = "whole_number")]
    pub sequence: i64,
    /// The Environment.
    #[serde(deserialize_with = "text")]
    pub environment: String,
    /// The component, as the Environment has it.
    #[serde(deserialize_with = "text")]
    pub component: String,
    /// The new version.
    #[serde(default, deserialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The commit of the new version.
    #[serde(default, deserialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// Who made it.
    #[serde(default, deserialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What is wrong with a report: the field, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mistake(String);

/// How long a name, an id or a version may be.
const TEXT_LIMIT: usize = 253;

/// How long a commit may be.
const SHA_LIMIT: usize = 64;

impl Report {
    /// The report that a body is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(body: &[u8]) -> Result<Self, Mistake> {
        if body.trim_ascii().is_empty() {
            return Err(Mistake("the body is empty: send a JSON object with the fields of a report".to_owned()));
        }
        // The members of an array would be taken for the fields, in their order.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(Mistake("the body has to be a JSON object with the fields of a report".to_owned()));
        }
        let mut text = serde_json::Deserializer::from_slice(body);
        let report: Self = serde_path_to_error::deserialize(&mut text).map_err(|error| {
            let path = error.path().to_string();
            let at = if path == "." { String::new() } else { format!("{path}: ") };
            Mistake(match error.into_inner() {
                error if error.is_eof() => "the body ends in the middle of its JSON object: send all of it".to_owned(),
                error if error.is_syntax() => format!("the body is no JSON: {error}"),
                error => format!("{at}{}", without_place(&error)),
            })
        })?;
        text.end().map_err(|_| Mistake("there is something behind the JSON object: send one".to_owned()))?;
        report.check()?;
        Ok(report)
    }

    /// Whether a ComponentUpdate can hold it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Mistake> {
        let Self { id, sequence, environment, component, version, sha, by } = self;
        let texts = [
            ("id", Some(id), TEXT_LIMIT),
            ("environment", Some(environment), TEXT_LIMIT),
            ("component", Some(component), TEXT_LIMIT),
            ("version", version.as_ref(), TEXT_LIMIT),
            ("sha", sha.as_ref(), SHA_LIMIT),
            ("by", by.as_ref(), TEXT_LIMIT),
        ];
        for (field, text, limit) in texts {
            let length = text.map(|text| text.chars().count());
            if length.is_some_and(|length| length == 0 || length > limit) {
                return Err(Mistake(format!("{field} has to be 1 to {limit} characters long")));
            }
        }
        if *sequence < 0 {
            return Err(Mistake("sequence has to be 0 or more".to_owned()));
        }
        if version.is_none() && sha.is_none() {
            return Err(Mistake(
                "say which version it is, or which sha: one of the two fields has to be there".to_owned(),
            ));
        }
        Ok(())
    }

    fn into_update(self, receiver: &str) -> ComponentUpdateSpec {
        let Self { id, sequence, environment, component, version, sha, by } = self;
        let receiver_ref = Some(LocalReference { name: receiver.to_owned() });
        ComponentUpdateSpec { environment, component, version, sha, sequence, id, by, receiver_ref }
    }
}

/// What is wrong with a field, which is named; where in the body it stands says nothing more.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// A number as a field holds it, or a word about it that is not Rust's.
fn whole_number<'de, D: Deserializer<'de>>(number: D) -> Result<i64, D::Error> {
    let most = i64::MAX;
    match Value::deserialize(number)? {
        Value::Number(number) => {
            number.as_i64().ok_or_else(|| D::Error::custom(format!("{number} is no whole number from 0 to {most}")))
        }
        Value::String(text) if text.parse::<i64>().is_ok() => {
            Err(D::Error::custom(format!("{text:?} is a text, and has to be a number: leave out the quotes")))
        }
        other => Err(D::Error::custom(format!("{} is no whole number from 0 to {most}", kind(&other)))),
    }
}

/// A text as a field holds it. A version without quotes is a number, of which 1.10 and 1.1 are one.
fn text<'de, D: Deserializer<'de>>(text: D) -> Result<String, D::Error> {
    match Value::deserialize(text)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => {
            Err(D::Error::custom(format!("{number} is a number, and has to be a text: put it in quotes")))
        }
        other => Err(D::Error::custom(format!("{} is no text: write one in quotes", kind(&other)))),
    }
}

/// A text that may be left out, or null.
fn optional_text<'de, D: Deserializer<'de>>(given: D) -> Result<Option<String>, D::Error> {
    /// A text as [`text`] reads it.
    #[derive(Deserialize)]
    struct Text(#[serde(deserialize_with = "text")] String);
    Ok(Option::<Text>::deserialize(given)?.map(|Text(text)| text))
}

/// What a value is, for people.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The report that a body is, once its signature is proved.
pub(crate) fn read(body: &[u8]) -> Result<Report, Answer> {
    Report::parse(body).map_err(|mistake| invalid("Invalid", mistake.to_string()))
}

/// Takes a report: it is answered with 202 only once its ComponentUpdate is there.
///
/// *Idempotency:* the name of the ComponentUpdate is made from the Receiver and the id, so whatever is sent again, after whatever
/// was lost, by whichever replica, is stored once.
pub(crate) async fn take(
    client: &Client,
    receiver: &Receiver,
    reports: &ComponentReports,
    report: Report,
) -> Result<Answer, Answer> {
    let declared = is_declared(client, receiver, reports, &report).await;
    let (namespace, name) = (receiver.namespace().unwrap_or_default(), receiver.name_any());
    let update = names::update_of(&receiver.uid().unwrap_or_default(), &report.id);
    let spec = report.into_update(&name);
    match declared {
        Ok(()) => store(client, &namespace, &update, spec).await,
        Err(refused) if refused.retry_after.is_some() => Err(refused),
        // Perhaps it was declared when it was stored, and the sender only never learned of that.
        Err(refused) => match stored(client, &namespace, &update).await? {
            Some(known) if known == spec => Ok(is_known(&update)),
            _ => Err(refused),
        },
    }
}

/// The update of this name, read live: a cache may not have it yet.
async fn stored(client: &Client, namespace: &str, name: &str) -> Result<Option<ComponentUpdateSpec>, Answer> {
    let updates: Api<ComponentUpdate> = Api::namespaced(client.clone(), namespace);
    let found = updates.get_opt(name).await;
    let found =
        found.map_err(|error| unavailable("whether the report is stored cannot be told", &in_one_line(&error)))?;
    Ok(found.map(|update| update.spec))
}

/// Whether the Receiver is for the Environment, and that one has the component: read live, since a 422 is final.
async fn is_declared(
    client: &Client,
    receiver: &Receiver,
    reports: &ComponentReports,
    report: &Report,
) -> Result<(), Answer> {
    let Report { environment, component, .. } = report;
    if !reports.environments.contains(environment) {
        let message = format!(
            "environment: the Receiver {:?} takes no reports for {environment:?}: correct it, or add it to the Receiver's spec.component.environments",
            receiver.name_any()
        );
        return Err(invalid("EnvironmentNotAllowed", message));
    }
    let namespace = receiver.namespace().unwrap_or_default();
    let environments: Api<Guarded<Environment>> = Api::namespaced(client.clone(), &namespace);
    let found = environments.get_opt(environment).await;
    let Some(found) = found.map_err(|error| unavailable("the Environment cannot be read", &in_one_line(&error)))?
    else {
        let message =
            format!("environment: there is no Environment {environment:?} in namespace {namespace:?}: create it");
        return Err(invalid("EnvironmentNotFound", message));
    };
    let found = match found.0 {
        Ok(found) => found,
        Err(Invalid { error, .. }) => {
            let message = format!("environment: the Environment {environment:?} cannot be read: mend it: {error}");
            return Err(invalid("EnvironmentMalformed", message));
        }
    };
    if !found.spec.components.iter().any(|it| it.name == *component) {
        let message = format!(
            "component: the Environment {environment:?} has no component {component:?}: correct it, or add it to the Environment's spec.components"
        );
        return Err(invalid("ComponentUnknown", message));
    }
    Ok(())
}

async fn store(client: &Client, namespace: &str, name: &str, spec: ComponentUpdateSpec) -> Result<Answer, Answer> {
    let updates: Api<ComponentUpdate> = Api::namespaced(client.clone(), namespace);
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let update = ComponentUpdate { metadata, spec, status: None };
    let manager = PostParams { field_manager: Some(names::SERVER_FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let not_stored = |error: &kube::Error| unavailable("the report cannot be stored", &in_one_line(error));
    match updates.create(&manager, &update).await {
        Ok(_) => Ok(Answer::taken(StatusCode::ACCEPTED, "accepted", Some(name.to_owned()), "the report is stored")),
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let known = stored(client, namespace, name).await?;
            let gone = || unavailable("the report cannot be stored", "it was deleted a moment ago");
            compare(name, &known.ok_or_else(gone)?, &update.spec)
        }
        Err(error) => Err(match why_final(&error) {
            Some(why) => {
                tracing::warn!(namespace, name, why, "a report was refused by the API server");
                invalid("Refused", format!("the API server refuses to store the report: {why}"))
            }
            None => not_stored(&error),
        }),
    }
}

/// The same report again is known; another one under its id is refused.
fn compare(name: &str, known: &ComponentUpdateSpec, sent: &ComponentUpdateSpec) -> Result<Answer, Answer> {
    if known == sent {
        return Ok(is_known(name));
    }
    let message = format!(
        "id: another report with the id {:?} was stored before, as {name}: a new report takes a new id and a higher sequence",
        sent.id
    );
    Err(Answer::refused(StatusCode::CONFLICT, "IdTaken", message))
}

fn is_known(name: &str) -> Answer {
    Answer::taken(StatusCode::ACCEPTED, "known", Some(name.to_owned()), "the report was stored before")
}

fn invalid(error: &'static str, message: impl Into<String>) -> Answer {
    Answer::refused(StatusCode::UNPROCESSABLE_ENTITY, error, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::answer::Body, *};

    const WHOLE: &str = r#"{"id": "ci/7", "sequence": 7, "environment": "staging", "component": "web", "version": "1.10",
        "sha": "0a1b", "by": "ada"}"#;

    fn mistake(body: &str) -> String {
        Report::parse(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_report_is_read_as_it_is_written() {
        let report = Report::parse(WHOLE.as_bytes()).unwrap();
        assert_eq!((report.sequence, report.version.as_deref()), (7, Some("1.10")));
        assert_eq!(Report::parse(&serde_json::to_vec(&report).unwrap()).unwrap(), report);
    }

    #[test]
    fn a_mistake_names_the_field() {
        for (from, to, words) in [
            (r#""by""#, r#""bye""#, "unknown field `bye`"),
            (r#""sequence": 7, "#, "", "missing field `sequence`"),
            (
                r#""sequence": 7"#,
                r#""sequence": "7""#,
                "sequence: \"7\" is a text, and has to be a number: leave out the quotes",
            ),
            (r#""sequence": 7"#, r#""sequence": "x""#, "sequence: a text is no whole number"),
            (r#""sequence": 7"#, r#""sequence": 7.5"#, "sequence: 7.5 is no whole number"),
            (r#""sequence": 7"#, r#""sequence": -1"#, "sequence has to be 0 or more"),
            (
                r#""sequence": 7"#,
                r#""sequence": 9223372036854775808"#,
                "sequence: 9223372036854775808 is no whole number",
            ),
            (r#""1.10""#, "1.10", "version: 1.1 is a number, and has to be a text: put it in quotes"),
            (r#""1.10""#, "[true]", "version: a list is no text: write one in quotes"),
            (r#""web""#, "7", "component: 7 is a number, and has to be a text: put it in quotes"),
            (r#""web""#, "null", "component: null is no text: write one in quotes"),
            (r#""0a1b""#, "a1b", "the body is no JSON: "),
            (r#""0a1b""#, "0a1b", "sha: 0 is a number, and has to be a text: put it in quotes"),
            (r#""ada"}"#, "", "the body ends in the middle of its JSON object: send all of it"),
            (r#""ci/7""#, r#""""#, "id has to be 1 to 253 characters long"),
            (r#""id": "ci/7","#, r#""id": "ci/7", "id": "ci/8","#, "duplicate field `id`"),
            (r#""0a1b""#, &format!("{:?}", "a".repeat(65)), "sha has to be 1 to 64 characters long"),
            ("}", "} {}", "there is something behind the JSON object"),
        ] {
            let mistake = mistake(&WHOLE.replace(from, to));
            assert!(mistake.contains(words), "{mistake}");
        }
        let without = WHOLE.replace(r#""version": "1.10","#, "").replace(r#""sha": "0a1b","#, "");
        assert!(mistake(&without).contains("say which version it is, or which sha"));
        let array = r#"["ci/7", 7, "staging", "web", "1.10", null, null]"#;
        for body in ["", " \n"] {
            assert_eq!(mistake(body), "the body is empty: send a JSON object with the fields of a report");
        }
        for body in ["null", "[]", "7", "\u{0}", &"[".repeat(100_000), array] {
            assert_eq!(mistake(body), "the body has to be a JSON object with the fields of a report");
        }
        assert!(Report::parse(format!("\n {WHOLE}\n").as_bytes()).is_ok());
        assert!(Report::parse(WHOLE.replace(r#""ada""#, "null").as_bytes()).is_ok());
    }

    /// What a sender is told when the API server answers so.
    async fn stored_where(code: u16) -> Answer {
        let refuse = move |_: http::Request<kube::client::Body>| async move {
            let status = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "exceeded quota: few",
                "reason": "Any", "code": code});
            let body = kube::client::Body::from(status.to_string().into_bytes());
            Ok::<_, std::convert::Infallible>(http::Response::builder().status(code).body(body).unwrap())
        };
        let spec = Report::parse(WHOLE.as_bytes()).unwrap().into_update("ci");
        store(&Client::new(tower::service_fn(refuse), "shop"), "shop", "update-7", spec).await.unwrap_err()
    }

    #[tokio::test]
    async fn what_the_cluster_refuses_for_good_is_said_and_the_rest_may_be_sent_again() {
        for code in [400, 403, 413, 422] {
            let why = "the API server refuses to store the report: exceeded quota: few";
            assert_eq!(stored_where(code).await, invalid("Refused", why), "{code}");
        }
        for code in [401, 404, 429, 500, 503] {
            let answer = stored_where(code).await;
            assert_eq!(
                (answer.status, answer.retry_after.is_some()),
                (StatusCode::SERVICE_UNAVAILABLE, true),
                "{code}"
            );
        }
    }

    /// What a sender is told where the Environment has this spec, and reports with the id `ci/7` were stored when it had another.
    async fn taken_where(environment: serde_json::Value, body: &str) -> Result<Answer, Answer> {
        let update = Report::parse(WHOLE.as_bytes()).unwrap().into_update("ci");
        let answer = move |request: http::Request<kube::client::Body>| {
            let path = request.uri().path();
            let (code, object) = if path.ends_with("/environments/staging") {
                (200, serde_json::json!({"metadata": {"name": "staging"}, "spec": environment}))
            } else if path.ends_with(&names::update_of("uid", "ci/7")) {
                (200, serde_json::json!({"metadata": {"name": "update"}, "spec": update}))
            } else {
                (
                    404,
                    serde_json::json!({"kind": "Status", "status": "Failure", "message": "", "reason": "NotFound", "code": 404}),
                )
            };
            let body = kube::client::Body::from(object.to_string().into_bytes());
            async move { Ok::<_, std::convert::Infallible>(http::Response::builder().status(code).body(body).unwrap()) }
        };
        let reports = ComponentReports { environments: vec!["staging".to_owned()] };
        let mut receiver = Receiver::new("ci", sluice_api::ReceiverSpec::default());
        (receiver.metadata.namespace, receiver.metadata.uid) = (Some("shop".to_owned()), Some("uid".to_owned()));
        let report = Report::parse(body.as_bytes()).unwrap();
        take(&Client::new(tower::service_fn(answer), "shop"), &receiver, &reports, report).await
    }

    #[tokio::test]
    async fn a_stored_report_is_known_although_nothing_declares_it_any_more() {
        for spec in [serde_json::json!({"components": []}), serde_json::json!({"components": 7})] {
            assert_eq!(taken_where(spec.clone(), WHOLE).await.unwrap().status, StatusCode::ACCEPTED);
            for other in [WHOLE.replace("ci/7", "ci/8"), WHOLE.replace("1.10", "1.11")] {
                let refused = taken_where(spec.clone(), &other).await.unwrap_err();
                assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_environment_that_cannot_be_read_is_named_with_the_field() {
        let new = WHOLE.replace("ci/7", "ci/8");
        let refused = taken_where(serde_json::json!({"components": 7}), &new).await.unwrap_err();
        let Body::Refused { error: "EnvironmentMalformed", message } = refused.body else { panic!("{refused:?}") };
        assert!(message.contains("\"staging\" cannot be read: mend it: spec.components: "), "{message}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, cut in 0..WHOLE.len(), byte: u8, at in 0..WHOLE.len()) {
            Report::parse(&bytes).ok();
            prop_assert!(Report::parse(&WHOLE.as_bytes()[..cut]).is_err());
            let mut garbled = WHOLE.as_bytes().to_vec();
            garbled[at] = byte;
            if let Ok(report) = Report::parse(&garbled) {
                prop_assert!(report.check().is_ok());
            }
        }
    }
}
