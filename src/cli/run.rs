//! `driftless run`: the daemon.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::{CANNOT_TELL, ConfigArgs, DRIFT, print_findings};
use crate::agent::{Agent, Ended};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, LogFormat};

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
        super::say("the configuration is good");
        return ExitCode::SUCCESS;
    }
    start_log(&config);
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

/// Begins the log as the configuration says. A second call changes nothing.
pub fn start_log(config: &Config) {
    let level = config.log.level.as_deref().unwrap_or("info,aws_config=warn,aws_credential_types=error");
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match config.log.format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => log.event_format(Plain).try_init(),
    };
}

/// One plain sentence a line: time, the level when somebody should look, and the message. The
/// fields repeat what it says, and are for machines.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let time = SystemClock.now().format("%H:%M:%S");
        let level = match *event.metadata().level() {
            Level::ERROR => "ERROR ",
            Level::WARN => "WARN  ",
            Level::INFO => "",
            Level::DEBUG => "debug ",
            Level::TRACE => "trace ",
        };
        writeln!(writer, "{time} {level}{}", super::plain(&said.line()))
    }
}

/// What an event says to people: its message, and the reason and the advice where the message does
/// not hold them already. All its fields are in the log of the form `json`.
#[derive(Default)]
struct Said {
    message: String,
    reason: String,
    hint: String,
}

impl Said {
    fn line(&self) -> String {
        let mut line = self.message.clone();
        if !self.reason.is_empty() && !line.contains(&self.reason) {
            line.push_str(": ");
            line.push_str(&self.reason);
        }
        if !self.hint.is_empty() && !line.contains(&self.hint) {
            line.push_str("\n    hint: ");
            line.push_str(&self.hint);
        }
        line
    }
}

impl tracing::field::Visit for Said {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "error" => self.reason = format!("{value:?}"),
            "hint" => self.hint = format!("{value:?}"),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}
