//! What each step type does: one file a type.
