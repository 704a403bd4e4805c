//! Every bound on an expression and its evaluation, in one place.
//!
//! Expressions are written by the people whom the operator serves, and run in its process. So each has an end that does
//! not depend on what it says.

use std::time::Duration;

/// Bytes of one expression.
pub const MAX_SOURCE_BYTES: usize = 4 * 1024;
/// Depth of brackets and calls that the parser follows.
pub const MAX_PARSE_DEPTH: u16 = 32;
/// Depth of the syntax tree, where `a + b + c` is two deep.
pub const MAX_DEPTH: usize = 96;
/// Nodes of the syntax tree, macros expanded.
pub const MAX_NODES: usize = 4_000;
/// Macros that loop (`all`, `exists`, `map`, `filter`, ...) inside one another.
pub const MAX_LOOP_NESTING: usize = 2;
/// Steps of one evaluation; the figure that Kubernetes allows one of its expressions.
pub const MAX_STEPS: u64 = 1_000_000;
/// How long one evaluation may take.
pub const DEADLINE: Duration = Duration::from_millis(100);
/// Bytes that one string may grow to, and bytes of one result.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// Depth of lists and maps inside one another, in what is read and in what is returned.
pub const MAX_VALUE_DEPTH: usize = 64;
/// Bytes of one regular expression.
pub const MAX_REGEX_BYTES: usize = 512;
/// Bytes of the compiled form of one regular expression.
pub const MAX_REGEX_PROGRAM_BYTES: usize = 128 * 1024;
