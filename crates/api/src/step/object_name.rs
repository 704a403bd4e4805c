//! The names of objects that steps make in the cluster.

use super::Claim;

/// As long as a label's value may be.
const MAX_NAME: usize = 63;

/// So much of the key is part of a name: 48 bits.
const KEY_DIGITS: usize = 12;

impl Claim<'_> {
    /// The name of the object that is made under this claim, `RUN-STEP-KEY` as a DNS label: the same for ever, and another
    /// one for every other claim.
    pub fn object_name(&self) -> String {
        let key: String = self.key.chars().take(KEY_DIGITS).collect();
        let place = format!("{}-{}", self.run.name.replace('.', "-"), kebab_case(self.step));
        let place: String = place.chars().take(MAX_NAME - KEY_DIGITS - 1).collect();
        format!("{}-{key}", place.trim_end_matches('-'))
    }
}

/// `openPr` as names of objects have it: `open-pr`.
fn kebab_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, letter| {
        if letter.is_ascii_uppercase() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunIdentity;

    fn name(run: &str, step: &str, key: &str) -> String {
        let run = RunIdentity { name: run.to_owned(), ..RunIdentity::default() };
        Claim { run: &run, step, key, from: None }.object_name()
    }

    #[test]
    fn a_name_says_which_step_of_which_run_made_the_object() {
        assert_eq!(name("release-7", "smokeTest", "db9c408b07c12d21361a"), "release-7-smoke-test-db9c408b07c1");
    }

    #[test]
    fn a_long_name_is_cut_to_a_label_and_stays_its_own() {
        let long = format!("a{}.b", "-very".repeat(12));
        let (one, other) = (name(&long, "work", "db9c408b07c12d21361a"), name(&long, "work", "ab9c408b07c12d21361a"));
        assert_eq!(one.len(), 63);
        assert_ne!(one, other);
        assert_eq!(name(&format!("{}-.b", "a".repeat(49)), "work", "db9c"), format!("{}-db9c", "a".repeat(49)));
        assert_eq!(name("v1.2", "s", "db9c"), "v1-2-s-db9c");
    }
}
