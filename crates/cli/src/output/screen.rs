//! The live tree: lines that are drawn over themselves, and a question below them.
//!
//! The terminal stays as it is: no other mode, no hidden cursor, no other screen. So there is nothing to restore, whichever
//! way the process ends; the line editing of the terminal, Ctrl-C included, works as everywhere.

use jiff::Timestamp;
use sluice_api::PipelineRunStatus;
use unicode_width::UnicodeWidthStr;

use super::{look, print};
use crate::tree::{self, Commands, Look, width_of};

/// Lines of the terminal that the tree leaves: for the question, and for the cursor.
const SPARE: usize = 2;

/// What is drawn and what is known.
pub(super) struct Screen {
    run: String,
    pub(super) status: PipelineRunStatus,
    /// With which a person answers the run.
    pub(super) commands: Option<Commands>,
    question: Option<String>,
    /// The widths of the lines above the cursor that are the tree, and of what a person's line end left there.
    drawn: Vec<usize>,
    /// The width of the question that the cursor stands behind; 0 where there is none.
    asked: usize,
}

impl Screen {
    pub(super) fn new(run: &str, status: PipelineRunStatus) -> Self {
        Self { run: run.to_owned(), status, commands: None, question: None, drawn: Vec::new(), asked: 0 }
    }

    /// Draws everything anew, in place of what was drawn before.
    pub(super) fn draw(&mut self) {
        let look = look();
        let lines = self.lines(look);
        let question = self.question.clone().unwrap_or_default();
        print(&format!("{}{}{question}", self.erase(look), joined(&lines)));
        self.drawn = widths(&lines);
        self.asked = question.width();
    }

    /// Draws the tree anew and leaves the question, with what a person may have typed behind it, as it is.
    pub(super) fn refresh(&mut self) {
        let look = look();
        let lines = self.lines(look);
        let is_in_place = heights(&self.drawn, look).eq(heights(&widths(&lines), look));
        if self.asked == 0 || !is_in_place {
            self.draw();
            return;
        }
        let body: String = lines.iter().map(|line| over(line, look)).collect();
        print(&format!("\x1b7{}{body}\x1b8", up(self.rows_above(look))));
        self.drawn = widths(&lines);
    }

    /// Prints something above the tree, where it stays.
    pub(super) fn note(&mut self, text: &str) {
        print(&format!("{}{}\n", self.erase(look()), text.trim_end()));
        self.forget();
        self.draw();
    }

    pub(super) fn ask(&mut self, question: &str) {
        if self.question.as_deref() != Some(question) {
            self.question = Some(question.to_owned());
            self.draw();
        }
    }

    pub(super) fn asked(&mut self, is_answered: bool) {
        if is_answered {
            // The terminal has echoed the answer and gone to the next line.
            self.drawn.push(self.asked);
            self.asked = 0;
        }
        self.question = None;
        self.draw();
    }

    /// Draws the whole tree for the last time; what comes next is printed below it.
    pub(super) fn end(&mut self) {
        self.question = None;
        let look = look();
        let lines = Look { height: None, ..look }.draw(&self.rows());
        print(&format!("{}{}", self.erase(look), joined(&lines)));
        self.forget();
    }

    /// What was drawn stays where it is.
    fn forget(&mut self) {
        self.drawn.clear();
        self.asked = 0;
    }

    fn rows(&self) -> Vec<tree::Row> {
        tree::of_run(&self.run, &self.status, self.commands.as_ref(), Timestamp::now())
    }

    fn lines(&self, look: Look) -> Vec<String> {
        let height = look.height.map(|height| height.saturating_sub(SPARE).max(1));
        Look { height, ..look }.draw(&self.rows())
    }

    /// Back to the first line of what was drawn, and nothing below it.
    fn erase(&self, look: Look) -> String {
        format!("{}\x1b[J", up(self.rows_above(look)))
    }

    /// How far up the first line of the tree is from the cursor, which stands behind the question.
    fn rows_above(&self, look: Look) -> usize {
        heights(&self.drawn, look).sum::<usize>() + look.rows(self.asked) - 1
    }
}

fn up(rows: usize) -> String {
    // Zero would mean one.
    if rows == 0 { "\r".to_owned() } else { format!("\r\x1b[{rows}A") }
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// How many rows of the terminal each line takes, also if that has become narrower since they were drawn.
fn heights(widths: &[usize], look: Look) -> impl Iterator<Item = usize> {
    widths.iter().map(move |width| look.rows(*width))
}

fn widths(lines: &[String]) -> Vec<usize> {
    lines.iter().map(|line| width_of(line)).collect()
}

/// The line over one that takes as many rows.
fn over(line: &str, look: Look) -> String {
    // Behind a full row, the code would erase the row's last letter.
    let is_full = look.width.is_some_and(|width| width_of(line) > 0 && width_of(line).is_multiple_of(width));
    format!("{line}{}\n", if is_full { "" } else { "\x1b[K" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Look = Look { width: Some(10), height: None, has_colour: false, is_unicode: true };

    #[test]
    fn codes_take_no_room() {
        assert_eq!(width_of("a\x1b[32m✓\x1b[0m b"), 4);
    }

    #[test]
    fn a_line_that_is_too_wide_takes_several_rows() {
        assert_eq!(heights(&[0, 5, 10, 11, 25], NARROW).collect::<Vec<_>>(), [1, 1, 1, 2, 3]);
        let unlimited = Look { width: None, ..NARROW };
        assert_eq!(heights(&[0, 5, 10, 11, 25], unlimited).sum::<usize>(), 5);
    }

    #[test]
    fn a_line_drawn_over_another_erases_what_is_behind_it_but_never_itself() {
        assert_eq!(over("123456789", NARROW), "123456789\x1b[K\n");
        assert_eq!(over("1234567890", NARROW), "1234567890\n");
        assert_eq!(over("", NARROW), "\x1b[K\n");
    }
}
