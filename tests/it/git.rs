//! Git as a source, against real git servers: a path, http, and ssh on the loopback address.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use driftless::source::git::{Credential, GitOptions, GitSource, Rewritten, SecretRef};
use driftless::source::url::Reference;
use driftless::source::{Error, ErrorKind, Fetched, HeldReason, Limits, Source, Tree};

use crate::support::git_http::{GitHttp, Mode};
use crate::support::git_repo::{Entry, Repo, entry, file, git, run};
use crate::support::git_ssh::GitSsh;

/// Far more than any of these fetches takes.
const ENOUGH: Duration = Duration::from_secs(120);

fn options(url: &str, data: &Path) -> GitOptions {
    let mut options = GitOptions::new(url.parse().unwrap(), Reference::branch("main").unwrap(), data);
    options.program = Some(PathBuf::from(env!("CARGO_BIN_EXE_driftless")));
    options
}

/// A source of a repository's path, with the folder of its local copy.
fn local(repo: &Repo) -> (GitOptions, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    (options(repo.path.to_str().unwrap(), data.path()), data)
}

async fn fetch(options: &GitOptions, known: Option<&str>) -> Result<Fetched, Error> {
    GitSource::new(options.clone())?.fetch(known, ENOUGH).await
}

async fn new(options: &GitOptions, known: Option<&str>) -> Tree {
    match fetch(options, known).await.unwrap_or_else(|error| panic!("{error}\n{:?}", error.hint)) {
        Fetched::New { tree, despite: None } => tree,
        other => panic!("{other:?}"),
    }
}

async fn failed(options: &GitOptions) -> Error {
    match fetch(options, None).await {
        Err(error) => error,
        Ok(other) => panic!("{other:?}"),
    }
}

fn paths(tree: &Tree) -> Vec<&str> {
    tree.files.keys().map(|path| &**path).collect()
}

fn refused(tree: &Tree) -> Vec<String> {
    tree.refused.iter().map(ToString::to_string).collect()
}

fn many(count: usize) -> Vec<Entry> {
    (0..count).map(|number| file(&format!("b{number:03}.yaml"), "x")).collect()
}

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
async fn a_commit_is_found_on_a_server_that_does_not_give_commits_by_id() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    repo.push(&[file("a.yaml", "2")]);
    let server = GitHttp::start(repo.folder.path(), None).await;
    for allowed in ["false", "true"] {
        repo.git(&["config", "uploadpack.allowAnySHA1InWant", allowed]);
        let data = tempfile::tempdir().unwrap();
        let mut options = options(&server.url("specs.git"), data.path());
        options.reference = Reference::commit(&first).unwrap();
        assert_eq!(&*new(&options, None).await.files["a.yaml"], b"1", "allowed: {allowed}");
    }
}

#[tokio::test]
async fn an_unchanged_revision_is_not_read_again() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let server = GitHttp::start(repo.folder.path(), None).await;
    let data = tempfile::tempdir().unwrap();
    let options = options(&server.url("specs.git"), data.path());
    assert_eq!(new(&options, None).await.revision.id, first);
    server.take_seen();
    assert_eq!(fetch(&options, Some(&first)).await.unwrap(), Fetched::Unchanged);
    assert_eq!(server.take_seen(), ["GET /specs.git/info/refs?service=git-upload-pack"]);
    let second = repo.push(&[file("a.yaml", "2")]);
    assert_eq!(new(&options, Some(&first)).await.revision.id, second);
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
async fn a_token_from_a_file_is_read_at_each_fetch_and_a_wrong_one_is_said() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let server = GitHttp::start(repo.folder.path(), Some("x-access-token:right-token")).await;
    let data = tempfile::tempdir().unwrap();
    let mut options = options(&server.url("specs.git"), data.path());
    let url = options.url.to_string();

    let error = failed(&options).await;
    assert_eq!(error.kind, ErrorKind::Auth);
    assert_eq!(
        error.to_string(),
        format!("fetch of `{url}` failed: the server asks for credentials and none are configured")
    );

    let token = data.path().join("token");
    options.credential =
        Some(Credential::Token { username: Credential::USERNAME.to_owned(), token: SecretRef::File(token.clone()) });
    let mut source = GitSource::new(options.clone()).unwrap();
    let error = source.fetch(None, ENOUGH).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(error.message.starts_with(&format!("the file `{}` cannot be read: ", token.display())), "{error}");

    std::fs::write(&token, "wrong-token\n").unwrap();
    server.take_seen();
    let error = source.fetch(None, ENOUGH).await.unwrap_err();
    assert_eq!(error.to_string(), format!("fetch of `{url}` failed: the server refused the token"));
    assert_eq!(error.hint.as_deref(), Some("check that the token is valid and may read the repository"));
    assert!(server.take_seen().len() <= 3, "a refused token is not sent again and again");

    std::fs::write(&token, "right-token\n").unwrap();
    let Fetched::New { tree, .. } = source.fetch(None, ENOUGH).await.unwrap() else { panic!() };
    assert_eq!(tree.revision.id, first);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let repo = Repo::new();
    repo.push(&[file("a.yaml", "1")]);
    let elsewhere = GitHttp::start(repo.folder.path(), None).await;
    let server = GitHttp::start(repo.folder.path(), None).await;
    server.set(Mode::Redirect(format!("http://localhost:{}", elsewhere.port())));
    let data = tempfile::tempdir().unwrap();
    let mut options = options(&server.url("specs.git"), data.path());
    let token = data.path().join("token");
    std::fs::write(&token, "secret-token").unwrap();
    options.credential = Some(Credential::Token { username: "bot".to_owned(), token: SecretRef::File(token) });
    let error = failed(&options).await;
    assert_eq!(error.kind, ErrorKind::Redirect);
    assert_eq!(error.message, "the server sends elsewhere: cannot redirect from '127.0.0.1' to 'localhost'");
    assert_eq!(elsewhere.take_seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_fails_is_told_from_one_that_has_no_such_repository() {
    let repo = Repo::new();
    repo.push(&[file("a.yaml", "1")]);
    let server = GitHttp::start(repo.folder.path(), None).await;
    let data = tempfile::tempdir().unwrap();
    for (mode, path, kind, message) in [
        (Mode::Status(500), "specs.git", ErrorKind::Server, "the server answered with status 500"),
        (Mode::Status(403), "specs.git", ErrorKind::Auth, "the server answered with status 403"),
        (Mode::Serve, "other.git", ErrorKind::NotFound, "the server answered with status 404"),
        (Mode::Status(200), "specs.git", ErrorKind::Network, "no content-type header in response"),
    ] {
        server.set(mode.clone());
        let error = failed(&options(&server.url(path), data.path())).await;
        assert_eq!((error.kind, error.message.as_str()), (kind, message), "{mode:?}");
    }
    let error = failed(&options("/nowhere/specs.git", data.path())).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::NotFound, "no such repository"));
    let error = failed(&options("http://driftless.invalid/specs.git", data.path())).await;
    assert_eq!(error.kind, ErrorKind::Network, "{error}");
    let closed = format!("http://127.0.0.1:{}/x", free_port());
    let error = failed(&options(&closed, data.path())).await;
    assert_eq!(error.kind, ErrorKind::Network, "{error}");
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_fetch_that_hangs_is_ended_by_its_deadline_and_the_next_one_succeeds() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let server = GitHttp::start(repo.folder.path(), None).await;
    server.set(Mode::Hang);
    let data = tempfile::tempdir().unwrap();
    let mut source = GitSource::new(options(&server.url("specs.git"), data.path())).unwrap();
    let began = Instant::now();
    let error = source.fetch(None, Duration::from_millis(500)).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(error.message, "not done within 500ms; the fetch was ended");
    server.set(Mode::Serve);
    let Fetched::New { tree, .. } = source.fetch(None, ENOUGH).await.unwrap() else { panic!() };
    assert_eq!(tree.revision.id, first);
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

#[tokio::test]
async fn a_repository_that_vanishes_and_comes_back_loses_nothing() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let (options, _data) = local(&repo);
    let mut source = GitSource::new(options).unwrap();
    let Fetched::New { tree, .. } = source.fetch(None, ENOUGH).await.unwrap() else { panic!() };
    source.mark_good(&first).await.unwrap();
    let away = repo.folder.path().join("away.git");
    std::fs::rename(&repo.path, &away).unwrap();
    let error = source.fetch(Some(&first), ENOUGH).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::NotFound, "no such repository"));
    assert_eq!(source.load(&first).await.unwrap().unwrap(), tree);
    std::fs::rename(&away, &repo.path).unwrap();
    assert_eq!(source.fetch(Some(&first), ENOUGH).await.unwrap(), Fetched::Unchanged);
}

#[tokio::test]
async fn the_last_good_revision_survives_a_restart_without_the_server() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let (options, _data) = local(&repo);
    let tree = new(&options, None).await;
    GitSource::new(options.clone()).unwrap().mark_good(&first).await.unwrap();
    drop(repo);
    let source = GitSource::new(options).unwrap();
    assert_eq!(source.load(&first).await.unwrap(), Some(tree));
    assert_eq!(source.load(&"3".repeat(40)).await.unwrap(), None);
    let error = source.mark_good(&"3".repeat(40)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_forced_push_is_held_until_it_is_accepted() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let (mut options, _data) = local(&repo);
    new(&options, None).await;
    GitSource::new(options.clone()).unwrap().mark_good(&first).await.unwrap();
    let second = repo.commit("main", "Another history", &[file("a.yaml", "2")], true);
    let reason = HeldReason::HistoryRewritten { from: first.clone(), to: second.clone() };
    // Whoever forgot what was in force, is told too.
    for known in [Some(first.as_str()), None] {
        match fetch(&options, known).await.unwrap() {
            Fetched::Held { revision, reason: said } => {
                assert_eq!((revision.id.as_str(), revision.message.as_str()), (second.as_str(), "Another history"));
                assert_eq!(said, reason);
            }
            other => panic!("{other:?}"),
        }
    }
    options.accept = Some("abcdef0".to_owned());
    assert!(matches!(fetch(&options, Some(&first)).await.unwrap(), Fetched::Held { .. }));
    options.accept = Some(second[..8].to_owned());
    let Fetched::New { tree, despite } = fetch(&options, Some(&first)).await.unwrap() else { panic!() };
    assert_eq!((&tree.revision.id, &despite), (&second, &Some(reason.clone())));
    options.accept = None;
    options.rewritten = Rewritten::Accept;
    let Fetched::New { despite, .. } = fetch(&options, Some(&first)).await.unwrap() else { panic!() };
    assert_eq!(despite, Some(reason));
    // Back on the old history, which the new one does not contain.
    repo.git(&["update-ref", "refs/heads/main", &first]);
    assert_eq!(fetch(&options, Some(&first)).await.unwrap(), Fetched::Unchanged);
}

#[tokio::test]
async fn an_older_commit_is_a_rewritten_history_too() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let second = repo.push(&[file("a.yaml", "2")]);
    let (options, _data) = local(&repo);
    new(&options, None).await;
    repo.git(&["update-ref", "refs/heads/main", &first]);
    let Fetched::Held { reason, .. } = fetch(&options, Some(&second)).await.unwrap() else { panic!() };
    assert_eq!(reason, HeldReason::HistoryRewritten { from: second, to: first });
}

#[tokio::test]
async fn a_tree_that_shrinks_to_a_tenth_is_held_until_it_is_accepted() {
    let repo = Repo::new();
    let first = repo.push(&many(40));
    let (mut options, _data) = local(&repo);
    new(&options, None).await;
    let second = repo.push(&many(4));
    let Fetched::Held { reason, .. } = fetch(&options, Some(&first)).await.unwrap() else { panic!() };
    assert_eq!(reason, HeldReason::Shrunk { from: 40, to: 4, revision: second.clone() });
    options.accept = Some(second.clone());
    let Fetched::New { tree, despite: Some(_) } = fetch(&options, Some(&first)).await.unwrap() else { panic!() };
    assert_eq!(tree.files.len(), 4);
    options.accept = None;
    let third = repo.push(&[]);
    let Fetched::Held { reason, .. } = fetch(&options, Some(&second)).await.unwrap() else { panic!() };
    assert_eq!(reason, HeldReason::Shrunk { from: 4, to: 0, revision: third });
}

#[tokio::test]
async fn a_local_repository_that_is_broken_or_gone_is_made_anew() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let (options, data) = local(&repo);
    new(&options, None).await;
    let store = std::fs::read_dir(data.path()).unwrap().next().unwrap().unwrap().path();
    let kept = store.join("repository.git");

    std::fs::remove_dir_all(&kept).unwrap();
    assert_eq!(new(&options, None).await.revision.id, first);
    std::fs::remove_dir_all(kept.join("objects")).unwrap();
    std::fs::create_dir(kept.join("objects")).unwrap();
    assert_eq!(new(&options, None).await.revision.id, first);
    std::fs::write(kept.join("HEAD"), "nonsense").unwrap();
    std::fs::write(kept.join("config"), "[nonsense").unwrap();
    assert_eq!(new(&options, None).await.revision.id, first);
    for pack in std::fs::read_dir(kept.join("objects/pack")).unwrap() {
        let pack = pack.unwrap().path();
        std::fs::remove_file(&pack).unwrap();
        std::fs::write(&pack, "nonsense").unwrap();
    }
    assert_eq!(new(&options, None).await.revision.id, first);
    // A fetch that was ended in the middle leaves a lock.
    std::fs::write(kept.join("refs/driftless/fetched.lock"), "").unwrap();
    let second = repo.push(&[file("a.yaml", "2")]);
    assert_eq!(new(&options, Some(&first)).await.revision.id, second);
}

#[tokio::test]
async fn the_local_repository_is_for_our_eyes_only_and_holds_no_work_tree() {
    use std::os::unix::fs::PermissionsExt;
    let repo = Repo::new();
    repo.push(&[file("a.yaml", "1")]);
    let (options, data) = local(&repo);
    new(&options, None).await;
    let store = std::fs::read_dir(data.path()).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::metadata(&store).unwrap().permissions().mode() & 0o777, 0o700);
    let found = run(std::process::Command::new("find").arg(&store).args(["-name", "a.yaml"]), b"");
    assert_eq!(found, "");
}

#[tokio::test]
async fn a_process_that_dies_without_an_answer_is_said() {
    let (mut options, _data) = local(&Repo::new());
    options.program = Some("/bin/false".into());
    let error = failed(&options).await;
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Other, "the fetching process gave no answer (exit status: 1)")
    );
    options.program = Some("/nowhere/driftless".into());
    let error = failed(&options).await;
    assert!(error.message.starts_with("the fetching process could not be started: "), "{error}");
}

#[test]
fn addresses_and_credentials_that_do_not_go_together_are_refused_at_the_start() {
    let token = || Some(Credential::Token { username: "x".to_owned(), token: SecretRef::Env("T".to_owned()) });
    let key = || Some(Credential::SshKey { file: "/k".into(), passphrase: None });
    for (url, credential, message) in [
        ("http://git.example.com/x", token(), "a token is not sent over plain http"),
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

/// A repository behind a real sshd, and a source of it that signs in with the key.
struct OverSsh {
    repo: Repo,
    server: GitSsh,
    options: GitOptions,
    _data: tempfile::TempDir,
}

impl OverSsh {
    fn start() -> Option<Self> {
        let repo = Repo::new();
        repo.push(&[file("a.yaml", "1")]);
        let server = GitSsh::start()?;
        let data = tempfile::tempdir().unwrap();
        let mut options = options(&server.url(&repo.path), data.path());
        options.credential = Some(Credential::SshKey { file: server.path("client_key"), passphrase: None });
        options.known_hosts = Some(server.known_hosts(""));
        Some(Self { repo, server, options, _data: data })
    }

    fn host(&self) -> String {
        format!("[127.0.0.1]:{}", self.server.port)
    }
}

#[tokio::test]
async fn ssh_reads_from_a_server_that_known_hosts_names() {
    let Some(over) = OverSsh::start() else { return };
    let (server, host) = (&over.server, over.host());
    // The type in the file decides which of its keys the server is asked for.
    for name in ["host_ed25519.pub", "host_rsa.pub"] {
        server.known_hosts(&format!("# ours\n{host} {}\n", server.public(name)));
        assert_eq!(paths(&new(&over.options, None).await), ["a.yaml"], "{name}");
    }
    // Hashed by OpenSSH itself.
    let file = server.known_hosts(&format!("{host} {}\n", server.public("host_ed25519.pub")));
    run(std::process::Command::new("ssh-keygen").arg("-q").arg("-H").arg("-f").arg(&file), b"");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("|1|"));
    assert_eq!(paths(&new(&over.options, None).await), ["a.yaml"]);
    // A key that has to be opened.
    let mut options = over.options.clone();
    let passphrase = server.path("passphrase");
    std::fs::write(&passphrase, "open sesame\n").unwrap();
    let locked = |passphrase| Some(Credential::SshKey { file: server.path("locked_key"), passphrase });
    options.credential = locked(Some(SecretRef::File(passphrase.clone())));
    assert_eq!(paths(&new(&options, None).await), ["a.yaml"]);
    std::fs::write(&passphrase, "open wrong\n").unwrap();
    let error = failed(&options).await;
    assert_eq!(error.kind, ErrorKind::Auth, "{error}");
    assert!(!format!("{error:?}").contains("open wrong"));
    assert_eq!(over.repo.resolve("main"), Some(new(&over.options, None).await.revision.id));
}

#[tokio::test]
async fn another_ssh_host_key_says_got_expected_and_where_it_stands() {
    let Some(over) = OverSsh::start() else { return };
    let (server, host) = (&over.server, over.host());
    let file = server.known_hosts(&format!("\n{host} {}\n", server.public("client_key.pub")));
    let error = failed(&over.options).await;
    assert_eq!(error.kind, ErrorKind::HostKey);
    assert_eq!(
        error.to_string(),
        format!(
            "fetch of `{}` failed: the host key of `{host}` is another one: got ssh-ed25519 {}, \
             expected ssh-ed25519 {} ({}:2)",
            over.options.url,
            server.fingerprint("host_ed25519.pub"),
            server.fingerprint("client_key.pub"),
            file.display(),
        )
    );
    assert_eq!(
        error.hint.as_deref(),
        Some("either the server's owner replaced the key, then replace the line, or somebody stands in between")
    );
    server.known_hosts(&format!("{host} {0}\n@revoked * {0}\n", server.public("host_ed25519.pub")));
    let error = failed(&over.options).await;
    assert_eq!(
        error.message,
        format!(
            "the host key of `{host}` is revoked ({}:2): ssh-ed25519 {}",
            file.display(),
            server.fingerprint("host_ed25519.pub")
        )
    );
}

#[tokio::test]
async fn an_unknown_ssh_host_says_the_line_to_add_and_that_line_helps() {
    let Some(over) = OverSsh::start() else { return };
    let error = failed(&over.options).await;
    assert_eq!(error.kind, ErrorKind::HostKey);
    let file = over.options.known_hosts.clone().unwrap();
    assert!(
        error.message.starts_with(&format!("`{}` does not know `{}`; its key is ", file.display(), over.host())),
        "{error}"
    );
    let hint = error.hint.unwrap();
    let line = hint.split_once("then add the line `").unwrap().1.trim_end_matches('`');
    over.server.known_hosts(line);
    assert_eq!(paths(&new(&over.options, None).await), ["a.yaml"]);
    std::fs::remove_file(&file).unwrap();
    let error = failed(&over.options).await;
    assert_eq!(error.kind, ErrorKind::HostKey);
    assert!(error.message.starts_with(&format!("`{}` cannot be read: ", file.display())), "{error}");
}

#[tokio::test]
async fn a_refused_ssh_key_and_a_missing_repository_are_said() {
    let Some(over) = OverSsh::start() else { return };
    let server = &over.server;
    server.known_hosts(&format!("{} {}\n", over.host(), server.public("host_ed25519.pub")));
    let mut options = over.options.clone();
    options.credential = Some(Credential::SshKey { file: server.path("host_rsa"), passphrase: None });
    let error = failed(&options).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Auth, "the server refused the ssh key"));
    options.credential = Some(Credential::SshKey { file: server.path("no_key"), passphrase: None });
    let error = failed(&options).await;
    assert!(error.message.starts_with(&format!("the key file `{}` cannot be read: ", server.path("no_key").display())));
    options.credential = None;
    let error = failed(&options).await;
    assert_eq!(error.message, "the server asks for credentials and none are configured");
    let mut options = over.options.clone();
    options.url = server.url(&over.repo.folder.path().join("other.git")).parse().unwrap();
    let error = failed(&options).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::NotFound, "no such repository"));
}

/// The command lines and environments of the fetching processes of this test binary.
fn fetching() -> Vec<(String, String)> {
    let mine = std::process::id().to_string();
    let read = |file: PathBuf| String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|at| {
            read(at.join("status")).lines().any(|line| line.strip_prefix("PPid:").map(str::trim) == Some(&mine))
        })
        .map(|at| (read(at.join("cmdline")), read(at.join("environ"))))
        .filter(|(line, _)| line.contains("fetch-git"))
        .collect()
}

/// Waits until something is so; it is an error when that takes far too long.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let waiting = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(ENOUGH, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[tokio::test]
async fn the_fetching_process_shows_no_secret_and_ends_when_nobody_waits_for_it() {
    let repo = Repo::new();
    let server = GitHttp::start(repo.folder.path(), None).await;
    server.set(Mode::Hang);
    let data = tempfile::tempdir().unwrap();
    let mut options = options(&server.url("specs.git"), data.path());
    let token = data.path().join("token");
    std::fs::write(&token, "visible-secret").unwrap();
    options.credential = Some(Credential::Token { username: "bot".to_owned(), token: SecretRef::File(token) });
    let fetching_task = tokio::spawn(async move { fetch(&options, None).await });
    let mark = data.path().to_string_lossy().into_owned();
    let ours = || fetching().into_iter().filter(|(_, environment)| environment.contains(&mark)).collect::<Vec<_>>();
    until("the server is asked", || !server.take_seen().is_empty()).await;
    let [(line, environment)] = &ours()[..] else { panic!("one process fetches") };
    let program = env!("CARGO_BIN_EXE_driftless");
    assert_eq!(line.split('\0').collect::<Vec<_>>(), [program, "fetch-git", ""]);
    assert!(!environment.contains("visible-secret") && !environment.contains("PATH="), "{environment}");
    fetching_task.abort();
    until("the process is gone", || ours().is_empty()).await;
}

#[tokio::test]
async fn no_setting_of_a_user_or_an_environment_changes_where_the_request_goes() {
    let repo = Repo::new();
    let first = repo.push(&[file("a.yaml", "1")]);
    let server = GitHttp::start(repo.folder.path(), None).await;
    let other = GitHttp::start(repo.folder.path(), None).await;
    let home = tempfile::tempdir().unwrap();
    let settings = format!("[url \"{0}\"]\n\tinsteadOf = {1}\n[http]\n\tproxy = {0}\n", other.url(""), server.url(""));
    std::fs::write(home.path().join(".gitconfig"), settings).unwrap();
    let request = format!(
        r#"{{"url":"{}","reference":{{"branch":"main"}},"store":"{}","receivedMax":1000000,"anew":false}}"#,
        server.url("specs.git"),
        home.path().join("store").display()
    );
    let home = home.path().to_owned();
    let answer = tokio::task::spawn_blocking(move || {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_driftless"));
        program.arg("fetch-git").env("HOME", home).env("http_proxy", "http://127.0.0.1:1");
        run(&mut program, request.as_bytes())
    })
    .await
    .unwrap();
    assert!(answer.starts_with(&format!(r#"{{"fetched":{{"commit":"{first}","received":"#)), "{answer}");
    assert_eq!(other.take_seen(), Vec::<String>::new());
}

#[tokio::test]
async fn many_fetches_leave_few_packs_and_lose_no_good_revision() {
    let repo = Repo::new();
    let good = repo.push(&[file("a.yaml", "0")]);
    let server = GitHttp::start(repo.folder.path(), None).await;
    let data = tempfile::tempdir().unwrap();
    let mut options = options(&server.url("specs.git"), data.path());
    options.rewritten = Rewritten::Accept;
    let mut source = GitSource::new(options).unwrap();
    source.fetch(None, ENOUGH).await.unwrap();
    source.mark_good(&good).await.unwrap();
    // Out of the branch's history, so that only the mark keeps it.
    repo.commit("main", "x", &[file("a.yaml", "1")], true);
    let packs = || {
        let store = std::fs::read_dir(data.path()).unwrap().next().unwrap().unwrap().path();
        let packs = std::fs::read_dir(store.join("repository.git/objects/pack")).unwrap();
        packs.filter(|pack| pack.as_ref().unwrap().path().extension().unwrap() == "pack").count()
    };
    let mut most = 0;
    for round in 0..55 {
        let id = repo.push(&[file("a.yaml", &round.to_string())]);
        let Fetched::New { tree, .. } = source.fetch(None, ENOUGH).await.unwrap() else { panic!() };
        assert_eq!(tree.revision.id, id);
        most = most.max(packs());
    }
    assert_eq!(most, 50);
    assert!(packs() < 10, "{}", packs());
    assert_eq!(&*source.load(&good).await.unwrap().unwrap().files["a.yaml"], b"0");
}
