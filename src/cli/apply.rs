//! `driftless apply`: one sweep that writes, as the daemon's does.

use std::process::ExitCode;

use super::session::{Session, WhatArgs};
use super::{CANNOT_TELL, ConfigArgs, Output, plan};
use crate::reconcile::Hands;

/// Repairs everything once, and shows what was done and what is left.
///
/// Ends with 0 when everything is in sync afterwards, with 2 when something is left, with 1 when
/// it could not be told. Fights are not noticed: that takes the daemon's memory.
#[derive(Debug, clap::Args)]
pub struct ApplyArgs {
    /// What to look at.
    #[command(flatten)]
    pub what: WhatArgs,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Runs the command.
pub async fn run(config: &ConfigArgs, args: &ApplyArgs) -> ExitCode {
    let Ok(mut session) = Session::open(config, &args.what, None).await else {
        return ExitCode::from(CANNOT_TELL);
    };
    if session.choose(&args.what.buckets).is_err() {
        return ExitCode::from(CANNOT_TELL);
    }
    let (findings, now) = (std::mem::take(&mut session.findings), session.now);
    let swept = session.sweep(Hands::Free).await;
    plan::print(&swept, &findings, args.output, now)
}
