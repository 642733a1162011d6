//! `/api/v1/events`: tells whoever listens that something on the board is new (server-sent events,
//! HTML Living Standard, section 9.2). It says that, and not what: the page asks for itself again, so
//! one place makes markup of values.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::board::Board;

use super::fault::Fault;

/// Streams at once: a quarter of the connections, so that listeners never keep out whoever asks.
const STREAMS: usize = 64;
/// The shortest time between two events of a stream; what happens within is one event.
const PAUSE: Duration = Duration::from_secs(1);
/// A stream says so often that it lives, as proxies cut what is silent.
const ALIVE: Duration = Duration::from_secs(15);
/// How long a stream lives: it ends in good order before its connection is ended. A browser opens it
/// anew by itself.
const LIFE: Duration = Duration::from_mins(4);

/// The streams that are open.
#[derive(Clone)]
pub(super) struct Streams {
    places: Arc<Semaphore>,
    shutdown: CancellationToken,
}

/// One of them.
struct Stream {
    versions: watch::Receiver<u64>,
    begun: bool,
    until: Instant,
    shutdown: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Streams {
    pub(super) fn new(shutdown: CancellationToken) -> Self {
        Self { places: Arc::new(Semaphore::new(STREAMS)), shutdown }
    }

    /// Opens one more.
    pub(super) fn open(&self, board: &Board) -> Result<Response, Fault> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let error = format!("{STREAMS} streams are open, and no more are possible");
            Fault::new(StatusCode::SERVICE_UNAVAILABLE, error, "load the page again for news, or try again later")
        })?;
        let stream = Stream {
            versions: board.versions(),
            begun: false,
            until: Instant::now() + LIFE,
            shutdown: self.shutdown.clone(),
            _place: place,
        };
        let pieces = unfold(stream, async |mut stream| {
            let piece = stream.next().await?;
            Some((Ok::<_, Infallible>(piece), stream))
        });
        let headers = [(header::CONTENT_TYPE.as_str(), "text/event-stream"), ("x-accel-buffering", "no")];
        Ok((headers, Body::from_stream(pieces)).into_response())
    }
}

impl Stream {
    /// The next piece of text; none at the end.
    async fn next(&mut self) -> Option<String> {
        if !self.begun {
            self.begun = true;
            return Some(format!("retry: 3000\n{}", event(*self.versions.borrow_and_update())));
        }
        let versions = &mut self.versions;
        let news = async {
            sleep(PAUSE).await;
            versions.changed().await.ok()?;
            Some(event(*versions.borrow_and_update()))
        };
        tokio::select! {
            () = self.shutdown.cancelled() => None,
            () = sleep_until(self.until) => None,
            news = news => news,
            () = sleep(ALIVE) => Some(": nothing is new\n\n".to_owned()),
        }
    }
}

/// The board is at this version.
fn event(version: u64) -> String {
    format!("event: board\nid: {version}\ndata: {version}\n\n")
}
