//! Scrapes: the metrics piece by piece, so that those of a large fleet never stand in memory as a
//! whole. Whoever reads slowly costs a little memory and no turn, for a while, and leaves for
//! whoever comes when there are too many.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use crate::metrics::CONTENT_TYPE;

/// How many, and how long.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Scrapes at once.
    most: usize,
    /// Those that are written at once; the others wait for their readers, or for their turn.
    turns: usize,
    /// How long to wait for the first turn.
    wait: Duration,
    /// How long its reader may take nothing. Prometheus itself waits 10 s unless told otherwise.
    pause: Duration,
    /// How long an answer may take as a whole: those of large fleets have hundreds of megabytes, and
    /// whoever scrapes them waits for up to two minutes.
    answer: Duration,
}

const LIMITS: Limits = Limits {
    most: 16,
    turns: 2,
    wait: Duration::from_secs(5),
    pause: Duration::from_secs(10),
    answer: Duration::from_mins(2),
};

/// The scrapes under way.
#[derive(Clone)]
pub(super) struct Scrapes {
    limits: Limits,
    turns: Arc<Semaphore>,
    under_way: Arc<Mutex<Vec<Arc<Scrape>>>>,
}

/// One of them.
#[derive(Debug, Default)]
struct Scrape {
    /// Since when its reader takes nothing.
    stuck: Mutex<Option<Instant>>,
    end: CancellationToken,
}

/// A scrape under way; over when this is dropped.
struct UnderWay {
    scrape: Arc<Scrape>,
    among: Arc<Mutex<Vec<Arc<Scrape>>>>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut among = self.among.lock().expect("no holder of the lock panics");
        among.retain(|it| !Arc::ptr_eq(it, &self.scrape));
    }
}

impl Scrape {
    fn stuck(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.stuck.lock().expect("no holder of the lock panics")
    }
}

fn busy() -> Response {
    let mut response = Fault::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many scrapes are under way",
        "try again in a few seconds, and scrape from fewer places",
    )
    .json();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

impl Scrapes {
    pub(super) fn new() -> Self {
        Self::within(LIMITS)
    }

    fn within(limits: Limits) -> Self {
        Self { limits, turns: Arc::new(Semaphore::new(limits.turns)), under_way: Arc::default() }
    }

    /// One more scrape. Of too many, the one leaves whose reader took nothing for longest.
    fn begin(&self) -> Option<UnderWay> {
        let mut among = self.under_way.lock().expect("no holder of the lock panics");
        if among.len() >= self.limits.most {
            let stuck = among.iter().enumerate().filter_map(|(at, it)| Some((at, (*it.stuck())?)));
            let (at, _) = stuck.min_by_key(|(_, since)| *since)?;
            among.swap_remove(at).end.cancel();
        }
        let scrape = Arc::new(Scrape::default());
        among.push(Arc::clone(&scrape));
        Some(UnderWay { scrape, among: Arc::clone(&self.under_way) })
    }

    /// What `render` writes, as it is written, or that there are too many scrapes. An exposition
    /// that breaks off ends the connection and not the answer: half of one must not pass for all.
    pub(super) async fn answer(
        &self,
        render: impl FnOnce(&mut dyn FnMut(String) -> bool) + Send + 'static,
    ) -> Response {
        let until = Instant::now() + self.limits.answer;
        let Some(under_way) = self.begin() else { return busy() };
        let Ok(turn) = timeout(self.limits.wait, self.turn()).await else { return busy() };
        let (pieces, taken) = mpsc::channel::<Option<Bytes>>(2);
        let mut writer = Writer { scrapes: self.clone(), turn: Some(turn), under_way, pieces, until, whole: true };
        tokio::task::spawn_blocking(move || {
            render(&mut |piece| writer.send(Some(piece.into())));
            if writer.whole {
                writer.send(None);
            }
        });
        let pieces = unfold(taken, async |mut taken| match taken.recv().await {
            Some(Some(piece)) => Some((Ok(piece), taken)),
            Some(None) => None,
            None => Some((Err(io::Error::other("the exposition broke off")), taken)),
        });
        ([(header::CONTENT_TYPE, CONTENT_TYPE)], Body::from_stream(pieces)).into_response()
    }

    async fn turn(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.turns).acquire_owned().await.expect("nobody closes the semaphore")
    }
}

/// Hands the pieces over.
struct Writer {
    scrapes: Scrapes,
    turn: Option<OwnedSemaphorePermit>,
    under_way: UnderWay,
    pieces: mpsc::Sender<Option<Bytes>>,
    until: Instant,
    /// Every piece so far was taken.
    whole: bool,
}

impl Writer {
    /// Whether the piece was taken, and the next is wanted.
    fn send(&mut self, piece: Option<Bytes>) -> bool {
        self.whole = self.whole && Instant::now() < self.until && self.hand_over(piece);
        self.whole
    }

    fn hand_over(&mut self, piece: Option<Bytes>) -> bool {
        let piece = match self.pieces.try_send(piece) {
            Ok(()) => return true,
            Err(TrySendError::Closed(_)) => return false,
            Err(TrySendError::Full(piece)) => piece,
        };
        // Whoever waits for a reader keeps nobody from writing.
        self.turn = None;
        let scrape = &self.under_way.scrape;
        let now = Instant::now();
        *scrape.stuck() = Some(now);
        let until = self.until.min(now + self.scrapes.limits.pause);
        let sent = Handle::current().block_on(async {
            tokio::select! {
                () = scrape.end.cancelled() => false,
                sent = timeout_at(until, self.pieces.send(piece)) => matches!(sent, Ok(Ok(()))),
            }
        });
        *scrape.stuck() = None;
        if sent {
            self.turn = Handle::current().block_on(timeout_at(self.until, self.scrapes.turn())).ok();
        }
        self.turn.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    const SOON: Limits = Limits {
        most: 2,
        turns: 1,
        wait: Duration::from_millis(50),
        pause: Duration::from_mins(1),
        answer: Duration::from_millis(300),
    };

    /// Pieces until nobody wants more.
    fn endless(sink: &mut dyn FnMut(String) -> bool) {
        while sink("x".repeat(1000)) {}
    }

    fn short(sink: &mut dyn FnMut(String) -> bool) {
        for piece in ["one ", "two ", "three ", "four ", "five"] {
            if !sink(piece.to_owned()) {
                return;
            }
        }
    }

    async fn text(response: Response) -> Result<String, axum::Error> {
        to_bytes(response.into_body(), usize::MAX).await.map(|it| String::from_utf8_lossy(&it).into_owned())
    }

    /// Two slow scrapers once held both places for as long as they liked, and Prometheus waited.
    #[tokio::test]
    async fn whoever_reads_nothing_keeps_nobody_out_and_leaves_for_the_next() {
        let scrapes = Scrapes::within(Limits { answer: Duration::from_mins(1), ..SOON });
        let mut slow = Vec::new();
        for _ in 0..6 {
            let response = scrapes.answer(endless).await;
            assert_eq!(response.status(), StatusCode::OK);
            slow.push(response);
            // It writes until its reader takes nothing.
            let begun = Instant::now();
            while !scrapes.under_way.lock().unwrap().iter().all(|it| it.stuck().is_some()) {
                assert!(begun.elapsed() < Duration::from_secs(20), "it gets stuck");
                tokio::task::yield_now().await;
            }
            let whole = scrapes.answer(short).await;
            assert_eq!(text(whole).await.expect("whole"), "one two three four five");
        }
        // Those that had to leave end as what breaks off.
        text(slow.remove(0)).await.expect_err("half of it must not pass for all");
    }

    #[tokio::test]
    async fn an_answer_has_a_deadline_as_a_whole_however_little_is_taken_at_a_time() {
        let scrapes = Scrapes::within(SOON);
        let begun = Instant::now();
        let response = scrapes.answer(endless).await;
        // It is read as fast as it comes, and has no end.
        text(response).await.expect_err("it breaks off");
        assert!(begun.elapsed() >= SOON.answer, "{:?}", begun.elapsed());
        while !scrapes.under_way.lock().unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is over");
            tokio::task::yield_now().await;
        }
    }

    /// An answer had 15 seconds as a whole: the metrics of 100,000 buckets were cut off on the way to a
    /// scraper that took them as fast as it could.
    #[tokio::test]
    async fn an_answer_ends_when_nothing_of_it_is_taken_and_not_because_it_is_long() {
        let scrapes =
            Scrapes::within(Limits { pause: Duration::from_millis(50), answer: Duration::from_hours(1), ..SOON });
        let begun = Instant::now();
        let response = scrapes.answer(endless).await;
        while !scrapes.under_way.lock().unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it ends by itself");
            tokio::task::yield_now().await;
        }
        text(response).await.expect_err("half of it must not pass for all");
        assert!(LIMITS.answer >= Duration::from_mins(2) && LIMITS.pause < Duration::from_secs(15));
    }

    #[tokio::test]
    async fn whoever_would_wait_too_long_is_told_to_come_again() {
        let scrapes = Scrapes::within(Limits { answer: Duration::from_mins(1), ..SOON });
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let waits = move |_: &mut dyn FnMut(String) -> bool| {
            let _ = ended.recv();
        };
        let writing = scrapes.answer(waits).await;
        for _ in 0..2 {
            let refused = scrapes.answer(short).await;
            assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(refused.headers()["retry-after"], "5");
        }
        drop(end);
        assert_eq!(text(writing).await.expect("whole"), "");
    }
}
