//! Who last changed what stands on a line, from the history of real repositories.

use std::sync::Arc;

use driftless::source::Revision;

use super::*;
use crate::support::git_repo::{git, run};

const FILE: &str = "buckets/data.yaml";

/// The answers for lines of a file, as the subjects of the commits.
async fn who(source: &GitSource, revision: &str, path: &str, lines: &[usize]) -> Vec<Result<String, String>> {
    let ancestry = source.ancestry();
    let found = ancestry.changed(revision, path, lines).await;
    found.into_iter().map(|it| it.map(|it| it.message.clone()).map_err(|why| why.to_string())).collect()
}

/// The source, which looks as long as it takes: the machine may be busy.
async fn fetched(options: &GitOptions) -> GitSource {
    let options = GitOptions { blame_patience: ENOUGH, ..options.clone() };
    let mut source = GitSource::new(options).unwrap();
    source.fetch(None, ENOUGH).await.unwrap();
    source
}

fn said(texts: &[&str]) -> Vec<Result<String, String>> {
    texts.iter().map(|text| Ok((*text).to_owned())).collect()
}

#[tokio::test]
async fn the_newest_commit_that_changed_a_setting_is_told_line_by_line() {
    let repo = Repo::new();
    let other = || file("other.yaml", "x: 1\n");
    repo.commit(
        "main",
        "Begin",
        &[file(FILE, "spec:\n  versioning: on\n  tags:\n    A: 1\n    B: 1\n"), other()],
        false,
    );
    repo.commit(
        "main",
        "A tag",
        &[file(FILE, "spec:\n  versioning: on\n  tags:\n    A: 2\n    B: 1\n"), other()],
        false,
    );
    let last = repo.commit(
        "main",
        "A <b>comment</b>",
        &[file(FILE, "# why\nspec:\n  versioning: on\n  tags:\n    A: 2\n    B: 1\n"), other()],
        false,
    );
    let (options, _data) = local(&repo);
    let source = fetched(&options).await;
    // The whole spec, the setting that nobody touched, the tags as a whole, and one that stayed.
    assert_eq!(
        who(&source, &last, FILE, &[1, 2, 3, 4, 6]).await,
        said(&["A <b>comment</b>", "A tag", "Begin", "A tag", "Begin"])
    );
    let found = source.ancestry().changed(&last, FILE, &[3]).await;
    let made: &Arc<Revision> = found[0].as_ref().unwrap();
    assert_eq!((made.author.as_str(), made.id.len()), ("Ada <ada@example.com>", 40));
}

#[tokio::test]
async fn a_path_of_the_source_and_a_file_that_moved_are_followed() {
    let repo = Repo::new();
    repo.push(&[file("prod/old.yaml", "spec:\n  tags: {A: 1}\n  versioning: on\n  encryption: on\n")]);
    let last = repo.commit(
        "main",
        "Moved",
        &[file("prod/new.yaml", "spec:\n  tags: {A: 2}\n  versioning: on\n  encryption: on\n")],
        false,
    );
    let (mut options, _data) = local(&repo);
    options.path = "prod".parse().unwrap();
    let source = fetched(&options).await;
    let found = who(&source, &last, "new.yaml", &[2, 3]).await;
    assert_eq!((found[0].clone(), found[1].as_deref().map(|it| it == "Moved")), (Ok("Moved".to_owned()), Ok(false)));
    let gone = who(&source, &last, "prod/new.yaml", &[2]).await;
    assert_eq!(gone, [Err(format!("`prod/new.yaml` is not in {}", &last[..12]))]);
}

#[tokio::test]
async fn a_history_that_begins_later_is_said_to_and_blames_nobody() {
    let repo = Repo::new();
    repo.commit("main", "Begin", &[file(FILE, "spec:\n  versioning: on\n  tags: {A: 1}\n")], false);
    let edge = repo.commit("main", "The edge", &[file(FILE, "spec:\n  versioning: on\n  tags: {A: 2}\n")], false);
    let last = repo.commit("main", "After", &[file(FILE, "spec:\n  versioning: on\n  tags: {A: 3}\n")], false);
    let (options, data) = local(&repo);
    let source = fetched(&options).await;
    // As git leaves it that was told to fetch two commits and no more.
    let store = std::fs::read_dir(data.path()).unwrap().next().unwrap().unwrap().path().join("repository.git");
    std::fs::remove_dir_all(&store).unwrap();
    let from = format!("file://{}", repo.path.display());
    run(git(data.path()).args(["clone", "--quiet", "--bare", "--depth=2", &from]).arg(&store), b"");
    assert_eq!(std::fs::read_to_string(store.join("shallow")).unwrap().trim(), edge);
    let why = Err("the history that the server gives begins later".to_owned());
    assert_eq!(who(&source, &last, FILE, &[2, 3, 1]).await, [why, Ok("After".to_owned()), Ok("After".to_owned())]);
}

#[tokio::test]
async fn a_revision_is_looked_through_once_and_a_file_that_was_put_back_anew() {
    let repo = Repo::new();
    let first = repo.commit("main", "Begin", &[file(FILE, "spec:\n  versioning: on\n")], false);
    let (mut options, _data) = local(&repo);
    fetched(&options).await;
    options.blame_patience = ENOUGH;
    let source = GitSource::new(options.clone()).unwrap();
    let ancestry = source.ancestry();
    assert!(ancestry.changed(&first, FILE, &[2]).await[0].is_ok());
    repo.commit("main", "Change", &[file(FILE, "spec:\n  versioning: off\n")], false);
    let third = repo.commit("main", "Put back", &[file(FILE, "spec:\n  versioning: on\n")], false);
    fetched(&options).await;
    // The same file as at first was once said to be changed last by whoever wrote it at first.
    assert_eq!(ancestry.changed(&third, FILE, &[2]).await[0].as_ref().unwrap().message, "Put back");
    assert_eq!(ancestry.changed(&first, FILE, &[2]).await[0].as_ref().unwrap().message, "Begin");
    // With nobody to look, what is known stays; a new question finds nothing to look through.
    options.program = Some("/bin/false".into());
    let source = GitSource::new(options).unwrap();
    let found = who(&source, &third, FILE, &[2]).await;
    assert_eq!(found, [Err("the blaming process gave no answer (exit status: 1)".to_owned())]);
}

/// Whoever could push once could make the look take gigabytes: a large file in the history is enough.
#[tokio::test]
async fn a_history_with_a_large_form_of_the_file_is_not_looked_through() {
    let repo = Repo::new();
    repo.commit("main", "Large", &[file(FILE, &"\n".repeat((1 << 20) + 1))], false);
    let last = repo.commit("main", "Small again", &[file(FILE, "spec:\n  versioning: on\n")], false);
    let (options, _data) = local(&repo);
    let source = fetched(&options).await;
    let why = "a form of the file in its history has 1048577 bytes; more than 1048576 are not compared";
    assert_eq!(who(&source, &last, FILE, &[2]).await, [Err(why.to_owned())]);
}

#[tokio::test]
async fn whoever_opens_many_pages_spends_no_more_than_the_minutes_looks() {
    let repo = Repo::new();
    let lines: String = (0..70).map(|number| format!("a{number}: 1\n")).collect();
    let last = repo.commit("main", "Begin", &[file(FILE, &lines)], false);
    let (mut options, _data) = local(&repo);
    fetched(&options).await;
    options.program = Some("/bin/false".into());
    let ancestry = GitSource::new(options).unwrap().ancestry();
    let mut refused = 0;
    for line in 1..=70 {
        let found = ancestry.changed(&last, FILE, &[line]).await;
        let why = found[0].as_ref().unwrap_err();
        refused += usize::from(&**why == "the history was looked through 60 times within a minute, and no more is");
    }
    assert_eq!(refused, 10);
}

#[tokio::test]
async fn a_history_that_cannot_be_looked_through_in_time_is_not_waited_for() {
    let repo = Repo::new();
    let last = repo.commit("main", "Begin", &[file(FILE, "spec:\n  versioning: on\n")], false);
    let (mut options, data) = local(&repo);
    fetched(&options).await;
    let slow = data.path().join("slow");
    std::fs::write(&slow, "#!/bin/sh\nexec tail -f /dev/null\n").unwrap();
    run(std::process::Command::new("chmod").arg("755").arg(&slow), b"");
    options.program = Some(slow);
    let source = GitSource::new(options).unwrap();
    let began = std::time::Instant::now();
    let why = || Err("the history is too long to be looked through in 4 s".to_owned());
    assert_eq!(who(&source, &last, FILE, &[2]).await, [why()]);
    assert!(began.elapsed() < ENOUGH);
}

#[tokio::test]
async fn ten_thousand_files_and_a_long_history_are_looked_through() {
    let repo = Repo::new();
    let mut stream = String::new();
    let commit = |mark: usize, text: &str| {
        format!(
            "commit refs/heads/main\nmark :{mark}\ncommitter Ada <ada@example.com> {} +0000\ndata {}\n{text}\n",
            1_700_000_000 + mark,
            text.len(),
        )
    };
    let blob = |path: &str, text: &str| format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len());
    stream += &commit(1, "All of them");
    for number in 0..10_000 {
        stream +=
            &blob(&format!("team-{:02}/b{number:05}.yaml", number % 40), &format!("spec:\n  versioning: {number}\n"));
    }
    for number in 2..400 {
        stream += &commit(number, &format!("Commit {number}"));
        let file = if number == 90 {
            "team-00/b00000.yaml".to_owned()
        } else {
            format!("team-01/b{:05}.yaml", 1 + number % 40 * 40)
        };
        stream += &blob(&file, &format!("spec:\n  versioning: changed by {number}\n"));
    }
    run(git(&repo.path).args(["fast-import", "--quiet"]), stream.as_bytes());
    let last = repo.resolve("refs/heads/main").unwrap();
    let (options, _data) = local(&repo);
    let source = fetched(&options).await;
    assert_eq!(who(&source, &last, "team-00/b00000.yaml", &[2]).await, said(&["Commit 90"]));
    assert_eq!(who(&source, &last, "team-02/b00002.yaml", &[2]).await, said(&["All of them"]));
}

#[tokio::test]
async fn a_commit_that_is_signed_says_with_which_key() {
    let repo = Repo::new();
    let at = repo.folder.path();
    let key = at.join("key");
    let made =
        std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    if !made.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("DRIFTLESS_WITHOUT_SSHD").is_some(), "ssh-keygen is missing");
        return;
    }
    repo.push(&[file("a.yaml", "1")]);
    let tree = repo.git(&["rev-parse", "main^{tree}"]);
    let sign =
        ["-c".to_owned(), "gpg.format=ssh".to_owned(), "-c".to_owned(), format!("user.signingkey={}", key.display())];
    let signed = run(git(&repo.path).args(&sign).args(["commit-tree", "-S", "-p", "main", "-m", "Signed", &tree]), b"");
    repo.git(&["update-ref", "refs/heads/main", &signed]);
    let printed = run(std::process::Command::new("ssh-keygen").arg("-lf").arg(key.with_extension("pub")), b"");
    let (options, _data) = local(&repo);
    let tree = new(&options, None).await;
    let signature = tree.revision.signature.expect("it is signed");
    assert_eq!(signature.key.as_deref(), printed.split(' ').nth(1));
    assert_eq!(signature.kind, driftless::source::signature::SignatureKind::Ssh);
}
