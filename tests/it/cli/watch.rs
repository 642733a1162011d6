//! `status --watch` through a pipe: a line a change, over a restart of the daemon.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use super::*;
use crate::support::daemon::wait;
use crate::support::git_repo;

struct Watch {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watch {
    fn begin(world: &World, args: &[&str]) -> Self {
        let mut command = world.program();
        command.args(["status", "--watch"]).args(args).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let (out, theirs) = (child.stdout.take().unwrap(), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                theirs.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    /// What it said so far, without the times.
    fn said(&self) -> Vec<String> {
        let time = |line: &String| {
            let (time, rest) = line.split_once(' ').expect("a time and what changed");
            assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{line}");
            rest.to_owned()
        };
        self.lines.lock().unwrap().iter().map(time).collect()
    }

    async fn until(&self, text: &str) {
        wait(&format!("{text:?} among {:?}", self.lines.lock().unwrap()), async || {
            self.said().iter().any(|line| line.contains(text)).then_some(())
        })
        .await;
    }

    fn ends_by(&mut self, signal: &str) -> Option<i32> {
        git_repo::run(Command::new("kill").args([signal, &self.child.id().to_string()]), b"");
        self.child.wait().unwrap().code()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_is_a_line_and_a_restart_of_the_daemon_is_told() {
    let mut world = World::with(compliant(2), &[]).await;
    let specs = [("a.yaml", spec("bucket-000000", "")), ("b.yaml", spec("bucket-000001", "  mode: observe\n"))];
    world.push(&specs.each_ref().map(|(path, text)| (*path, text.as_str())));
    let daemon = world.swept().await;
    let address = daemon.address.to_string();
    let mut watch = Watch::begin(&world, &["--address", &address]);
    watch.until("2 buckets: 2 in sync").await;
    watch.until("source ready: ").await;
    assert_eq!(watch.said().len(), 2, "what is well has no line of its own: {:?}", watch.said());

    world.set_versioning("bucket-000001", "Suspended").await;
    daemon.sweep().await;
    watch.until("2 buckets: 1 in sync, 1 drifted, 1 held").await;
    watch.until("bucket-000001  drifted (versioned); held: observe-only").await;
    world.set_versioning("bucket-000001", "Enabled").await;
    daemon.sweep().await;
    watch.until("bucket-000001  in sync").await;

    daemon.stop().await;
    watch.until(&format!("the daemon at {address} does not answer: ")).await;
    world.config["http"]["listen"] = json!(address);
    let daemon = world.swept().await;
    watch.until(&format!("the daemon at {address} was restarted and answers again after ")).await;
    world.set_versioning("bucket-000001", "Suspended").await;
    daemon.sweep().await;
    let again = async || {
        let said = watch.said();
        (said.iter().filter(|line| line.contains("bucket-000001  drifted")).count() == 2).then_some(())
    };
    wait("what changes afterwards is told as well", again).await;
    assert_eq!(watch.said().iter().filter(|line| line.contains("does not answer")).count(), 1, "{:?}", watch.said());
    assert_eq!(watch.ends_by("-INT"), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bucket_can_be_watched_and_machines_get_a_document_a_change() {
    let world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", "  mode: observe\n"))]).await;
    let daemon = world.swept().await;
    let address = daemon.address.to_string();
    let mut one = Watch::begin(&world, &["bucket-000000", "--address", &address]);
    one.until("bucket-000000 in us-east-1: in sync").await;
    let mut machine = Watch::begin(&world, &["--address", &address, "--output", "json"]);
    let documents = |watch: &Watch| -> Vec<Value> {
        watch.lines.lock().unwrap().iter().map(|line| serde_json::from_str(line).expect("is JSON")).collect()
    };
    wait("the first document", async || (documents(&machine).len() == 1).then_some(())).await;
    world.set_versioning("bucket-000000", "Suspended").await;
    daemon.sweep().await;
    one.until("bucket-000000 in us-east-1: drifted").await;
    one.until("policy versioned: drifted").await;
    one.until("held (observe-only): versioning: ").await;
    wait("the next one", async || (documents(&machine).last()?["buckets"]["drifted"] == 1).then_some(())).await;
    assert_eq!(one.ends_by("-TERM"), Some(0));
    assert_eq!(machine.ends_by("-INT"), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_stream_it_asks_again_and_again() {
    let world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", "  mode: observe\n"))]).await;
    let daemon = world.swept().await;
    // As many listeners as the daemon lets in.
    let mut listeners = Vec::new();
    let full = async || {
        let mut it = tokio::net::TcpStream::connect(daemon.address).await.unwrap();
        let request = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut it, request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        tokio::io::AsyncReadExt::read_exact(&mut it, &mut head).await.unwrap();
        listeners.push(it);
        head.ends_with(b"503").then_some(())
    };
    wait("no more streams are possible", full).await;
    let address = daemon.address.to_string();
    let mut watch = Watch::begin(&world, &["--address", &address]);
    watch.until("the stream of events was answered with status 503; asked every 2 s instead").await;
    watch.until("1 bucket: 1 in sync").await;
    world.set_versioning("bucket-000000", "Suspended").await;
    daemon.sweep().await;
    watch.until("1 bucket: 1 drifted, 1 held").await;
    assert_eq!(watch.ends_by("-INT"), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_has_seen_enough_ends_it() {
    let world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", "  mode: observe\n"))]).await;
    let daemon = world.swept().await;
    let mut command = world.program();
    let mut child = command
        .args(["status", "--watch", "--address", &daemon.address.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.ends_with(" 1 bucket: 1 in sync\n"), "{first}");
    world.set_versioning("bucket-000000", "Suspended").await;
    daemon.sweep().await;
    let status = wait("it ends", async || child.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_wrong_address_is_told_at_once() {
    let ran = alone(&["status", "--watch", "--address", "127.0.0.1:1"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.starts_with("the daemon at 127.0.0.1:1 does not answer: connection refused"), "{}", ran.err);
}
