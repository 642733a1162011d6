//! The server over real HTTP.

mod api;
mod endpoints;
mod events;
mod health;
mod hostile;
mod page;
mod stand;
mod story;
mod sync;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use driftless::board::Board;
use driftless::clock::ManualClock;
use driftless::metrics::{Detail, Metrics, MetricsOptions};
use driftless::serve::deeper::{BoardOnly, Deeper};
use driftless::serve::health::Heartbeat;
use driftless::serve::{Options, Serve, bind, serve, serve_metrics};
use tokio_util::sync::CancellationToken;

use crate::support::fleet;

/// A server that ends with its test.
struct Running {
    at: SocketAddr,
    board: Arc<Board>,
    clock: ManualClock,
    heartbeat: Arc<Heartbeat>,
    woken: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Running {
    fn woken(&self) -> usize {
        self.woken.load(Ordering::SeqCst)
    }

    /// How often the endpoints were to be asked again.
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Serves a board.
async fn over(board: Arc<Board>, options: Options) -> Running {
    begin(board, options, false).await
}

/// Serves the small fleet as a daemon does that nobody configured.
async fn usual() -> Running {
    over(fleet::board(), Options::default()).await
}

async fn begin(board: Arc<Board>, options: Options, metrics_only: bool) -> Running {
    beside(board, options, metrics_only, Arc::new(BoardOnly)).await
}

async fn beside(board: Arc<Board>, options: Options, metrics_only: bool, deeper: Arc<dyn Deeper>) -> Running {
    let clock = ManualClock::at(fleet::now());
    let heartbeat = Arc::new(Heartbeat::new(fleet::now()));
    let woken = Arc::new(AtomicUsize::new(0));
    let asked = Arc::new(AtomicUsize::new(0));
    let shutdown = CancellationToken::new();
    let listener = bind("127.0.0.1:0".parse().expect("an address")).await.expect("a free port");
    let at = listener.local_addr().expect("it has an address");
    let said = MetricsOptions {
        detail: Detail::Bucket,
        version: "0.1.0",
        commit: "4f1c2b7",
        process: false,
        ..MetricsOptions::default()
    };
    let state = Serve {
        metrics: Arc::new(Metrics::new(Arc::clone(&board), Arc::new(clock.clone()), said)),
        board: Arc::clone(&board),
        clock: Arc::new(clock.clone()),
        heartbeat: Arc::clone(&heartbeat),
        options,
        wake: Arc::new({
            let woken = Arc::clone(&woken);
            move || {
                woken.fetch_add(1, Ordering::SeqCst);
            }
        }),
        deeper,
        ask_endpoints: Arc::new({
            let asked = Arc::clone(&asked);
            move || {
                asked.fetch_add(1, Ordering::SeqCst);
            }
        }),
    };
    let end = shutdown.clone();
    let task = tokio::spawn(async move {
        if metrics_only { serve_metrics(listener, state, end).await } else { serve(listener, state, end).await }
    });
    Running { at, board, clock, heartbeat, woken, asked, shutdown, task }
}
