//! The statuses of commits, on servers that answer as GitHub and GitLab do.

use serde_json::{Value, json};

use crate::support::daemon::{Daemon, World, compliant, spec, wait};
use crate::support::receiver::{Received, Receiver, Reply};

const BUCKET: &str = "bucket-000000";

/// A bucket that is only watched.
fn watched() -> String {
    spec(BUCKET, "  versioning: {status: Enabled}\n  mode: observe\n")
}

/// A world that tells GitHub and GitLab, and the commit in it.
async fn world(github: &Receiver, gitlab: &Receiver) -> (World, String) {
    let mut world = World::with(compliant(1), &[]).await;
    std::fs::write(world.path("token"), "t0ken\n").expect("a file");
    std::fs::write(world.path("sync"), crate::support::daemon::TOKEN).expect("a file");
    let token = world.path("token");
    world.config["http"]["syncTokenFile"] = world.path("sync").to_str().into();
    world.config["http"]["publicUrl"] = "https://driftless.example.com".into();
    world.config["notifications"] = json!([
        {"name": "hub", "github": {"repository": "example/buckets", "tokenFile": token, "url": github.url("")}},
        {"name": "lab", "gitlab": {
            "project": "platform/buckets", "tokenFile": token, "url": gitlab.url("/api/v4/"), "context": "staging",
        }},
    ]);
    let commit = world.push(&[("a.yaml", &watched())]);
    (world, commit)
}

/// The states that came, of this commit.
fn states(taker: &Receiver, commit: &str) -> Vec<String> {
    let came = taker.received();
    let of = came.iter().filter(|it| it.path.ends_with(&format!("/statuses/{commit}")));
    of.map(|it| it.json()["state"].as_str().expect("a word").to_owned()).collect()
}

/// Waits for a state, and gives what came with it.
async fn told(taker: &Receiver, state: &str) -> Value {
    wait(&format!("the state {state} is told"), async || {
        taker.received().iter().map(Received::json).rfind(|it| it["state"] == state)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_told_how_its_buckets_stand_and_only_when_that_changes() {
    let (github, gitlab) = (Receiver::start().await, Receiver::start().await);
    let (world, commit) = world(&github, &gitlab).await;
    let daemon = world.swept().await;
    let good = told(&github, "success").await;
    assert_eq!(
        good,
        json!({
            "state": "success", "context": "driftless: driftless.example.com",
            "description": "Applied: 1 bucket in sync", "target_url": good["target_url"],
        })
    );
    assert!(good["target_url"].as_str().expect("an address").starts_with("https://driftless.example.com/"), "{good}");
    let came = github.received();
    assert_eq!(came[0].path, format!("/repos/example/buckets/statuses/{commit}"));
    assert_eq!(
        (came[0].header("authorization"), came[0].header("accept")),
        ("Bearer t0ken", "application/vnd.github+json")
    );
    let lab = told(&gitlab, "success").await;
    assert_eq!((&lab["name"], &lab["description"]), (&json!("staging"), &json!("Applied: 1 bucket in sync")));
    let came = gitlab.received();
    assert_eq!(came[0].path, format!("/api/v4/projects/platform%2Fbuckets/statuses/{commit}"));
    assert_eq!(came[0].header("private-token"), "t0ken");

    // Drift: the status falls, once.
    world.set_versioning(BUCKET, "Suspended").await;
    daemon.sweep().await;
    assert_eq!(told(&github, "failure").await["description"], "In force: 1 bucket not as wanted, 1 change held");
    told(&gitlab, "failed").await;
    let before = states(&github, &commit);
    daemon.sweep().await;
    daemon.stop().await;
    // Also over a restart.
    let daemon = world.swept().await;
    world.set_versioning(BUCKET, "Enabled").await;
    daemon.sweep().await;
    wait("it is well again", async || states(&github, &commit).ends_with(&["success".to_owned()]).then_some(())).await;
    let mut expected = before;
    expected.push("success".to_owned());
    assert_eq!(states(&github, &commit), expected);
    assert!(expected.windows(2).all(|two| two[0] != two[1]), "{expected:?}");
    assert_eq!(daemon.metric("driftless_notifications_total{result=\"failed\",service=\"github\"}").await, 0.0);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_with_faults_says_how_many() {
    let (github, gitlab) = (Receiver::start().await, Receiver::start().await);
    let (world, _) = world(&github, &gitlab).await;
    let commit = world.push(&[("a.yaml", &watched()), ("b.yaml", "kind: Bucket\n"), ("c.yaml", "kind: Bucket\n")]);
    let daemon = world.swept().await;
    let told = told(&github, "failure").await;
    let findings = daemon.json("/api/v1/source").await["findings"].as_array().expect("findings").len();
    assert!(findings > 1, "{findings}");
    assert_eq!(told["description"], format!("In force: {findings} findings"));
    assert_eq!(states(&github, &commit).last().map(String::as_str), Some("failure"));
    daemon.stop().await;
}

/// Has the two answer so, and gives the daemon after its first sweep.
async fn answered(hub: Vec<Reply>, lab: Vec<Reply>) -> (Receiver, Receiver, World, Daemon) {
    let (github, gitlab) = (Receiver::start().await, Receiver::start().await);
    github.next(hub);
    gitlab.next(lab);
    let (world, _) = world(&github, &gitlab).await;
    let daemon = world.swept().await;
    (github, gitlab, world, daemon)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_says_what_to_do() {
    let hub = Reply::Status(401, r#"{"message":"Bad credentials"}"#);
    let lab = Reply::Status(404, r#"{"message":"404 Project Not Found"}"#);
    let (_github, _gitlab, _world, daemon) = answered(vec![hub], vec![lab]).await;
    let log = daemon.said("notifications of `hub` do not arrive").await;
    assert!(
        log.contains(
            "the receiver answered with status 401: {\"message\":\"Bad credentials\"}\n\
             hint: the token is not, or no longer, valid: make a new one"
        ),
        "{log}"
    );
    let log = daemon.said("notifications of `lab` do not arrive").await;
    assert!(log.contains("hint: GitLab answers so too when the token may not see the project"), "{log}");
    assert!(!daemon.stop().await.contains("t0ken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_not_there_is_given_up() {
    let none = || Reply::Status(422, r#"{"message":"No commit found for SHA"}"#);
    let (_github, _gitlab, _world, daemon) = answered(vec![none(), none()], vec![]).await;
    let log = daemon.said("a message of `hub` is given up").await;
    assert!(
        log.contains("hint: is `repository` the one that `source.git` follows, and the commit pushed there?"),
        "{log}"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_heeded_and_what_fails_is_told_again() {
    let limits = vec![
        Reply::With(403, r#"{"message":"You have exceeded a secondary rate limit"}"#, "Retry-After: 1".to_owned()),
        Reply::With(
            403,
            r#"{"message":"API rate limit exceeded"}"#,
            "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1".to_owned(),
        ),
        Reply::Status(502, ""),
    ];
    let again = vec![
        Reply::With(429, "", "Retry-After: 1".to_owned()),
        Reply::Status(400, r#"{"message":"Cannot transition status via :enqueue from :pending"}"#),
    ];
    let (github, gitlab, _world, daemon) = answered(limits, again).await;
    daemon.said("notifications of `hub` arrive again").await;
    daemon.said("notifications of `lab` arrive again").await;
    told(&github, "success").await;
    told(&gitlab, "success").await;
    assert!(daemon.metric("driftless_notifications_total{result=\"failed\",service=\"github\"}").await >= 3.0);
    assert_eq!(daemon.metric("driftless_notifications_total{result=\"dropped\",service=\"github\"}").await, 0.0);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_shows_by_its_refusal_that_the_token_may_write() {
    let (github, gitlab) = (Receiver::start().await, Receiver::start().await);
    let (world, _) = world(&github, &gitlab).await;
    let (file, nobody) = (world.config_file(), "0".repeat(40));
    let test = || {
        let mut program = world.program();
        let output = program.args(["notify", "--test", "--config"]).arg(&file).output().expect("the program runs");
        (
            output.status.code(),
            String::from_utf8(output.stdout).expect("text") + &String::from_utf8_lossy(&output.stderr),
        )
    };
    github.next([Reply::Status(422, r#"{"message":"No commit found for SHA"}"#)]);
    gitlab.next([Reply::Status(404, r#"{"message":"404 Commit Not Found"}"#)]);
    let taken = "hub (github): the test message was taken\nlab (gitlab): the test message was taken\n";
    assert_eq!(test(), (Some(0), taken.to_owned()));
    assert_eq!(github.received()[0].path, format!("/repos/example/buckets/statuses/{nobody}"));
    github.next([Reply::Status(403, r#"{"message":"Resource not accessible by personal access token"}"#)]);
    gitlab.next([Reply::Status(404, r#"{"message":"404 Project Not Found"}"#)]);
    let (code, said) = test();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("hint: GitHub answers so too when the token may not: it needs the permission"), "{said}");
    assert!(said.contains("hint: GitLab answers so too when the token may not see the project"), "{said}");
}
