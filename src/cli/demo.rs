//! `driftless demo`.

use std::process::ExitCode;

/// Shows.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Ends by itself.
    #[arg(long)]
    pub once: bool,
}

/// Runs.
pub async fn run(_args: &DemoArgs) -> ExitCode {
    ExitCode::SUCCESS
}
