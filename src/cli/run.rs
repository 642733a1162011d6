//! `driftless run`: the daemon.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{CANNOT_TELL, ConfigArgs, DRIFT, log, print_findings, session};
use crate::agent::{Agent, Ended};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::telemetry::Telemetry;

/// Runs the daemon: follows the source, checks every bucket on the schedule, repairs drift, and
/// serves page and metrics. SIGTERM and Ctrl-C end it after the write under way.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Only checks the configuration.
    #[arg(long)]
    pub check_config: bool,
}

/// Runs the command.
pub async fn run(config: &ConfigArgs, args: &RunArgs) -> ExitCode {
    let config = match config.load(&[]) {
        Ok(config) => config,
        Err(findings) => {
            print_findings(&findings);
            return ExitCode::from(DRIFT);
        }
    };
    if args.check_config {
        // What needs no network: address and credentials that go together, and a folder that is there.
        if let Err(error) = crate::agent::source(&config) {
            session::complain(&error, error.hint.as_deref());
            return ExitCode::from(DRIFT);
        }
        if let Some(dir) = config.source.dir.as_ref().filter(|dir| !dir.is_dir()) {
            let message = format!("there is no folder `{}`", dir.display());
            session::complain(message, Some("name an existing folder in `source.dir`"));
            return ExitCode::from(DRIFT);
        }
        super::say("the configuration is good");
        return ExitCode::SUCCESS;
    }
    let (telemetry, remarks) = match Telemetry::begin(&config.telemetry) {
        Ok(begun) => begun,
        Err(error) => {
            session::complain(&error, Some(&error.hint));
            return ExitCode::from(CANNOT_TELL);
        }
    };
    log::start(&config, telemetry.as_ref());
    for remark in remarks {
        tracing::warn!("{remark}");
    }
    let code = agent(config).await;
    if let Some(telemetry) = telemetry {
        telemetry.end().await;
    }
    code
}

/// The daemon itself, from its beginning to its end.
async fn agent(config: Config) -> ExitCode {
    // From the first moment on, as the first process of a container is not ended by a signal that
    // nobody listens for.
    let mut signals = Signals::listen();
    let stop = CancellationToken::new();
    let made = tokio::select! {
        made = Agent::new(config, Arc::new(SystemClock), stop.clone()) => made,
        signal = signals.next() => {
            tracing::info!("{signal}: ended before anything was begun");
            return ExitCode::SUCCESS;
        }
    };
    let agent = match made {
        Ok(agent) => agent,
        Err(error) => {
            super::complain(format_args!("{error}"));
            if let Some(hint) = &error.hint {
                super::complain(format_args!("hint: {hint}"));
            }
            return ExitCode::from(CANNOT_TELL);
        }
    };
    let mut running = tokio::spawn(agent.run());
    let ended = tokio::select! {
        ended = &mut running => ended,
        signal = signals.next() => {
            tracing::info!("{signal}: ending; a write under way is finished first");
            stop.cancel();
            tokio::select! {
                ended = &mut running => ended,
                signal = signals.next() => {
                    tracing::warn!("{signal} again: ended at once; a write under way may or may not have been made");
                    return ExitCode::from(CANNOT_TELL);
                }
            }
        }
    };
    match ended {
        Ok(Ended::InGoodOrder) => ExitCode::SUCCESS,
        _ => ExitCode::from(CANNOT_TELL),
    }
}

/// The signals that end a program in good order: SIGTERM, and Ctrl-C.
#[derive(Debug)]
pub struct Signals {
    terminate: Option<Signal>,
    interrupt: Option<Signal>,
}

impl Signals {
    /// Listens from now on; none is lost between this and [`Signals::next`].
    pub fn listen() -> Self {
        Self { terminate: signal(SignalKind::terminate()).ok(), interrupt: signal(SignalKind::interrupt()).ok() }
    }

    /// Waits for the next, and says which it was.
    pub async fn next(&mut self) -> &'static str {
        async fn one(signal: &mut Option<Signal>) {
            match signal {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = one(&mut self.terminate) => "SIGTERM",
            () = one(&mut self.interrupt) => "Ctrl-C",
        }
    }
}

/// Waits for SIGTERM or Ctrl-C, and says which it was.
pub async fn told_to_end() -> &'static str {
    Signals::listen().next().await
}
