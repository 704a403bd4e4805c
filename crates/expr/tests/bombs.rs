//! Expressions written to exhaust time, memory or the stack: each ends with the error that it should, on the stack of
//! an ordinary worker thread.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use sluice_expr::{Code, ErrorKind, Expression, Scope};

/// What an evaluation may take in all, loosely: the deadline is 100 ms, and the machine of a test is busy.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, PartialEq)]
enum End {
    /// Does not compile: too complex.
    Refused,
    /// Does not compile for another reason.
    NotCel,
    /// A bound ended the evaluation.
    Limit,
    /// Another error ended it.
    Failed,
    /// It is no bomb after all.
    Value,
}

use End::{Failed, Limit, NotCel, Refused, Value};

fn end(source: &str) -> End {
    let expression = match Expression::compile(source) {
        Ok(expression) => expression,
        Err(diagnostic) if diagnostic.code == Code::TooComplex => return Refused,
        Err(diagnostic) => {
            assert_eq!(diagnostic.code, Code::Syntax, "{diagnostic}");
            return NotCel;
        }
    };
    let data = data();
    let scope = Scope::new().with("data", &data);
    match expression.evaluate(&scope) {
        Ok(_) => Value,
        Err(error) if error.kind == ErrorKind::Limit => Limit,
        Err(error) => {
            assert_ne!(error.kind, ErrorKind::Internal, "{error}");
            Failed
        }
    }
}

fn data() -> serde_json::Value {
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    json!({
        "text": "a".repeat(200_000),
        "words": "ab ".repeat(60_000),
        "list": (0..5_000).collect::<Vec<_>>(),
        "texts": vec!["x".repeat(100); 2_000],
        "object": (0..5_000).map(|n| (format!("key{n}"), json!(n))).collect::<serde_json::Map<_, _>>(),
        "deep": deep,
        "wide": vec!["y".repeat(60_000); 40],
    })
}

fn times(text: &str, count: usize) -> String {
    text.repeat(count)
}

/// `before`, `count` times, then `middle`, then `after` as often.
fn nested(before: &str, middle: &str, after: &str, count: usize) -> String {
    format!("{}{middle}{}", times(before, count), times(after, count))
}

/// As many of `unit` as the source may have, then `last`.
fn long(unit: &str, last: &str) -> String {
    times(unit, (4_096 - last.len()) / unit.len()) + last
}

fn bombs() -> Vec<(&'static str, String, End)> {
    let s = str::to_owned;
    vec![
        // Depth and length of the source.
        ("a source that is too long", times("1 + ", 2_000) + "1", Refused),
        ("parentheses", nested("(", "1", ")", 2_000), Refused),
        ("unclosed parentheses", times("(", 4_096), Refused),
        ("lists in lists", nested("[", "1", "]", 2_000), Refused),
        ("unclosed lists", times("[", 4_096), Refused),
        ("unclosed lists beside lists", long("[[]", ""), Refused),
        ("maps in maps", nested("{1:", "1", "}", 1_000), Refused),
        ("unclosed maps", times("{", 4_096), Refused),
        ("calls in calls", nested("size(", "1", ")", 600), Refused),
        ("indexes in indexes", nested("data[", "1", "]", 600), Refused),
        ("negations", long("!", "true"), Value),
        ("minuses", long("-", "1"), Value),
        ("alternating negations", long("!-", "1"), NotCel),
        ("conditionals", long("true ? 1 : ", "1"), Refused),
        ("unfinished conditionals", long("1 ? ", "1"), NotCel),
        ("a sum of many", long("1+", "1"), Refused),
        ("a chain of members", long("data.", "a"), Refused),
        ("a chain of optional members", long("data.?", "a"), Refused),
        ("a chain of indexes", s("data") + &times("[0]", 1_300), Refused),
        ("a chain of comparisons", long("1<", "1"), Refused),
        ("a chain of calls", s("data.text") + &times(".trim()", 500), Refused),
        ("conjunctions", long("true&&", "true"), Value),
        ("a long list literal", s("[") + &times("1,", 2_000) + "1]", Value),
        ("a long map literal", s("{") + &times("1:1,", 1_000) + "1:1}", Failed),
        ("a literal with an unknown escape", s("'") + &times("\\q", 2_000) + "'", NotCel),
        ("quotes", times("'", 4_096), NotCel),
        ("operators", times("< ", 2_048), NotCel),
        ("messages", nested("a{a:", "1", "}", 800), Refused),
        // The shape of cel-rust #305 and #306: a few bytes whose parse took gigabytes.
        ("brackets that recover", nested("[(?[{", "", ")", 25), NotCel),
        ("negations that recover", times("!!(!!!!!!(!!!!(((((!!(!!(!!!!((", 4) + "1)", Refused),
        ("many negations that recover", times("!!(!!!!!!(!!!!(((((!!(!!(!!!!((", 130) + "1", Refused),
        ("negated brackets", times("!!(", 42), Refused),
        (
            "nested macros that multiply",
            s("[1].map(a,[1].map(b,[1].map(c,[1].map(d,[1].map(e,[1].map(f,1))))))"),
            Refused,
        ),
        ("nested has and macros", nested("[has(a.b) && ", "1", "].all(x, x)", 20), Failed),
        // As deep as it gets.
        ("the longest sum", times("1+", 94) + "1", Value),
        ("the deepest brackets", nested("[", "1", "]", 31), Value),
        ("the deepest calls", nested("size([", "1", "])", 15), Value),
        ("the deepest conditionals", times("true ? 1 : ", 31) + "1", Value),
        ("the longest chain of calls", s("data.text") + &times(".trim()", 90), Value),
        ("the deepest loops", s("[1].all(a, [a].all(b, ") + &nested("[", "b", "]", 26) + " != [a]))", Value),
        // Loops.
        ("three loops", s("data.list.all(a, data.list.all(b, data.list.all(c, true)))"), Refused),
        ("two loops of exists", s("data.list.exists(a, data.list.exists(b, a + b < 0))"), Limit),
        ("two loops of all that fail", s("data.list.all(a, data.list.all(b, a.x == b))"), Limit),
        ("two loops of map", s("data.list.map(a, data.list.map(b, a))"), Limit),
        ("two loops of filter", s("data.list.filter(a, data.list.filter(b, b > a).size() < 0)"), Limit),
        ("two loops over keys", s("data.object.exists(a, data.object.exists(b, a + b == ''))"), Limit),
        ("two loops that || would absorb", s("true == (data.list.all(a, data.list.all(b, true)) || true)"), Limit),
        ("a range", s("lists.range(1000000)"), Limit),
        ("a negative range", s("lists.range(-1)"), Failed),
        ("loops over ranges", s("lists.range(50000).exists(a, lists.range(50000).exists(b, false))"), Limit),
        ("maps of a growing list", s("[data.list]") + &times(".map(x, x + x)", 40), Limit),
        // Values that grow.
        ("doubled text", s("['ab']") + &times(".map(x, x + x)", 40), Limit),
        ("doubled text, once more each", s("[data.text]") + &times(".map(x, x + x)", 6), Limit),
        ("laughs", s("[['ha','ha','ha','ha']]") + &times(".map(x, [x,x,x,x,x,x,x,x])", 30), Limit),
        ("laughs in maps", s("['ha']") + &times(".map(x, {1:x,2:x,3:x,4:x})", 30), Limit),
        ("nested replace", s("'aaaaaaaa'") + &times(".replace('a','aaaaaaaa')", 20), Limit),
        ("replace of nothing", s("data.text.replace('', data.text)"), Limit),
        ("join with a long separator", s("data.texts.join(data.text)"), Limit),
        ("nested join", s("['ab']") + &times(".map(x, [x,x,x,x,x,x,x,x].join(x))", 20), Limit),
        (
            "format of many",
            s(
                "'%s%s%s%s%s%s%s%s'.format([data.text,data.text,data.text,data.text,data.text,data.text,data.text,data.text])",
            ),
            Limit,
        ),
        ("format with a huge precision", s("'%.999999999f'.format([1.5])"), Failed),
        ("format of clauses without end", s("('%.100f' + data.text.replace('a', '%.100f')).format(data.list)"), Limit),
        ("split to characters", s("data.text.split('')"), Limit),
        ("sum of lists", s("[data.list]") + &times(".map(x, x + x)", 10), Limit),
        ("a literal of large values", s("[data.wide, data.wide, data.wide]"), Limit),
        ("base64 of base64", s("['a']") + &times(".map(x, base64.encode(bytes(x + x + x)))", 20), Limit),
        ("quotes of quotes", s("['\"\"\"\"']") + &times(".map(x, strings.quote(x))", 30), Limit),
        // Work on large values.
        ("distinct", s("data.list.map(x, string(x)).distinct()"), Limit),
        ("sets of many", s("sets.equivalent(data.list, data.list)"), Limit),
        ("a search for what is nearly there", s("data.text.indexOf(data.text.substring(0, 100000) + 'b')"), Limit),
        ("sorted again and again", s("data.list.all(x, data.texts.sort().size() > 0)"), Limit),
        ("compared again and again", s("data.list.all(x, data.texts == data.texts)"), Limit),
        ("converted again and again", s("data.list.all(x, size(data.wide) > 0)"), Limit),
        ("in a list again and again", s("data.list.all(x, !('x' in data.texts))"), Limit),
        ("flattened", s("data.deep.flatten(100)"), Limit),
        ("deeper than a value may be", s("data.deep"), Limit),
        ("deep by itself", nested("[", "data.deep[0][0][0][0][0][0][0][0]", "]", 20), Limit),
        // Regular expressions.
        ("a regex that is large once compiled", s(r"'a'.matches('((a{100}){100}){100}')"), Limit),
        ("a regex that nests", format!("'a'.matches('{}')", nested("(", "a", ")", 200)), Failed),
        ("a regex that is long", format!("'a'.matches('{}')", times("a", 1_000)), Limit),
        ("a regex that backtracking would not survive", s("data.text.substring(0, 5000).matches('^(a+)+$')"), Value),
        ("a regex over much text", s("data.words.matches('(a|b)*c')"), Value),
        ("a regex of many states over much text", s("data.words.matches('[ab ]*a[ab ]{400}c')"), Limit),
        ("a regex of many states", s("data.words.substring(0, 15000).matches('[ab ]*a[ab ]{800}c')"), Value),
        ("a regex in a loop", s("data.list.all(x, data.words.matches('(a|b)*c') == false)"), Limit),
        ("many regexes", s("data.list.all(x, 'a'.matches('a{1,' + string(x % 500 + 1) + '}'))"), Limit),
        ("all matches", s("data.text.findAll('')"), Limit),
    ]
}

#[test]
fn each_bomb_ends_as_it_should_on_a_small_stack() {
    let worker = thread::Builder::new().stack_size(2 * 1024 * 1024);
    let worker = worker.spawn(|| {
        let mut wrong = Vec::new();
        for (name, source, expected) in bombs() {
            let started = Instant::now();
            let actual = end(&source);
            let took = started.elapsed();
            if actual != expected {
                wrong.push(format!("{name}: {actual:?}, not {expected:?}"));
            }
            if took > PATIENCE {
                wrong.push(format!("{name}: took {took:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
    worker.unwrap().join().unwrap();
}
