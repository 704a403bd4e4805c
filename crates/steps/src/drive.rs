//! The loop that carries a run on.
