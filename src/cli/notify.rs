//! `driftless notify`: whether messages arrive.

use std::process::ExitCode;
use std::sync::Arc;

use super::session::complain;
use super::{CANNOT_TELL, ConfigArgs, DRIFT, print_findings};
use crate::agent;
use crate::clock::{Clock, SystemClock};
use crate::notify::Notice;
use crate::notify::deliver::within;
use crate::notify::sink::Place;

/// Sends a test message to the notifications of the configuration, and says how it went.
///
/// Ends with 0 when every message was taken, with 1 when one was not, with 2 when the
/// configuration has a fault.
#[derive(Debug, clap::Args)]
pub struct NotifyArgs {
    /// Sends a test message: to every sink, or to the one of this name.
    #[arg(long, value_name = "NAME", num_args = 0..=1, required = true)]
    pub test: Option<Option<String>>,
}

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
    if let Some(Some(name)) = &args.test {
        let known: Vec<String> = places.iter().map(|it| format!("`{}`", it.name)).collect();
        places.retain(|it| *it.name == **name);
        if places.is_empty() {
            let hint = format!("there are {}", known.join(", "));
            let _ = complain(
                format!("no notification is named `{name}`"),
                Some(&hint).filter(|_| !known.is_empty()).map(|it| it.as_str()),
            );
            return ExitCode::from(CANNOT_TELL);
        }
    }
    if places.is_empty() {
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
    let mut failed = false;
    for place in &places {
        let (name, service) = (&place.name, place.sink.service());
        match within(place, place.sink.test(&notice)).await {
            Ok(()) => super::say(format_args!("{name} ({service}): the test message was taken")),
            Err(failure) => {
                failed = true;
                let _ = complain(format!("{name} ({service}): {failure}"), failure.hint.as_deref());
            }
        }
    }
    if failed { ExitCode::from(CANNOT_TELL) } else { ExitCode::SUCCESS }
}
