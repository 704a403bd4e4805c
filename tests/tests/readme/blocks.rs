//! The code blocks of a page of documentation: commands to type, and files to write.

/// A code block that a reader acts on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A block `console`: commands behind `$ `, and what they print.
    Commands(Vec<Command>),
    /// A block `yaml` under a line that ends with a file's name, such as: Save this as `web.yaml`:
    File { name: String, text: String },
}

/// A command and what the page shows of its output.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// The line, with the lines that a `\` at its end continues.
    pub(super) line: String,
    /// Lines of the output, in order; `…` stands for anything, other lines may come between.
    pub(super) shows: Vec<String>,
}

/// The blocks of a page in their order. Blocks of other languages are pictures.
pub(super) fn of(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    let mut before = "";
    while let Some(line) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            if !line.trim().is_empty() {
                before = line;
            }
            continue;
        };
        let inside: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
        match (language, file_named(before)) {
            ("console", _) => blocks.push(Block::Commands(commands(&inside))),
            ("yaml", Some(name)) => blocks.push(Block::File { name: name.to_owned(), text: inside.join("\n") + "\n" }),
            _ => {}
        }
    }
    blocks
}

fn commands(lines: &[&str]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut is_continued = false;
    for line in lines {
        let line = line.trim_end();
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(line), _) => commands.push(Command { line: line.to_owned(), shows: Vec::new() }),
            (None, Some(command)) if is_continued => command.line += &format!("\n{line}"),
            (None, Some(command)) if !line.is_empty() => command.shows.push(line.to_owned()),
            (None, _) => {}
        }
        is_continued = line.ends_with('\\');
    }
    commands
}

/// The file in the last code span of a line that ends with a colon behind it.
fn file_named(line: &str) -> Option<&str> {
    let (_, name) = line.strip_suffix("`:")?.rsplit_once('`')?;
    (name.ends_with(".yaml") && !name.contains('/')).then_some(name)
}

/// The first line of `shows` that is not in `output`, in order.
pub(super) fn missing<'a>(shows: &'a [String], output: &str) -> Option<&'a str> {
    let mut lines = output.lines();
    shows.iter().find(|shown| !lines.any(|line| is_like(shown, line))).map(String::as_str)
}

/// Whether a line is what the page shows; runs of blanks are one, since columns differ.
fn is_like(shown: &str, line: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, line) = (plain(shown), plain(line));
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[test]
fn blocks_are_commands_with_what_they_show_and_files() {
    let page = "\
Type:

```console
$ make demo \\
    ARGS=--yes
✔ Succeeded …

$ ls
```

Save this as `web.yaml`:

```yaml
kind: Pipeline
```

```text
a picture
```
";
    let command = |line: &str, shows: &[&str]| Command {
        line: line.to_owned(),
        shows: shows.iter().map(|line| (*line).to_owned()).collect(),
    };
    let expected = [
        Block::Commands(vec![command("make demo \\\n    ARGS=--yes", &["✔ Succeeded …"]), command("ls", &[])]),
        Block::File { name: "web.yaml".to_owned(), text: "kind: Pipeline\n".to_owned() },
    ];
    assert_eq!(of(page), expected);
}

#[test]
fn what_a_page_shows_is_looked_for_in_order() {
    let shows = |lines: &[&str], output: &str| {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        missing(&lines, output).map(str::to_owned)
    };
    assert_eq!(shows(&["a", "run/… created"], "x\na\nrun/web-1   created\n"), None);
    assert_eq!(shows(&["run/… created", "a"], "a\nrun/web-1 created\n"), Some("a".to_owned()));
    assert_eq!(shows(&["run/… created"], "run/web-1 unchanged\n"), Some("run/… created".to_owned()));
    assert_eq!(shows(&["a … b … c"], "a 1 b 2 c"), None);
    assert_eq!(shows(&["a … b … c"], "a 1 c"), Some("a … b … c".to_owned()));
}
