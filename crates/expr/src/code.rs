//! The codes of what can be wrong with an expression.

use std::fmt;

/// Declares the codes: one line each, with its word and what it means.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $word:literal $meaning:literal)*) => {
        /// What sort of mistake a [`crate::Diagnostic`] is about. The words are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its word, for machines: small letters and hyphens.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// What it means: one sentence.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

codes! {
    Syntax "syntax" "The expression is no CEL."
    TooComplex "too-complex" "The expression is too long, too deep or has too many loops in loops."
    UnclosedInterpolation "unclosed-interpolation" "A `${{` has no `}}`."
    UnknownName "unknown-name" "The expression names a variable that does not exist where it stands."
    UnknownMember "unknown-member" "The expression asks an object for a member that it does not have."
    UnknownFunction "unknown-function" "The expression calls a function that does not exist, or not for such a value."
    WrongArgumentCount "wrong-argument-count" "The expression calls a function with too few or too many arguments."
    TypeMismatch "type-mismatch" "Operands, arguments or the result of the expression are of the wrong type."
    InvalidLiteral "invalid-literal" "A constant in the expression can never work, such as a regular expression that is none."
    Internal "internal" "The parser of expressions failed, which is a defect of Sluice and not of the text."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
