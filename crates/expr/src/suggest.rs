//! "Did you mean": the one known word that a wrong word was probably meant to be.

/// The candidate nearest to `word`, when it is near enough that a person would agree.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short; anything else is no typing error, and not worth a quadratic comparison.
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let allowed = ((word.chars().count() + 1) / 3).min(3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST && *candidate != word)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two words: insertions, deletions, replacements and swaps of neighbours. A difference in case only
/// counts as one edit altogether.
fn distance(a: &str, b: &str) -> usize {
    if a.eq_ignore_ascii_case(b) {
        return usize::from(a != b);
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut two_ago: Vec<usize> = Vec::new();
    let mut one_ago: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = one_ago[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(one_ago[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(two_ago[j - 2] + 1);
            }
            row.push(best);
        }
        two_ago = std::mem::replace(&mut one_ago, row);
    }
    one_ago[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested() {
        let names = ["params", "pipeline", "run", "steps", "openPr"];
        for (word, meant) in [
            ("param", Some("params")),
            ("openPR", Some("openPr")),
            ("setps", Some("steps")),
            ("rnu", Some("run")),
            ("x", None),
            ("sizes", None),
            ("entirely", None),
        ] {
            assert_eq!(closest(word, names), meant, "{word}");
        }
    }
}
