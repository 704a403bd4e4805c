//! Findings for people, with the lines they are about, and for machines.

use std::{fmt, io::IsTerminal, os::fd::AsFd};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use serde_json::{Value, json};
use sluice_scm::document::Position;

use super::{Finding, Severity, excerpt::Excerpt};

/// For people, with colours where they can be seen and are wanted.
pub(crate) fn for_terminal(findings: &[Finding], out: &(impl IsTerminal + AsFd)) -> String {
    /// Where nothing says how wide it is.
    const USUAL: usize = 100;
    /// Less cannot be read.
    const LEAST: usize = 40;
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = said.or_else(|| terminal_size::terminal_size_of(out).map(|(width, _)| usize::from(width.0)));
    let colours = out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    text(findings, colours, width.unwrap_or(USUAL).max(LEAST))
}

/// For people: one paragraph each. Without colours it is plain ASCII.
pub(super) fn text(findings: &[Finding], colours: bool, width: usize) -> String {
    let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false).with_context_lines(1);
    let mut text = String::new();
    for finding in findings {
        let report = Report::of(finding);
        if handler.render_report(&mut text, &report).is_err() {
            // It fails where the place is outside of the text, which `locate` rules out.
            text.push_str(&format!("{}: {}", finding.code, finding.message));
        }
        text.push('\n');
    }
    text
}

/// For machines: an array of objects.
pub(crate) fn json(findings: &[Finding]) -> Value {
    findings.iter().map(of_finding).collect()
}

fn of_finding(finding: &Finding) -> Value {
    let Finding { code, severity, source, span, object, path, message, help, refused, secrets: _ } = finding;
    let place = |at: usize| {
        let Position { line, column } = source.position(at);
        json!({"line": line, "column": column})
    };
    json!({
        "code": code.as_str(),
        "severity": severity,
        "file": source.name,
        "start": place(span.start),
        "end": place(span.end),
        "object": object,
        "path": path,
        "message": message,
        "help": help,
        "refused": refused,
    })
}

/// A finding as miette wants it.
#[derive(Debug)]
struct Report<'a> {
    finding: &'a Finding,
    excerpt: Excerpt,
}

impl<'a> Report<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self { finding, excerpt: Excerpt::of(finding) }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

impl std::error::Error for Report<'_> {}

impl Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.finding.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Advice => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.finding.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let Finding { object, path, .. } = self.finding;
        let span = &self.excerpt.span;
        let label = [object.as_str(), path.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let label = Some(label.join(": ")).filter(|label| !label.is_empty());
        Some(Box::new(std::iter::once(LabeledSpan::new(label, span.start, span.len()))))
    }
}
