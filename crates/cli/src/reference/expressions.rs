//! The page of expressions: where they stand, what they see, what they call, how far they may go.

use std::collections::BTreeMap;

use sluice_api::variables;
use sluice_expr::{MACROS, bounds};

use super::markdown::{code, table};
use super::{Page, markdown, types};

const INTRODUCTION: &str = "\
# Expressions

Expressions are written in [CEL](https://cel.dev). Some fields are expressions as they stand: `when`, `condition`, `expr`,
`successWhen`, the `outputs` of a `resource`. In other texts they stand inside `${{ }}`; a text that is one `${{ }}` and nothing
else keeps the type of its expression:

```yaml
set:
  values:
    image: registry.example/web:${{ params.version }}   # text
    replicas: ${{ params.replicas * 2 }}                # a number
```

Names and types are checked when the Pipeline is written. No expression reads the time: rendered again, it yields the same.

## Variables

";

pub(super) fn page() -> Page {
    let variables: Vec<[String; 3]> = variables::meanings()
        .map(|(name, meaning, r#type)| [code(name), types::name(&r#type), meaning.to_owned()])
        .collect();
    let macros: Vec<[String; 2]> = MACROS.iter().map(|(text, meaning)| [code(text), (*meaning).to_owned()]).collect();
    let text = format!(
        "{}{INTRODUCTION}{}\n{}\n{}\n## Macros\n\n{}\nOver a map, `x` is one key after the other; `sortBy` takes lists alone.\n\n{}\n## Bounds\n\n{}",
        markdown::GENERATED,
        table(["Variable", "Type", "Value"], &variables),
        "The sources of `validate` and `waitFor` are variables too, by their names, in the expressions of that step.\n",
        seen(),
        table(["Macro", "Value"], &macros),
        functions(),
        limits(),
    );
    Page { file: "expressions.md".to_owned(), text }
}

/// Which steps an expression sees, by where it stands.
fn seen() -> String {
    let row = |place: &str, sees: &str| [place.to_owned(), sees.to_owned()];
    let rows = [
        row(
            "a step of a stage",
            "those of the stages that its stage needs, directly or through others; and the earlier ones of its own stage, \
             unless that is `parallel`",
        ),
        row("`when` and `forEach.in` of a stage", "those of the stages that it needs"),
        row("`until.condition` and `retry.when` of a stage", "the same, and all its own"),
        row("a hook for a step", "what the step sees, and the step itself unless the event is `Started`"),
        row("a hook for a stage", "those of the stages that it needs, and its own unless the event is `Started`"),
        row("a hook for the pipeline", "all; none when the event is `Started`"),
        row("`outputs` of the pipeline", "all"),
    ];
    format!(
        "### Which steps are seen\n\nAn expression sees the steps that have certainly ended when it is evaluated, so that it \
         always yields the same. A step of a hook sees the earlier steps of its hook, too. Steps that were skipped have no \
         outputs: `has(steps.NAME)` says whether there are any.\n\n{}",
        table(["In", "Steps that are seen"], &rows)
    )
}

/// The functions by what they are called on: the word before the dot, or nothing.
fn functions() -> String {
    let mut groups: BTreeMap<&str, Vec<[String; 1]>> = BTreeMap::new();
    for signature in sluice_expr::signatures() {
        let head = signature.split('(').next().unwrap_or_default();
        let on = head.split_once('.').map_or("", |(on, _)| on.split('<').next().unwrap_or_default());
        groups.entry(on).or_default().push([code(signature)]);
    }
    let mut text = String::from(
        "## Functions\n\nThose without a word before the dot are called as they are; `math`, `lists`, `sets` and `base64` \
         are part of the name; the other words are the type of what they are called on.\n",
    );
    for (on, mut signatures) in groups {
        signatures.sort();
        signatures.dedup();
        let title = if on.is_empty() { "Called as they are".to_owned() } else { code(on) };
        let list: String = signatures.iter().map(|[signature]| format!("- {signature}\n")).collect();
        text.push_str(&format!("\n### {title}\n\n{list}"));
    }
    text
}

fn limits() -> String {
    let row = |what: &str, most: String| [what.to_owned(), most];
    let kib = |bytes: usize| format!("{} KiB", bytes / 1024);
    table(
        ["What", "At most"],
        &[
            row("length of an expression", kib(bounds::MAX_SOURCE_BYTES)),
            row("loops (`all`, `map`, ...) inside one another", bounds::MAX_LOOP_NESTING.to_string()),
            row("steps of an evaluation", bounds::MAX_STEPS.to_string()),
            row("time of an evaluation", format!("{} ms", bounds::DEADLINE.as_millis())),
            row("size of a text or a result", kib(bounds::MAX_VALUE_BYTES)),
            row("depth of a value", bounds::MAX_VALUE_DEPTH.to_string()),
            row("length of a regular expression", format!("{} bytes", bounds::MAX_REGEX_BYTES)),
        ],
    )
}
