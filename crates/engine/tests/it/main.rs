//! What the engine promises, over a simulated clock: scenarios that read as sentences, and properties of
//! random runs. Both drive the engine through `support`, a driver that does what a real one does.

//mod property;
mod scenario;
mod support;
