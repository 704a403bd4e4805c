//! The page of the codes: everything that can be wrong with a manifest.

use sluice_api::Code;

use super::markdown::{code, table};
use super::{Page, markdown};

const INTRODUCTION: &str = "\
# What can be wrong with a manifest

Each mistake has one of these codes, which stay as they are. `sluice lint` shows it with the place and the remedy; in the cluster
the message of a Pipeline's condition `Ready` names the mistakes.

";

pub(super) fn page() -> Page {
    let (of_expressions, of_manifests): (Vec<Code>, Vec<Code>) =
        Code::all().partition(|code| matches!(code, Code::Expression(_)));
    let list = |codes: &[Code]| {
        let rows: Vec<[String; 2]> = codes.iter().map(|it| [code(it.as_str()), it.description().to_owned()]).collect();
        table(["Code", "Meaning"], &rows)
    };
    let text = format!(
        "{}{INTRODUCTION}## In manifests\n\n{}\n## In expressions\n\n{}",
        markdown::GENERATED,
        list(&of_manifests),
        list(&of_expressions),
    );
    Page { file: "codes.md".to_owned(), text }
}
