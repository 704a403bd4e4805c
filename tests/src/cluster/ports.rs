//! Free ports for the parts of a cluster.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::time::SystemTime;

use anyhow::{Context, Result};

/// Below the range from which Linux takes the local ports of outgoing connections, so that none of those takes one of ours
/// between the choice and the start of the part.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// Hands out ports that nobody listens on, none of them twice.
pub(crate) struct Ports {
    next: u16,
    taken: HashSet<u16>,
}

impl Ports {
    /// Begins somewhere else each time, so that clusters started at once seldom meet.
    pub(crate) fn new() -> Self {
        let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
        let offset = nanos.wrapping_add(std::process::id().wrapping_mul(7919)) % u32::from(RANGE.end - RANGE.start);
        Self { next: RANGE.start + u16::try_from(offset).unwrap_or(0), taken: HashSet::new() }
    }

    /// A free port of the loopback address.
    pub(crate) fn free(&mut self) -> Result<u16> {
        for _ in RANGE {
            let port = self.next;
            self.next = if port + 1 == RANGE.end { RANGE.start } else { port + 1 };
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && self.taken.insert(port) {
                return Ok(port);
            }
        }
        None.context("no free port on 127.0.0.1")
    }
}
