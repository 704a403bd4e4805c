//! Replaces byte ranges of a text by others, all at once.

use std::ops::Range;

use super::error::Fault;

/// Bytes to replace, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    range: Range<usize>,
    text: String,
    /// Of two that insert at one place the smaller comes first.
    rank: usize,
}

impl Splice {
    pub(super) fn replace(range: Range<usize>, text: String) -> Self {
        Self { range, text, rank: 0 }
    }

    pub(super) fn insert(at: usize, text: String) -> Self {
        Self::replace(at..at, text)
    }

    /// For a new line with this indentation: of two mappings that end in one line, the inner one goes on first.
    pub(super) fn below(self, indent: usize) -> Self {
        Self { rank: usize::MAX - indent, ..self }
    }
}

/// Applies them in the order of their places.
pub(super) fn splice(text: &str, mut splices: Vec<Splice>) -> Result<String, Fault> {
    splices.sort_by_key(|splice| (splice.range.start, splice.rank));
    let mut out = String::with_capacity(text.len() + splices.iter().map(|s| s.text.len()).sum::<usize>());
    let mut done = 0;
    for Splice { range, text: new, .. } in splices {
        let Some(kept) = text.get(done..range.start) else {
            return Err(Fault::at(range.start, "two edits overlap; make them one after the other"));
        };
        out.push_str(kept);
        out.push_str(&new);
        done = range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splices_apply_in_the_order_of_their_places() {
        let splices = vec![
            Splice::insert(3, "O".into()).below(0),
            Splice::insert(3, "I".into()).below(2),
            Splice::replace(0..1, "xyz".into()),
            Splice::insert(3, ",".into()),
        ];
        assert_eq!(splice("abcd", splices).unwrap(), "xyzbc,IOd");
        assert!(splice("abcd", vec![Splice::replace(0..3, "".into()), Splice::replace(1..2, "".into())]).is_err());
    }
}
