//! `driftless scan`: every bucket of the accounts against the policies, without any spec.

use std::process::ExitCode;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::session::{Session, connect};
use super::{CANNOT_TELL, ConfigArgs, Output, plan, print_findings};
use crate::agent;
use crate::clock::{Clock, SystemClock};
use crate::config::Override;
use crate::finding::Severity;
use crate::reconcile::Hands;
use crate::source::{Revision, Tree};

/// Checks every bucket of the accounts against the built-in policies. Needs no spec and writes
/// nothing.
///
/// Ends with 0 when every bucket complies, with 2 when one does not, with 1 when it could not be
/// told.
#[derive(Debug, clap::Args)]
pub struct ScanArgs {
    /// The address of an S3-compatible store, for the only account; turns path style on.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Runs the command.
pub async fn run(config: &ConfigArgs, args: &ScanArgs) -> ExitCode {
    let say = |path: &[&str], value: &str| Override {
        path: path.iter().map(|step| (*step).to_owned()).collect(),
        value: value.to_owned(),
        from: "the command line".to_owned(),
    };
    let mut defaults = vec![say(&["policies", "undeclared"], "true")];
    if config.config.is_none() {
        defaults.push(say(&["source", "dir"], "."));
    }
    if let Some(endpoint) = &args.endpoint {
        defaults.push(say(&["accounts"], &format!("[{{endpoint: {}, pathStyle: true}}]", serde_json::json!(endpoint))));
    }
    let config = match config.load(&defaults) {
        Ok(config) => config,
        Err(findings) => {
            print_findings(&findings);
            return ExitCode::from(CANNOT_TELL);
        }
    };
    let now = SystemClock.now();
    let nothing = Tree {
        revision: Revision {
            id: String::new(),
            author: String::new(),
            message: String::new(),
            committed_at: None,
            signature: None,
        },
        files: std::collections::BTreeMap::new(),
        refused: Vec::new(),
    };
    let (desired, loaded) = agent::load_files(&config, &nothing, &(), now);
    if loaded.findings.iter().any(|it| it.severity == Severity::Error) {
        print_findings(&loaded.findings);
        return ExitCode::from(CANNOT_TELL);
    }
    let stop = CancellationToken::new();
    let progress = Progress::begin("connecting");
    let Ok(cloud) = connect(&config, &stop).await else { return ExitCode::from(CANNOT_TELL) };
    let session = Session::of(config, desired, Arc::clone(&cloud), now, stop, progress);
    let swept = session.sweep(Hands::Bound).await;
    plan::print(&swept, &[], args.output, now)
}
