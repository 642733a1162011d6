//! The daemon as users run it: the program, a git repository, an S3 server, and what people see.

use driftless::sandbox::{Answer, Fault, Operation, Options, Prepared, Weather};
use serde_json::{Value, json};

use crate::support::daemon::{Daemon, World, bound_by_modes, compliant, spec, wait};

mod alerts;
mod ends;
mod faults;
mod log;
mod source;
mod starts;
mod telemetry;
mod unread;
mod writes;

/// The lines of the log that tell of one bucket and hold this text.
fn lines<'a>(log: &'a str, bucket: &str, text: &str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(bucket) && line.contains(text)).collect()
}
