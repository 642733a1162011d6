//! Telling Alertmanager, one task for each address: what is slow or away holds up nobody else, no
//! sweep, and not the end of the agent.

use std::collections::BTreeMap;
use std::path::PathBuf;
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
use crate::metrics::{Metrics, NotificationResult};
use crate::notify::http::Client;
use crate::notify::sink::{Failure, Retry, secret};
use crate::source::git::SecretRef;

/// The name under which the history keeps what was told.
const TOLD: &str = "alerts";

/// The first pause after a failure; it doubles up to the interval.
const PAUSE: Duration = Duration::from_secs(1);

/// The label `service` of the metric.
const SERVICE: &str = "alertmanager";

/// Who is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Login {
    Nobody,
    Password { username: String, place: SecretRef },
    Token(SecretRef),
}

/// What all tasks share.
pub struct Pushing {
    config: AlertmanagerConfig,
    /// The address of the agent's page.
    page: Option<String>,
    manner: Manner,
    login: Login,
    client: Client,
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
    /// When the secret cannot be read, or the system's certificate authorities.
    pub async fn new(
        config: &AlertmanagerConfig,
        page: Option<String>,
        clock: Arc<dyn Clock>,
        board: Arc<Board>,
        metrics: Arc<Metrics>,
        history: Arc<History>,
    ) -> Result<Option<Self>, Failure> {
        if config.urls.is_empty() {
            return Ok(None);
        }
        let login = Login::of(config);
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
        let (config, client, kept) = (config.clone(), Client::new()?, Mutex::new(kept));
        Ok(Some(Self { config, page, manner, login, client, clock, board, metrics, history, kept }))
    }

    /// Pushes to every address until it is told to end. `swept` changes after each sweep.
    ///
    /// # Panics
    /// When one of its tasks does; all of them end with it.
    pub async fn run(self: Arc<Self>, swept: watch::Receiver<()>, stop: CancellationToken) {
        self.metrics.begin_notifications(SERVICE);
        let mut tasks = tokio::task::JoinSet::new();
        for url in self.config.urls.clone() {
            let (it, swept, stop) = (Arc::clone(&self), swept.clone(), stop.clone());
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
                Err(failure) => {
                    if failures == 0 {
                        let hint = failure.hint.as_ref().map_or(String::new(), |hint| format!("\nhint: {hint}"));
                        tracing::error!(url, "alerts do not reach Alertmanager at {url}: {failure}{hint}");
                    }
                    let backoff = PAUSE.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(pause);
                    let asked = if let Retry::After(asked) = failure.retry { asked } else { Duration::ZERO };
                    pause = asked.max(backoff.mul_f64(0.5 + 0.5 * fastrand::f64()));
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
    async fn tell(&self, url: &str, told: &mut Told, open: Vec<Alert>, settled: bool) -> Result<(), Failure> {
        for batch in told.next(open, settled) {
            let sent = self.send(url, &batch, self.clock.now()).await;
            let result = if sent.is_ok() { NotificationResult::Ok } else { NotificationResult::Failed };
            self.metrics.notification(SERVICE, result);
            sent?;
            if told.delivered(batch) {
                self.keep(url, told).await;
            }
        }
        Ok(())
    }

    async fn send(&self, url: &str, batch: &Batch, now: Timestamp) -> Result<(), Failure> {
        let interval = chrono::Duration::from_std(self.config.interval.0).unwrap_or(chrono::Duration::hours(1));
        let body = batch.json(now, interval * 2, self.page.as_deref()).to_string();
        post(&self.config, &self.login, &self.client, url, body).await
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

async fn post(
    config: &AlertmanagerConfig,
    login: &Login,
    client: &Client,
    url: &str,
    body: String,
) -> Result<(), Failure> {
    let login = login.header()?.map(|value| ("authorization", value));
    let address = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
    let headers: Vec<_> = login.into_iter().collect();
    let asking = client.exchange(&address, "application/json", &headers, body);
    let asked = tokio::time::timeout(config.timeout.0, asking)
        .await
        .unwrap_or_else(|_| Err(Failure::new(format!("it did not answer within {}", config.timeout), Retry::Later)));
    let answered = asked?;
    let status = answered.status;
    answered.taken().map(drop).map_err(|failure| hinted(failure, status))
}

/// Pushes an alert to one address that was over long before it is pushed: that it is taken shows that
/// alerts arrive, and Alertmanager tells nobody of what was never open.
///
/// # Errors
/// Why it was not taken.
pub async fn test(config: &AlertmanagerConfig, url: &str, page: Option<&str>, now: Timestamp) -> Result<(), Failure> {
    // Its clock may be behind ours.
    let then = now - chrono::Duration::hours(1);
    let own = [("alertname", "DriftlessTest"), ("severity", "info")].map(|(name, value)| (name.into(), value.into()));
    let mut labels = config.labels.clone();
    labels.extend(own);
    let said = "Nothing is wrong. Somebody ran `driftless notify --test`.".to_owned();
    let alert = Alert { labels, annotations: [("summary".to_owned(), said)].into(), starts_at: then };
    let batch = Batch { open: Vec::new(), ended: vec![alert] };
    let body = batch.json(then, chrono::Duration::zero(), page).to_string();
    post(config, &Login::of(config), &Client::new()?, url, body).await
}

/// What the user can do about a refusal by Alertmanager.
fn hinted(failure: Failure, status: u16) -> Failure {
    match status {
        401 | 403 => failure.hint("correct `username` and `passwordFile`, or `tokenFile`, under `alertmanager`"),
        404 | 405 => failure.hint(
            "`alertmanager.urls` wants what stands before `/api/v2/alerts`; Alertmanager has that since version 0.16",
        ),
        300..=399 => failure.hint("redirects are not followed: write where it leads to into `alertmanager.urls`"),
        _ => failure,
    }
}

impl Login {
    fn of(config: &AlertmanagerConfig) -> Self {
        let in_file = |file: &PathBuf| SecretRef::File(file.clone());
        match (&config.token_file, &config.username, &config.password_file) {
            (Some(file), ..) => Self::Token(in_file(file)),
            (None, Some(username), Some(file)) => Self::Password { username: username.clone(), place: in_file(file) },
            _ => Self::Nobody,
        }
    }

    /// The value of `Authorization`, with the secret as it is in its file now.
    fn header(&self) -> Result<Option<String>, Failure> {
        Ok(match self {
            Self::Nobody => None,
            Self::Token(place) => Some(format!("Bearer {}", secret(place)?)),
            Self::Password { username, place } => {
                let login = format!("{username}:{}", secret(place)?);
                Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login)))
            }
        })
    }
}
