//! Sweeps side by side: driftless, a bare loop of the same SDK calls, a bare HTTP client, boto3
//! and Cloud Custodian read the same buckets of the same server, each in a process of its own, in turn, several
//! rounds. `docs/benchmarks.md` tells what is measured and how to repeat it.
//!
//! `cargo bench --bench sweep` runs everything. The environment narrows it:
//! `BUCKETS=1000,10000 LATENCIES=0,30 ROUNDS=5 CONCURRENCY=64 ONLY=driftless,sdk`,
//! `PARTS=sweep,instructions,growth,planning`, `PYTHON=venv/bin/python`.

mod bare;
mod growth;
mod instructions;
mod ours;
mod planning;
mod process;
mod report;
mod sdk;

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use process::{Server, Usage};

/// What a contestant is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Job {
    contestant: String,
    /// `http://127.0.0.1:34567`.
    endpoint: String,
    buckets: usize,
    concurrency: usize,
    /// How often the whole is done; more than once only to see what grows.
    sweeps: usize,
}

impl Job {
    fn names(&self) -> impl Iterator<Item = String> + use<> {
        (0..self.buckets).map(bucket_name)
    }
}

fn bucket_name(n: usize) -> String {
    format!("bucket-{n:06}")
}

/// The environment variable by which this program, started by itself, knows what to be.
const JOB: &str = "DRIFTLESS_BENCH_JOB";

/// Requests that a compliant bucket costs under the four built-in policies.
const READS: usize = 4;

const BOTO3: &str = "boto3";
const CUSTODIAN: &str = "custodian";

/// Those who run, from the one that the others are compared with.
const CONTESTANTS: [&str; 5] = ["sdk", "driftless", "bare", BOTO3, CUSTODIAN];

/// Those that are Python programs: the script, and the module that they need.
const PYTHON: [(&str, &str, &str); 2] = [(BOTO3, "boto3_sweep.py", "boto3"), (CUSTODIAN, "custodian_sweep.py", "c7n")];

/// What the user asked for.
struct Wanted {
    buckets: Vec<usize>,
    latencies: Vec<u64>,
    rounds: usize,
    concurrency: usize,
    only: Vec<String>,
    parts: Vec<String>,
    python: String,
    /// Arenas of the C library that contestants in Rust may have, as `deploy/` sets it; 0: as many
    /// as it likes.
    arenas: usize,
}

impl Wanted {
    fn of_environment() -> Self {
        let list = |name: &str, default: &str| -> Vec<String> {
            let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
            text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
        };
        let numbers = |name: &str, default: &str| -> Vec<usize> {
            let parse = |it: &String| it.parse().unwrap_or_else(|_| panic!("{name}: `{it}` is not a number"));
            list(name, default).iter().map(parse).collect()
        };
        let one = |name: &str, default: &str| numbers(name, default).first().copied().unwrap_or(1).max(1);
        Self {
            buckets: numbers("BUCKETS", "1000,10000"),
            latencies: numbers("LATENCIES", "0,30").into_iter().map(|it| it as u64).collect(),
            rounds: one("ROUNDS", "5"),
            concurrency: one("CONCURRENCY", "64"),
            only: list("ONLY", &CONTESTANTS.join(",")),
            parts: list("PARTS", "sweep,instructions,growth,planning"),
            arenas: numbers("ARENAS", "2").first().copied().unwrap_or(0),
            python: std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned()),
        }
    }

    fn part(&self, name: &str) -> bool {
        self.parts.iter().any(|it| it == name)
    }
}

fn main() -> ExitCode {
    if let Ok(job) = std::env::var(JOB) {
        let job: Job = serde_json::from_str(&job).expect("the job comes from this program");
        contest(&job);
        return ExitCode::SUCCESS;
    }
    let mut wanted = Wanted::of_environment();
    for (contestant, _, module) in PYTHON {
        if wanted.only.iter().any(|it| it == contestant) && !process::can_import(&wanted.python, module) {
            eprintln!(
                "{contestant} IS LEFT OUT: `{}` cannot import {module}; name another with PYTHON=…",
                wanted.python
            );
            wanted.only.retain(|it| it != contestant);
        }
    }
    if wanted.part("sweep") {
        sweeps(&wanted);
    }
    if wanted.part("instructions") {
        instructions::measure(&wanted);
    }
    if wanted.part("growth") {
        growth::measure(&wanted);
    }
    if wanted.part("planning") {
        planning::measure();
    }
    ExitCode::SUCCESS
}

/// One contestant's part, in its own process.
fn contest(job: &Job) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let usages: Vec<Usage> = match &*job.contestant {
        "driftless" => runtime.block_on(ours::run(job)),
        "sdk" => runtime.block_on(sdk::run(job)),
        "bare" => runtime.block_on(bare::run(job)),
        other => panic!("there is no contestant `{other}`"),
    };
    println!("{}", serde_json::to_string(&usages).expect("plain data"));
}

fn sweeps(wanted: &Wanted) {
    for &latency in &wanted.latencies {
        for &buckets in &wanted.buckets {
            let server = Server::start(buckets, latency, if latency == 0 { 0 } else { 10 });
            let mut measured: BTreeMap<&str, Vec<Usage>> = BTreeMap::new();
            for round in 1..=wanted.rounds {
                for contestant in CONTESTANTS.into_iter().filter(|it| wanted.only.iter().any(|only| only == it)) {
                    let python = PYTHON.iter().any(|it| it.0 == contestant);
                    // Minutes of CPU each time; their ratio is not in question.
                    if python && round > 1 && (buckets > 1000 || contestant == CUSTODIAN) {
                        continue;
                    }
                    let job = Job {
                        contestant: contestant.to_owned(),
                        endpoint: server.url.clone(),
                        buckets,
                        concurrency: wanted.concurrency,
                        sweeps: 1,
                    };
                    server.forget_requests();
                    let usage = process::run(&job, wanted).pop().expect("one sweep, one measurement");
                    let reads = server.requests();
                    if contestant == CUSTODIAN {
                        assert!(reads >= buckets * READS, "{contestant} reads at least what the others read");
                    } else {
                        assert_eq!(reads, buckets * READS, "{contestant} reads what the others read");
                    }
                    eprintln!(
                        "{buckets} buckets, {latency} ms, round {round}: {contestant}: {:.2} s, CPU {:.2} s, {:.1} MB",
                        usage.wall,
                        usage.cpu,
                        usage.peak_kib as f64 / 1024.0
                    );
                    measured.entry(contestant).or_default().push(usage);
                }
            }
            report::sweeps(buckets, latency, wanted.concurrency, &measured);
        }
    }
}
