//! Bounded CEL: compile, check against known names, evaluate, interpolate.
