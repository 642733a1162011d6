//! `driftless validate`: every fault of the documents, with no S3. For the specs' own pull requests.

use std::path::PathBuf;
use std::process::ExitCode;

use super::progress::Progress;
use super::{CANNOT_TELL, ConfigArgs, DRIFT, IN_SYNC, Output, print_findings};
use crate::clock::{Clock, SystemClock};
use crate::finding::Severity;
use crate::source::{Limits, dir};
use crate::spec::load::{Context, load_tree};
use crate::{agent, desired};

/// Checks every document of a folder and prints every fault. Asks nobody outside.
///
/// Ends with 0 when there is no fault, with 2 when there is one, with 1 when the folder cannot be
/// read. With `--config`, accounts and regions are checked against the agent's.
#[derive(Debug, clap::Args)]
pub struct ValidateArgs {
    /// The folder.
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Warnings count as faults.
    #[arg(long)]
    pub strict: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Runs the command.
pub fn run(config: &ConfigArgs, args: &ValidateArgs) -> ExitCode {
    let progress = Progress::begin("reading files");
    let tree = match dir::read(&args.dir, Limits::default()) {
        Ok(tree) => tree,
        Err(error) => {
            super::session::complain(&error, error.hint.as_deref());
            return ExitCode::from(CANNOT_TELL);
        }
    };
    let now = SystemClock.now();
    progress.doing(&format!("checking {} files", tree.files.len()));
    let (buckets, findings) = if config.config.is_some() {
        match config.load(&[]) {
            Ok(config) => {
                let (desired, loaded) = agent::load_files(&config, &tree, &(), now);
                (desired.buckets.len(), loaded.findings)
            }
            Err(findings) => {
                print_findings(&findings);
                return ExitCode::from(CANNOT_TELL);
            }
        }
    } else {
        let mut loaded = load_tree(&tree, &(), &Context { now, ..Context::default() });
        let (joined, more) = desired::resolve(&loaded.specs, &desired::Agent::of_any_account(&loaded.specs));
        loaded.findings.extend(more);
        loaded.findings.sort();
        (joined.buckets.len(), loaded.findings)
    };
    drop(progress);
    let errors = findings.iter().filter(|it| it.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    match args.output {
        Output::Json => {
            super::say(format_args!(
                "{:#}",
                serde_json::json!({ "buckets": buckets, "errors": errors, "warnings": warnings, "findings": findings })
            ));
        }
        Output::Text => {
            print_findings(&findings);
            let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
            super::say(format_args!(
                "{}, {}, {}",
                count(buckets, "bucket"),
                count(errors, "error"),
                count(warnings, "warning")
            ));
        }
    }
    let faulty = errors > 0 || (args.strict && warnings > 0);
    ExitCode::from(if faulty { DRIFT } else { IN_SYNC })
}
