//! Properties of random runs: random plans, random outcomes, an abort and crashes at random moments.

mod asked;
mod crashes;
mod held;
mod mangled;
mod numbers;
mod order;
mod plans;
mod world;

use proptest::prelude::*;

/// Enough cases for a rare interleaving, few enough for every build.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
