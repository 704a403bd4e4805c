//! Sources: what `validate` and `waitFor` measure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluice_expr::Type;

use crate::{
    Duration, HttpHeader, LocalReference,
    step::{ConfigMistake, Resource, StepType, output::http_answer},
};

/// Sources by name.
pub type Sources = BTreeMap<String, Source>;

/// Where a value is measured: exactly one of the members is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline, extend("x-kubernetes-validations" = [{"rule": "[has(self.http), has(self.prometheus), has(self.resource), has(self.file)].filter(x, x).size() == 1", "message": "set exactly one source: http, prometheus, resource, file"}]))]
pub struct Source {
    /// Sends a GET request; a status other than 2xx is an error. The value has `status`, `json` (null when the answer
    /// is no JSON) and `headers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSource>,
    /// Asks Prometheus an instant query. The value has `value` (of the first series; null when there is none, or when
    /// it is NaN or infinite) and `series` (each with `labels` and `value`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusSource>,
    /// Reads Kubernetes objects as the run's service account. The value has `object` (null when it does not exist), or
    /// `items` with a label selector, or what its `outputs` say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// Reads a file of a git host. The value is what a `.yaml`, `.yml` or `.json` file says, a list where it holds
    /// several YAML documents, and the text of any other file. A file that is missing is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileSource>,
}

/// A GET request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct HttpSource {
    /// The address, with `http` or `https`; may contain `${{ }}`.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// Headers to send: at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub headers: Vec<HttpHeader>,
}

/// An instant query of Prometheus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct PrometheusSource {
    /// The server's address without `/api/v1`, such as `http://prometheus.monitoring:9090`; may contain `${{ }}`.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// The query in PromQL, such as `sum(rate(errors_total{app="web"}[5m]))`; may contain `${{ }}`.
    #[schemars(length(min = 1, max = 4096))]
    pub query: String,
    /// Headers to send: at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub headers: Vec<HttpHeader>,
}

/// A file of a git host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct FileSource {
    /// The ScmProvider with the git host.
    pub provider_ref: LocalReference,
    /// The repository as `owner/name`, such as `shop/gitops`; may contain `${{ }}`.
    #[schemars(length(min = 1, max = 512))]
    pub repository: String,
    /// The branch, or the full id of a commit, such as `${{ steps.merged.outputs.commit.sha }}`; the repository's
    /// default branch unless set; may contain `${{ }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub r#ref: Option<String>,
    /// The file's path in the repository, such as `staging/web.yaml`; may contain `${{ }}`. At most 1 MiB is read.
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
}

impl Source {
    /// The type of the source's value.
    pub fn value_type(&self) -> Type {
        if self.http.is_some() {
            http_answer()
        } else if self.prometheus.is_some() {
            let series = Type::object([("labels", Type::map(Type::String)), ("value", Type::Any)]);
            Type::object([("value", Type::Any), ("series", Type::list(series))])
        } else {
            self.resource.as_ref().map_or(Type::Any, StepType::outputs)
        }
    }
}

/// The pause between measurements unless a step says.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);

/// The names that expressions over these sources see.
pub(super) fn types(sources: &Sources) -> Vec<(String, Type)> {
    sources.iter().map(|(name, source)| (name.clone(), source.value_type())).collect()
}

/// The output of `validate` with each check's value, which no source may hide.
pub const CHECKS: &str = "checks";

/// The mistakes in the names of sources: they have to be names that expressions can use.
pub(super) fn mistakes(sources: &Sources) -> Vec<ConfigMistake> {
    let wrong = sources
        .keys()
        .filter(|name| !crate::check::is_name(name) || crate::check::is_reserved(name) || *name == CHECKS);
    wrong
        .map(|name| {
            let help = "name it with letters and digits, a small letter first, and no variable's name";
            ConfigMistake {
                field: format!("sources.{name}"),
                message: format!("{name:?} cannot name a source"),
                help: Some(help.to_owned()),
            }
        })
        .collect()
}
