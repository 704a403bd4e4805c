//! Git hosts and repositories that are not as a pipeline thinks.

use sluice_tests::Cluster;
use sluice_tests::fixture::{Merge, Plan, Shop, step_of};

use super::{begin_beside, fails, no_harm, start};
use crate::short::condition;

/// A pull request on the shop's repository with one edit.
fn edit(shop: &Shop, file: &str, path: &str) -> String {
    pull_request(&shop.repo.full_name(), "gitea", file, path)
}

fn pull_request(repository: &str, provider: &str, file: &str, path: &str) -> String {
    format!(
        "pullRequest: {{providerRef: {{name: {provider}}}, repository: {repository}, base: main, title: t, \
         edits: [{{file: {file}, set: {{path: '{path}', value: v}}}}]}}"
    )
}

const IMAGE: &str = "spec.template.spec.containers[name=web].image";

#[tokio::test]
async fn what_is_not_there_is_named_with_its_place() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().open(&cluster).await;
    shop.apply();
    let controller = shop.controller().await;
    begin_beside(&shop);
    let (file, repo) = (shop.file(), shop.repo.full_name());
    let owner = repo.split('/').next().expect("an owner");
    start(&shop, "repository", &pull_request(&format!("{owner}/nothing"), "gitea", &file, IMAGE));
    start(&shop, "provider", &pull_request(&repo, "nowhere", &file, IMAGE));
    start(&shop, "branch", &edit(&shop, &file, IMAGE).replace("base: main", "base: mian"));
    start(&shop, "file", &edit(&shop, "nothing.yaml", IMAGE));
    start(&shop, "path", &edit(&shop, &file, "spec.template.spec.containers[name=wbe].image"));
    start(&shop, "key", &edit(&shop, &file, "spec.template.spec.imagePullPolicy"));
    // What an expression yields is seen only when the step runs.
    start(&shop, "above", &edit(&shop, "\"${{ '../web.yaml' }}\"", IMAGE));
    start(&shop, "root", &edit(&shop, "\"${{ '/etc/passwd' }}\"", IMAGE));

    let host = format!("gitea {}", cluster.facts().gitea_url.trim_start_matches("http://"));
    let head = shop.repo.head("main").await.expect("a head");
    let at = format!("repository {repo} on {host}, branch main at {}", &head[..12]);
    let message = format!("repository {owner}/nothing not found on {host}: check the name, and the right to read it");
    fails(&shop, "repository", "RepositoryNotFound", &message).await;
    let message = format!(
        "there is no ScmProvider \"nowhere\" in namespace \"{}\": create it, or correct providerRef",
        shop.namespace()
    );
    fails(&shop, "provider", "ScmProviderNotFound", &message).await;
    let message = format!("there is no branch mian in repository {repo} on {host}: create it, or correct `base`");
    fails(&shop, "branch", "BranchNotFound", &message).await;
    let message = format!("{at}: there is no file nothing.yaml: create it, or correct `file`");
    fails(&shop, "file", "FileNotFound", &message).await;
    let message = format!(
        "{at}: {file}:29:15: `spec.template.spec.containers[name=wbe].image`: none of the list's 1 items matches the condition"
    );
    fails(&shop, "path", "EditFailed", &message).await;
    let message = format!(
        "{at}: {file}:27:13: `spec.template.spec.imagePullPolicy`: the mapping has no key \"imagePullPolicy\"; correct the \
         path, or set `create: true` to add the key"
    );
    fails(&shop, "key", "EditFailed", &message).await;
    let leaves = "is no valid path in the repository";
    let message =
        format!("edits[0].file: \"../web.yaml\" {leaves}: it has a `.` or `..` part; it may not leave the repository");
    fails(&shop, "above", "InvalidPath", &message).await;
    let message =
        format!("edits[0].file: \"/etc/passwd\" {leaves}: it is absolute; give it relative to the repository's root");
    fails(&shop, "root", "InvalidPath", &message).await;
    assert_eq!(shop.repo.branches().await.expect("branches"), ["main"], "no run left a branch");
    no_harm(&shop, &controller).await;
}

#[tokio::test]
async fn a_token_that_the_host_does_not_know() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().open(&cluster).await;
    shop.apply();
    let controller = shop.controller().await;
    begin_beside(&shop);
    shop.home().apply("{apiVersion: v1, kind: Secret, metadata: {name: gitea-token}, stringData: {token: nonsense}}");
    start(&shop, "token", &edit(&shop, &shop.file(), IMAGE));
    let host = cluster.facts().gitea_url.trim_start_matches("http://");
    let message = format!("gitea {host} does not accept the token: put a valid one into the provider's secret");
    fails(&shop, "token", "Unauthorized", &message).await;
    no_harm(&shop, &controller).await;
}

#[tokio::test]
async fn a_pull_request_that_was_closed_unmerged_fails_the_wait() {
    let cluster = Cluster::connect().await;
    let shop = Plan::new().merge(Merge::Manual).hurried().open(&cluster).await;
    shop.deployed().await;
    let controller = shop.controller().await;
    begin_beside(&shop);
    shop.apply();
    shop.start("deploy", "1.1");
    let waits = shop.at("deploy", "waitForAcceptedDeployRequest").await;
    let opened = &step_of(&waits, "createDeployRequest")["outputs"];
    shop.repo.close(opened["number"].as_i64().expect("a number")).await.expect("closed");

    let run = shop.ended("deploy").await;
    let message = format!(
        "{} was closed without a merge; retry the run to open another one, or leave it at that",
        opened["url"].as_str().expect("a URL")
    );
    assert_eq!(step_of(&run, "waitForAcceptedDeployRequest")["message"], *message);
    let message = format!("stage shouldDeploy: step waitForAcceptedDeployRequest: {message}");
    assert_eq!(condition(&run), ("False", "PullRequestClosed", &*message));
    let alerts = cluster.services("/alerts?run=deploy").await.expect("alerts");
    let of_this = alerts.iter().filter(|alert| alert["body"]["why"].as_str().is_some_and(|why| message.ends_with(why)));
    assert_eq!(of_this.count(), 1, "the hook told once: {alerts:?}");
    no_harm(&shop, &controller).await;
}
