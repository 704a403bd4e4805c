//! The version of a pipeline that a run keeps to, stored as an `apps/v1` ControllerRevision.
//!
//! It is named by the hash of its content, so that all runs of one version share one, and two controllers that make it
//! at once make the same.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{api::apps::v1::ControllerRevision, apimachinery::pkg::runtime::RawExtension};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{PipelineSpec, names};

/// 40 bits: the name only has to tell the versions of one pipeline apart; the content is compared.
const HASH_BYTES: usize = 5;

/// One version of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The version of the format, so that an older controller leaves a newer revision alone.
    format: i32,
    /// The pipeline's name.
    pub pipeline: String,
    /// What its runs do.
    pub spec: PipelineSpec,
}

/// What this controller writes and understands.
const FORMAT: i32 = 1;

/// A ControllerRevision that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// It was written by a newer controller.
    #[error("was written by a newer version of the controller (format {0}, this one reads {FORMAT})")]
    Newer(i64),
    /// It was changed, or is no revision of a pipeline.
    #[error("holds no pipeline")]
    Read(#[source] serde_json::Error),
    /// It cannot be written as JSON.
    #[error("cannot be written as JSON")]
    Write(#[source] serde_json::Error),
}

impl Revision {
    /// The version that this pipeline has now. How long its runs are kept and whether it is suspended is no part of it: no
    /// run does anything else because of that, only later.
    pub fn new(pipeline: &str, spec: PipelineSpec) -> Self {
        let spec = PipelineSpec { history_limits: None, ttl_after_finished: None, suspend: None, ..spec };
        Self { format: FORMAT, pipeline: pipeline.to_owned(), spec }
    }

    /// The name of its ControllerRevision.
    pub fn name(&self) -> Result<String, RevisionError> {
        let content = serde_json::to_vec(self).map_err(RevisionError::Write)?;
        let hash = Sha256::digest(&content);
        Ok(format!("{}-{}", self.pipeline, hex::encode(&hash[..HASH_BYTES])))
    }

    /// Its ControllerRevision, to be created in this namespace. It has no owner: runs outlive their pipeline.
    pub fn to_object(&self, namespace: &str) -> Result<ControllerRevision, RevisionError> {
        let label = (names::PIPELINE_LABEL.to_owned(), names::label_value(&self.pipeline));
        Ok(ControllerRevision {
            metadata: ObjectMeta {
                name: Some(self.name()?),
                namespace: Some(namespace.to_owned()),
                labels: Some([label].into()),
                ..ObjectMeta::default()
            },
            data: Some(RawExtension(serde_json::to_value(self).map_err(RevisionError::Write)?)),
            revision: 1,
        })
    }

    /// The version that a ControllerRevision holds.
    pub fn of_object(object: &ControllerRevision) -> Result<Self, RevisionError> {
        let data = object.data.as_ref().map(|data| data.0.clone()).unwrap_or_default();
        let format = data["format"].as_i64().unwrap_or_default();
        if format > i64::from(FORMAT) {
            return Err(RevisionError::Newer(format));
        }
        serde_json::from_value(data).map_err(RevisionError::Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Duration, HistoryLimits, Suspend};

    #[test]
    fn how_long_runs_are_kept_and_a_suspension_make_no_other_version() {
        let limited = PipelineSpec {
            history_limits: Some(HistoryLimits { succeeded: Some(1), failed: None }),
            ttl_after_finished: Some(Duration::from_secs(1)),
            suspend: Some(Suspend { reason: None }),
            ..PipelineSpec::default()
        };
        assert_eq!(Revision::new("web", limited), Revision::new("web", PipelineSpec::default()));
    }
}
