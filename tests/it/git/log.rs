//! Which commits lie between two revisions, and what each changed.

use driftless::source::Commits;

use super::*;

async fn fetched(options: &GitOptions) -> GitSource {
    let mut source = GitSource::new(options.clone()).unwrap();
    source.fetch(None, ENOUGH).await.unwrap();
    source
}

fn said(commits: &Commits) -> (usize, Vec<String>) {
    let file = |(path, it): (&std::sync::Arc<str>, &driftless::source::Touched)| {
        format!("{path}: {} up to {}", it.count, it.newest.message)
    };
    (commits.count, commits.touched.iter().map(file).collect())
}

fn files(a: &str, b: &str) -> Vec<Entry> {
    vec![file("prod/a.yaml", a), file("prod/sub/b.yaml", b), file("other.yaml", a)]
}

#[tokio::test]
async fn each_file_names_the_newest_commit_that_changed_it() {
    let repo = Repo::new();
    let begun = repo.commit("main", "Begin", &files("1", "1"), false);
    repo.commit("main", "Both", &files("2", "2"), false);
    repo.commit("main", "One", &files("2", "3"), false);
    let more: Vec<Entry> = files("2", "3").into_iter().chain([file("x.yaml", "")]).collect();
    let last = repo.commit("main", "None", &more, false);
    let (mut options, _data) = local(&repo);
    let all = fetched(&options).await;
    assert_eq!(
        said(&all.commits(&begun, &last).await),
        (
            3,
            vec![
                "other.yaml: 1 up to Both".to_owned(),
                "prod/a.yaml: 1 up to Both".to_owned(),
                "prod/sub/b.yaml: 2 up to One".to_owned(),
                "x.yaml: 1 up to None".to_owned(),
            ]
        )
    );
    options.path = "prod".parse().unwrap();
    let inside = fetched(&options).await;
    let paths = vec!["a.yaml: 1 up to Both".to_owned(), "sub/b.yaml: 2 up to One".to_owned()];
    assert_eq!(said(&inside.commits(&begun, &last).await), (3, paths));
}

/// A merge changes nothing by itself, and nobody who merged is named for what another wrote.
#[tokio::test]
async fn a_merge_is_not_named_for_what_came_with_it() {
    let repo = Repo::new();
    let begun = repo.commit("main", "Begin", &files("1", "1"), false);
    repo.git(&["branch", "side", "main"]);
    repo.commit("side", "Aside", &files("1", "2"), false);
    repo.commit("main", "Ahead", &files("2", "1"), false);
    let both = repo.commit("joined", "Joined", &files("2", "2"), true);
    let tree = repo.git(&["rev-parse", &format!("{both}^{{tree}}")]);
    let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
    let merge = [&identity[..], &["commit-tree", tree.trim(), "-p", "main", "-p", "side", "-m", "Merge"]].concat();
    let merged = repo.git(&merge).trim().to_owned();
    repo.git(&["update-ref", "refs/heads/main", &merged]);
    let (mut options, _data) = local(&repo);
    options.path = "prod".parse().unwrap();
    let source = fetched(&options).await;
    let paths = vec!["a.yaml: 1 up to Ahead".to_owned(), "sub/b.yaml: 1 up to Aside".to_owned()];
    assert_eq!(said(&source.commits(&begun, &merged).await), (3, paths));
}

#[tokio::test]
async fn what_is_not_here_is_not_told() {
    let repo = Repo::new();
    let only = repo.commit("main", "Begin", &files("1", "1"), false);
    let (options, _data) = local(&repo);
    let source = fetched(&options).await;
    assert_eq!(source.commits(&"0".repeat(40), &only).await, Commits::default());
    assert_eq!(source.commits(&only, &only).await, Commits::default());
}
