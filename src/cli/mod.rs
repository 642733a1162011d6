//! The commands, one file each.

#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod apply;
pub mod color;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod completions;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod demo;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod endpoints;
#[cfg(feature = "daemon")]
pub mod history;
pub mod iam;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod import;
pub mod live;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod log;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod look;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod man;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod notify;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod plan;
#[cfg(feature = "daemon")]
pub mod progress;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod record;
pub mod render;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod run;
#[cfg(feature = "daemon")]
pub mod sandbox;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod scan;
pub mod schema;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod session;
#[cfg(feature = "daemon")]
pub mod status;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod validate;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::{self, Config, Override};
use crate::finding::{Finding, Severity};
use color::{Look, Pen, Stream};

/// Where the agent's configuration comes from.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// The agent's configuration.
    #[arg(long, value_name = "FILE", env = "DRIFTLESS_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// Sets one field of the configuration, such as `mode=observe` or `source.git.branch=next`.
    /// Every field can be set by a variable, too: DRIFTLESS_SOURCE__GIT__BRANCH.
    #[arg(long, value_name = "FIELD=VALUE", global = true, value_parser = Override::from_flag)]
    pub set: Vec<Override>,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// What stands for the file where none is named.
const NO_FILE: &str = "--config";

/// Everything wanted is there: exit code.
pub const IN_SYNC: u8 = 0;
/// It could not be told: exit code.
pub const CANNOT_TELL: u8 = 1;
/// There is drift, or there are findings: exit code.
pub const DRIFT: u8 = 2;

impl ConfigArgs {
    /// Reads the configuration. `defaults` hold where nobody says anything else: a command that is
    /// given a folder needs no file.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn load(&self, defaults: &[Override]) -> Result<Config, Vec<Finding>> {
        let mut overrides = Vec::new();
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let variables = std::env::vars_os().filter_map(text);
        if self.config.is_none() {
            overrides.extend(defaults.iter().cloned());
        }
        overrides.extend(Override::from_environment(variables));
        if self.config.is_some() {
            overrides.extend(defaults.iter().cloned());
        }
        overrides.extend(self.set.iter().cloned());
        match &self.config {
            Some(file) => config::load(file, &overrides),
            None => config::parse(NO_FILE, "", &overrides).map_err(|mut findings| {
                for finding in findings.iter_mut().filter(|it| it.message == "`source` is missing in the document") {
                    "no configuration, and nothing else says where the specs are".clone_into(&mut finding.message);
                    finding.hint = Some("name a file: `--config FILE`; or a folder: `--set source.dir=DIR`".to_owned());
                }
                findings
            }),
        }
    }

    /// Whether somebody named a configuration, or a part of one.
    pub fn is_named(&self) -> bool {
        self.config.is_some() || !self.set.is_empty()
    }
}

/// Prints a result. Whoever reads it may have seen enough and gone, which is no fault of ours.
pub fn say(text: impl std::fmt::Display) {
    print(&plain(&format!("{text}\n")));
}

/// Prints a result for people, in the colours of its kind where there shall be some.
pub fn say_in(look: Look, text: impl std::fmt::Display) {
    let text = plain(&format!("{text}\n"));
    print(&if color::is_on(Stream::Out) { color::lay(look, &text) } else { text });
}

fn print(text: &str) {
    let printed = beside_progress(|| {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    });
    if let Err(error) = printed
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        complain(format_args!("the output cannot be written: {}", error.to_string().to_lowercase()));
    }
}

/// Prints a fault, or what belongs to one.
pub fn complain(text: impl std::fmt::Display) {
    let text = plain(&format!("{text}\n"));
    let text = if color::is_on(Stream::Err) { color::lay(Look::Faults, &text) } else { text };
    complain_inked(&text);
}

/// Prints a fault that has its colours, and no characters else that steer a terminal.
fn complain_inked(text: &str) {
    let _ = beside_progress(|| std::io::stderr().lock().write_all(text.as_bytes()));
}

#[cfg(feature = "daemon")]
fn beside_progress<T>(print: impl FnOnce() -> T) -> T {
    progress::aside(print)
}

/// Without the commands that take long there is nothing to step aside for.
#[cfg(not(feature = "daemon"))]
fn beside_progress<T>(print: impl FnOnce() -> T) -> T {
    print()
}

/// Text without the characters that steer a terminal, or turn around or hide what stands beside them:
/// what comes from a repository or from S3 may hold any, and people approve by what they read.
pub fn plain(text: &str) -> String {
    let steers = |c: char| (c.is_control() && c != '\n' && c != '\t') || crate::finding::is_invisible(c);
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// Prints findings the way compilers do, and counts the errors.
pub fn print_findings(findings: &[Finding]) -> usize {
    let colored = color::is_on(Stream::Err);
    for finding in findings {
        let text = plain(&format!("{finding}\n"));
        match text.split_once(": ").filter(|_| colored) {
            Some((place, rest)) => {
                let pen = if finding.severity == Severity::Error { Pen::Bad } else { Pen::Careful };
                complain_inked(&format!("{}: {}", pen.ink(place), color::lay(Look::Faults, rest)));
            }
            None => complain_inked(&text),
        }
    }
    findings.iter().filter(|it| it.severity == Severity::Error).count()
}
