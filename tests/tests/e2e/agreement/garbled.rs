//! Manifests with bytes changed at random: whatever comes in, `sluice lint` ends as it says that it does.

use super::judges::lint;
use super::mutation::{DEPLOY, HELLO, PROVIDER};
use crate::dice::Dice;

const VARIANTS: u64 = 200;

/// A manifest with some bytes changed, taken out, doubled or put in.
fn garbled(seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let base = [HELLO, DEPLOY, PROVIDER][(seed % 3) as usize];
    let mut bytes = base.text().into_bytes();
    for _ in 0..=dice.below(8) {
        let at = dice.below(bytes.len());
        let end = (at + dice.below(40)).min(bytes.len());
        match dice.below(6) {
            0 => bytes[at] = dice.byte(),
            1 => bytes[at] = dice.pick(b"{}[]:,-#&*!|>'\"%@`?\n\t $"),
            2 if end - at < bytes.len() => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            4 => drop(bytes.splice(at..at, (dice.next() as u32).to_le_bytes())),
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

#[test]
fn lint_ends_as_it_should_whatever_comes_in() {
    let dir = tempfile::tempdir().expect("a directory");
    let files = (0..VARIANTS).map(|seed| {
        let file = dir.path().join(format!("{seed}.yaml"));
        std::fs::write(&file, garbled(seed)).expect("a file");
        file
    });
    // Several at once: starting is what takes time.
    for files in files.collect::<Vec<_>>().chunks(10) {
        let said = lint(files, b"");
        assert!(matches!(said.exit, Some(0 | 1)), "{files:?}: {:?} {}", said.exit, said.stderr);
        assert_eq!(said.stderr, "", "{files:?}");
    }
}
