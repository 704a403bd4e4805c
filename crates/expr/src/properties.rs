//! Properties of any expression: it ends, it never panics, and it means what CEL's own interpreter says it means.

use std::sync::{Arc, LazyLock};
use std::thread;

use cel::{Context, Env, extensions};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::convert::{Data, to_json};
use crate::meter::Meter;
use crate::{Code, ErrorKind, Expression, Names, Scope, Template, Type, render_value};

/// Words that expressions are made of, and some that they are not.
const TOKENS: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    ".?",
    "[?",
    ":",
    "?",
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "!",
    "&&",
    "||",
    "a",
    "b",
    "x",
    "true",
    "null",
    "1",
    "2u",
    "1.5",
    "0",
    "'t'",
    "''",
    "b'y'",
    "r'\\'",
    "has(",
    "size(",
    ".all(x,",
    ".map(x,",
    ".filter(x,",
    ".exists(x,",
    ".sortBy(x,",
    ".optMap(x,",
    ".orValue(",
    "int(",
    "string(",
    "type(",
    "duration('1s')",
    "timestamp(0)",
    ".matches(",
    ".split(",
    ".format(",
    ".replace(",
    ".join(",
    "math.greatest(",
    "lists.range(",
    "semver('1.2.3')",
    "quantity('1Gi')",
    "é",
    "\n",
    "//",
    "\"",
    "'",
    "`",
    "$",
    "}}",
    "${{",
    "as",
    "if",
    "9223372036854775807",
    "1e309",
    "0x",
    "\\",
];

fn token_soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(TOKENS), 0..60).prop_map(|tokens| tokens.join(" "))
}

/// A well-formed expression, of any types.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (-3_i64..12).prop_map(|n| n.to_string()),
        prop::sample::select(&["2u", "1.5", "-0.5", "true", "false", "null", "'a'", "'b,c'", "''", "[]", "{}"][..])
            .prop_map(str::to_owned),
        prop::sample::select(
            &[
                "data.text",
                "data.int",
                "data.float",
                "data.list",
                "data.texts",
                "data.object",
                "data.none",
                "data.nested"
            ][..]
        )
        .prop_map(str::to_owned),
        Just("duration('90s')".to_owned()),
        Just("timestamp('2026-01-02T03:04:05Z')".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        let binary = prop::sample::select(&["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||"][..]);
        let unary = prop::sample::select(
            &[
                "size(_)",
                "string(_)",
                "int(_)",
                "double(_)",
                "!_",
                "-(_)",
                "[_]",
                "{'k': _}",
                "_.text",
                "_.k",
                "_[0]",
                "_['text']",
                "has(_.text)",
                "_.?text",
                "_.?k.orValue(1)",
                "_[?0]",
                "_.trim()",
                "_.size()",
                "_.lowerAscii()",
                "_.reverse()",
                "_.distinct()",
                "_.sort()",
                "_.flatten()",
                "_.hasValue()",
                "optional.of(_)",
                "type(_) == int",
                "_.getHours()",
                "_.getMinutes()",
                "math.abs(_)",
                "math.ceil(_)",
                "strings.quote(_)",
                "_.join()",
                "_.value()",
                "uint(_)",
                "bool(_)",
                "bytes(_)",
                "dyn(_)",
                "[?_]",
                "base64.encode(_)",
                "math.greatest(1, -(_))",
            ][..],
        );
        let double = prop::sample::select(
            &[
                "_1.contains(_2)",
                "_1.startsWith(_2)",
                "_1.split(_2)",
                "_1.join(_2)",
                "_1.indexOf(_2)",
                "_1[_2]",
                "_1.map(x, _2)",
                "_1.all(x, x == _2)",
                "_1.exists(x, x == _2)",
                "_1.exists_one(x, x == _2)",
                "_1.filter(x, x != _2)",
                "_1.map(x, x + _2)",
                "_1.filter(x, _2)",
                "_1.all(x, _2)",
                "_1.charAt(_2)",
                "_1.substring(_2)",
                "_1.format([_2])",
                "'%s %s'.format([_1, _2])",
                "_1.orValue(_2)",
                "_1.or(optional.of(_2))",
                "math.greatest(1, _1 + _2)",
                "_1.sortBy(x, _2)",
                "[_1, _2]",
                "{_1: _2}",
                "{'a': [_1, _2]}",
                "true ? _1 : _2",
                "_1 ? _2 : 1",
                "_1.exists(x, x > _2)",
                "_1.map(x, x < _2, x)",
                "_1.optMap(x, _2)",
                "_1.lastIndexOf(_2)",
                "_1.matches(_2)",
                "_1.slice(0, _2)",
                "[_1, _2].map(x, x)",
                "_1[?_2]",
                "math.bitAnd(_1, _2)",
                "_1.replace('a', _2)",
            ][..],
        );
        prop_oneof![
            (pair.clone(), binary).prop_map(|((a, b), operator)| format!("({a} {operator} {b})")),
            (inner.clone(), unary).prop_map(|(a, shape)| format!("({})", shape.replace('_', &format!("({a})")))),
            (pair, double).prop_map(|((a, b), shape)| {
                let shape = shape.replace("_1", "\u{1}").replace("_2", "\u{2}");
                format!("({})", shape.replace('\u{1}', &format!("({a})")).replace('\u{2}', &format!("({b})")))
            }),
        ]
    })
}

fn data() -> Value {
    json!({
        "text": "abc",
        "int": 7,
        "float": 2.5,
        "list": [3, 1, 2, 3],
        "texts": ["b", "a"],
        // One key: CEL has no order of keys.
        "object": {"k": 1},
        "none": null,
        "nested": [[1, 2], [3]],
    })
}

fn types() -> Type {
    Type::object([
        ("text", Type::String),
        ("int", Type::Int),
        ("float", Type::Number),
        ("list", Type::list(Type::Int)),
        ("texts", Type::list(Type::String)),
        ("object", Type::object([("k", Type::Int)])),
        ("none", Type::Null),
        ("nested", Type::list(Type::list(Type::Int))),
    ])
}

/// CEL with everything that CEL brings along.
static CEL: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    for extension in [extensions::strings, extensions::lists, extensions::math, extensions::encoders] {
        env.add_extension(extension).unwrap();
    }
    Arc::new(env)
});

/// What CEL's own interpreter says, where it compiles the source: a value, or none for an error. It needs a large stack.
fn by_cel(source: &str) -> Option<Option<Value>> {
    let interpret = || {
        let program = CEL.compile(source).ok()?;
        let mut context = Context::with_env(Arc::clone(&CEL));
        let value = Data::Json(&data()).to_value(&mut Meter::start()).unwrap();
        context.add_variable_from_value("data", value);
        Some(program.execute(&context).ok().and_then(|value| to_json(&value).ok()))
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(64 * 1024 * 1024).spawn_scoped(scope, interpret);
        thread.unwrap().join().unwrap()
    })
}

fn adds_map_to_list(source: &str) -> bool {
    let data = data();
    let scope = Scope::new().with("data", &data);
    let found = Expression::compile(source).unwrap().evaluate(&scope).map_err(|error| error.message);
    found.is_err_and(|message| message == "`+` is not defined for a list and a map")
}

fn evaluate(source: &str) -> Result<Value, ErrorKind> {
    let data = data();
    let expression = Expression::compile(source).map_err(|_| ErrorKind::Syntax)?;
    expression.evaluate(&Scope::new().with("data", &data)).map_err(|error| error.kind)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn token_soup_ends_in_a_value_or_an_error(source in token_soup()) {
        let names = Names::new().with("a", Type::Any).with("b", Type::map(Type::Int)).with("x", Type::String);
        let data = json!({"a": [1], "b": {"c": 2}});
        let scope = Scope::new().with("a", &data["a"]).with("b", &data["b"]);
        match Expression::compile(&source) {
            Ok(expression) => {
                for found in expression.check(&names, &Type::Bool) {
                    prop_assert!(source.get(found.span.clone()).is_some(), "{found:?}");
                }
                for reference in expression.names() {
                    prop_assert!(source.get(reference.span.clone()).is_some(), "{reference:?}");
                }
                if let Err(error) = expression.evaluate(&scope) {
                    prop_assert_ne!(error.kind, ErrorKind::Internal, "{}", error);
                    prop_assert!(source.get(error.span.clone()).is_some(), "{error:?}");
                }
            }
            Err(found) => {
                prop_assert_ne!(found.code, Code::Internal, "{}", found);
                prop_assert!(source.get(found.span.clone()).is_some(), "{found:?}");
            }
        }
        let text = format!("{source} ${{{{ {source} }}}} {source}");
        if let Ok(template) = Template::parse(&text) {
            let found = template.check(&names);
            prop_assert!(found.iter().all(|d| text.get(d.span.clone()).is_some()), "{found:?}");
            if let Err(error) = template.render(&scope) {
                prop_assert!(text.get(error.span.clone()).is_some(), "{error:?}");
            }
        }
    }

    #[test]
    fn any_text_ends_in_a_value_or_an_error(source in "\\PC{0,80}") {
        if let Ok(expression) = Expression::compile(&source) {
            let _ = expression.evaluate(&Scope::new());
        }
        let _ = Template::parse(&source).map(|template| template.render(&Scope::new()));
    }

    #[test]
    fn it_means_what_cel_says(source in expression()) {
        let ours = evaluate(&source);
        prop_assert_ne!(&ours, &Err(ErrorKind::Internal));
        prop_assert_ne!(&ours, &Err(ErrorKind::Limit));
        if ours == Err(ErrorKind::Syntax) {
            // Three loops; CEL nests any number.
            return Ok(());
        }
        // CEL's macros refuse some literals that ours take until they are evaluated.
        // It also adds the keys of a map to a list, which CEL's specification does not know.
        if let Some(theirs) = by_cel(&source).filter(|_| !adds_map_to_list(&source)) {
            prop_assert_eq!(ours.ok(), theirs, "{}", source);
        }
    }

    #[test]
    fn evaluating_twice_gives_the_same(source in expression()) {
        prop_assert_eq!(evaluate(&source), evaluate(&source));
    }

    #[test]
    fn what_evaluates_well_is_not_reported(source in expression()) {
        // What the check is told to report though it evaluates: comparisons that can never be true, and operands that
        // evaluation does not get to.
        let told = ["==", "!=", "&&", "||", " ? ", "has(", ".?", "[?", ".all(", ".exists", ".optMap("];
        let empty = ["[]", "{}", ".filter(", ".slice(", ".map(x, x <"];
        let loops = [".map(", ".filter(", ".sortBy("];
        let any = |parts: &[&str]| parts.iter().any(|part| source.contains(part));
        if any(&told) || (any(&empty) && any(&loops)) {
            return Ok(());
        }
        if evaluate(&source).is_ok() {
            let expression = Expression::compile(&source).unwrap();
            let found = expression.check(&Names::new().with("data", types()), &Type::Any);
            prop_assert!(found.is_empty(), "{}: {:?}", source, found);
        }
    }

    #[test]
    fn the_result_is_of_the_type_that_was_inferred(source in expression()) {
        if let Ok(value) = evaluate(&source) {
            let names = Names::new().with("data", types());
            let inferred = Expression::compile(&source).unwrap().result_type(&names);
            let fits = match &inferred {
                // What JSON writes otherwise.
                Type::Timestamp | Type::Duration | Type::Bytes => value.is_string(),
                Type::Uint => value.is_u64(),
                Type::Optional(_) => true,
                inferred => inferred.fits(&Type::of(&value)),
            };
            prop_assert!(fits, "{} is {}, not {}", source, value, inferred);
        }
    }

    #[test]
    fn text_without_interpolation_renders_to_itself(text in "[^$]{0,60}|\\$[^{$]{0,20}") {
        let template = Template::parse(&text).unwrap();
        prop_assert!(template.is_literal());
        prop_assert_eq!(template.render(&Scope::new()).unwrap(), Value::String(text));
    }

    #[test]
    fn escaped_text_renders_to_itself(parts in prop::collection::vec("[a-z{} ]{0,8}", 1..5)) {
        let text = parts.join("${{");
        let rendered = Template::parse(&text.replace("${{", "$${{")).unwrap().render(&Scope::new());
        prop_assert_eq!(rendered.unwrap(), Value::String(text));
    }

    #[test]
    fn values_keep_their_type(value in value()) {
        let scope = Scope::new().with("v", &value);
        let rendered = render_value(&json!({"at": ["${{ v }}"]}), &scope).unwrap();
        prop_assert_eq!(&rendered["at"][0], &value);
        // Through CEL's values, not only past them.
        let through = Expression::compile("[v][0]").unwrap().evaluate(&scope).unwrap();
        prop_assert_eq!(&through, &value);
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300_f64).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z.]{0,6}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}
