//! Reading files, and many files in one commit.

use super::{FILE, Fixture, branch, git, key, path_of, recently};
use crate::error::Error;
use crate::host::{FileChange, GitHost, NewCommit, Onto};
use crate::names::{CommitSha, RepoName};

#[tokio::test]
async fn many_files_are_one_commit_on_a_new_branch() {
    let f = Fixture::new(&[(FILE, "a: 1\n"), ("prod/web.yaml", "a: 1\n")]).await;
    let from = f.head("main").await.head.sha;
    let files = vec![
        f.change(FILE, &from, "a: 2\n").await,
        f.change("prod/web.yaml", &from, "a: 2\n").await,
        f.change("new/dir/x.yaml", &from, "new\n").await,
    ];
    let onto = Onto::NewBranch { branch: branch("sluice/k"), base: branch("main"), from: from.clone() };
    let commit = NewCommit { onto, message: "Deploy\n\nBecause.".into(), key: key("abcdefgh"), files };
    let made = f.host.commit_files(&f.name, &commit).await.unwrap();

    assert_eq!(made.parents, std::slice::from_ref(&from));
    assert_eq!(made.message, "Deploy\n\nBecause.\n\nSluice-Key: abcdefgh\n");
    assert!(made.carries(&key("abcdefgh")) && made.committed_at >= recently());
    assert_eq!(f.head("sluice/k").await.head, made);
    assert_eq!(f.host.commit(&f.name, &made.sha).await.unwrap(), made);
    assert_eq!(f.head("main").await.head.sha, from, "the base branch is left alone");
    f.is_sound();
    let said = f.git(&["log", "-1", "--format=%an <%ae>, %cn%n%s", "--stat", "sluice/k"]);
    assert!(
        said.starts_with("Sluice <sluice@localhost>, Sluice\nDeploy\n") && said.contains("3 files changed"),
        "{said}"
    );
}

#[tokio::test]
async fn all_files_or_none() {
    let f = Fixture::new(&[(FILE, "a: 1\n"), ("b.yaml", "b: 1\n")]).await;
    let from = f.head("main").await.head.sha;
    let stale = f.change("b.yaml", &from, "b: 2\n").await;
    let now = f.push("main", "b.yaml", "b: 9\n");
    let files = vec![f.change(FILE, &now, "a: 2\n").await, stale];
    let commit = |onto| NewCommit { onto, message: "m".into(), key: key("abcdefgh"), files: files.clone() };
    for onto in [
        Onto::Branch { branch: branch("main"), head: now.clone() },
        Onto::Branch { branch: branch("main"), head: from },
        Onto::NewBranch { branch: branch("sluice/k"), base: branch("main"), from: now.clone() },
    ] {
        let error = f.host.commit_files(&f.name, &commit(onto)).await.unwrap_err();
        assert!(matches!(error, Error::BranchMoved { .. }) && error.end_is_known(), "{error}");
    }
    assert_eq!(f.head("main").await.head.sha, now);
    assert_eq!(f.host.branch(&f.name, &branch("sluice/k")).await.unwrap(), None);
}

#[tokio::test]
async fn a_new_branch_starts_from_the_commit_that_was_read() {
    let f = Fixture::with_one_file().await;
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let Onto::NewBranch { from, .. } = commit.onto.clone() else { panic!("{commit:?}") };
    f.push("main", "other.yaml", "x");
    let made = f.host.commit_files(&f.name, &commit).await.unwrap();
    assert_eq!(made.parents, [from], "wherever the base branch went since");

    let rewritten = f.commit_to_new_branch("sluice/l", &key("abcdefgh")).await;
    f.git(&["update-ref", "refs/heads/main", "main^"]);
    let error = f.host.commit_files(&f.name, &rewritten).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_appeared_or_vanished_meanwhile_is_a_conflict() {
    let f = Fixture::new(&[(FILE, "a: 1\n"), ("gone.yaml", "x\n")]).await;
    let before = f.head("main").await.head.sha;
    let appeared = f.change("new.yaml", &before, "mine\n").await;
    let vanished = f.change("gone.yaml", &before, "mine\n").await;
    f.push("main", "new.yaml", "theirs\n");
    let clone = f.clone();
    git(&clone, &["rm", "-q", "gone.yaml"]);
    git(&clone, &["commit", "-q", "-m", "Remove"]);
    git(&clone, &["push", "-q"]);
    let head = f.head("main").await.head.sha;
    for change in [appeared, vanished] {
        let onto = Onto::Branch { branch: branch("main"), head: head.clone() };
        let commit = NewCommit { onto, message: "m".into(), key: key("abcdefgh"), files: vec![change] };
        let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
        assert!(matches!(error, Error::BranchMoved { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_branch_that_exists_is_a_conflict_whatever_the_key_and_its_commit_is_found_by_its_own() {
    let f = Fixture::with_one_file().await;
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let made = f.host.commit_files(&f.name, &commit).await.unwrap();
    let other = NewCommit { key: key("otherkey"), ..commit.clone() };
    for again in [&commit, &other] {
        let error = f.host.commit_files(&f.name, again).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { .. }) && error.end_is_known(), "{error}");
    }
    f.push("sluice/k", "x", "y");
    assert!(!f.head("sluice/k").await.head.carries(&commit.key));
    let find = |key| f.host.find_commit(&f.name, commit.onto.branch(), key, recently());
    assert_eq!(find(&commit.key).await.unwrap(), Some(made), "a push on top does not change which commit is ours");
    assert_eq!(find(&other.key).await.unwrap(), None);
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let found = f.host.find_commit(&f.name, commit.onto.branch(), &commit.key, later).await.unwrap();
    assert_eq!(found, None, "nothing older than the bound is looked at");
}

#[tokio::test]
async fn a_branch_beside_which_git_cannot_keep_the_new_one_is_named() {
    let f = Fixture::with_one_file().await;
    f.push("a/b", "x", "y");
    for (name, other) in [("a/b/c", "a/b"), ("a", "a/b")] {
        let commit = f.commit_to_new_branch(name, &key("abcdefgh")).await;
        let error = f.host.commit_files(&f.name, &commit).await.unwrap_err().to_string();
        assert!(error.contains(&format!("beside {other}; delete that one")), "{error}");
    }
}

#[tokio::test]
async fn a_commit_onto_a_branch_is_redone_from_the_new_head() {
    let f = Fixture::with_one_file().await;
    let stale = f.head("main").await.head.sha;
    f.push("main", FILE, "image: r/web:1 # hi\n");
    let commit = |head, files| NewCommit {
        onto: Onto::Branch { branch: branch("main"), head },
        message: "Deploy".into(),
        key: key("abcdefgh"),
        files,
    };
    let old = vec![f.change(FILE, &stale, "image: r/web:2\n").await];
    let error = f.host.commit_files(&f.name, &commit(stale, old)).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }) && !error.is_transient(), "{error}");
    let head = f.head("main").await.head.sha;
    let new = vec![f.change(FILE, &head, "image: r/web:2 # hi\n").await];
    let made = f.host.commit_files(&f.name, &commit(head.clone(), new)).await.unwrap();
    assert_eq!(made.parents, [head]);
}

#[tokio::test]
async fn contents_modes_and_paths_survive_byte_for_byte() {
    let f = Fixture::with_one_file().await;
    let clone = f.clone();
    // Attributes that ask git to convert line ends change nothing: the bytes go to the blob as they are.
    std::fs::write(clone.join(".gitattributes"), "* text=auto eol=lf\n").unwrap();
    std::fs::write(clone.join("run.sh"), "#!/bin/sh\n").unwrap();
    git(&clone, &["add", "-A"]);
    git(&clone, &["update-index", "--chmod=+x", "run.sh"]);
    git(&clone, &["commit", "-q", "-m", "Attributes"]);
    git(&clone, &["push", "-q"]);
    let head = f.head("main").await.head.sha;
    let cases: [(&str, &[u8]); 7] = [
        ("grün/日本 #1?.yaml", "größe: 😀\n".as_bytes()),
        ("crlf.yaml", b"a: 1\r\nb: 2\r\n"),
        ("bom.yaml", b"\xef\xbb\xbfa: 1"),
        ("bytes.bin", b"\x00\xff\xfe\r\n\r"),
        ("100%25.yaml", b"percent\n"),
        ("empty", b""),
        ("run.sh", b"#!/bin/sh\nexit 1\n"),
    ];
    let mut files = vec![];
    for (path, content) in cases {
        files.push(FileChange { content: content.to_vec(), ..f.change(path, &head, "").await });
    }
    let onto = Onto::Branch { branch: branch("main"), head };
    let commit = NewCommit { onto, message: "Grün 😀".into(), key: key("abcdefgh"), files };
    let made = f.host.commit_files(&f.name, &commit).await.unwrap();
    for (path, content) in cases {
        let read = f.host.read_file(&f.name, &path_of(path), &made.sha).await.unwrap();
        assert_eq!(read.map(|file| file.content).as_deref(), Some(content), "{path}");
    }
    f.is_sound();
    let modes = f.git(&["ls-tree", "main", "run.sh", "empty"]);
    assert!(modes.starts_with("100644") && modes.contains("\n100755"), "{modes}");
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_what_is_missing_is_none() {
    let f = Fixture::new(&[(FILE, "a: 1\n"), ("lfs.bin", "version https://git-lfs.github.com/spec/v1\n")]).await;
    let clone = f.clone();
    std::os::unix::fs::symlink("staging/web.yaml", clone.join("link")).unwrap();
    std::fs::write(clone.join("large"), vec![b'x'; crate::edit::MAX_BYTES + 1]).unwrap();
    git(&clone, &["add", "-A"]);
    git(&clone, &["commit", "-q", "-m", "Odd"]);
    git(&clone, &["push", "-q"]);
    let head = f.head("main").await.head.sha;
    for path in ["nope.yaml", "staging/web.yaml/x"] {
        assert_eq!(f.host.read_file(&f.name, &path_of(path), &head).await.unwrap(), None, "{path}");
    }
    for (path, why) in [
        ("staging", "it is a directory"),
        ("link", "it is a symbolic link"),
        ("lfs.bin", "it is in LFS"),
        ("large", "it has 1048577 bytes, and at most 1048576 are read"),
    ] {
        let error = f.host.read_file(&f.name, &path_of(path), &head).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains(why), "{error}");
    }
    for (path, why) in [
        ("staging/web.yaml/x", "staging/web.yaml is no directory"),
        ("staging", "directory"),
        ("link", "symbolic link"),
    ] {
        let files = vec![FileChange { path: path_of(path), content: vec![], replaces: None }];
        let onto = Onto::Branch { branch: branch("main"), head: head.clone() };
        let commit = NewCommit { onto, message: "m".into(), key: key("abcdefgh"), files };
        let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
        assert!(error.to_string().contains(why) && error.end_is_known(), "{error}");
    }
}

#[tokio::test]
async fn what_is_missing_is_told_apart() {
    let f = Fixture::with_one_file().await;
    let missing = RepoName::parse("nobody/nothing").unwrap();
    let dir = f.dir().parent().unwrap().parent().unwrap().join("nobody/nothing.git");
    for error in [
        f.host.repository(&missing).await.unwrap_err(),
        f.host.branch(&missing, &branch("main")).await.unwrap_err(),
        f.host.find_pull_requests(&missing, &branch("x"), recently()).await.unwrap_err(),
    ] {
        let remedy = format!("`git init --bare {}` makes one", dir.display());
        assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains(&remedy), "{error}");
    }
    assert_eq!(f.host.branch(&f.name, &branch("nope")).await.unwrap(), None);
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let Onto::NewBranch { branch: new, from, .. } = commit.onto.clone() else { panic!("{commit:?}") };
    let commit = NewCommit { onto: Onto::NewBranch { branch: new, base: branch("nope"), from }, ..commit };
    let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("branch nope"), "{error}");
    let nowhere = CommitSha::parse(&"1".repeat(40)).unwrap();
    let longer = CommitSha::parse(&"1".repeat(64)).unwrap();
    for sha in [nowhere, longer] {
        let error = f.host.read_file(&f.name, &path_of(FILE), &sha).await.unwrap_err();
        assert!(
            matches!(error, Error::NotFound { .. }) && error.to_string().contains("commit 111111111111"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_text_that_git_cannot_keep_is_refused() {
    let f = Fixture::with_one_file().await;
    let mut commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    commit.message = "a\0b".into();
    let error = f.host.commit_files(&f.name, &commit).await.unwrap_err().to_string();
    assert!(error.contains("NUL"), "{error}");
}
