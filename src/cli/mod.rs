//! The commands, one file each.

#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod apply;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod demo;
#[cfg(feature = "daemon")]
pub mod history;
pub mod iam;
pub mod live;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub mod plan;
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

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::{self, Config, Override};
use crate::finding::Finding;

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
        let ours = ["DRIFTLESS_CONFIG", "DRIFTLESS_DATA_DIR_ONLY"];
        let variables =
            std::env::vars().filter(|(name, _)| !ours.contains(&name.as_str()) && !name.contains("WITHOUT"));
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
            None => config::parse("driftless.yaml", "", &overrides),
        }
    }
}

/// Prints findings the way compilers do, and counts the errors.
pub fn print_findings(findings: &[Finding]) -> usize {
    for finding in findings {
        eprintln!("{finding}");
    }
    findings.iter().filter(|it| it.severity == crate::finding::Severity::Error).count()
}
