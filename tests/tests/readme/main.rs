//! The README is followed word for word: every command of its code blocks is typed, every file of it is written.

mod blocks;
mod shell;

use std::path::PathBuf;
use std::process::Command;

use sluice_tests::{Facts, paths};

use self::blocks::Block;
use self::shell::Shell;

/// The command that runs this test.
const OURS: &str = "make test";

#[test]
fn the_readme_can_be_followed_word_for_word() {
    let page = std::fs::read_to_string(paths::workspace().join("README.md")).expect("the README");
    let reader = Reader::sit_down();
    let mut shell = Shell::open(&paths::workspace(), &[(paths::CLUSTER, &reader.cluster)]);
    let mut typed = 0;
    for block in blocks::of(&page) {
        match block {
            Block::File { name, text } => reader.write(&name, &text),
            Block::Commands(commands) => {
                for command in commands.iter().filter(|command| command.line != OURS) {
                    let line = reader.in_place(&command.line);
                    let printed = shell.type_in(&line).unwrap_or_else(|error| panic!("$ {line}\n{error}"));
                    let missing = blocks::missing(&command.shows, &printed);
                    assert_eq!(missing, None, "$ {line}\n{printed}");
                    typed += 1;
                }
            }
        }
    }
    assert!(typed > 10, "the README has commands: {typed}");
}

/// Where the reader is, and what has to be tidied up behind them.
struct Reader {
    /// `target/cluster`, unless a developer's own cluster runs there.
    cluster: PathBuf,
    written: std::cell::RefCell<Vec<PathBuf>>,
}

impl Reader {
    fn sit_down() -> Self {
        let usual = paths::workspace().join("target/cluster");
        let is_taken = Facts::of_live(&usual).is_some();
        let aside = std::env::temp_dir().join(format!("sluice-readme-{}", std::process::id()));
        Self { cluster: if is_taken { aside } else { usual }, written: Default::default() }
    }

    /// A command of the page, for the directories that builds and the cluster have here.
    fn in_place(&self, line: &str) -> String {
        let programs = paths::sluice().parent().map(|dir| dir.display().to_string()).unwrap_or_default();
        line.replace("target/debug", &programs).replace("target/cluster", &self.cluster.display().to_string())
    }

    fn write(&self, name: &str, text: &str) {
        let path = paths::workspace().join(name);
        assert!(!path.exists(), "{name} is there already");
        self.written.borrow_mut().push(path.clone());
        std::fs::write(path, text).expect("a file of the README");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for path in self.written.borrow().iter() {
            std::fs::remove_file(path).ok();
        }
        // A reader who gave up in the middle has left it running.
        if Facts::of_live(&self.cluster).is_some() {
            let program = paths::sluice().with_file_name("cluster");
            Command::new(program).arg("down").env(paths::CLUSTER, &self.cluster).status().ok();
        }
    }
}
