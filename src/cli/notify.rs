//! `driftless notify`: whether messages arrive.

use std::process::ExitCode;
use std::sync::Arc;

use super::progress::Progress;
use super::session::complain;
use super::{CANNOT_TELL, ConfigArgs, DRIFT, print_findings};
use crate::agent;
use crate::alertmanager::push;
use crate::clock::{Clock, SystemClock};
use crate::notify::Notice;
use crate::notify::deliver::within;
use crate::notify::sink::{Failure, Place};

/// Sends a test message to the notifications of the configuration, and a test alert to Alertmanager
/// where alerts are pushed to it, and says how it went.
///
/// Ends with 0 when every message was taken, with 1 when one was not, with 2 when the
/// configuration has a fault.
#[derive(Debug, clap::Args)]
pub struct NotifyArgs {
    /// Sends a test message: to every sink and every Alertmanager, or to the sink of this name.
    /// `alertmanager` names every Alertmanager; its alert is over as it comes, so nobody is told of it.
    #[arg(long, value_name = "NAME", num_args = 0..=1, required = true)]
    pub test: Option<Option<String>>,
}

/// By this name the block `alertmanager` is tried out.
const ALERTMANAGER: &str = "alertmanager";

/// Runs the command.
pub async fn run(config: &ConfigArgs, args: &NotifyArgs) -> ExitCode {
    let config = match config.load(&[]) {
        Ok(config) => config,
        Err(findings) => {
            print_findings(&findings);
            return ExitCode::from(DRIFT);
        }
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut places = match Place::all(&config.notifications, &clock) {
        Ok(places) => places,
        Err(failure) => {
            let _ = complain(&failure, failure.hint.as_deref());
            return ExitCode::from(CANNOT_TELL);
        }
    };
    let mut urls = config.alertmanager.urls.clone();
    if let Some(Some(name)) = &args.test {
        let mut known: Vec<String> = places.iter().map(|it| format!("`{}`", it.name)).collect();
        if !urls.is_empty() {
            known.push(format!("`{ALERTMANAGER}`"));
        }
        places.retain(|it| *it.name == **name);
        if name != ALERTMANAGER {
            urls.clear();
        }
        if places.is_empty() && urls.is_empty() {
            let hint = format!("there are {}", known.join(", "));
            let _ = complain(
                format!("no notification is named `{name}`"),
                Some(&hint).filter(|_| !known.is_empty()).map(|it| it.as_str()),
            );
            return ExitCode::from(CANNOT_TELL);
        }
    }
    if places.is_empty() && urls.is_empty() {
        let hint = "add `notifications` to it; docs/notifications.md has an example for each kind";
        let _ = complain("the configuration names no notifications", Some(hint));
        return ExitCode::from(CANNOT_TELL);
    }
    let instance = match (&config.http.public_url, agent::source(&config)) {
        (Some(page), _) => page.clone(),
        (None, Ok(source)) => source.describe().url,
        (None, Err(_)) => "an agent that is not running".to_owned(),
    };
    let notice = Notice::test(&instance, config.http.public_url.clone(), clock.now());
    let progress = Progress::begin("sending test messages");
    let total = places.len() + urls.len();
    let (mut done, mut failed) = (0_usize, false);
    let mut begins = |to: &str| {
        progress.doing(&format!("waiting for {to}"));
        progress.count(done as u64, total as u64);
        done += 1;
    };
    for place in &places {
        let to = format!("{} ({})", place.name, place.sink.service());
        begins(&to);
        failed |= !said(&to, "message", within(place, place.sink.test(&notice)).await);
    }
    for url in &urls {
        let to = format!("{ALERTMANAGER} ({url})");
        begins(&to);
        let page = config.http.public_url.as_deref();
        failed |= !said(&to, "alert", push::test(&config.alertmanager, url, page, clock.now()).await);
    }
    drop(progress);
    if failed { ExitCode::from(CANNOT_TELL) } else { ExitCode::SUCCESS }
}

/// Says how it went, and gives whether it went well.
fn said(to: &str, what: &str, sent: Result<(), Failure>) -> bool {
    match sent {
        Ok(()) => super::say(format_args!("{to}: the test {what} was taken")),
        Err(failure) => {
            let _ = complain(format!("{to}: {failure}"), failure.hint.as_deref());
            return false;
        }
    }
    true
}
