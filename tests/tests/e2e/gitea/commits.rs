//! Reading files, and many files in one commit.

use sluice_scm::{Error, FileChange, NewCommit, Onto, RepoName, RepoPath, same_repository};

use super::{FILE, Fixture, branch, host, key, recently};

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
    assert!(made.carries(&key("abcdefgh")) && made.message.starts_with("Deploy\n\nBecause.\n\nSluice-Key: "));
    assert_eq!(f.head("sluice/k").await.head, made);
    assert_eq!(f.host.commit(&f.name, &made.sha).await.unwrap(), made);
    assert_eq!(f.head("main").await.head.sha, from, "the base branch is left alone");
    for (path, content) in [(FILE, "a: 2\n"), ("prod/web.yaml", "a: 2\n"), ("new/dir/x.yaml", "new\n")] {
        assert_eq!(f.repo.read(path, "sluice/k").await.unwrap(), content);
    }
}

#[tokio::test]
async fn all_files_or_none() {
    let f = Fixture::new(&[(FILE, "a: 1\n"), ("b.yaml", "b: 1\n")]).await;
    let from = f.head("main").await.head.sha;
    let stale = f.change("b.yaml", &from, "b: 2\n").await;
    f.repo.commit("main", "Somebody else", &[("b.yaml", "b: 9\n")]).await.unwrap();
    let now = f.head("main").await.head.sha;
    let files = vec![f.change(FILE, &now, "a: 2\n").await, stale];
    let commit = |onto| NewCommit { onto, message: "m".into(), key: key("abcdefgh"), files: files.clone() };

    let onto = Onto::Branch { branch: branch("main"), head: now.clone() };
    let error = f.host.commit_files(&f.name, &commit(onto)).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }) && error.end_is_known(), "{error}");
    let onto = Onto::NewBranch { branch: branch("sluice/k"), base: branch("main"), from };
    let error = f.host.commit_files(&f.name, &commit(onto)).await.unwrap_err();
    assert!(matches!(error, Error::BranchMoved { .. }), "{error}");
    assert_eq!(f.head("main").await.head.sha, now);
    assert_eq!(f.host.branch(&f.name, &branch("sluice/k")).await.unwrap(), None);
}

#[tokio::test]
async fn a_base_that_moved_elsewhere_is_no_conflict() {
    let f = Fixture::with_one_file().await;
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let later = f.repo.commit("main", "Somebody else", &[("other.yaml", "x")]).await.unwrap();
    let made = f.host.commit_files(&f.name, &commit).await.unwrap();
    assert_eq!(made.parents[0].as_str(), later, "Gitea commits onto the head, and says so");
}

#[tokio::test]
async fn a_file_that_appeared_or_vanished_meanwhile_is_a_conflict() {
    let f = Fixture::new(&[(FILE, "a: 1\n"), ("gone.yaml", "x\n")]).await;
    let head = f.head("main").await.head.sha;
    let appeared = f.change("new.yaml", &head, "mine\n").await;
    let vanished = f.change("gone.yaml", &head, "mine\n").await;
    f.repo.commit("main", "Somebody else", &[("new.yaml", "theirs\n")]).await.unwrap();
    let body =
        serde_json::json!({"branch": "main", "message": "Remove", "sha": vanished.replaces.as_ref().unwrap().as_str()});
    f.repo.call(reqwest::Method::DELETE, "/contents/gone.yaml", Some(body)).await.unwrap();
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
    assert_eq!(f.head("sluice/k").await.head, made);

    f.repo.commit("sluice/k", "Somebody else", &[("x", "y")]).await.unwrap();
    assert!(!f.head("sluice/k").await.head.carries(&commit.key));
    let find = |key| f.host.find_commit(&f.name, commit.onto.branch(), key, recently());
    assert_eq!(find(&commit.key).await.unwrap(), Some(made), "a push on top does not change which commit is ours");
    assert_eq!(find(&other.key).await.unwrap(), None);
}

#[tokio::test]
async fn of_many_that_make_one_branch_at_once_one_does_and_each_loser_may_look_for_it() {
    let f = Fixture::with_one_file().await;
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let all = futures::future::join_all((0..6).map(|_| f.host.commit_files(&f.name, &commit))).await;
    let head = f.head("sluice/k").await.head;
    assert!(head.carries(&commit.key), "{head:?}");
    for result in all {
        match result {
            Ok(made) => assert_eq!(made, head),
            Err(Error::AlreadyExists { .. }) => {}
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
}

#[tokio::test]
async fn of_many_commits_to_one_branch_at_once_none_is_lost_and_each_loser_knows() {
    let f = Fixture::with_one_file().await;
    let head = f.head("main").await.head.sha;
    let commit = |n: usize| NewCommit {
        onto: Onto::Branch { branch: branch("main"), head: head.clone() },
        message: "Deploy".into(),
        key: key(&format!("key-number-{n}")),
        files: vec![FileChange {
            path: RepoPath::parse(&format!("{n}.yaml")).unwrap(),
            content: vec![],
            replaces: None,
        }],
    };
    let commits: Vec<NewCommit> = (0..6).map(commit).collect();
    let all = futures::future::join_all(commits.iter().map(|commit| f.host.commit_files(&f.name, commit))).await;
    for (commit, result) in commits.iter().zip(all) {
        let found = f.host.find_commit(&f.name, &branch("main"), &commit.key, recently()).await.unwrap();
        match result {
            Ok(made) => assert_eq!(found, Some(made)),
            Err(Error::BranchMoved { .. }) => assert_eq!(found, None),
            Err(error) => assert!(!error.end_is_known(), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_commit_onto_a_branch_is_redone_from_the_new_head() {
    let f = Fixture::with_one_file().await;
    let stale = f.head("main").await.head.sha;
    f.repo.commit("main", "Somebody else", &[(FILE, "image: r/web:1 # hi\n")]).await.unwrap();
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
    f.repo.commit("main", "Later", &[("x", "y")]).await.unwrap();
    let found = f.host.find_commit(&f.name, &branch("main"), &key("abcdefgh"), recently()).await.unwrap();
    assert_eq!(found, Some(made));
    let other = f.host.find_commit(&f.name, &branch("main"), &key("otherkey"), recently()).await.unwrap();
    assert_eq!(other, None);
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let past = f.host.find_commit(&f.name, &branch("main"), &key("abcdefgh"), later).await.unwrap();
    assert_eq!(past, None, "nothing older than the bound is looked at");
}

#[tokio::test]
async fn contents_and_paths_survive_byte_for_byte() {
    let f = Fixture::with_one_file().await;
    let from = f.head("main").await.head.sha;
    let cases: [(&str, &[u8]); 6] = [
        ("grün/日本 #1?.yaml", "größe: 😀\n".as_bytes()),
        ("crlf.yaml", b"a: 1\r\nb: 2\r\n"),
        ("bom.yaml", b"\xef\xbb\xbfa: 1"),
        ("bytes.bin", b"\x00\xff\xfe\r\n\r"),
        ("100%25.yaml", b"percent\n"),
        ("empty", b""),
    ];
    // Attributes that ask git to convert line ends change nothing: the bytes go to the blob as they are.
    f.repo.commit("main", "Attributes", &[(".gitattributes", "* text=auto eol=lf\n")]).await.unwrap();
    let files = cases.map(|(path, content)| FileChange {
        path: RepoPath::parse(path).unwrap(),
        content: content.into(),
        replaces: None,
    });
    let onto = Onto::Branch { branch: branch("main"), head: from };
    let commit = NewCommit { onto, message: "Grün 😀".into(), key: key("abcdefgh"), files: files.to_vec() };
    let made = f.host.commit_files(&f.name, &commit).await.unwrap();
    for (path, content) in cases {
        let path = RepoPath::parse(path).unwrap();
        let read = f.host.read_file(&f.name, &path, &made.sha).await.unwrap();
        assert_eq!(read.map(|file| file.content).as_deref(), Some(content), "{path}");
    }
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_what_is_missing_is_none() {
    let f = Fixture::with_one_file().await;
    let head = f.head("main").await.head.sha;
    let read = |path: &str| {
        let path = RepoPath::parse(path).unwrap();
        let (host, name, head) = (f.host.clone(), f.name.clone(), head.clone());
        async move { host.read_file(&name, &path, &head).await }
    };
    assert_eq!(read("nope.yaml").await.unwrap(), None);
    assert_eq!(read("staging/web.yaml/x").await.unwrap(), None);
    let error = read("staging").await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains("directory"), "{error}");
    let nowhere = sluice_scm::CommitSha::parse(&"1".repeat(40)).unwrap();
    let error = f.host.read_file(&f.name, &RepoPath::parse(FILE).unwrap(), &nowhere).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("commit 111111111111"), "{error}");
}

#[tokio::test]
async fn a_file_under_a_file_is_refused() {
    let f = Fixture::with_one_file().await;
    let head = f.head("main").await.head.sha;
    let files =
        vec![FileChange { path: RepoPath::parse("staging/web.yaml/x").unwrap(), content: vec![], replaces: None }];
    let commit = NewCommit {
        onto: Onto::Branch { branch: branch("main"), head },
        message: "m".into(),
        key: key("abcdefgh"),
        files,
    };
    let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 422, .. }) && error.end_is_known(), "{error}");
}

#[tokio::test]
async fn a_repository_says_its_branch_and_urls() {
    let f = Fixture::with_one_file().await;
    let found = f.host.repository(&f.name).await.unwrap();
    assert_eq!((found.name.as_str(), found.default_branch.as_str(), found.read_only), (f.name.as_str(), "main", false));
    assert!(found.clone_urls.iter().any(|url| same_repository(url, &f.repo.clone_url())), "{found:?}");
    assert!(same_repository(&found.html_url, &f.repo.clone_url()), "{found:?}");
}

#[tokio::test]
async fn a_wrong_token_a_missing_repository_and_a_missing_branch_are_told_apart() {
    let f = Fixture::with_one_file().await;
    let error = host(&f.cluster, "0123456789012345678901234567890123456789").repository(&f.name).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }) && !error.is_transient(), "{error}");
    assert!(!error.to_string().contains("0123456789"), "{error}");

    let missing = RepoName::parse("nobody/nothing").unwrap();
    for error in [
        f.host.repository(&missing).await.unwrap_err(),
        f.host.branch(&missing, &branch("main")).await.unwrap_err(),
        f.host.find_pull_requests(&missing, &branch("x"), recently()).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("nobody/nothing"), "{error}");
    }
    assert_eq!(f.host.branch(&f.name, &branch("nope")).await.unwrap(), None);
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let Onto::NewBranch { branch: new, from, .. } = commit.onto.clone() else { panic!("{commit:?}") };
    let commit = NewCommit { onto: Onto::NewBranch { branch: new, base: branch("nope"), from }, ..commit };
    let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }) && error.to_string().contains("branch nope"), "{error}");
}

#[tokio::test]
async fn who_may_only_read_is_forbidden_to_write() {
    let f = Fixture::with_one_file().await;
    let (_, reader) = f.cluster.gitea().new_user("reader").await.unwrap();
    let host = host(&f.cluster, reader.token());
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    let error = host.commit_files(&f.name, &commit).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }) && error.end_is_known(), "{error}");
}

#[tokio::test]
async fn a_protected_branch_refuses_a_commit_for_good() {
    let f = Fixture::with_one_file().await;
    let rule = serde_json::json!({"rule_name": "main", "enable_push": false});
    f.repo.call(reqwest::Method::POST, "/branch_protections", Some(rule)).await.unwrap();
    let head = f.head("main").await.head.sha;
    let files = vec![f.change(FILE, &head, "x\n").await];
    let commit = NewCommit {
        onto: Onto::Branch { branch: branch("main"), head },
        message: "m".into(),
        key: key("abcdefgh"),
        files,
    };
    let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error}");
}

#[tokio::test]
async fn a_renamed_repository_is_read_under_its_old_name_and_not_written() {
    let f = Fixture::with_one_file().await;
    let commit = f.commit_to_new_branch("sluice/k", &key("abcdefgh")).await;
    f.repo.call(reqwest::Method::PATCH, "", Some(serde_json::json!({"name": "renamed"}))).await.unwrap();
    let found = f.host.repository(&f.name).await.unwrap();
    assert_eq!(found.name.name(), "renamed");
    let error = f.host.commit_files(&f.name, &commit).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }) && error.to_string().contains("renamed"), "{error}");
}
