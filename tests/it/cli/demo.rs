//! `demo --once`, as a newcomer runs it first: the story comes true, and every part of it is told.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::daemon::program;

/// It takes eight seconds on a machine that does nothing else.
const DEADLINE: Duration = Duration::from_mins(4);

/// The demo. It is ended with the test, and ends its daemon then.
struct Demo(Child);

impl Demo {
    /// Its exit code, when it has ended by itself in time.
    fn ended(&mut self, deadline: Duration) -> Option<Option<i32>> {
        let begun = Instant::now();
        while begun.elapsed() < deadline {
            if let Some(status) = self.0.try_wait().unwrap() {
                return Some(status.code());
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        None
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
            let _ = self.ended(Duration::from_secs(30));
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// The line that holds all of these, in the part of the story with this number; its place.
#[track_caller]
fn told<'a>(said: &'a [&'a str], part: &str, words: &[&str]) -> &'a [&'a str] {
    let begin = said.iter().position(|line| line.starts_with(&format!("== {part}")));
    let begin = begin.unwrap_or_else(|| panic!("no part {part} in\n{}", said.join("\n")));
    let length = said[begin + 1..].iter().position(|line| line.starts_with("== ")).unwrap_or(said.len() - begin - 1);
    let lines = &said[begin..=begin + length];
    let found = lines.iter().position(|line| words.iter().all(|word| line.contains(word)));
    let at = found.unwrap_or_else(|| panic!("part {part} does not tell {words:?}:\n{}", lines.join("\n")));
    &said[begin + at..]
}

/// The first thing that anybody sees of driftless had no test at all.
#[test]
fn the_demo_comes_true_and_tells_each_part_of_its_story() {
    let (home, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = program(home.path());
    command.args(["demo", "--once", "--port", "0"]).env("TMPDIR", temporary.path());
    let mut demo = Demo(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut out = demo.0.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut said = String::new();
        out.read_to_string(&mut said).map(|_| said)
    });
    let mut err = demo.0.stderr.take().unwrap();
    let code = demo.ended(DEADLINE);
    drop(demo);
    let said = reading.join().unwrap().unwrap();
    let mut complaints = String::new();
    err.read_to_string(&mut complaints).unwrap();
    assert_eq!((code, complaints.as_str()), (Some(Some(0)), ""), "{said}");
    let said: Vec<&str> = said.lines().collect();

    // Where all of it is, for whoever wants to look.
    for address in ["  S3             http://127.0.0.1:", "  specs          ", "  configuration  "] {
        assert!(said.iter().any(|line| line.starts_with(address)), "{said:#?}");
    }
    told(&said, "1.", &["page, API and health at http://127.0.0.1:"]);
    told(&said, "1.", &["metrics at http://127.0.0.1:", "/metrics"]);

    told(&said, "1.", &["is in force: Five buckets for AI training data, by Mia Engineer <mia@example.com>"]);
    for (bucket, asked_by) in [
        ("ai-model-data", "buckets/models.yaml:1"),
        ("ai-model-artifacts", "buckets/models.yaml:9"),
        ("ai-access-logs", "buckets/models.yaml:17"),
        ("ai-training-raw", "buckets/training.yaml:1"),
        ("ai-training-curated", "buckets/training.yaml:14"),
    ] {
        told(&said, "1.", &[&format!("{bucket}: created in us-east-1, asked for by {asked_by}")]);
        told(&said, "1.", &[&format!("{bucket}: versioning set and read back"), "and policy versioned"]);
    }

    // Each change by hand: it is found, and repaired; from what, to what, and who asked for it.
    for (bucket, setting, policy, asked_by, change) in [
        (
            "ai-training-raw",
            "versioning",
            "versioned",
            "defaults.yaml:11 and policy versioned",
            "versioning.status: Suspended -> Enabled",
        ),
        (
            "ai-training-curated",
            "publicAccessBlock",
            "private",
            "defaults.yaml:9 and policy private",
            "publicAccessBlock.blockPublicPolicy: false -> true",
        ),
        (
            "ai-training-curated",
            "policy",
            "private",
            "buckets/training.yaml:22",
            "resources: [arn:aws:s3:::ai-training-curated/*], sid: Everybody} -> not set",
        ),
        (
            "ai-model-data",
            "tags",
            "tagged",
            "buckets/models.yaml:7",
            "tags.Purpose: not set -> Distributed AI Model Training",
        ),
    ] {
        told(&said, "2.", &["WARN", &format!("{bucket}: drift from policy {policy}: ")]);
        told(&said, "2.", &["WARN", &format!("{bucket}: drift from its spec ({setting}): ")]);
        let repaired = format!("{bucket}: {setting} repaired and read back, asked for by {asked_by}");
        let after = told(&said, "2.", &[&repaired]);
        let changes: Vec<_> = after[1..].iter().take_while(|line| line.starts_with("    ")).collect();
        assert!(changes.iter().any(|line| line.contains(change)), "{repaired}: {changes:#?}");
    }

    told(&said, "3.", &["is in force: Let notebooks read model data, by Mia Engineer <mia@example.com>"]);
    let applied =
        told(&said, "3.", &["ai-model-data: cors repaired and read back, asked for by buckets/models.yaml:8"]);
    assert_eq!(
        applied[1],
        "    cors.rules: not set -> [{allowedMethods: [GET], allowedOrigins: [https://notebooks.example.com]}]"
    );

    // What would delete data is not done, and the text that lets it happen is there to be committed.
    let held = told(&said, "4.", &["ai-training-raw: held (needs-approval): lifecycle: objects would be deleted"]);
    let text = held[1..].iter().take_while(|line| !line.starts_with("20")).copied().collect::<Vec<_>>().join("\n");
    assert!(
        text.starts_with("to let it happen, commit this to the source:\n\n    apiVersion: driftless/v1\n"),
        "{text}"
    );
    for line in ["    kind: Approval\n", "      change: \"", "      reason: TELL WHY\n", "      expires: "] {
        assert!(text.contains(line), "{text}");
    }
    let repaired = "ai-training-raw: lifecycle repaired and read back, asked for by buckets/training.yaml:8";
    let done = said.iter().position(|line| line.contains(repaired)).expect("it is done in the end");
    assert!(done > said.iter().position(|line| line.starts_with("== 5.")).unwrap(), "and not before Mia says so");
    told(&said, "5.", &["is in force: Approve the expiry of raw data, by Mia Engineer <mia@example.com>"]);

    told(&said, "What happened", &["  5 buckets created, ", " read back, 1 change held until it was approved"]);
    told(&said, "What happened", &["  nothing was deleted: 0 DELETE requests reached S3"]);
    told(&said, "What happened", &["driftless ended in good order"]);
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}
