//! The idempotency key of an effect.

use sha2::{Digest, Sha256};

/// Names one logical effect for ever: the same run, place and epoch give the same key in every process.
///
/// Branch names, `Idempotency-Key` headers and operation infos derive from it, so that an effect whose
/// end is unknown can be looked for instead of repeated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String);

/// 80 bits, written as hexadecimal.
const BYTES: usize = 10;

impl Key {
    /// The key of an effect at this place; `path` names the place from the outside in.
    pub(crate) fn of(run_uid: &str, path: &[&str], epoch: i32) -> Self {
        let mut hash = Sha256::new();
        for part in std::iter::once(&run_uid).chain(path) {
            // A length before each part, so that no two paths run together into one.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(epoch.to_be_bytes());
        Self(hex::encode(&hash.finalize()[..BYTES]))
    }

    /// The key as text: 20 lower-case hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_place_and_the_epoch_change_the_key() {
        let base = Key::of("uid", &["stage", "", "step"], 1);
        assert_eq!(base, Key::of("uid", &["stage", "", "step"], 1));
        for other in [
            Key::of("uid2", &["stage", "", "step"], 1),
            Key::of("uid", &["stages", "", "tep"], 1),
            Key::of("uid", &["stage", "item", "step"], 1),
            Key::of("uid", &["stage", "", "step"], 2),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn a_key_never_changes_between_versions() {
        assert_eq!(Key::of("uid", &["stage", "", "step"], 1).as_str(), "db9c408b07c12d21361a");
    }
}
