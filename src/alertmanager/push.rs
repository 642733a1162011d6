//! Telling Alertmanager, one task for each address: what is slow or away holds up nobody else, no
//! sweep, and not the end of the agent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::alerts::{Alert, Lasting, Manner, alerts_of};
use super::stand::Stand;
use super::told::{Batch, Told};
use super::window::Samples;
use crate::board::Board;
use crate::clock::{Clock, Timestamp};
use crate::config::alertmanager::AlertmanagerConfig;
use crate::history::History;
use crate::metrics::Metrics;
use crate::notify::http::{self, Http, Post};

/// The name under which the history keeps what was told.
const TOLD: &str = "alerts";

/// The first pause after a failure; it doubles up to the interval.
const PAUSE: Duration = Duration::from_secs(1);

/// So long, at most, a receiver that asks for a pause is left alone.
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

/// Who is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Login {
    Nobody,
    Password { username: String, file: PathBuf },
    Token { file: PathBuf },
}

/// Why a push failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The secret cannot be had.
    #[error("the secret for Alertmanager cannot be read from `{}`: {what}", file.display())]
    Secret {
        /// Its file.
        file: PathBuf,
        /// What went wrong.
        what: String,
    },
    /// There is no answer.
    #[error("alerts cannot be pushed: {0}")]
    NoAnswer(http::Error),
    /// It does not take them.
    #[error("Alertmanager at {url} does not take the alerts: status {status}{}", if said.is_empty() { String::new() } else { format!(", {said}") })]
    Refused {
        /// Its address.
        url: String,
        /// The status.
        status: u16,
        /// What it says about that.
        said: String,
        /// How long it wants to be left alone.
        pause: Option<Duration>,
    },
}

impl Error {
    /// What the user can do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Secret { .. } => Some("correct `passwordFile` or `tokenFile` under `alertmanager`"),
            Self::NoAnswer(error) => error.hint(),
            Self::Refused { status: 401 | 403, .. } => {
                Some("correct `username` and `passwordFile`, or `tokenFile`, under `alertmanager`")
            }
            Self::Refused { status: 404 | 405, .. } => {
                Some("`alertmanager.urls` wants the address before `/api/v2`; older versions than 0.16 are not served")
            }
            Self::Refused { status: 300..=399, .. } => {
                Some("redirects are not followed: write the address that it leads to into `alertmanager.urls`")
            }
            Self::Refused { .. } => None,
        }
    }

    fn pause(&self) -> Option<Duration> {
        match self {
            Self::Refused { pause, .. } => pause.map(|pause| pause.min(PAUSE_MAX)),
            _ => None,
        }
    }
}

/// What all tasks share.
pub struct Pushing {
    config: AlertmanagerConfig,
    manner: Manner,
    login: Login,
    http: Http,
    clock: Arc<dyn Clock>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    history: Arc<History>,
    /// What each address was told, as it is kept for a restart.
    kept: Mutex<BTreeMap<String, Vec<Alert>>>,
}

impl Pushing {
    /// Puts it together; `None` where nothing is to be pushed.
    ///
    /// # Errors
    /// When the secret cannot be read.
    pub async fn new(
        config: &AlertmanagerConfig,
        clock: Arc<dyn Clock>,
        board: Arc<Board>,
        metrics: Arc<Metrics>,
        history: Arc<History>,
    ) -> Result<Option<Self>, Error> {
        if config.urls.is_empty() {
            return Ok(None);
        }
        let login = match (&config.token_file, &config.username, &config.password_file) {
            (Some(file), ..) => Login::Token { file: file.clone() },
            (None, Some(username), Some(file)) => Login::Password { username: username.clone(), file: file.clone() },
            _ => Login::Nobody,
        };
        login.header()?;
        let whole = |url: &String| url.trim_end_matches('/').to_owned();
        let manner = Manner {
            labels: config.labels.clone(),
            grafana: config.grafana_url.as_ref().map(whole),
            docs: config.docs_url.as_ref().map(whole),
            wait: config.wait.and_then(|wait| chrono::Duration::from_std(wait.0).ok()),
        };
        let kept = match history.cached(TOLD).await {
            Ok(kept) => kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
            Err(error) => {
                tracing::warn!("which alerts were pushed is not remembered: {error}");
                BTreeMap::new()
            }
        };
        let (config, http, kept) = (config.clone(), Http::new(), Mutex::new(kept));
        Ok(Some(Self { config, manner, login, http, clock, board, metrics, history, kept }))
    }

    /// Pushes to every address until it is told to end. `swept` changes after each sweep.
    pub async fn run(self, swept: watch::Receiver<()>, stop: CancellationToken) {
        let it = Arc::new(self);
        let mut tasks = tokio::task::JoinSet::new();
        for url in it.config.urls.clone() {
            let (it, swept, stop) = (Arc::clone(&it), swept.clone(), stop.clone());
            tasks.spawn(async move { stop.run_until_cancelled(it.follow(&url, swept)).await });
        }
        tasks.join_all().await;
    }

    /// Tells one address, for ever.
    async fn follow(&self, url: &str, mut swept: watch::Receiver<()>) {
        let kept = self.kept.lock().expect("no holder of the lock panics").get(url).cloned();
        let mut told = Told::of(kept.unwrap_or_default());
        let mut lasting = Lasting::of(told.alerts());
        let (mut samples, mut failures) = (Samples::default(), 0_u32);
        loop {
            swept.mark_unchanged();
            let now = self.clock.now();
            samples.note(now, self.metrics.counted());
            let stand = Stand {
                board: &self.board,
                samples: &samples,
                metrics: self.metrics.options(),
                history_degraded: self.history.degraded().is_some(),
            };
            let open = alerts_of(&stand, &self.manner, &mut lasting, now);
            let pushed = self.tell(url, &mut told, open.alerts, open.settled).await;
            let mut pause = self.config.interval.0;
            match pushed {
                Ok(()) => {
                    if failures > 0 {
                        tracing::info!(url, "Alertmanager at {url} takes alerts again");
                    }
                    failures = 0;
                    if let Some(next) = open.next {
                        pause = pause.min((next - now).to_std().unwrap_or_default());
                    }
                }
                Err(error) => {
                    if failures == 0 {
                        let hint = error.hint().map_or(String::new(), |hint| format!("\nhint: {hint}"));
                        tracing::warn!(url, "{error}{hint}");
                    }
                    let backoff = PAUSE.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(pause);
                    pause = error.pause().unwrap_or_default().max(backoff.mul_f64(0.5 + 0.5 * fastrand::f64()));
                    failures = failures.saturating_add(1);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // A sweep that ends does not make a server that is away come back sooner. The
                // sweeper goes last: without it only the clock is left.
                Ok(()) = swept.changed(), if failures == 0 => {}
            }
        }
    }

    /// Tells one address what it has to be told now.
    async fn tell(&self, url: &str, told: &mut Told, open: Vec<Alert>, settled: bool) -> Result<(), Error> {
        for batch in told.next(open, settled) {
            let sent = self.send(url, &batch, self.clock.now()).await;
            self.metrics.pushed_alerts(sent.is_ok());
            sent?;
            if told.delivered(batch) {
                self.keep(url, told).await;
            }
        }
        Ok(())
    }

    async fn send(&self, url: &str, batch: &Batch, now: Timestamp) -> Result<(), Error> {
        let interval = chrono::Duration::from_std(self.config.interval.0).unwrap_or(chrono::Duration::hours(1));
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(self.login.header()?.map(|value| ("authorization", value)));
        let address = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
        let body = batch.json(now, interval * 2, None).to_string().into_bytes();
        let post = Post { url: &address, headers, body, deadline: self.config.timeout.0 };
        let answer = self.http.post(post).await.map_err(Error::NoAnswer)?;
        if answer.is_ok() {
            return Ok(());
        }
        Err(Error::Refused {
            url: url.to_owned(),
            status: answer.status,
            said: first_line(&answer.body),
            pause: answer.retry_after(now),
        })
    }

    /// Keeps what an address was told over a restart.
    async fn keep(&self, url: &str, told: &Told) {
        let text = {
            let mut kept = self.kept.lock().expect("no holder of the lock panics");
            kept.retain(|url, _| self.config.urls.contains(url));
            kept.insert(url.to_owned(), told.alerts().cloned().collect());
            serde_json::to_string(&*kept).expect("alerts are text")
        };
        if let Err(error) = self.history.put_cached(TOLD, text).await {
            tracing::debug!("which alerts were pushed is not kept: {error}");
        }
    }
}

impl Login {
    /// The value of `Authorization`, with the secret as it is in its file now.
    fn header(&self) -> Result<Option<String>, Error> {
        Ok(match self {
            Self::Nobody => None,
            Self::Token { file } => Some(format!("Bearer {}", secret(file)?)),
            Self::Password { username, file } => {
                let login = format!("{username}:{}", secret(file)?);
                Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login)))
            }
        })
    }
}

/// The first line of a file, which must say something.
fn secret(file: &Path) -> Result<String, Error> {
    let wrong = |what: String| Error::Secret { file: file.to_owned(), what };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string().to_lowercase()))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(wrong("it is empty".to_owned())),
        text => Ok(text.to_owned()),
    }
}

/// The beginning of what a server says, without what has no place in a line of the log.
fn first_line(text: &str) -> String {
    const MOST: usize = 200;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(MOST).collect()
}
