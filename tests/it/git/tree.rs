//! Which files of a commit are read, and which are refused.

use driftless::source::git::{Credential, SecretRef};
use driftless::source::{ErrorKind, Limits};

use super::*;
use crate::support::git_http::GitHttp;
use crate::support::git_repo::{entry, git, run};

#[tokio::test]
async fn a_branch_is_read_with_who_committed_what_and_when() {
    let repo = Repo::new();
    let id = repo.push(&[file("a.yaml", "one\r\n"), file("team/b.yml", "two"), file("README.md", "no")]);
    let (options, _data) = local(&repo);
    let tree = new(&options, None).await;
    assert_eq!(paths(&tree), ["a.yaml", "team/b.yml"]);
    assert_eq!(&*tree.files["a.yaml"], b"one\r\n");
    assert_eq!(tree.revision.id, id);
    assert_eq!(tree.revision.author, "Ada <ada@example.com>");
    assert_eq!(tree.revision.message, "Change the specs");
    assert_eq!(tree.revision.committed_at.unwrap().to_rfc3339(), "2026-11-01T11:00:00+00:00");
}

#[tokio::test]
async fn a_sub_path_is_read_alone() {
    let repo = Repo::new();
    repo.push(&[file("a.yaml", "1"), file("env/prod/b.yaml", "2"), file("env/prod/x/c.yaml", "3")]);
    let (mut options, _data) = local(&repo);
    options.path = "env/prod".parse().unwrap();
    assert_eq!(paths(&new(&options, None).await), ["b.yaml", "x/c.yaml"]);
    options.path = "env/test".parse().unwrap();
    let error = failed(&options).await;
    let id = repo.resolve("main").unwrap();
    assert_eq!(
        (error.kind, error.message),
        (ErrorKind::NotFound, format!("the path `env/test` is not there in {}", &id[..12]))
    );
    options.path = "a.yaml".parse().unwrap();
    let error = failed(&options).await;
    assert_eq!(error.message, format!("the path `a.yaml` is not a folder in {}", &id[..12]));
}

#[tokio::test]
async fn tags_annotated_or_not_and_commits_are_found() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let second = repo.push(&[file("a.yaml", "2")]);
    repo.push(&[file("a.yaml", "3")]);
    repo.git(&["tag", "plain", &first]);
    repo.git(&["tag", "-a", "-m", "a release", "v1", &second]);
    let (mut options, _data) = local(&repo);
    for (reference, id) in [
        (Reference::tag("plain"), &first),
        (Reference::tag("v1"), &second),
        (Reference::commit(&first), &first),
        (Reference::commit(&second), &second),
    ] {
        options.reference = reference.unwrap();
        assert_eq!(&new(&options, None).await.revision.id, id, "{}", options.reference);
    }
    options.reference = Reference::tag("v2").unwrap();
    assert_eq!(failed(&options).await.message, "tag `v2` not found; it has: plain, v1");
    options.reference = Reference::commit(&"1".repeat(40)).unwrap();
    let error = failed(&options).await;
    assert_eq!(error.message, format!("commit `{}` not found", "1".repeat(40)));
}

#[tokio::test]
async fn what_is_no_document_of_this_repository_is_refused_and_the_rest_is_read() {
    let repo = Repo::new();
    repo.push(&[
        file("good.yaml", "1"),
        entry("120000", b"link.yaml", b"/etc/passwd"),
        entry("120000", b"folder", b".."),
        entry("160000", b"vendor", "2".repeat(40).as_bytes()),
        entry("100644", b"caf\xe9.yaml", b"x"),
        entry("100644", b"back\\slash.yaml", b"x"),
        entry("100644", b".github/ci.yaml", b"x"),
        entry("100644", b"big.yaml", &vec![b'x'; 10_000_000]),
    ]);
    let (options, _data) = local(&repo);
    let tree = new(&options, None).await;
    assert_eq!(paths(&tree), ["good.yaml"]);
    assert_eq!(
        refused(&tree),
        [
            "`back\\\\slash.yaml` is not read: its name has a backslash in it",
            "`big.yaml` is not read: it has 10000000 bytes, the limit is 5000000",
            "`caf\\xe9.yaml` is not read: its name is not UTF-8",
            "`folder` is not read: it is a symlink",
            "`link.yaml` is not read: it is a symlink",
            "`vendor` is not read: it is a submodule",
        ]
    );
}

#[tokio::test]
async fn names_that_git_itself_would_not_write_are_refused() {
    let repo = Repo::new();
    let blob = run(git(&repo.path).args(["hash-object", "-w", "--stdin"]), b"x");
    let raw: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&blob[at * 2..at * 2 + 2], 16).unwrap()).collect();
    let write = |names: &[(&str, &str, &[u8])]| {
        let mut tree = Vec::new();
        for (mode, name, id) in names {
            tree.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            tree.extend_from_slice(id);
        }
        run(git(&repo.path).args(["hash-object", "-w", "-t", "tree", "--literally", "--stdin"]), &tree)
    };
    let id = write(&[("100644", "..", &raw), ("100644", ".GIT", &raw), ("100644", "good.yaml", &raw)]);
    let commit = run(git(&repo.path).args(["commit-tree", &id, "-m", "evil"]), b"");
    repo.git(&["update-ref", "refs/heads/main", &commit]);
    let (options, _data) = local(&repo);
    let tree = new(&options, None).await;
    assert_eq!(paths(&tree), ["good.yaml"]);
    assert_eq!(
        refused(&tree),
        ["`..` is not read: its name leads out of its folder", "`.GIT` is not read: `.git` is no folder of specs"]
    );
}

#[tokio::test]
async fn limits_on_files_bytes_depth_and_transfer_say_limit_and_actual() {
    let repo = Repo::new();
    repo.push(&[file("a.yaml", "123"), file("b.yaml", "456"), file("d/e/f.yaml", "7")]);
    let (mut options, _data) = local(&repo);
    options.limits = Limits { files: 2, ..Limits::default() };
    let error = failed(&options).await;
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert_eq!(error.message, "the revision holds at least 3 files, the limit is 2");
    options.limits = Limits { total_bytes: 5, ..Limits::default() };
    assert_eq!(failed(&options).await.message, "the revision holds at least 6 bytes, the limit is 5");
    options.limits = Limits { depth: 1, ..Limits::default() };
    assert_eq!(refused(&new(&options, None).await), ["`d/e` is not read: it lies 2 folders deep, the limit is 1"]);

    let server = GitHttp::start(repo.folder.path(), None).await;
    let data = tempfile::tempdir().unwrap();
    let mut options = self::options(&server.url("specs.git"), data.path());
    options.received_max = 10;
    let error = failed(&options).await;
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert!(error.message.starts_with("the server sent at least "), "{error}");
    assert!(error.message.ends_with(" bytes, the limit is 10"), "{error}");
}

#[tokio::test]
async fn a_hundred_thousand_files_are_read_and_one_more_is_refused() {
    let repo = Repo::new();
    let mut files: Vec<Entry> =
        (0..100_000).map(|number| file(&format!("team{}/b{number}.yaml", number % 100), "x")).collect();
    repo.push(&files);
    let (options, _data) = local(&repo);
    let tree = new(&options, None).await;
    assert_eq!((tree.files.len(), tree.refused.len()), (100_000, 0));
    files.push(file("one/more.yaml", "x"));
    repo.push(&files);
    let error = fetch(&options, Some(&tree.revision.id)).await.unwrap_err();
    assert_eq!(error.message, "the revision holds at least 100001 files, the limit is 100000");
    assert_eq!(error.hint.unwrap(), "name a `path` with fewer files in it, or raise the limit");
}

#[tokio::test]
async fn a_tree_of_trees_that_never_ends_is_ended() {
    // Ten folders, each holding the next ten times: ten thousand million folders in 11 objects.
    let repo = Repo::new();
    let blob = run(git(&repo.path).args(["hash-object", "-w", "--stdin"]), b"x");
    let mut tree = run(git(&repo.path).arg("mktree"), format!("100644 blob {blob}\ta.txt\n").as_bytes());
    for _ in 0..10 {
        let list: String = (0..10).map(|number| format!("040000 tree {tree}\tt{number}\n")).collect();
        tree = run(git(&repo.path).arg("mktree"), list.as_bytes());
    }
    let commit = run(git(&repo.path).args(["commit-tree", &tree, "-m", "bomb"]), b"");
    repo.git(&["update-ref", "refs/heads/main", &commit]);
    let (options, _data) = local(&repo);
    let error = failed(&options).await;
    assert_eq!(error.kind, ErrorKind::TooLarge, "{error}");
}

#[tokio::test]
async fn an_empty_repository_and_a_missing_branch_are_said() {
    let repo = Repo::new();
    let server = GitHttp::start(repo.folder.path(), None).await;
    let data = tempfile::tempdir().unwrap();
    for url in [repo.path.to_str().unwrap(), &server.url("specs.git")] {
        let error = failed(&options(url, data.path())).await;
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::NotFound, "branch `main` not found: the repository is empty")
        );
    }
    repo.commit("trunk", "x", &[file("a.yaml", "1")], false);
    repo.commit("next", "x", &[file("a.yaml", "1")], false);
    for url in [repo.path.to_str().unwrap(), &server.url("specs.git")] {
        let error = failed(&options(url, data.path())).await;
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::NotFound, "branch `main` not found; it has: next, trunk")
        );
    }
}

#[tokio::test]
async fn a_branch_that_is_removed_later_is_missing_though_it_was_fetched() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    repo.git(&["branch", "next", "main"]);
    let (options, _data) = local(&repo);
    new(&options, None).await;
    repo.git(&["update-ref", "-d", "refs/heads/main"]);
    let error = fetch(&options, Some(&first)).await.unwrap_err();
    assert_eq!(error.message, "branch `main` not found; it has: next");
}

#[test]
fn addresses_and_credentials_that_do_not_go_together_are_refused_at_the_start() {
    let token = || Some(Credential::Token { username: "x".to_owned(), token: SecretRef::Env("T".to_owned()) });
    let key = || Some(Credential::SshKey { file: "/k".into(), passphrase: None });
    for (url, credential, message) in [
        ("git@git.example.com:x", token(), "a token is for https only"),
        ("/srv/x", token(), "a token is for https only"),
        ("https://git.example.com/x", key(), "an ssh key is for ssh only"),
        ("git@git.example.com:x", key(), "ssh needs a `known_hosts` file, as no server is trusted without one"),
    ] {
        let mut options = options(url, Path::new("/nowhere"));
        options.credential = credential;
        let error = GitSource::new(options).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::RefusedUrl, message), "{url}");
    }
}
