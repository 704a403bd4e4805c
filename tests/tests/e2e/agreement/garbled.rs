//! Manifests with bytes changed at random: whatever comes in, `sluice lint` ends as it says that it does.

use super::judges::lint;
use super::mutation::{DEPLOY, HELLO, PROVIDER};

const VARIANTS: u64 = 200;

/// A step of SplitMix64: numbers that look like chance and are the same each time.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A manifest with some bytes changed, taken out, doubled or put in.
fn garbled(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let base = [HELLO, DEPLOY, PROVIDER][(seed % 3) as usize];
    let mut bytes = base.text().into_bytes();
    for _ in 0..=next(&mut state) % 8 {
        let at = (next(&mut state) % bytes.len() as u64) as usize;
        let end = (at + (next(&mut state) % 40) as usize).min(bytes.len());
        match next(&mut state) % 6 {
            0 => bytes[at] = next(&mut state) as u8,
            1 => bytes[at] = b"{}[]:,-#&*!|>'\"%@`?\n\t $"[(next(&mut state) % 23) as usize],
            2 if end - at < bytes.len() => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            4 => drop(bytes.splice(at..at, (next(&mut state) as u32).to_le_bytes())),
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
