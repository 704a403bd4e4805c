//! Reading files, and many files in one commit of git's own objects.

use sluice_scm::{Error, FileChange, NewCommit, Onto, RepoName, RepoPath, same_repository};
use sluice_tests::github::{Change, GitHub};

use super::{FILE, Fixture, branch, host, key, recently, text};

fn path(path: &str) -> RepoPath {
    RepoPath::parse(path).unwrap()
}

#[tokio::test]
async fn many_files_are_one_commit_on_a_new_branch() {
    let f = Fixture::new(&[(FILE, "a: 1\n"), ("prod/web.yaml", "a: 1\n"), ("prod/other.yaml", "b: 1\n")]);
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
    assert!(made.carries(&key("abcdefgh")) && made.message.starts_with("Deploy\n\nBecause.\n\nSluice-Key: "));
    assert_eq!(f.head("sluice/k").await.head, made);
    assert_eq!(f.host.commit(&f.name, &made.sha).await.unwrap(), made);
    assert_eq!(f.head("main").await.head.sha, from, "the base branch is left alone");
    for (path, content) in
        [(FILE, "a: 2\n"), ("prod/web.yaml", "a: 2\n"), ("new/dir/x.yaml", "new\n"), ("prod/other.yaml", "b: 1\n")]
    {
        assert_eq!(f.repo.file("sluice/k", path), Some(("100644".into(), content.into())));
    }
    let written = |kind: &str| f.repo.requests().iter().filter(|request| request.ends_with(kind)).count();
    assert_eq!([written("/git/commits"), written("/git/trees"), written("/git/refs")], [1, 1, 1]);
}

#[tokio::test]
async fn contents_paths_and_modes_survive_byte_for_byte() {
    let f = Fixture::with_one_file();
    f.repo.commit("main", "Tool", &[Change { path: "bin/tool", mode: "100755", content: b"#!/bin/sh\n" }]);
    let from = f.head("main").await.head.sha;
    let cases: [(&str, &[u8]); 6] = [
        ("grün/日本 #1?.yaml", "größe: 😀\n".as_bytes()),
        ("crlf.yaml", b"a: 1\r\nb: 2\r\n"),
        ("bom.yaml", b"\xef\xbb\xbfa: 1"),
        ("bytes.bin", b"\x00\xff\xfe\r\n\r"),
        ("100%25.yaml", b"percent\n"),
        ("empty", b""),
    ];
    let mut files: Vec<FileChange> = cases
        .iter()
        .map(|(name, content)| FileChange { path: path(name), content: content.to_vec(), replaces: None })
        .collect();
    files.push(f.change("bin/tool", &from, "#!/bin/sh\nexit 1\n").await);
    let made = f.commit_to_main(&from, files).await.unwrap();
    for (name, content) in cases {
        let read = f.host.read_file(&f.name, &path(name), &made.sha).await.unwrap();
        assert_eq!(read.map(|file| file.content).as_deref(), Some(content), "{name}");
        assert_eq!(f.repo.file("main", name), Some(("100644".into(), content.into())));
    }
    assert_eq!(f.repo.file("main", "bin/tool"), Some(("100755".into(), b"#!/bin/sh\nexit 1\n".into())));
}

#[tokio::test]
async fn a_file_that_is_another_than_was_read_is_a_conflict_and_nothing_is_written() {
    let f = Fixture::new(&[(FILE, "a: 1\n"), ("b.yaml", "b: 1\n")]);
    let old = f.head("main").await.head.sha;
    let stale = f.change("b.yaml", &old, "b: 2\n").await;
    let appeared = f.change("new.yaml", &old, "mine\n").await;
    f.repo.commit("main", "Somebody else", &[text("b.yaml", "b: 9\n"), text("new.yaml", "theirs\n")]);
    let now = f.head("main").await.head.sha;
    let good = f.change(FILE, &now, "a: 2\n").await;
    for bad in [stale, appeared] {
        let error = f.commit_to_main(&now, vec![good.clone(), bad]).await.unwrap_err();
        assert!(matches!(error, Error::BranchMoved { .. }) && error.end_is_known(), "{error}");
    }
    assert_eq!(f.head("main").await.head.sha, now);
    assert!(!f.repo.requests().iter().any(|request| request.starts_with("POST")), "{:?}", f.repo.requests());
}

#[tokio::test]
async fn a_branch_that_moved_is_not_overwritten_and_the_commit_is_redone_from_its_head() {
    let f = Fixture::with_one_file();
    let stale = f.head("main").await.head.sha;
    let change = f.change(FILE, &stale, "image: r/web:2\n").await;
    let theirs = f.repo.commit("main", "Somebody else", &[text(FILE, "image: r/web:1 # hi\n")]);
    let error = f.commit_to_main(&stale, vec![change.clone()]).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }) && !error.is_transient(), "{error}");
    assert_eq!(f.repo.head("main").unwrap(), theirs);

    // A push between the look and the write: git's own check.
    f.repo.reset("main", stale.as_str());
    f.repo.refuse_next(reqwest::Method::PATCH, "/git/refs/", 422, &[], "Update is not a fast forward");
    let error = f.commit_to_main(&stale, vec![change]).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }) && error.end_is_known(), "{error}");

    f.repo.reset("main", &theirs);
    let head = f.head("main").await.head.sha;
    let new = vec![f.change(FILE, &head, "image: r/web:2 # hi\n").await];
    let made = f.commit_to_main(&head, new).await.unwrap();
    assert_eq!((made.parents, f.repo.head("main").unwrap()), (vec![head], made.sha.to_string()));
}

#[tokio::test]
async fn a_branch_that_was_set_back_is_not_taken_forward_again() {
    let f = Fixture::with_one_file();
    let first = f.repo.head("main").unwrap();
    f.repo.commit("main", "Bad", &[text("bad.yaml", "x")]);
    let head = f.head("main").await.head.sha;
    let change = f.change(FILE, &head, "image: r/web:2\n").await;
    f.repo.reset("main", &first);
    let error = f.commit_to_main(&head, vec![change]).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }), "{error}");
    assert_eq!(f.repo.head("main").unwrap(), first);
}

#[tokio::test]
async fn a_branch_that_exists_is_a_conflict_whatever_the_key_and_its_commit_is_found_by_its_own() {
    let f = Fixture::with_one_file();
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let made = f.host.commit_files(&f.name, &commit).await.unwrap();
    let other = NewCommit { key: key("otherkey"), ..commit.clone() };
    for again in [&commit, &other] {
        let error = f.host.commit_files(&f.name, again).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { .. }) && error.end_is_known(), "{error}");
    }
    f.repo.commit("sluice/k", "Somebody else", &[text("x", "y")]);
    assert!(!f.head("sluice/k").await.head.carries(&commit.key));
    let find = |key| f.host.find_commit(&f.name, commit.onto.branch(), key, recently());
    assert_eq!(find(&commit.key).await.unwrap(), Some(made), "a push on top does not change which commit is ours");
    assert_eq!(find(&other.key).await.unwrap(), None);
}

#[tokio::test]
async fn a_base_that_moved_is_no_conflict_for_a_new_branch() {
    let f = Fixture::with_one_file();
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let Onto::NewBranch { from, .. } = commit.onto.clone() else { panic!("{commit:?}") };
    f.repo.commit("main", "Somebody else", &[text("other.yaml", "x")]);
    let made = f.host.commit_files(&f.name, &commit).await.unwrap();
    assert_eq!(made.parents, [from], "its parent is the commit that was read");
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_what_is_missing_is_none() {
    let f = Fixture::with_one_file();
    f.repo.commit(
        "main",
        "Odd ones",
        &[
            Change { path: "link", mode: "120000", content: b"staging/web.yaml" },
            Change { path: "module", mode: "160000", content: b"" },
            text("large.yaml", &"x".repeat((1 << 20) + 1)),
            text("lfs.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        ],
    );
    let head = f.head("main").await.head.sha;
    for missing in ["nope.yaml", "staging/nope.yaml", "staging/web.yaml/x"] {
        assert_eq!(f.host.read_file(&f.name, &path(missing), &head).await.unwrap(), None, "{missing}");
    }
    for (odd, why) in [
        ("staging", "directory"),
        ("link", "symbolic link"),
        ("link/x", "symbolic link"),
        ("module", "submodule"),
        ("large.yaml", "1048577 bytes"),
        ("lfs.yaml", "LFS"),
    ] {
        let error = f.host.read_file(&f.name, &path(odd), &head).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains(why), "{error}");
    }
    for odd in ["staging/web.yaml/x", "link", "module/x", "staging"] {
        let change = FileChange { path: path(odd), content: vec![], replaces: None };
        let error = f.commit_to_main(&head, vec![change]).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{odd}: {error}");
    }
    let nowhere = sluice_scm::CommitSha::parse(&"1".repeat(40)).unwrap();
    let error = f.host.read_file(&f.name, &path(FILE), &nowhere).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("commit 111111111111"), "{error}");
}

#[tokio::test]
async fn a_repository_says_its_branch_and_urls_and_whether_it_is_archived() {
    let f = Fixture::with_one_file();
    let found = f.host.repository(&f.name).await.unwrap();
    assert_eq!((found.name.as_str(), found.default_branch.as_str(), found.read_only), (f.name.as_str(), "main", false));
    let ssh = format!("git@github.com:{}.git", f.name);
    assert!(found.clone_urls.iter().all(|url| same_repository(url, &ssh)), "{found:?}");
    assert_eq!(found.html_url, format!("https://github.com/{}", f.name));

    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    f.repo.archive();
    assert!(f.host.repository(&f.name).await.unwrap().read_only);
    let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }) && error.to_string().contains("archived"), "{error}");
}

#[tokio::test]
async fn a_missing_repository_and_a_missing_branch_are_told_apart() {
    let f = Fixture::with_one_file();
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    assert_eq!(f.host.branch(&f.name, &branch("nope")).await.unwrap(), None);
    let missing = RepoName::parse(&format!("{}-2", f.name)).unwrap();
    for error in [
        f.host.repository(&missing).await.unwrap_err(),
        f.host.branch(&missing, &branch("main")).await.unwrap_err(),
        f.host.find_pull_requests(&missing, &branch("x"), recently()).await.unwrap_err(),
        f.host.commit_files(&missing, &commit).await.unwrap_err(),
        f.host.open_pull_request(&missing, &super::new_pull("x", &key("abcdefgh"))).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains(missing.as_str()), "{error}");
        assert!(error.to_string().contains("the right to read it"), "{error}");
    }
}

#[tokio::test]
async fn who_may_only_read_and_who_may_not_push_are_forbidden_to_write() {
    let f = Fixture::with_one_file();
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let reader = host(GitHub::shared().url(), &f.repo.new_token(false));
    let error = reader.commit_files(&f.name, &commit).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }) && error.end_is_known(), "{error}");
    assert!(error.to_string().contains("contents=write"), "{error}");

    f.repo.require(&["ci"], 0, false);
    let head = f.head("main").await.head.sha;
    let change = f.change(FILE, &head, "x\n").await;
    let error = f.commit_to_main(&head, vec![change]).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }) && error.to_string().contains("pull request"), "{error}");
}

#[tokio::test]
async fn a_renamed_repository_is_read_under_its_old_name_and_not_written() {
    let f = Fixture::with_one_file();
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let now = f.repo.rename("renamed");
    // Prism follows redirects by itself.
    let direct = host(GitHub::shared().direct_url(), f.repo.token());
    assert_eq!(direct.repository(&f.name).await.unwrap().name.as_str(), now);
    assert!(direct.branch(&f.name, &branch("main")).await.unwrap().is_some());
    let error = direct.commit_files(&f.name, &commit).await.unwrap_err();
    assert!(error.to_string().contains(&format!("has moved to {now}; use the new name")), "{error}");
    assert!(matches!(error, Error::Refused { .. }) && error.end_is_known() && !error.is_transient(), "{error}");
}
