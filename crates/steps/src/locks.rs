//! [`Locks`]: one run of a group at a time.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use sluice_api::{Program, Reader, RunIdentity, variables::RunVariables};
use sluice_engine::{Failure, RunState};

use crate::render;

/// The locks of a namespace.
#[async_trait]
pub trait Locks: Send + Sync {
    /// Takes the lock of the group for this run, if it is its turn; `since` is when it began to wait, if it did. To take a
    /// lock twice is to take it once.
    async fn take(&self, group: &str, run: &RunIdentity, since: Option<Timestamp>) -> Result<Turn, Failure>;
}

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The run's own: it has the lock.
    Own,
    /// Another one's.
    Other {
        /// The name of the run that has the lock.
        holder: String,
        /// How many are before this run, with the one that has the lock.
        position: i32,
    },
}

/// The name of the lock of a run. It sees what is known before a run starts, and so is the same in each of its rounds.
///
/// # Errors
/// When the expressions of the pipeline's `concurrency.group` yield no name.
pub fn lock_group(program: &Program, pipeline: &str, variables: &RunVariables) -> Result<String, Failure> {
    let Some(template) = &program.group else { return Ok(pipeline.to_owned()) };
    let before = RunState::default();
    let scope = variables.scope(program, &before, Reader::Run);
    match render::value(template, "concurrency.group", &scope)? {
        Value::String(group) if !group.trim().is_empty() && group.len() <= 253 => Ok(group),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => {
            let message = format!("concurrency.group yields {other}; it has to be a text of 1 to 253 bytes");
            Err(Failure::definite("LockGroupInvalid", message))
        }
    }
}
