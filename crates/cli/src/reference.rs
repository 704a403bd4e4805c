//! The reference pages, generated from what the program itself goes by: the definitions, the step types, the variables and
//! functions of expressions. One page a file here.
//!
//! Text that is no field's comment stands in the page that shows it.

mod codes;
mod expressions;
mod fields;
mod kinds;
mod markdown;
mod steps;
mod types;

use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

/// One page.
pub(crate) struct Page {
    /// Its file.
    pub(crate) file: String,
    /// Its text, in Markdown.
    pub(crate) text: String,
}

/// All of them, the index first.
pub(crate) fn pages() -> Result<Vec<Page>> {
    let mut pages = kinds::pages()?;
    pages.push(steps::page()?);
    pages.push(expressions::page());
    pages.push(codes::page());
    pages.insert(0, index(&pages));
    Ok(pages)
}

fn index(pages: &[Page]) -> Page {
    let title = |page: &Page| page.text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default().to_owned();
    let entries: String = pages.iter().map(|page| format!("- [{}]({})\n", title(page), page.file)).collect();
    let text = format!(
        "{}# Reference\n\nEvery kind with its fields, every step type, what expressions can say, and what can be wrong. `kubectl explain` says the same \
         of the fields; [`schemas/`](../../schemas) has them for editors.\n\n{entries}",
        markdown::GENERATED
    );
    Page { file: "README.md".to_owned(), text }
}

/// The schema of a kind.
fn schema_of(kind: &str) -> Result<JSONSchemaProps> {
    let crd = sluice_api::crds().into_iter().find(|crd| crd.spec.names.kind == kind);
    let mut versions = crd.into_iter().flat_map(|crd| crd.spec.versions);
    let schema = versions.find_map(|version| version.schema?.open_api_v3_schema);
    schema.with_context(|| format!("the kind {kind} has no schema"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every heading of a page, as links name it.
    fn anchors(page: &Page) -> BTreeSet<String> {
        let headings = page.text.lines().filter_map(|line| line.strip_prefix("## "));
        headings.map(|heading| format!("{}#{}", page.file, heading.to_lowercase().replace(' ', "-"))).collect()
    }

    #[test]
    fn every_link_between_the_pages_leads_somewhere() {
        let pages = pages().unwrap();
        let known: BTreeSet<String> =
            pages.iter().flat_map(anchors).chain(pages.iter().map(|page| page.file.clone())).collect();
        for page in &pages {
            for link in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let full = if link.starts_with('#') { format!("{}{link}", page.file) } else { link.to_owned() };
                let is_elsewhere = full.starts_with("https://") || full.starts_with("../");
                assert!(is_elsewhere || known.contains(&full), "{}: {link}", page.file);
            }
        }
    }
}
