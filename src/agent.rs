//! The daemon: everything put together from the configuration, and kept going until it is told
//! to end. `apply`, `plan` and `scan` use the same parts for one sweep.

mod assemble;
mod deeper;
mod follow;
mod passed;
mod remember;
mod supervise;
mod sweeper;
pub mod witness;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::alertmanager::push::Pushing;
use crate::board::{Board, ExemptionCard, PolicyCard};
use crate::bucket::AccountName;
use crate::capability::Capabilities;
use crate::clock::{Clock, Timestamp};
use crate::cloud::learned::Learned;
use crate::cloud::patient::Patience;
use crate::cloud::{Cloud, Observer, S3ErrorKind};
use crate::config::schedule::Schedule;
use crate::config::{Config, DetailConfig};
use crate::desired::Desired;
use crate::history::History;
use crate::metrics::{Detail, Metrics, MetricsOptions};
use crate::notify::deliver::FAREWELL;
use crate::notify::messenger::{Letterbox, Messenger};
use crate::notify::sink::Place;
use crate::past::{Limits, Past};
use crate::report::Event;
use crate::serve::health::Heartbeat;
use crate::serve::{self, Serve, Token};
use crate::spec::ExemptionSpec;

use supervise::supervise;

pub use assemble::{capabilities, cloud, load_files, source};
pub use witness::Telling;

/// What cannot be begun, in words, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What is wrong.
    pub message: String,
    /// What the user can do about it.
    pub hint: Option<String>,
}

impl Error {
    fn new(message: impl ToString, hint: Option<impl ToString>) -> Self {
        Self { message: message.to_string(), hint: hint.map(|hint| hint.to_string()) }
    }
}

/// The metrics as the observer of requests.
struct Metered(Arc<Metrics>);

impl Observer for Metered {
    fn request(&self, account: &AccountName, operation: &str, failed: Option<S3ErrorKind>, seconds: f64) {
        self.0.request(account, operation, failed, seconds);
    }

    fn concurrency(&self, account: &AccountName, limit: f64) {
        self.0.concurrency_limit(account, limit);
    }
}

/// The daemon, put together and not yet begun.
pub struct Agent {
    config: Config,
    clock: Arc<dyn Clock>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    history: Arc<History>,
    past: Arc<Past>,
    capabilities: Arc<Capabilities>,
    cloud: Arc<dyn Cloud>,
    source: Box<dyn crate::source::Source>,
    heartbeat: Arc<Heartbeat>,
    listener: tokio::net::TcpListener,
    metrics_listener: Option<tokio::net::TcpListener>,
    token: Option<Token>,
    pushing: Option<Pushing>,
    places: Vec<Place>,
    stop: CancellationToken,
}

impl Agent {
    /// Puts everything together: whatever can fail at the start fails here, before anything is
    /// done.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub async fn new(config: Config, clock: Arc<dyn Clock>, stop: CancellationToken) -> Result<Self, Error> {
        prepare_data_dir(&config)?;
        let board = Arc::new(Board::default());
        let detail = match config.metrics.detail {
            DetailConfig::Bucket => Detail::Bucket,
            DetailConfig::Policy => Detail::Policy,
            DetailConfig::Summary => Detail::Summary,
        };
        let now = clock.now();
        let options = MetricsOptions {
            detail,
            source_interval: config.source.interval.0,
            sweep_interval: between_checks(&config, now),
            started_at: Some(now),
            ..MetricsOptions::default()
        };
        let metrics = Arc::new(Metrics::new(Arc::clone(&board), Arc::clone(&clock), options));
        let path = config.data_dir.join(crate::history::FILE);
        let history =
            History::open_or_in_memory(&path, Arc::clone(&clock)).map_err(|error| Error::new(&error, error.hint()))?;
        let past = Arc::new(Past::new(Limits {
            max_repairs: u32::try_from(config.limits.fight_repairs).unwrap_or(u32::MAX),
            window: chrono::Duration::from_std(config.limits.fight_window.0).unwrap_or(chrono::Duration::hours(1)),
            ..Limits::default()
        }));
        let observer: Arc<dyn Observer> = Arc::new(Metered(Arc::clone(&metrics)));
        let patience = Patience { deadline: config.limits.request_deadline.0, ..Patience::default() };
        let cloud = assemble::cloud(&config, patience, &observer, &stop).await?;
        let capabilities = Arc::new(assemble::capabilities(&config));
        let cloud = Arc::new(Learned::new(cloud, Arc::clone(&capabilities), Arc::clone(&clock)));
        let source = assemble::source(&config)?;
        let listener = serve::bind(config.http.listen)
            .await
            .map_err(|error| Error::new(&error, Some(error.hint("http.listen"))))?;
        let metrics_listener = match config.http.metrics_listen {
            None => None,
            Some(address) => Some(
                serve::bind(address)
                    .await
                    .map_err(|error| Error::new(&error, Some(error.hint("http.metricsListen"))))?,
            ),
        };
        let token = match &config.http.sync_token_file {
            None => None,
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    let said = error.to_string().to_lowercase();
                    Error::new(
                        format!("the token for syncs cannot be read from `{}`: {said}", file.display()),
                        Some("correct `http.syncTokenFile`, or leave it out"),
                    )
                })?;
                match text.trim() {
                    "" => {
                        let message = format!("the file of the token for syncs, `{}`, is empty", file.display());
                        return Err(Error::new(message, Some(LONG_TOKEN)));
                    }
                    short if short.chars().count() < Token::SHORTEST => {
                        let message = format!("the token for syncs in `{}` is too short", file.display());
                        return Err(Error::new(message, Some(LONG_TOKEN)));
                    }
                    token => Some(Token::new(token)),
                }
            }
        };
        let heartbeat = Arc::new(Heartbeat::new(clock.now()));
        let history = Arc::new(history);
        let pushing = Pushing::new(
            &config.alertmanager,
            config.http.public_url.clone(),
            Arc::clone(&clock),
            Arc::clone(&board),
            Arc::clone(&metrics),
            Arc::clone(&history),
        )
        .await
        .map_err(|error| Error::new(&error, error.hint.as_ref()))?;
        let places =
            Place::all(&config.notifications, &clock).map_err(|error| Error::new(&error, error.hint.as_ref()))?;
        Ok(Self {
            config,
            clock,
            board,
            metrics,
            history,
            past,
            capabilities,
            cloud,
            source,
            heartbeat,
            listener,
            metrics_listener,
            token,
            pushing,
            places,
            stop,
        })
    }

    /// The address of the page.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// How everything stands, for those who look on.
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Goes on until it is told to end; then the write under way is finished and proved.
    pub async fn run(self) -> Ended {
        let Self {
            config,
            clock,
            board,
            metrics,
            history,
            past,
            capabilities,
            cloud,
            source,
            heartbeat,
            listener,
            metrics_listener,
            token,
            pushing,
            places,
            stop,
        } = self;
        let letterbox = (!places.is_empty()).then(Arc::<Letterbox>::default);
        let telling = Telling::new(Arc::clone(&history), Arc::clone(&metrics), Arc::clone(&past));
        let telling = Arc::new(telling.posting(letterbox.clone()));
        remember::repairs_and_drifts(&history, &past, &board, clock.now()).await;
        remember::endpoints(&history, &capabilities, &board, clock.now()).await;
        telling.happened(clock.now(), vec![Event::Started { version: env!("CARGO_PKG_VERSION") }]);

        // Whoever asks wants what is in git now, and every bucket as it is now: neither waits for
        // the other, and a new revision causes a sweep of its own.
        let (demand, fetch) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let served = CancellationToken::new();
        let (wanted, coming) = tokio::sync::watch::channel(None::<follow::InForce>);
        let looking = deeper::Looking::new(
            Arc::clone(&cloud),
            Arc::clone(&clock),
            Arc::clone(&history),
            source.ancestry(),
            coming.clone(),
        );
        let state = Serve {
            board: Arc::clone(&board),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
            heartbeat: Arc::clone(&heartbeat),
            options: serve::Options {
                metrics_apart: metrics_listener.is_some(),
                token,
                hosts: serve::Hosts::of(config.http.listen, config.http.public_url.as_deref()),
                stuck_after: config.limits.stuck_after.0,
                checked_every: metrics.options().sweep_interval,
                ..serve::Options::default()
            },
            wake: {
                let (demand, fetch) = (Arc::clone(&demand), Arc::clone(&fetch));
                Arc::new(move || {
                    fetch.notify_one();
                    demand.notify_one();
                })
            },
            ask_endpoints: {
                let (demand, capabilities) = (Arc::clone(&demand), Arc::clone(&capabilities));
                Arc::new(move || {
                    capabilities.forget();
                    demand.notify_one();
                })
            },
            deeper: Arc::new(looking),
        };
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "page, API and health at http://{address}/");
        }
        let metrics_address = metrics_listener.as_ref().unwrap_or(&listener).local_addr();
        if let Ok(address) = metrics_address {
            tracing::info!(%address, "metrics at http://{address}/metrics");
        }
        let page = tokio::spawn(serve::serve(listener, state.clone(), served.clone()));
        let apart = metrics_listener.map(|it| tokio::spawn(serve::serve_metrics(it, state, served.clone())));

        let (pictures, _) = tokio::sync::watch::channel(Arc::default());
        // The messenger ends after those who have something to tell.
        let all_said = CancellationToken::new();
        let messenger = letterbox.clone().map(|letterbox| Messenger {
            places,
            speaker: assemble::speaker(&config, &source.describe()),
            interval: config.source.interval.0,
            letterbox,
            board: Arc::clone(&board),
            history: Arc::clone(&history),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
            pictures,
            stop: all_said.clone(),
        });
        let messenger = messenger.map(|it| {
            let (metrics, stop) = (Arc::clone(&metrics), all_said.clone());
            tokio::spawn(supervise("the messenger", metrics, stop, move || it.clone().run()))
        });
        let follower = follow::Follower {
            config: config.clone(),
            clock: Arc::clone(&clock),
            board: Arc::clone(&board),
            metrics: Arc::clone(&metrics),
            history: Arc::clone(&history),
            past: Arc::clone(&past),
            capabilities: Arc::clone(&capabilities),
            telling: Arc::clone(&telling),
            source,
            demand: fetch,
            wanted,
            stop: stop.clone(),
        };
        let (swept, sweeps) = tokio::sync::watch::channel(());
        let alerting = pushing.map(|it| {
            let (it, metrics, ending) = (Arc::new(it), Arc::clone(&metrics), stop.clone());
            let begin = move || Arc::clone(&it).run(sweeps.clone(), ending.clone());
            tokio::spawn(supervise("pushing alerts", metrics, stop.clone(), begin))
        });
        let sweeper = sweeper::Sweeper {
            config,
            clock: Arc::clone(&clock),
            board,
            metrics,
            past,
            capabilities,
            telling: Arc::clone(&telling),
            cloud,
            heartbeat,
            demand,
            coming,
            history: Arc::clone(&history),
            swept,
            letterbox,
            stop: stop.clone(),
        };
        let following = tokio::spawn(follower.run());
        let sweeping = tokio::spawn(sweeper.run());
        let ended = both(following, sweeping, &stop).await;
        all_said.cancel();
        if let Some(alerting) = alerting {
            let _ = alerting.await;
        }
        telling.happened(clock.now(), vec![Event::Stopped]);
        served.cancel();
        let _ = page.await;
        if let Some(apart) = apart {
            let _ = apart.await;
        }
        // Messages that did not arrive wait in the history; only those under way are waited for.
        if let Some(messenger) = messenger {
            let _ = tokio::time::timeout(FAREWELL + Duration::from_secs(1), messenger).await;
        }
        let closing = tokio::time::timeout(Duration::from_secs(5), history.close());
        if let Ok(Err(error)) = closing.await {
            tracing::warn!("the last entries of the history are lost: {error}");
        }
        ended
    }
}

/// What to write into the file of the token.
const LONG_TOKEN: &str = "write at least 16 characters: `openssl rand -hex 32`";

/// How the daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    InGoodOrder,
    /// A part of it failed, so that the rest could not go on.
    ByFault,
}

/// Waits for two parts that end by themselves once told to. One that failed must not leave the
/// other alone: buckets would be watched for ever by a specification that nobody follows.
async fn both(one: JoinHandle<()>, other: JoinHandle<()>, stop: &CancellationToken) -> Ended {
    let part = async |part: JoinHandle<()>| {
        let failed = part.await.is_err();
        if failed {
            tracing::error!("a part of the daemon failed; all of it ends, so that it can be started anew");
        }
        stop.cancel();
        failed
    };
    let (one, other) = tokio::join!(part(one), part(other));
    if one || other { Ended::ByFault } else { Ended::InGoodOrder }
}

/// The longest time from one sweep of the schedule to the next within the coming week: nights and
/// weekends are part of a schedule.
fn between_checks(config: &Config, now: Timestamp) -> Duration {
    /// With sweeps every minute, eight days; of those that are more frequent, fewer.
    const LOOKED_AT: usize = 8 * 24 * 60 + 2;
    let schedule = Schedule::parse(&config.schedule.cron, &config.schedule.zone).ok();
    let mut moments =
        schedule.into_iter().flat_map(|it| std::iter::successors(it.next_after(now), move |last| it.next_after(*last)));
    let mut last = moments.next();
    let mut longest = None;
    for next in moments.take(LOOKED_AT) {
        longest = longest.max(last.and_then(|last| (next - last).to_std().ok()));
        last = Some(next);
        if next - now > chrono::Duration::days(8) {
            break;
        }
    }
    longest.map_or(serve::Options::default().checked_every, |gap| gap + config.schedule.jitter.0)
}

/// The folder for the history and the copy of the repository: ours alone.
fn prepare_data_dir(config: &Config) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    let dir = &config.data_dir;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| {
        let said = error.to_string().to_lowercase();
        Error::new(
            format!("the data folder `{}` cannot be made: {said}", dir.display()),
            Some("set `dataDir` to a folder that the agent may write to"),
        )
    })
}

/// The policies in force, as people see them.
fn cards(desired: &Desired) -> Vec<PolicyCard> {
    desired
        .policies()
        .map(|policy| PolicyCard {
            name: Arc::clone(&policy.name),
            title: policy.title.clone(),
            severity: policy.severity,
            mode: policy.mode,
            file: Arc::clone(&policy.at.file),
            line: policy.at.line,
            written: Arc::clone(&policy.written),
            parameters: policy.parameters.clone(),
            exemptions: desired.exemptions().filter(|it| it.policy == policy.name).map(|it| exemption(it)).collect(),
        })
        .collect()
}

fn exemption(spec: &ExemptionSpec) -> ExemptionCard {
    ExemptionCard {
        name: Arc::clone(&spec.name),
        buckets: spec.buckets.clone(),
        reason: spec.reason.clone(),
        owner: spec.owner.clone(),
        expires: spec.expires,
        at: spec.at.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_fails_ends_the_other_and_the_daemon_says_so() {
        let stop = CancellationToken::new();
        let waits = stop.clone();
        let (failing, waiting) = (tokio::spawn(async { panic!("a fault") }), tokio::spawn(waits.cancelled_owned()));
        assert_eq!(both(failing, waiting, &stop).await, Ended::ByFault);
    }

    #[tokio::test]
    async fn two_parts_that_were_told_to_end_are_in_good_order() {
        let stop = CancellationToken::new();
        let part = || tokio::spawn(stop.clone().cancelled_owned());
        let (one, other) = (part(), part());
        stop.cancel();
        assert_eq!(both(one, other, &stop).await, Ended::InGoodOrder);
    }
}
