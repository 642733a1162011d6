//! `driftless sandbox`: the embedded S3 server alone, for trials and for benchmarks.

use std::net::SocketAddr;
use std::process::ExitCode;

use crate::bucket::Region;
use crate::sandbox::{Options, Prepared, Sandbox, Weather};
use crate::serve::bind;

/// Runs an S3 server in memory that behaves as AWS documents for the configuration of buckets.
/// It keeps no objects, checks no signatures, and forgets everything when it ends.
#[derive(Debug, clap::Args)]
pub struct SandboxArgs {
    /// Where it listens. Port 0 takes a free one, which it prints.
    #[arg(long, default_value = "127.0.0.1:9000", env = "DRIFTLESS_SANDBOX_LISTEN")]
    pub listen: SocketAddr,
    /// Buckets that are there from the start.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub buckets: usize,
    /// Their names; the number stands where braces around the letter n stand, as in the default.
    #[arg(long, value_name = "PATTERN", default_value = "bucket-{n}")]
    pub name: String,
    /// Whether they comply with the built-in policies.
    #[arg(long)]
    pub compliant: bool,
    /// The region.
    #[arg(long, default_value = "us-east-1")]
    pub region: String,
    /// How long an answer takes, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// How much longer or shorter, at most, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub jitter: u64,
    /// The share of requests that fail with 500, from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub errors: f64,
    /// The share of requests that are refused with 503 SlowDown, from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub throttles: f64,
    /// The same seed strikes the same requests.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("`{text}` is no share; write a number from 0 to 1"))
}

/// Runs the command.
pub async fn run(args: &SandboxArgs) -> ExitCode {
    let region = match Region::parse(&args.region) {
        Ok(region) => region,
        Err(error) => {
            super::complain(format_args!("{error}\nhint: {}", error.hint));
            return ExitCode::from(super::CANNOT_TELL);
        }
    };
    let prepared =
        Prepared { count: args.buckets, name: args.name.clone(), compliant: args.compliant, ..Prepared::default() };
    let options = Options {
        region,
        buckets: if args.buckets > 0 { vec![prepared] } else { Vec::new() },
        weather: Weather {
            latency_ms: args.latency,
            jitter_ms: args.jitter,
            error_rate: args.errors,
            throttle_rate: args.throttles,
        },
        seed: args.seed,
        log: 0,
        ..Options::default()
    };
    let listener = match bind(args.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            super::complain(format_args!("{error}\nhint: {}", error.hint("--listen")));
            return ExitCode::from(super::CANNOT_TELL);
        }
    };
    let Ok(address) = listener.local_addr() else { return ExitCode::from(super::CANNOT_TELL) };
    super::say(format_args!(
        "S3 at http://{address} ({} buckets); any access key will do; Ctrl-C ends it",
        args.buckets
    ));
    let ended = async {
        let _ = super::run::told_to_end().await;
    };
    match Sandbox::new(options).serve(listener, ended).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::complain(format_args!("the server failed: {error}"));
            ExitCode::from(super::CANNOT_TELL)
        }
    }
}
