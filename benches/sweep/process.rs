//! The processes of a measurement: the server, the contestants, and what each of them costs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::{JOB, Job, PYTHON, Wanted};

/// What a piece of work cost the process that did it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Usage {
    /// Seconds from its beginning to its end.
    pub wall: f64,
    /// Seconds of CPU, user and system, of all threads.
    pub cpu: f64,
    /// The most memory that the process ever had, in KiB.
    pub peak_kib: u64,
    /// The memory that it has now, in KiB.
    pub rss_kib: u64,
}

/// Measures a piece of work.
pub struct Meter {
    begun: Instant,
    cpu: f64,
}

impl Meter {
    pub fn start() -> Self {
        Self { cpu: cpu_seconds(), begun: Instant::now() }
    }

    pub fn stop(self) -> Usage {
        let wall = self.begun.elapsed().as_secs_f64();
        let cpu = cpu_seconds() - self.cpu;
        Usage { wall, cpu, peak_kib: status("VmHWM"), rss_kib: status("VmRSS") }
    }
}

/// The CPU of all threads that are still there, in nanoseconds that the scheduler counted; the
/// ticks of `/proc/self/stat` are too coarse for a sweep of a third of a second.
fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux: the threads of this process");
    let nanoseconds = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    nanoseconds.sum::<u64>() as f64 / 1e9
}

fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux: the status of this process");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or_else(|| panic!("`{field}` is not in /proc/self/status"))
}

/// Runs a contestant in a process of its own.
pub fn run(job: &Job, wanted: &Wanted) -> Vec<Usage> {
    let script = PYTHON.iter().find(|it| it.0 == job.contestant);
    let mut command = if let Some((_, script, _)) = script {
        let mut python = Command::new(&wanted.python);
        python.arg(format!("{}/benches/{script}", env!("CARGO_MANIFEST_DIR")));
        python.args([&job.endpoint, &job.buckets.to_string(), &job.concurrency.to_string()]);
        python
    } else {
        let mut ours = Command::new(std::env::current_exe().expect("this program has a path"));
        if wanted.arenas > 0 {
            ours.env("MALLOC_ARENA_MAX", wanted.arenas.to_string());
        }
        ours
    };
    let output = credentials(&mut command)
        .env(JOB, serde_json::to_string(job).expect("plain data"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("the contestant starts");
    assert!(output.status.success(), "{} ended with {}", job.contestant, output.status);
    serde_json::from_slice(&output.stdout).expect("the contestant prints what it measured")
}

fn credentials(command: &mut Command) -> &mut Command {
    command
        .env("AWS_ACCESS_KEY_ID", "bench")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
}

/// The instructions that a contestant takes from its start to its end, as valgrind counts them;
/// `None` when there is no valgrind.
pub fn instructions(job: &Job) -> Option<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(std::env::current_exe().expect("this program has a path"));
    let job = serde_json::to_string(job).expect("plain data");
    let output = credentials(&mut command).env(JOB, job).stdin(Stdio::null()).output().ok()?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "under valgrind: {told}");
    let collected = told.split("Collected : ").nth(1).and_then(|rest| rest.split_whitespace().next());
    Some(collected.and_then(|count| count.parse().ok()).expect("callgrind says what it collected"))
}

/// Whether a Python module can be had.
pub fn can_import(python: &str, module: &str) -> bool {
    let quiet = || Stdio::null();
    let tried = Command::new(python).args(["-c", &format!("import {module}")]).stdout(quiet()).stderr(quiet()).status();
    tried.is_ok_and(|status| status.success())
}

/// `driftless sandbox` in a process of its own. It ends with this value.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:34567`.
    pub url: String,
}

impl Server {
    pub fn start(buckets: usize, latency: u64, jitter: u64) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_driftless"))
            .args(["sandbox", "--listen", "127.0.0.1:0", "--compliant"])
            .args(["--buckets", &buckets.to_string()])
            .args(["--latency", &latency.to_string(), "--jitter", &jitter.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the server says where it listens");
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("an address in its line");
        Self { url: url.to_owned(), child }
    }

    pub fn forget_requests(&self) {
        self.ask("DELETE");
    }

    /// The reads of buckets' settings since they were last forgotten.
    pub fn requests(&self) -> usize {
        let said: serde_json::Value = serde_json::from_str(&self.ask("GET")).expect("the server answers in JSON");
        let counts = said["counts"].as_object().expect("counts by operation");
        let reads = counts.iter().filter(|(operation, _)| *operation != "ListBuckets");
        reads.filter_map(|(_, count)| count.as_u64()).sum::<u64>() as usize
    }

    fn ask(&self, method: &str) -> String {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the server listens");
        let request = format!("{method} /_sandbox/requests HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
