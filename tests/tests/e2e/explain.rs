//! `kubectl explain` reads like documentation.

use std::time::Duration;

use expect_test::{Expect, expect};
use sluice_tests::fixture::install;
use sluice_tests::namespace::unique;
use sluice_tests::{Cluster, eventually};

use crate::short::kubectl;

/// The API server publishes new kinds to its readers a moment after it serves them.
const PATIENCE: Duration = Duration::from_secs(60);

/// What kubectl says of a field.
async fn explain(path: &str) -> String {
    let cluster = Cluster::connect().await;
    install(&cluster).await;
    // A cache of its own: what kubectl has read from another cluster on the same port says nothing of this one.
    let cache = cluster.facts().dir.join("kubectl").join(unique("explain"));
    let cache = format!("--cache-dir={}", cache.display());
    let said = eventually(&format!("kubectl explains {path}"), PATIENCE, async || {
        kubectl(&cluster, &["explain", path, &cache], "")
    })
    .await;
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned() + "\n"
}

async fn check(path: &str, expected: Expect) {
    expected.assert_eq(&explain(path).await);
}

#[tokio::test]
async fn every_field_has_a_description() {
    let paths = [
        "pl.spec",
        "pl.spec.stages.steps.http",
        "plr.spec",
        "plr.status.stages.steps",
        "env.spec",
        "env.spec.targets",
        "env.status.components.deployed",
        "env.status.lastSucceededRuns",
        "scmproviders.spec",
        "rcv.spec",
        "rcv.spec.component",
        "rcv.spec.secretRef",
        "rcv.status",
        "rcv.status.recent",
        "cu.spec",
        "cu.status",
        "pl.spec.triggers.cron",
        "pl.spec.sources",
        "plr.spec.trigger",
        "env.spec.components.onUpdate.deploy",
    ];
    for path in paths {
        let said = explain(path).await;
        assert!(!said.contains("<no description>"), "{path}: {said}");
    }
}

#[tokio::test]
async fn the_status_of_a_run_reads_like_documentation() {
    check(
        "plr.status",
        expect![[r#"
            GROUP:      sluice.dev
            KIND:       PipelineRun
            VERSION:    v1alpha1

            FIELD: status <Object>


            DESCRIPTION:
                Where the run stands. This is everything a run knows: a controller that is
                killed at any moment goes on from here. Only the controller writes it.

            FIELDS:
              actions	<[]Object>
                What became of the entries of `spec.actions`, in order.

              conditions	<[]Object>
                `Succeeded`: True when every stage succeeded or was skipped, False when the
                run failed or was aborted, Unknown until then, and again once a person has a
                run that had ended go on. `kubectl wait --for=condition=Succeeded` waits for
                it.

              ending	<Object>
                The result, from the moment it is decided: hooks may still run until
                `finishedAt`.

              finishedAt	<string>
                When the run ended, its hooks included. Absent until then.

              heldSeconds	<integer>
                For how many seconds the run has waited for people and locks alone; they do
                not count towards its timeout.

              heldSince	<string>
                Since when the run waits for people and locks alone. Absent while it does
                something else.

              hooks	<[]Object>
                The hooks that have started, in that order. Of a stage that was tried again
                or has many iterations only the newest are kept.

              lock	<Object>
                The run's place in the queue for its lock, where the pipeline's
                `concurrency` has it wait for one, and while it holds the lock. Absent once
                it has let it go.

              message	<string>
                What the run does or waits for now, or why it ended, for people. Of several
                things at the same time the first three are named.

              observedGeneration	<integer>
                The `metadata.generation` of the spec that this status has seen. An action
                that was appended later is not answered yet.

              outputs	<Object>
                The results of the run, as the pipeline's `outputs` say. Absent until every
                stage is done.

              paused	<Object>
                Set while a person has paused the run.

              phase	<string>
              enum: Pending, Running, Succeeded, Failed, ....
                Where the run stands in a word, for people. Machines read the condition
                `Succeeded`.

                - `Pending`: Not started yet.
                - `Running`: Started and not ended; `message` says what it waits for, if it
                waits.
                - `Succeeded`: Every stage succeeded or was skipped.
                - `Failed`: A stage failed, or the run could not start.
                - `Aborted`: Ended by a person, by the run's deletion or by its timeout.
                - `Cancelled`: Ended before it started: another run holds its lock, and the
                pipeline wants no queue.

              pipelineRevision	<string>
                The name of the ControllerRevision with the version of the pipeline that
                this run keeps to.

              round	<integer>
                The number of the round, from 1. It rises when a person has a run that had
                ended done again.

              sources	<[]Object>
                The good runs that this run has taken for the `sources` of its pipeline, and
                keeps to.

              stages	<[]Object>
                Every stage of the pipeline, in order; all of them from the first write on.
                A stage with `forEach` has an entry for each of its items once it has
                started.

              startedAt	<string>
                When this round of the run started, as RFC 3339 in UTC.

              step	<string>
                The steps that are under way, such as `build` or `build, test[eu], test[us]
                and 2 more`; absent once the run has ended. Those that wait for people come
                first. Machines read `stages`.

              suspended	<Object>
                Set while the run's pipeline is suspended.

              waitingOn	<Object>
                What the run waits for: of several things what a person may have to do, or
                else what is waited for longest. Absent when nothing is waited for.
        "#]],
    )
    .await;
}

#[tokio::test]
async fn the_edits_of_a_pull_request_read_like_documentation() {
    check(
        "pl.spec.stages.steps.pullRequest.edits",
        expect![[r#"
        GROUP:      sluice.dev
        KIND:       Pipeline
        VERSION:    v1alpha1

        FIELD: edits <[]Object>


        DESCRIPTION:
            The changes to files, all of them or none: together they are one commit.
            Each names a file and what to set in it. Several edits of one file are made
            in order.

        FIELDS:
          file	<string> -required-
            The file, as a path from the repository's root, such as `staging/web.yaml`;
            may contain `${{ }}`. It is a YAML or JSON file that exists, and the path
            may not leave the repository.

          set	<Object> -required-
            Replaces one value in place. Every other byte of the file stays as it is:
            comments, quotes, order and indentation.
    "#]],
    )
    .await;
}

#[tokio::test]
async fn the_words_of_an_enum_are_explained_where_they_are_written() {
    check(
        "pl.spec.hooks.steps.pullRequestWait",
        expect![[r#"
        GROUP:      sluice.dev
        KIND:       Pipeline
        VERSION:    v1alpha1

        FIELD: pullRequestWait <Object>


        DESCRIPTION:
            Waits until the pull request of an earlier step is merged. Closed without a
            merge is a failure; a merge by a person counts, whatever they merged. When
            the earlier step changed nothing, this one succeeds at once.

            Without `timeout` it waits for ever. Outputs: `mergedBy`, and `commit`
            (`sha`, `repository`, `providerRef`): the merge, or the head of the base
            branch when nothing was changed.

        FIELDS:
          from	<string> -required-
            The name of the earlier `pullRequest` step.

          interval	<string>
            How often the git host is asked, such as `1m`; `30s` unless set.

          merge	<string>
          enum: Manual, WhenReady, Now
            Who merges; `Manual` unless set.

            - `Manual`: A person merges, on the git host.
            - `WhenReady`: Sluice merges, or the git host by itself, as soon as the pull
            request is mergeable and the required checks and reviews have passed:
            exactly the head that the earlier step recorded.
            - `Now`: Sluice merges at once: exactly the head that the earlier step
            recorded.

          method	<string>
          enum: Merge, Squash, Rebase
            How it is merged, when it is not a person who merges; the repository's
            default unless set.

            - `Merge`: With a merge commit.
            - `Squash`: As one commit.
            - `Rebase`: With its commits on top of the base branch.
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_report_reads_like_documentation() {
    check(
        "cu.spec",
        expect![[r#"
        GROUP:      sluice.dev
        KIND:       ComponentUpdate
        VERSION:    v1alpha1

        FIELD: spec <Object>


        DESCRIPTION:
            What was reported, by whom. A `component` Receiver makes these; nothing in
            them ever changes.

        FIELDS:
          by	<string>
            Who made the new version, as the sender says.

          component	<string> -required-
            The component, as the Environment's `components` has it.

          environment	<string> -required-
            The Environment, of the same namespace.

          id	<string> -required-
            What tells the report from every other one of its sender. The same report
            again changes nothing.

          receiverRef	<Object>
            The Receiver that took the report; absent where somebody made this object by
            hand.

          sequence	<integer> -required-
            The place of the report among those of the component in this environment. A
            higher one is newer, and one that is not higher never replaces what is
            recorded.

          sha	<string>
            The commit of the new version.

          version	<string>
            The new version. Either this or `sha` is there, or both.
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_receiver_reads_like_documentation() {
    check(
        "rcv.spec",
        expect![[r#"
            GROUP:      sluice.dev
            KIND:       Receiver
            VERSION:    v1alpha1

            FIELD: spec <Object>


            DESCRIPTION:
                Who reports, and the Secret by which they are known. Exactly one of
                `github`, `gitea` and `component` is set.

            FIELDS:
              component	<Object>
                Takes reports of components: that there is a new version of one for an
                environment.

              gitea	<Object>
                Takes the webhooks of Gitea or Forgejo. They wake the runs of this namespace
                that wait for a pull request of the repository.

              github	<Object>
                Takes the webhooks of GitHub. They wake the runs of this namespace that wait
                for a pull request of the repository.

              maxRequestsPerMinute	<integer>
                How many signed requests a minute each server that runs takes; `600` unless
                set. Beyond that they are answered with 429. As many bodies of more than 32
                KiB are read, signed or not, counted by themselves. Whatever else is not
                signed is answered with 401, and uses up nothing.

              secretRef	<Object> -required-
                The Secret, in this namespace, and the key in it that requests are signed
                with (HMAC-SHA256 over the body). While it is not there, or empty, nothing
                is taken.

              serviceAccountName	<string> -required-
                The service account, in this namespace, as which the Secret is read.
        "#]],
    )
    .await;
}
