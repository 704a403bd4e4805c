//! The codes of what can be wrong with a manifest: the one list, for `sluice lint` and the condition `Ready`.

use std::fmt;

/// Declares the codes: one line each, with its word and what it means.
macro_rules! codes {
    ($($name:ident $word:literal $meaning:literal)*) => {
        /// What sort of mistake something is. The words are stable: other tools may rely on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
            /// A mistake in an expression.
            Expression(sluice_expr::Code),
        }

        impl Code {
            const OWN: &[Self] = &[$(Self::$name),*];

            /// Its word: small letters and hyphens.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                    Self::Expression(code) => code.as_str(),
                }
            }

            /// What it means: one sentence.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                    Self::Expression(code) => code.description(),
                }
            }
        }
    };
}

codes! {
    Unreadable "unreadable" "The file is neither YAML nor JSON as kubectl reads them."
    DuplicateKey "duplicate-key" "An object has a key twice; kubectl takes the last one without a word."
    IgnoredText "ignored-text" "Text follows the end of a document; kubectl passes over it without a word."
    UnknownKind "unknown-kind" "The object has no kind that Sluice has, or no kind or API version at all."
    InvalidMetadata "invalid-metadata" "The object's name, namespace, labels or annotations are not what Kubernetes takes."
    UnknownField "unknown-field" "The field does not exist."
    MissingField "missing-field" "A field that has to be there is missing."
    WrongType "wrong-type" "The value is of the wrong type, such as a number where a text has to be."
    UnknownValue "unknown-value" "The value is none of those that the field takes."
    WrongPattern "wrong-pattern" "The text does not look as the field wants it."
    WrongLength "wrong-length" "The text, list or object is too short or too long."
    OutOfRange "out-of-range" "The number is too small or too large."
    DuplicateItem "duplicate-item" "Two items of the list are the same, or have the same name."
    BrokenRule "broken-rule" "Fields do not go together, such as two of which only one may be set."
    StepType "step-type" "A step sets no step type, or more than one."
    InvalidName "invalid-name" "The name is none that an expression could use."
    ReservedName "reserved-name" "The name is a word of the expression language, or one of Sluice's variables."
    DuplicateName "duplicate-name" "Two stages, steps or hooks have the same name, or two variables."
    WrongDefault "wrong-default" "A parameter's default is not of the parameter's type."
    InvalidValue "invalid-value" "The value cannot work, for the reason that is given."
    UnknownReference "unknown-reference" "A stage or step is named that does not exist, or is of another type."
    TooEarly "too-early" "A step is read where it has not run, or may not have."
    Circle "circle" "Stages need each other in a circle, or themselves, so that none of them can ever start; or good runs start pipelines in one."
    Unreachable "unreachable" "The stage can never start, because of what it needs."
    ConstantCondition "constant-condition" "The condition of a loop never changes: it reads nothing that the loop does."
    WrongParameters "wrong-parameters" "A run's parameters are not those that its pipeline declares."
    MissingObject "missing-object" "An object is named that is not there."
    NotAllowed "not-allowed" "A stage is bound to an Environment that does not allow its pipeline."
    DuplicateObject "duplicate-object" "Two objects are of the same kind and name; the last one wins."
    NeedsCluster "needs-cluster" "The step needs a cluster, which the local mode may not have."
}

impl Code {
    /// Every code: those of manifests, then those of expressions.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::OWN.iter().copied().chain(sluice_expr::Code::ALL.iter().copied().map(Self::Expression))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<sluice_expr::Code> for Code {
    fn from(code: sluice_expr::Code) -> Self {
        Self::Expression(code)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_word_of_its_own_and_a_sentence() {
        let words: BTreeSet<_> = Code::all().map(Code::as_str).collect();
        assert_eq!(words.len(), Code::all().count());
        for code in Code::all() {
            assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{code}");
            assert!(code.description().ends_with('.'), "{code}");
        }
    }
}
