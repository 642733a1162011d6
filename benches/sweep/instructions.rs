//! Instructions: what a read takes of the processor, counted and not timed, so that it comes out the
//! same on a busy machine. The kernel's part is not in it.

use crate::process::{self, Server};
use crate::{Job, READS, Wanted};

const BUCKETS: usize = 300;
/// What comes before the first sweep, and what is only done once, falls out of the difference.
const SWEEPS: [usize; 2] = [2, 5];

pub fn measure(wanted: &Wanted) {
    let server = Server::start(BUCKETS, 0, 0);
    let count = |contestant: &str| {
        let [few, many] = SWEEPS.map(|sweeps| {
            process::instructions(&Job {
                contestant: contestant.to_owned(),
                endpoint: server.url.clone(),
                buckets: BUCKETS,
                concurrency: wanted.concurrency,
                sweeps,
            })
        });
        let reads = (BUCKETS * READS * (SWEEPS[1] - SWEEPS[0])) as f64;
        Some((many? - few?) as f64 / reads)
    };
    let (Some(sdk), Some(ours)) = (count("sdk"), count("driftless")) else {
        eprintln!("instructions ARE LEFT OUT: there is no valgrind");
        return;
    };
    println!("\n### Instructions a read, {BUCKETS} buckets\n");
    println!("| client | instructions a read | × bare SDK loop |\n| --- | --: | --: |");
    println!("| bare loop of `aws-sdk-s3` | {sdk:.0} | 1.00 |");
    println!("| **driftless** | {ours:.0} | {:.2} |", ours / sdk);
}
