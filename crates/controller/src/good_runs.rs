//! Good runs: which there are, and which one a run takes for each source of its pipeline.
//!
//! # Guarantees
//! - **A run sees every good run that was written before it was made itself.** The watch that brings the runs keeps the book, in the
//!   order of the writes.
//! - **A good run outlives its deletion.** `Pipeline.status.goodRuns` has the last one of each stage, a moment after it went well, and
//!   history deletes no run that is the last good one and not written there yet.
//! - **No process's memory decides.** Beside that status only runs that are there count: a pipeline, or a namespace, that was deleted and
//!   made again takes nothing over.
//! - The newest wins, by when it ended: neither order nor repetition of what the watch shows matters.

mod book;
mod cursor;
mod pin;
mod resolve;
mod start;
mod status;
mod wake;

pub(crate) use self::{
    book::GoodRuns,
    pin::pin,
    resolve::{Error, resolve},
    start::{is_due, is_open, start},
    status::{keep, lacks},
    wake::concerned,
};
