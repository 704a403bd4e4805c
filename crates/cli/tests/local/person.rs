//! A change in a local repository waits for a person: one at a terminal is asked, everybody else is told what to do.

use std::{fs, process::Command};

use crate::{
    support::{Place, Said, git, pipeline},
    terminal::Terminal,
};

const MANIFEST: &str = r#"  params: [{name: version, default: "1.5.0"}]
  stages:
  - name: deploy
    steps:
    - name: openChange
      pullRequest:
        providerRef: {name: local}
        repository: shop/gitops
        title: "Deploy web ${{ params.version }}"
        edits: [{file: web.yaml, set: {path: version, value: "${{ params.version }}"}}]
    - {name: merged, pullRequestWait: {from: openChange}}
---
apiVersion: sluice.dev/v1alpha1
kind: ScmProvider
metadata: {name: local}
spec: {local: {path: repositories}}
"#;

pub(crate) const REPOSITORY: &str = "repositories/shop/gitops.git";

fn shop() -> Place {
    shop_with(MANIFEST)
}

/// A place with a pipeline that goes on like this, and with a repository in it.
pub(crate) fn shop_with(manifest: &str) -> Place {
    let place = Place::with(&pipeline(manifest));
    let (bare, work) = (place.path(REPOSITORY), place.path("work"));
    fs::create_dir_all(&bare).unwrap();
    git(&bare, &["init", "--quiet", "--bare", "--initial-branch=main"]);
    place.git(".", &["init", "--quiet", "--initial-branch=main", "work"]);
    fs::write(work.join("web.yaml"), "version: 1.4.2   # on Monday\n").unwrap();
    fs::write(work.join("db.yaml"), "version: 1.4.2\n").unwrap();
    git(&work, &["add", "."]);
    git(&work, &["-c", "user.name=ada", "-c", "user.email=ada@example", "commit", "--quiet", "--message=begin"]);
    git(&work, &["push", "--quiet", bare.to_str().unwrap(), "main"]);
    place
}

fn version(place: &Place) -> String {
    place.git(REPOSITORY, &["show", "main:web.yaml"])
}

#[test]
fn local_repositories_are_found_from_standard_input_in_the_working_directory() {
    let place = shop();
    let mut command = place.command(&["run", "-f", "-", "--state", "elsewhere/deep/state", "--yes"]);
    let said = Said::of(command.stdin(fs::File::open(place.path("p.yaml")).unwrap()).output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(version(&place), "version: 1.5.0   # on Monday");
}

#[test]
fn local_repositories_are_found_from_the_file_that_declares_the_provider() {
    let place = shop();
    let text = fs::read_to_string(place.path("p.yaml")).unwrap();
    let (pipeline, provider) = text.split_once("---\n").unwrap();
    for (name, content) in [("a", pipeline), ("b", provider)] {
        fs::create_dir(place.path(name)).unwrap();
        fs::write(place.path(name).join("m.yaml"), content).unwrap();
    }
    fs::rename(place.path("repositories"), place.path("b/repositories")).unwrap();
    let said = place.sluice(&["run", "-f", "a", "-f", "b", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let merged = place.git("b/repositories/shop/gitops.git", &["show", "main:web.yaml"]);
    assert_eq!(merged, "version: 1.5.0   # on Monday");
}

const QUESTION: &str = "merge change 1 into main? [y]es [d]iff [c]lose [q]uit-and-leave";

#[test]
fn a_person_at_a_terminal_sees_the_diff_and_merges() {
    let place = shop();
    let mut terminal = Terminal::start(&place, 100, &["run", "-f", "."], &[]);
    terminal.wait_for(QUESTION);
    terminal.type_line("d");
    terminal.wait_for("+version: 1.5.0   # on Monday");
    terminal.wait_for(QUESTION);
    terminal.type_line("what?");
    terminal.wait_for(QUESTION);
    terminal.type_line("y");
    let (said, seen) = terminal.end();
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(seen.contains("Succeeded") && seen.contains("\u{1b}[32m✓"), "{seen}");
    assert_eq!(version(&place), "version: 1.5.0   # on Monday");
    assert_eq!(place.git(REPOSITORY, &["log", "-1", "--format=%an", "main"]), "ada");
}

#[test]
fn a_person_who_closes_the_change_ends_the_run() {
    let place = shop();
    let mut terminal = Terminal::start(&place, 100, &["run", "-f", "."], &[]);
    terminal.wait_for(QUESTION);
    terminal.type_line("c");
    let (said, seen) = terminal.end();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(seen.contains("was closed without a merge"), "{seen}");
    assert_eq!(version(&place), "version: 1.4.2   # on Monday");
}

#[test]
fn a_person_may_leave_and_come_back() {
    let place = shop();
    let mut terminal = Terminal::start(&place, 100, &["run", "-f", "."], &[]);
    terminal.wait_for(QUESTION);
    terminal.type_line("q");
    let (said, _) = terminal.end();
    assert_eq!(said.code, Some(130), "{said:?}");
    assert!(said.err.contains("sluice resume p-1"), "{}", said.err);
    let said = place.sluice(&["resume", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(
        place.git(REPOSITORY, &["for-each-ref", "--format=%(refname)", "refs/sluice/changes"]).lines().count(),
        1
    );
}

#[test]
fn without_a_terminal_the_command_to_merge_with_is_said_and_works() {
    let place = shop();
    let mut running = place.start(&["run", "-f", "."]);
    let note = running.wait_for_line("merge it with");
    let command = note.split('`').nth(1).unwrap();
    let merged = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(merged.status.success(), "{command}: {merged:?}");
    assert_eq!(running.end().code, Some(0));
    assert_eq!(version(&place), "version: 1.5.0   # on Monday");
}

#[test]
fn a_run_that_is_left_to_itself_with_yes_merges_what_it_opened() {
    let place = shop();
    let said = place.sluice(&["run", "-f", ".", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(version(&place), "version: 1.5.0   # on Monday");
}

#[test]
fn a_narrow_terminal_without_colours_gets_narrow_lines_without_colours() {
    let place = shop();
    let mut terminal = Terminal::start(&place, 40, &["run", "-f", "."], &[("NO_COLOR", "1")]);
    // The question is wider than the terminal, which breaks it.
    terminal.wait_for("[q]uit-and-leave");
    terminal.type_line("y");
    let (said, seen) = terminal.end();
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!seen.contains("\u{1b}[3") && !seen.contains("\u{1b}[0m"), "{seen:?}");
    let last = seen.rsplit("\u{1b}[J").next().unwrap();
    let too_wide = last.lines().find(|line| line.chars().count() > 41 && !line.contains("://"));
    assert_eq!(too_wide, None, "{last}");
}
