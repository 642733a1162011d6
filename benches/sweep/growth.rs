//! Memory: fifty sweeps in one process, whose last must find no more of it in use than the second.

use crate::process::{self, Server};
use crate::{Job, Wanted};

const SWEEPS: usize = 50;

pub fn measure(wanted: &Wanted) {
    let buckets = wanted.buckets.first().copied().unwrap_or(1000);
    let server = Server::start(buckets, 0, 0);
    let job = Job {
        contestant: "driftless".to_owned(),
        endpoint: server.url.clone(),
        buckets,
        concurrency: wanted.concurrency,
        sweeps: SWEEPS,
    };
    let usages = process::run(&job, wanted);
    let megabytes = |sweep: usize| usages[sweep - 1].rss_kib as f64 / 1024.0;
    println!("\n### Memory over {SWEEPS} sweeps of {buckets} buckets\n");
    println!("| after sweep | 1 | 2 | 10 | 25 | {SWEEPS} |");
    println!("| --- | --: | --: | --: | --: | --: |");
    let cells: Vec<String> = [1, 2, 10, 25, SWEEPS].map(|sweep| format!("{:.1}", megabytes(sweep))).into();
    println!("| resident, MB | {} |", cells.join(" | "));
}
