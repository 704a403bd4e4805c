//! Paths to a value: `spec.template.spec.containers[name=web].image`.

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    text: String,
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid path {path:?} at character {at}: {reason}")]
pub struct PathError {
    path: String,
    at: usize,
    reason: &'static str,
}

impl Path {
    /// Parses a path.
    ///
    /// # Errors
    /// Names the character and the reason.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError {
                path: String::new(),
                at: 1,
                reason: "it is empty",
            });
        }
        Ok(Self {
            text: text.to_owned(),
        })
    }

    /// The text it was parsed from.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
