//! Signals: the first SIGINT or SIGTERM ends the run in an orderly way, the second ends the process.

use std::io;

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
}

impl Signals {
    /// Takes the signals over.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            resized: signal(SignalKind::window_change())?,
        })
    }

    /// The next that asks for the end.
    pub(crate) async fn end(&mut self) -> End {
        loop {
            if let Some(end) = self.next().await {
                return end;
            }
        }
    }

    /// The next: one that asks for the end, or `None` for another size of the terminal.
    pub(crate) async fn next(&mut self) -> Option<End> {
        let Self { interrupt, terminate, resized } = self;
        tokio::select! {
            _ = interrupt.recv() => Some(End::Interrupt),
            _ = terminate.recv() => Some(End::Terminate),
            _ = resized.recv() => None,
        }
    }
}
