//! Measures sources.
