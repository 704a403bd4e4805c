//! What the engine promises, over a simulated clock: scenarios that read as sentences, and properties of
//! random runs. Both drive the engine through `support`, a driver that does what a real one does.

#![expect(clippy::unwrap_used, reason = "the lint's exemption for tests stops at `#[test]`: helpers may panic as well")]

mod flow;
mod property;
mod scenario;
mod support;
