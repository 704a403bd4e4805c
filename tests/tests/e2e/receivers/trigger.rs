//! `sluice trigger`: a report from the command line.

use std::process::{Command, Output};
use std::time::Duration;

use sluice_tests::paths;

use super::*;

impl Post {
    /// Runs the command with these arguments besides the URL and the secret.
    async fn trigger(&self, secret: &str, more: &[&str]) -> Output {
        let mut command = Command::new(paths::sluice());
        command.args(["trigger", &self.url(), "--secret-env=SECRET", "--environment=staging"]).args(more);
        command.env("SECRET", secret);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn a_report_is_made_by_command_and_the_same_command_reports_nothing_twice() {
    let post = Post::open().await;
    let web = ["--component=web", "--version=1.2", "--sequence=7", "--by=ada"];
    let first = post.trigger(SECRET, &web).await;
    assert!(first.status.success(), "{}", text(&first.stderr));
    let [update] = &post.updates().await[..] else { panic!("not one") };
    let name = format!("componentupdate.sluice.dev/{}", update.metadata.name.as_ref().unwrap());
    assert_eq!(text(&first.stdout), format!("{name} stored: web 1.2 for staging, sequence 7\n"));
    let again = post.trigger(&format!("{SECRET}\n"), &web).await;
    assert_eq!(text(&again.stdout), format!("{name} was stored before: web 1.2 for staging, sequence 7\n"));
    let named = post.trigger(SECRET, &[&web[..], &["-o", "name"]].concat()).await;
    assert_eq!(text(&named.stdout), format!("{name}\n"));
    assert_eq!((update.spec.by.as_deref(), post.updates().await.len()), (Some("ada"), 1));
}

#[tokio::test]
async fn what_the_documentation_sends_with_curl_and_openssl_is_taken() {
    let post = Post::open().await;
    let page = std::fs::read_to_string(paths::workspace().join("docs/receivers.md")).unwrap();
    let block = page.split_once("```bash\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    let (first, rest) = block.split_once('\n').unwrap();
    assert!(first.starts_with("URL="), "{first}");
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret"), format!("{SECRET}\n")).unwrap();
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &format!("URL={}\n{rest}", post.url())]).current_dir(&directory);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["status"], post.updates().await.len()), (&json!("accepted"), 1));
}

#[tokio::test]
async fn what_is_refused_is_said_at_once_with_the_remedy() {
    let post = Post::open().await;
    for (secret, component, words) in
        [("another", "web", "401 Unauthorized: the body is not signed"), (SECRET, "wbe", "has no component \"wbe\"")]
    {
        let component = format!("--component={component}");
        let refused = post.trigger(secret, &[&component, "--sha=0a1b", "--sequence=7"]).await;
        assert_eq!(refused.status.code(), Some(1));
        let said = text(&refused.stderr);
        assert!(said.starts_with("error: ") && said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn what_the_command_line_gets_wrong_has_a_code_of_its_own() {
    let post = Post::open().await;
    let web = ["--component=web", "--sequence=7"];
    for (secret, more, words) in [
        (SECRET, "--version=", "--version has to be 1 to 253 characters long"),
        ("", "--version=1.2", "the variable SECRET is empty"),
        (SECRET, "--timeout=9s", "--version <VERSION>|--sha <SHA>"),
    ] {
        let refused = post.trigger(secret, &[&web[..], &[more]].concat()).await;
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused.stderr).contains(words), "{}", text(&refused.stderr));
    }
    for (option, words) in [("--secret-env=NO_SUCH", "NO_SUCH"), ("--secret-file=/no/such/file", "/no/such/file")] {
        let mut command = Command::new(paths::sluice());
        command.args(["trigger", &post.url(), option, "--environment=staging", "--version=1.2"]).args(web);
        let refused = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused.stderr).contains(words), "{}", text(&refused.stderr));
    }
}

#[tokio::test]
async fn a_report_waits_for_a_server_that_is_away() {
    let post = Post::open().await;
    post.server.kill9();
    let web = ["--component=web", "--version=1.2", "--sequence=7"];
    let away = post.trigger(SECRET, &[&web[..], &["--timeout=1s"]].concat()).await;
    assert_eq!(away.status.code(), Some(1));
    assert!(text(&away.stderr).contains("the server does not answer"), "{}", text(&away.stderr));
    let back = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        post.server.restart().unwrap();
    };
    let (sent, ()) = tokio::join!(post.trigger(SECRET, &web), back);
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert_eq!(post.updates().await.len(), 1);
}
