//! How rows become lines of text: symbols, colours, columns, and what is left out where there is no room.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Row, Sign, short};
use crate::printable;

/// What the place can show where lines are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// In columns; `None` is no limit: nothing is broken or cut.
    pub(crate) width: Option<usize>,
    /// The most rows; `None` is no limit.
    pub(crate) height: Option<usize>,
    pub(crate) has_colour: bool,
    /// Whether symbols past ASCII may be used.
    pub(crate) is_unicode: bool,
}

/// Narrower than this, lines are not made for it: they are cut.
const MIN_WIDTH: usize = 20;

/// The column of details begins here at the latest.
const MAX_NAME: usize = 32;

/// The width of a time.
const TIME: usize = 6;

/// Lines that one detail may take.
const MAX_DETAIL_LINES: usize = 4;

const RESET: &str = "\x1b[0m";
const STRONG: &str = "\x1b[1m";
const FAINT: &str = "\x1b[2m";

impl Look {
    /// The lines: not more rows than the height, and none wider than the width but for links and commands, which are never
    /// broken.
    pub(crate) fn draw(&self, rows: &[Row]) -> Vec<String> {
        let Some(height) = self.height else { return self.draw_all(rows) };
        let mut rows = rows.to_vec();
        // What is least needed goes first: the steps of what has ended, of what is to come, and then what is furthest up.
        for is_unneeded in [is_over as fn(&[Row], usize) -> bool, is_to_come] {
            if self.rows_of(&self.draw_all(&rows)) > height {
                rows = without(&rows, is_unneeded);
            }
        }
        let mut lines = self.draw_all(&rows);
        if self.rows_of(&lines) > height {
            let mut room = height.saturating_sub(1);
            let fits = |line: &&String| {
                let rest = room.checked_sub(self.rows(width_of(line)));
                room = rest.unwrap_or_default();
                rest.is_some()
            };
            let kept = lines.iter().skip(1).rev().take_while(fits).count();
            lines.drain(1..lines.len() - kept);
        }
        lines
    }

    /// How many rows of the place a line of this width takes.
    pub(crate) fn rows(&self, width: usize) -> usize {
        width.div_ceil(self.width.unwrap_or(usize::MAX).max(1)).max(1)
    }

    fn rows_of(&self, lines: &[String]) -> usize {
        lines.iter().map(|line| self.rows(width_of(line))).sum()
    }

    fn draw_all(&self, rows: &[Row]) -> Vec<String> {
        let ends = rows.iter().map(|row| 3 * row.depth + 2 + row.name.width());
        let column = ends.max().unwrap_or_default().min(MAX_NAME);
        (0..rows.len()).flat_map(|index| self.row(rows, index, column)).collect()
    }

    /// The lines of one row, and below them the command that answers it, which is never broken.
    fn row(&self, rows: &[Row], index: usize, column: usize) -> Vec<String> {
        let mut lines = self.described(rows, index, column);
        let command = rows[index].command.as_ref();
        lines.extend(command.map(|command| format!("{}{command}", self.faint(&self.trunks(rows, index)))));
        lines
    }

    /// The lines that say what it is; times stand behind `column`, and details behind them if there is room.
    fn described(&self, rows: &[Row], index: usize, column: usize) -> Vec<String> {
        let row = &rows[index];
        let width = self.width.map_or(usize::MAX, |width| width.max(MIN_WIDTH));
        let trunk = self.trunks(rows, index);
        let branch = self.branch(rows, index);
        let room = width.saturating_sub(branch.width() + 2);
        let name = cut(&row.name, room, self.is_unicode);
        let mut line = format!("{}{}{}", self.faint(&branch), self.signed(row.sign), self.styled(row, &name));
        let mut end = branch.width() + 2 + name.width();
        let time = row.elapsed.map(|elapsed| format!("{:>TIME$}", short(elapsed))).unwrap_or_default();
        let pad = column.saturating_sub(end) + 2;
        if !time.is_empty() && end + pad + time.len() <= width {
            end += pad + time.len();
            line = format!("{line}{}{}", " ".repeat(pad), self.faint(&time));
        }
        let Some(detail) = row.detail.as_deref().map(printable::line).filter(|detail| !detail.is_empty()) else {
            return vec![line];
        };
        let start = (column + 2 + TIME + 2).max(end + 2);
        let room = width.saturating_sub(start);
        if detail.width() <= room {
            return vec![format!("{line}{}{detail}", " ".repeat(start - end))];
        }
        let below = wrap(&detail, width.saturating_sub(trunk.width()).max(1), self.is_unicode);
        std::iter::once(line).chain(below.into_iter().map(|part| format!("{}{part}", self.faint(&trunk)))).collect()
    }

    /// What stands before the row's symbol.
    fn branch(&self, rows: &[Row], index: usize) -> String {
        let fork = match (self.is_unicode, is_last(rows, index)) {
            (true, true) => "└─ ",
            (true, false) => "├─ ",
            (false, true) => "`- ",
            (false, false) => "|- ",
        };
        match rows[index].depth {
            0 => String::new(),
            1 => fork.to_owned(),
            _ => format!("{}{fork}", self.trunk(parent_is_last(rows, index))),
        }
    }

    /// What stands before further lines of the row.
    fn trunks(&self, rows: &[Row], index: usize) -> String {
        let own = self.trunk(is_last(rows, index));
        match rows[index].depth {
            0 => "  ".to_owned(),
            1 => format!("{own}  "),
            _ => format!("{}{own}  ", self.trunk(parent_is_last(rows, index))),
        }
    }

    fn trunk(&self, is_last: bool) -> &'static str {
        match (is_last, self.is_unicode) {
            (true, _) => "   ",
            (false, true) => "│  ",
            (false, false) => "|  ",
        }
    }

    fn symbol(&self, sign: Sign) -> &'static str {
        let (unicode, ascii) = match sign {
            Sign::Pending => ("○", "."),
            Sign::Running => ("●", "*"),
            Sign::Waiting => ("◔", "~"),
            Sign::Succeeded => ("✓", "+"),
            Sign::Failed => ("✗", "x"),
            Sign::Unknown => ("?", "?"),
            Sign::Skipped => ("↷", ">"),
            Sign::Aborted => ("■", "#"),
            Sign::Omitted => ("·", "-"),
        };
        if self.is_unicode { unicode } else { ascii }
    }

    fn signed(&self, sign: Sign) -> String {
        let colour = match sign {
            Sign::Succeeded => "\x1b[32m",
            Sign::Failed | Sign::Unknown | Sign::Aborted => "\x1b[31m",
            Sign::Running => "\x1b[36m",
            Sign::Waiting => "\x1b[33m",
            Sign::Pending | Sign::Skipped | Sign::Omitted => FAINT,
        };
        format!("{} ", self.painted(colour, self.symbol(sign)))
    }

    fn styled(&self, row: &Row, name: &str) -> String {
        match (row.depth, row.sign) {
            (_, Sign::Pending | Sign::Skipped | Sign::Omitted) => self.faint(name),
            (0 | 1, _) => self.painted(STRONG, name),
            _ => name.to_owned(),
        }
    }

    fn faint(&self, text: &str) -> String {
        self.painted(FAINT, text)
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.has_colour && !text.trim().is_empty() { format!("{code}{text}{RESET}") } else { text.to_owned() }
    }
}

/// Whether no later row is a sibling of this one.
fn is_last(rows: &[Row], index: usize) -> bool {
    let depth = rows[index].depth;
    let next = rows[index + 1..].iter().find(|row| row.depth <= depth);
    next.is_none_or(|row| row.depth < depth)
}

fn parent_is_last(rows: &[Row], index: usize) -> bool {
    let parent = (0..index).rev().find(|&above| rows[above].depth < rows[index].depth);
    parent.is_none_or(|parent| is_last(rows, parent))
}

/// A step of something that has ended well.
fn is_over(rows: &[Row], index: usize) -> bool {
    of_group(rows, index, |sign| matches!(sign, Sign::Succeeded | Sign::Skipped))
}

/// A step of something that is still to come.
fn is_to_come(rows: &[Row], index: usize) -> bool {
    of_group(rows, index, |sign| matches!(sign, Sign::Pending | Sign::Omitted))
}

fn of_group(rows: &[Row], index: usize, matches: impl Fn(Sign) -> bool) -> bool {
    let group = rows[..index].iter().rev().find(|row| row.depth == 1);
    rows[index].depth == 2 && group.is_some_and(|group| matches(group.sign))
}

fn without(rows: &[Row], is_unneeded: impl Fn(&[Row], usize) -> bool) -> Vec<Row> {
    (0..rows.len()).filter(|&index| !is_unneeded(rows, index)).map(|index| rows[index].clone()).collect()
}

/// The text cut to a width, with a mark where it was cut.
fn cut(text: &str, width: usize, is_unicode: bool) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mark = if is_unicode { "…" } else { "~" };
    format!("{}{mark}", take(text, width.saturating_sub(1)).0)
}

/// The longest beginning that is not wider, and the rest.
fn take(text: &str, width: usize) -> (&str, &str) {
    let mut used = 0;
    for (at, letter) in text.char_indices() {
        used += letter.width().unwrap_or(0);
        if used > width {
            return text.split_at(at);
        }
    }
    (text, "")
}

/// The text on lines of this width, broken between words where that is possible. A link is never broken, or nobody could
/// follow it. What does not fit on the most lines that a detail may take is cut, but for the lines with links.
fn wrap(text: &str, width: usize, is_unicode: bool) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let mut rest = word;
        while let Some(line) = lines.last_mut() {
            let gap = usize::from(!line.is_empty());
            if line.width() + gap + rest.width() <= width || (line.is_empty() && has_link(rest)) {
                line.push_str(&" ".repeat(gap));
                line.push_str(rest);
                break;
            }
            if line.is_empty() {
                let (head, tail) = take(rest, width);
                if head.is_empty() {
                    break;
                }
                line.push_str(head);
                rest = tail;
            }
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    if lines.len() > MAX_DETAIL_LINES {
        let rest = lines.split_off(MAX_DETAIL_LINES);
        if let Some(line) = lines.last_mut().filter(|line| !has_link(line)) {
            *line = cut(&format!("{line} {}", rest.concat()), line.width().min(width - 1) + 1, is_unicode);
        }
        lines.extend(rest.into_iter().filter(|line| has_link(line)));
    }
    lines
}

fn has_link(text: &str) -> bool {
    text.contains("://")
}

/// In columns; codes for colours take none.
pub(crate) fn width_of(line: &str) -> usize {
    let mut parts = line.split("\x1b[");
    let first = parts.next().unwrap_or_default().width();
    first + parts.map(|part| part.split_once('m').map_or(0, |(_, rest)| rest.width())).sum::<usize>()
}
