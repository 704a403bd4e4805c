//! What reads like a function and is none, in the words that the reference page has for it.

/// How each macro is written, and its value: `e` and `c` may use `x`. Behind them the operators that other languages lack.
pub const MACROS: &[(&str, &str)] = &[
    ("has(a.b)", "whether the member is there"),
    ("list.all(x, e)", "whether `e` holds for every element"),
    ("list.exists(x, e)", "whether `e` holds for some element"),
    ("list.exists_one(x, e)", "whether `e` holds for exactly one element"),
    ("list.existsOne(x, e)", "the same"),
    ("list.filter(x, e)", "the elements for which `e` holds"),
    ("list.map(x, e)", "`e` of every element"),
    ("list.map(x, c, e)", "`e` of every element for which `c` holds"),
    ("list.sortBy(x, e)", "the elements in the order of their `e`"),
    ("a.?b", "the member as an optional, which has no value where there is none"),
    ("a.?b.orValue(c)", "the member, or `c` where there is none"),
    ("a.?b.optMap(x, e)", "an optional of `e`, where `x` is the value; without a value, none"),
    ("a.?b.optFlatMap(x, e)", "the same, where `e` is an optional itself"),
    ("list[?i]", "the element as an optional"),
    ("a ? b : c", "`b` where `a` is true, else `c`"),
];

#[cfg(test)]
mod tests {
    use super::MACROS;
    use crate::syntax::LoopKind;
    use crate::{Expression, Names, Type};

    #[test]
    fn each_is_an_expression() {
        let names =
            ["a", "b", "c", "e", "i", "list"].into_iter().fold(Names::new(), |names, it| names.with(it, Type::Any));
        for (text, _) in MACROS {
            let found = Expression::compile(text).map(|expression| expression.check(&names, &Type::Any));
            assert_eq!(found, Ok(vec![]), "{text}");
        }
    }

    #[test]
    fn none_is_forgotten() {
        for name in LoopKind::NAMES {
            assert!(MACROS.iter().any(|(text, _)| text.contains(&format!(".{name}("))), "{name}");
        }
    }
}
