//! The demo: it ends well in seconds, what it prints can be pasted, and killed at any moment it is carried on with one change and
//! one commit.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    support::{Place, Said, read},
    terminal::Terminal,
};

const REPOSITORY: &str = "demo/repositories/shop/gitops.git";

/// What the repository begins with.
const MANIFEST: &str = include_str!("../../../../examples/demo/repository/staging/web.yaml");

/// What has come of a demo, with git as the judge: one change, one commit and one merge, and not a byte too many.
fn check_its_end(place: &Place, why: &str) {
    assert_eq!(
        place.git(REPOSITORY, &["for-each-ref", "--format=%(refname)", "refs/sluice/changes"]),
        "refs/sluice/changes/1",
        "{why}"
    );
    let commits = place.git(REPOSITORY, &["log", "--topo-order", "--no-merges", "--format=%s", "main"]);
    assert_eq!(commits, "Deploy web 1.5.0 to staging\nWhat runs in staging", "{why}");
    assert_eq!(place.git(REPOSITORY, &["log", "--merges", "--format=%s", "main"]).lines().count(), 1, "{why}");
    let merged = place.git(REPOSITORY, &["show", "main:staging/web.yaml"]);
    assert_eq!(merged, MANIFEST.replace("web:1.4.2 ", "web:1.5.0 ").trim_end(), "{why}");
    place.git(REPOSITORY, &["fsck", "--strict"]);
    let status = &read(&place.path("demo/.sluice/runs/deploy-web-1.json")).unwrap()["status"];
    assert_eq!(status["phase"], "Succeeded", "{why}: {status:#}");
    assert_eq!(fs::read_dir(place.path("demo/.sluice/runs")).unwrap().count(), 2, "{why}: a run and its lock");
}

#[test]
fn the_demo_ends_well_and_says_what_changed() {
    let place = Place::new();
    let said = place.sluice(&["demo", "--yes", "--dir", "demo"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    check_its_end(&place, "undisturbed");
    for words in [
        "-        image: registry.example/web:1.4.2   # released on Monday",
        "+        image: registry.example/web:1.5.0   # released on Monday",
        "✓ deploy-web-1  Succeeded",
        "demo/.sluice/runs/deploy-web-1.json",
    ] {
        assert!(said.out.contains(words), "it does not say {words:?}:\n{}", said.out);
    }
}

#[test]
fn what_the_demo_says_to_try_next_can_be_pasted() {
    let place = Place::new();
    let said = place.sluice(&["demo", "--yes", "--dir", "demo"]);
    let commands: Vec<&str> = said.out.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", command])
            .envs(place.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
        let said = Said::of(shell.current_dir(place.path("")).output().unwrap());
        // The one that is killed ends so.
        let is_fine = said.code == Some(0) || command.starts_with("timeout --signal=KILL");
        assert!(is_fine, "{command}\n{}{}", said.out, said.err);
    }
    let commits = place.git(REPOSITORY, &["log", "--topo-order", "--no-merges", "--format=%s", "main"]);
    assert_eq!(commits.lines().count(), 4, "{commits}");
    assert_eq!(read(&place.path("demo/.sluice/runs/killed.json")).unwrap()["status"]["phase"], "Succeeded");
    // There was nothing to deploy the second time.
    let again = &read(&place.path("demo/.sluice/runs/deploy-web-2.json")).unwrap()["status"];
    assert_eq!(again["stages"][1]["phase"], "Skipped", "{again:#}");
}

#[test]
fn a_further_demo_is_made_beside_one_that_has_ended_and_nothing_of_others_is_touched() {
    let place = Place::new();
    for directory in ["demo", "demo-2"] {
        assert_eq!(place.sluice(&["demo", "--yes", "--dir", "demo"]).code, Some(0));
        assert!(place.path(&format!("{directory}/.sluice/runs/deploy-web-1.json")).exists());
    }
    fs::create_dir(place.path("mine")).unwrap();
    fs::write(place.path("mine/letter"), "dear").unwrap();
    let said = place.sluice(&["demo", "--yes", "--dir", "mine"]);
    assert!(said.code == Some(2) && said.err.contains("--dir"), "{said:?}");
    assert_eq!(fs::read_dir(place.path("mine")).unwrap().count(), 1);
    // What was left by one that was killed while it was set up is made anew.
    fs::create_dir(place.path("half.new")).unwrap();
    fs::write(place.path("half.new/.sluice-demo"), "").unwrap();
    fs::write(place.path("half.new/pipeline.yaml"), "kind: Pi").unwrap();
    assert_eq!(place.sluice(&["demo", "--yes", "--dir", "half"]).code, Some(0));
    assert!(!place.path("half.new").exists());
}

/// A moment in the life of a demo, as it can be seen from outside.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// The version of the pipeline is kept, and no run yet.
    Pinned,
    /// The state was written this often.
    Written(u64),
    /// It was written this often, and is just being written again.
    BeingWritten(u64),
    /// The branch with the commit is there.
    Committed,
    /// The change is there.
    Opened,
    /// The branch `main` has moved.
    Merged,
    /// This long after the state was first written.
    After(Duration),
}

/// What is watched of a demo.
struct Watched {
    state: PathBuf,
    repository: PathBuf,
    main: Option<String>,
    begun: Option<Instant>,
    known: u64,
}

impl Watched {
    fn of(place: &Place) -> Self {
        Self {
            state: place.path("demo/.sluice"),
            repository: place.path(REPOSITORY),
            main: None,
            begun: None,
            known: 0,
        }
    }

    fn writes(&self) -> u64 {
        let run = read(&self.state.join("runs/deploy-web-1.json"));
        run.and_then(|run| run["metadata"]["resourceVersion"].as_str()?.parse().ok()).unwrap_or_default()
    }

    fn has_come(&mut self, moment: Moment) -> bool {
        let holds_one = |path: PathBuf| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        match moment {
            Moment::Pinned => holds_one(self.state.join("revisions")),
            Moment::Written(times) => self.writes() >= times,
            Moment::BeingWritten(times) => {
                // The file is there for a moment only.
                if self.known < times {
                    self.known = self.writes();
                }
                self.known >= times && self.state.join("runs/deploy-web-1.json.new").exists()
            }
            Moment::Committed => holds_one(self.repository.join("refs/heads/sluice")),
            Moment::Opened => self.repository.join("refs/sluice/changes/1").exists(),
            Moment::Merged => {
                let Ok(main) = fs::read_to_string(self.repository.join("refs/heads/main")) else { return false };
                *self.main.get_or_insert_with(|| main.clone()) != main
            }
            Moment::After(pause) => {
                if self.begun.is_none() && self.writes() > 0 {
                    self.begun = Some(Instant::now());
                }
                self.begun.is_some_and(|begun| begun.elapsed() >= pause)
            }
        }
    }
}

/// Fifteen moments from the first file to the last; the last five by chance, within the time that a demo takes.
fn moments(usual: Duration, mut seed: u64) -> Vec<Moment> {
    let mut moments = vec![Moment::Pinned, Moment::Committed, Moment::Opened, Moment::Merged, Moment::BeingWritten(2)];
    moments.extend((1..=5).map(Moment::Written));
    moments.extend((0..5).map(|_| {
        // Knuth's multiplier for linear congruences; its upper bits are the random ones.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Moment::After(usual.mul_f64(f64::from((seed >> 40) as u32) / f64::from(1u32 << 24)))
    }));
    moments
}

#[test]
fn killed_at_any_moment_it_is_carried_on_with_one_change_and_one_commit() {
    const SEED: u64 = 7;
    let start = Instant::now();
    let place = Place::new();
    assert_eq!(place.sluice(&["demo", "--yes", "--dir", "demo"]).code, Some(0));
    let moments = moments(start.elapsed(), SEED);
    assert_eq!(moments.len(), 15);
    let mut killed = 0;
    for moment in moments {
        let place = Place::new();
        let mut running = place.start(&["demo", "--yes", "--dir", "demo"]);
        let mut watched = Watched::of(&place);
        while !watched.has_come(moment) && !running.has_ended() {}
        let status = running.kill();
        killed += usize::from(status.code().is_none());
        let why = format!("killed at {moment:?} (seed {SEED}), after {} writes, {status}", watched.writes());
        println!("{why}");
        // Before its run was begun there is nothing to resume, and the demo itself goes on.
        let said = match watched.writes() {
            0 => place.sluice(&["demo", "--yes", "--dir", "demo"]),
            _ => place.sluice(&["resume", "--state", "demo/.sluice"]),
        };
        assert_eq!(said.code, Some(0), "{why}: {said:?}");
        check_its_end(&place, &why);
    }
    // Otherwise this would prove nothing.
    assert!(killed >= 5, "only {killed} of 15 were still there to be killed");
}

#[test]
fn killed_again_and_again_it_still_comes_to_its_end() {
    let place = Place::new();
    let mut running = place.start(&["demo", "--yes", "--dir", "demo"]);
    let mut watched = Watched::of(&place);
    let mut kills = 0;
    loop {
        // The first write of whoever goes on claims the step again; with the second one the step is done.
        let next = Moment::Written(watched.writes() + 2);
        while !watched.has_come(next) && !running.has_ended() {}
        if running.has_ended() {
            break;
        }
        running.kill();
        kills += 1;
        assert!(kills < 50, "it does not get on");
        running = place.start(&["resume", "--state", "demo/.sluice"]);
    }
    assert_eq!(running.end().code, Some(0));
    check_its_end(&place, &format!("killed {kills} times"));
}

#[test]
fn a_demo_that_is_aborted_does_not_say_that_its_change_is_merged() {
    let place = Place::new();
    let terminal = Terminal::start(&place, 100, &["demo", "--dir", "demo"], &[]);
    terminal.wait_for("[q]uit-and-leave");
    terminal.signal(Signal::SIGINT);
    let (said, seen) = terminal.end();
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(seen.contains("This is what change 1 is about") && !seen.contains("on `main` now"), "{seen}");
    assert!(seen.contains("hook report"), "{seen}");
}
