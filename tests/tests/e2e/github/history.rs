//! Which commit came before which, and the commit of a key among many.

use sluice_scm::{CommitSha, Error};

use super::{FILE, Fixture, branch, key, recently, text};

fn sha(text: &str) -> CommitSha {
    CommitSha::parse(text).unwrap()
}

#[tokio::test]
async fn a_commit_is_an_ancestor_of_what_was_made_on_it() {
    let f = Fixture::with_one_file();
    let first = sha(&f.repo.head("main").unwrap());
    let second = sha(&f.repo.commit("main", "Two", &[text(FILE, "2\n")]));
    let aside = sha(&f.repo.commit("aside", "Three", &[text(FILE, "3\n")]));
    f.repo.commit("main", "Four", &[text(FILE, "4\n")]);
    let last = sha(&f.repo.head("main").unwrap());
    for (ancestor, descendant, is) in [
        (&first, &last, true),
        (&second, &last, true),
        (&last, &last, true),
        (&last, &first, false),
        (&aside, &last, false),
        (&last, &aside, false),
        (&second, &aside, true),
    ] {
        assert_eq!(f.host.is_ancestor(&f.name, ancestor, descendant).await.unwrap(), is, "{ancestor} {descendant}");
    }
    let nowhere = sha(&"1".repeat(40));
    for (one, other) in [(&nowhere, &last), (&last, &nowhere), (&nowhere, &nowhere)] {
        let error = f.host.is_ancestor(&f.name, one, other).await.unwrap_err();
        assert!(matches!(&error, Error::NotFound { what, .. } if what.contains("111111111111")), "{error}");
    }
}

#[tokio::test]
async fn commits_without_a_common_one_are_no_ancestors() {
    let f = Fixture::with_one_file();
    let (first, second) = (sha(&f.repo.head("main").unwrap()), sha(&f.repo.commit("main", "Two", &[text("x", "y")])));
    // "Compare two commits", of histories that never met.
    let message = format!("No common ancestor between {first} and {second}.");
    f.repo.refuse_next(reqwest::Method::GET, "/compare/", 404, &[], &message);
    assert!(!f.host.is_ancestor(&f.name, &first, &second).await.unwrap());
}

#[tokio::test]
async fn a_key_is_found_beyond_the_first_page_and_not_before_its_time() {
    let f = Fixture::with_one_file();
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let made = f.host.commit_files(&f.name, &commit).await.unwrap();
    for number in 0..110 {
        f.repo.commit("sluice/k", &format!("Noise {number}"), &[text("noise", &number.to_string())]);
    }
    let find = |since| {
        let f = &f;
        async move { f.host.find_commit(&f.name, &branch("sluice/k"), &key("abcdefgh"), since).await }
    };
    assert_eq!(find(recently()).await.unwrap(), Some(made));
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    assert_eq!(find(later).await.unwrap(), None, "nothing older than the bound is looked at");
    let error = f.host.find_commit(&f.name, &branch("nope"), &key("abcdefgh"), recently()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}
