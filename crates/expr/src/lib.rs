//! Bounded CEL: compile, check against known names, evaluate, interpolate `${{ }}`.
//!
//! Everything here is pure: no I/O, no randomness, and no clock but the deadline of an evaluation. There is no function
//! that reads the time, so rendering twice gives the same. Nothing here panics or overflows the stack on whatever a
//! person writes: every expression is bounded in length, depth, steps, memory and time; see [`bounds`].
//!
//! ```
//! use serde_json::json;
//! use sluice_expr::{Expression, Names, Scope, Template, Type};
//!
//! let names = Names::new().with("params", Type::object([("version", Type::String)]));
//! let when = Expression::compile("params.verion == '1.4.2'")?;
//! assert_eq!(
//!     when.check(&names, &Type::Bool)[0].to_string(),
//!     "`params` has no `verion`; did you mean `version`?",
//! );
//!
//! let params = json!({"version": "1.4.2"});
//! let scope = Scope::new().with("params", &params);
//! let image = Template::parse("registry.example/web:${{ params.version }}")?.render(&scope)?;
//! assert_eq!(image, json!("registry.example/web:1.4.2"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bounds;
mod cache;
mod check;
mod code;
mod convert;
mod diagnostic;
mod error;
mod evaluate;
mod expression;
mod functions;
mod lexical;
mod macros;
mod meter;
mod names;
mod operators;
mod parse;
#[cfg(test)]
mod properties;
mod references;
mod scope;
mod suggest;
mod syntax;
mod template;
mod types;
mod walk;

pub use code::Code;
pub use diagnostic::Diagnostic;
pub use error::{ErrorKind, EvaluationError};
pub use expression::Expression;
pub use functions::signatures;
pub use macros::MACROS;
pub use names::Names;
pub use references::Reference;
pub use scope::Scope;
pub use suggest::closest;
pub use template::{Template, may_interpolate};
pub use types::Type;
pub use walk::{Located, check_value, render_value, value_names};
