//! Signals: the first SIGINT or SIGTERM ends the run in an orderly way, the second ends the process.

use std::{future::ready, io};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that asks for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Interrupt,
    Terminate,
}

impl End {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The exit code of a process that it ended, as shells report it.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// The signals of this process, from now on.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    resized: Signal,
    asked: Option<End>,
}

impl Signals {
    /// Takes the signals over.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            resized: signal(SignalKind::window_change())?,
            asked: None,
        })
    }

    /// The next: one that asks for the end, or `None` for another size of the terminal.
    pub(crate) async fn next(&mut self) -> Option<End> {
        let Self { interrupt, terminate, resized, asked } = self;
        let end = tokio::select! {
            _ = interrupt.recv() => Some(End::Interrupt),
            _ = terminate.recv() => Some(End::Terminate),
            _ = resized.recv() => None,
        };
        *asked = end.or(*asked);
        end
    }

    /// The last that has asked for the end so far, whether somebody saw it or not.
    pub(crate) async fn asked(&mut self) -> Option<End> {
        let mut has_more = true;
        while has_more {
            has_more = tokio::select! {
                biased;
                _ = self.next() => true,
                () = ready(()) => false,
            };
        }
        self.asked
    }
}
