//! Which revisions are obeyed, and what survives when a repository is rewritten, gone or broken.

use driftless::source::git::Rewritten;
use driftless::source::{ErrorKind, HeldReason};

use super::*;
use crate::support::git_http::GitHttp;
use crate::support::git_repo::{entry, run};

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

/// What is held was read and judged anew at every look.
#[tokio::test]
async fn a_revision_that_is_held_is_read_once_and_again_when_it_comes_back() {
    let repo = Repo::new();
    let first = repo.push(&many(40));
    let (options, _data) = local(&repo);
    let mut source = GitSource::new(options).unwrap();
    source.fetch(None, ENOUGH).await.unwrap();
    let second = repo.push(&many(4));
    assert!(matches!(source.fetch(Some(&first), ENOUGH).await.unwrap(), Fetched::Held { .. }));
    for _ in 0..2 {
        assert_eq!(source.fetch(Some(&first), ENOUGH).await.unwrap(), Fetched::StillHeld);
    }
    repo.git(&["update-ref", "refs/heads/main", &first]);
    assert_eq!(source.fetch(Some(&first), ENOUGH).await.unwrap(), Fetched::Unchanged);
    repo.git(&["update-ref", "refs/heads/main", &second]);
    assert!(matches!(source.fetch(Some(&first), ENOUGH).await.unwrap(), Fetched::Held { .. }));
    let third = repo.push(&many(39));
    let Fetched::New { tree, .. } = source.fetch(Some(&first), ENOUGH).await.unwrap() else { panic!() };
    assert_eq!(tree.revision.id, third);
    // Likewise what the caller does not obey.
    source.hold(&third);
    assert_eq!(source.fetch(Some(&first), ENOUGH).await.unwrap(), Fetched::StillHeld);
    repo.push(&many(38));
    assert!(matches!(source.fetch(Some(&first), ENOUGH).await.unwrap(), Fetched::New { .. }));
}

/// A folder that became a submodule was counted as gone, and the whole revision held.
#[tokio::test]
async fn files_that_something_unreadable_stands_over_are_not_counted_as_gone() {
    let repo = Repo::new();
    let within = |count: usize| (0..count).map(|n| file(&format!("team/b{n:03}.yaml"), "x")).collect::<Vec<_>>();
    let first = repo.push(&within(40));
    let (options, _data) = local(&repo);
    new(&options, None).await;
    repo.push(&[entry("160000", b"team", "2".repeat(40).as_bytes())]);
    let tree = new(&options, Some(&first)).await;
    assert_eq!((tree.files.len(), refused(&tree)), (0, vec!["`team` is not read: it is a submodule".to_owned()]));
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
    for round in 0..25 {
        let id = repo.push(&[file("a.yaml", &round.to_string())]);
        let Fetched::New { tree, .. } = source.fetch(None, ENOUGH).await.unwrap() else { panic!() };
        assert_eq!(tree.revision.id, id);
        most = most.max(packs());
    }
    assert_eq!(most, 20);
    assert!(packs() < 10, "{}", packs());
    assert_eq!(&*source.load(&good).await.unwrap().unwrap().files["a.yaml"], b"0");
}
