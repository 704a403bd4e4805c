//! The custom resources of sluice.dev: types, documentation, rules, and their way to the engine's plan.
