//! Source text to syntax tree, within bounds.
//!
//! CEL's parser is recursive and its trees can be as deep as the source is long. So it runs on a thread of its own with
//! a stack that the longest source allowed cannot exhaust; what leaves that thread is bounded in depth. No macro is
//! expanded on the way: [`lower`] reads them as they are written, so nothing grows.

mod lower;
mod message;

use std::sync::LazyLock;
use std::thread;

use cel::Env;

use crate::bounds::{MAX_PARSE_DEPTH, MAX_SOURCE_BYTES};
use crate::syntax::Node;
use crate::{Code, Diagnostic};

/// Enough for the deepest tree of [`MAX_SOURCE_BYTES`] in a debug build, several times over. Only what is used of it is
/// ever backed by memory.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Without macros: see the module.
static PARSER: LazyLock<Env> = LazyLock::new(Env::default);

/// Parses `source` on a thread of its own.
pub(crate) fn parse(source: &str) -> Result<Node, Diagnostic> {
    let whole = 0..source.len();
    if source.len() > MAX_SOURCE_BYTES {
        return Err(Diagnostic::new(
            Code::TooComplex,
            format!("the expression has {} bytes, {MAX_SOURCE_BYTES} are allowed", source.len()),
            source,
            whole,
        )
        .with_help("compute parts of it in a step of their own"));
    }
    if source.trim().is_empty() {
        return Err(Diagnostic::new(Code::Syntax, "the expression is empty", source, whole));
    }
    let internal = |what: &str| Diagnostic::new(Code::Internal, what, source, 0..source.len());
    thread::scope(|scope| {
        thread::Builder::new()
            .name("cel-parse".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || parse_here(source))
            .map_err(|_| internal("no thread could be started to parse the expression"))?
            .join()
            .unwrap_or_else(|_| Err(internal("the parser failed on this expression")))
    })
}

fn parse_here(source: &str) -> Result<Node, Diagnostic> {
    let parsed = PARSER
        .parser()
        .max_recursion_depth(MAX_PARSE_DEPTH)
        .enable_ident_escape_syntax(true)
        .parse_with_source_info(source);
    match parsed {
        Ok((expression, places)) => lower::lower(source, expression, &places),
        Err(errors) => Err(message::first(source, &errors)),
    }
}
