//! `driftless completions`: what a shell needs to complete the command line.

use std::process::ExitCode;

use clap_complete::Shell;

/// Prints the completions of a shell.
///
/// For bash: driftless completions bash >/etc/bash_completion.d/driftless
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Runs the command; `program` is the whole command line.
pub fn run(args: &CompletionsArgs, mut program: clap::Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "driftless", &mut script);
    super::say(String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}
