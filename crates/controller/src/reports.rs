//! Events for people, published behind the reconciles.
//!
//! An Event is worth less than progress: when the API server does not keep up, Events are dropped, never runs delayed.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube_runtime::events::{Event, EventType, Recorder, Reporter};
use sluice_engine::cut_to;
use sluice_steps::Report;
use tokio::sync::mpsc;

/// Events that may wait to be published.
const QUEUE: usize = 4096;

/// The API server refuses longer notes.
const NOTE_LIMIT: usize = 1000;

/// Where reports are sent.
#[derive(Clone)]
pub(crate) struct Reports(mpsc::Sender<(ObjectReference, Report)>);

impl Reports {
    /// Starts the publisher.
    pub(crate) fn start(client: Client, instance: String) -> Self {
        let (sender, mut receiver) = mpsc::channel::<(ObjectReference, Report)>(QUEUE);
        let reporter = Reporter { controller: "sluice-controller".to_owned(), instance: Some(instance) };
        tokio::spawn(async move {
            while let Some((about, report)) = receiver.recv().await {
                // A recorder of its own for each: one recorder would fold reports of one reason into the first one's text.
                let recorder = Recorder::new(client.clone(), reporter.clone());
                if let Err(error) = recorder.publish(&event(report), &about).await {
                    tracing::debug!(error = %error, "failed to publish an Event");
                }
            }
        });
        Self(sender)
    }

    /// Reports something about an object.
    pub(crate) fn send(&self, about: &ObjectReference, report: Report) {
        if self.0.try_send((about.clone(), report)).is_err() {
            tracing::debug!("an Event was dropped: too many wait to be published");
        }
    }
}

fn event(Report { reason, message, warning }: Report) -> Event {
    let type_ = if warning { EventType::Warning } else { EventType::Normal };
    let note = Some(cut_to(NOTE_LIMIT, message));
    Event { type_, reason, note, action: "Run".to_owned(), secondary: None }
}
