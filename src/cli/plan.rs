//! `driftless plan`: what would be done, without doing it.

use std::path::PathBuf;
use std::process::ExitCode;

use super::color::Look;
use super::render::{Planned, Sum, json, text};
use super::session::{Session, WhatArgs};
use super::{CANNOT_TELL, ConfigArgs, DRIFT, Output, print_findings};
use crate::finding::Finding;
use crate::reconcile::{Hands, Swept};

/// Shows what would be done, bucket by bucket and field by field. Writes nothing.
///
/// Ends with 0 when everything is in sync, with 2 when there is drift or a fault in the
/// documents, with 1 when it could not be told.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// What to look at.
    #[command(flatten)]
    pub what: WhatArgs,
    /// Recorded live values instead of S3.
    #[arg(long, value_name = "FILE")]
    pub live: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Runs the command.
pub async fn run(config: &ConfigArgs, args: &PlanArgs) -> ExitCode {
    let Ok(mut session) = Session::open(config, &args.what, args.live.as_ref()).await else {
        return ExitCode::from(CANNOT_TELL);
    };
    if session.choose(&args.what.buckets).is_err() {
        return ExitCode::from(CANNOT_TELL);
    }
    let (findings, now) = (std::mem::take(&mut session.findings), session.now);
    let swept = session.sweep(Hands::Bound).await;
    print(&swept, &findings, args.output, now)
}

/// Prints what a sweep left, and says how the command ends.
pub(super) fn print(swept: &Swept, findings: &[Finding], output: Output, now: crate::clock::Timestamp) -> ExitCode {
    let errors = print_findings(findings);
    for error in &swept.report.errors {
        super::complain(error);
        if let Some(hint) = error.hint() {
            super::complain(format_args!("hint: {hint}"));
        }
    }
    let planned: Vec<Planned<'_>> = swept
        .plans
        .iter()
        .map(|it| Planned { wish: &it.wish, observed: &it.observed, plan: &it.last, repairs: &it.repairs })
        .collect();
    match output {
        Output::Text => super::say_in(Look::Plan, text(&planned, now).trim_end()),
        Output::Json => {
            let mut value = json(&planned, now);
            value["findings"] = serde_json::json!(findings);
            super::say(format_args!("{value:#}"));
        }
    }
    let code = Sum::of(&planned).exit();
    if swept.report.interrupted {
        super::complain("ended before its time: what stands here is not all");
        ExitCode::from(CANNOT_TELL)
    } else if errors > 0 {
        ExitCode::from(DRIFT)
    } else if code == 0 && !swept.report.errors.is_empty() && planned.is_empty() {
        ExitCode::from(CANNOT_TELL)
    } else {
        ExitCode::from(code)
    }
}
