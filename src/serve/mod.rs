//! HTTP: the page for people, the API for programs, the metrics for Prometheus, health for
//! whoever restarts the daemon. It reads the board and can do nothing else but wake the loop.

mod api;
mod connections;
pub mod deeper;
mod events;
mod fault;
pub mod health;
mod hosts;
mod page;
mod places;
pub mod query;
mod routes;
mod scrapes;
mod sync;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::clock::Clock;
use crate::metrics::Metrics;
use health::Heartbeat;
pub use hosts::Hosts;
pub use sync::Token;

/// What the server knows and may do.
#[derive(Clone)]
pub struct Serve {
    /// How everything stands.
    pub board: Arc<Board>,
    /// What `/metrics` says.
    pub metrics: Arc<Metrics>,
    /// The time of the page, and of health.
    pub clock: Arc<dyn Clock>,
    /// The loop's sign of life.
    pub heartbeat: Arc<Heartbeat>,
    /// What the configuration says.
    pub options: Options,
    /// Asks the loop for a sweep now.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// Forgets what the endpoints can do, and asks the loop for a sweep that asks them again.
    pub ask_endpoints: Arc<dyn Fn() + Send + Sync>,
    /// What is not on the board: a bucket's live values, and what happened to it.
    pub deeper: Arc<dyn deeper::Deeper>,
}

/// What the configuration says of the server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Metrics have a listener of their own ([`serve_metrics`]), and are not on this one.
    pub metrics_apart: bool,
    /// Whoever knows it may ask for a sweep; nobody may when there is none.
    pub token: Option<Token>,
    /// The names by which it is asked; another's page and API are not answered.
    pub hosts: Hosts,
    /// How long it is from one sweep of the schedule to the next: what a sweep finds came about within.
    pub checked_every: Duration,
    /// A sweep that finishes no bucket for so long is stuck.
    pub stuck_after: Duration,
    /// A loop that gives no sign of life for so long is dead.
    pub silent_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            metrics_apart: false,
            token: None,
            hosts: Hosts::default(),
            checked_every: Duration::from_hours(1),
            stuck_after: Duration::from_mins(10),
            silent_after: Duration::from_mins(2),
        }
    }
}

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", phrase(source.kind()))]
pub struct BindError {
    /// Where.
    pub address: SocketAddr,
    /// What the system said.
    pub source: std::io::Error,
}

fn phrase(kind: std::io::ErrorKind) -> String {
    match kind {
        std::io::ErrorKind::AddrInUse => "another program listens there".to_owned(),
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        std::io::ErrorKind::PermissionDenied => "not permitted".to_owned(),
        other => other.to_string(),
    }
}

impl BindError {
    /// What the user can do about it. `setting` is what the address was read from, such as
    /// `http.listen`.
    pub fn hint(&self, setting: &str) -> String {
        let port = self.address.port();
        match self.source.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("end the program on port {port}, or set `{setting}` to another port; port 0 takes a free one")
            }
            std::io::ErrorKind::PermissionDenied if port < 1024 => {
                format!("set `{setting}` to a port from 1024 on; those below need privileges")
            }
            _ => format!("set `{setting}` to an address of this machine, such as 127.0.0.1:8080"),
        }
    }
}

/// Takes an address.
///
/// # Errors
/// When it is taken, not this machine's, or not permitted.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

/// Serves page, API, health, and metrics unless they are apart, until `shutdown`; then answers
/// what was asked already.
pub async fn serve(listener: TcpListener, state: Serve, shutdown: CancellationToken) {
    connections::accept(listener, routes::all(state, shutdown.clone()), shutdown).await;
}

/// Serves metrics and health only.
pub async fn serve_metrics(listener: TcpListener, state: Serve, shutdown: CancellationToken) {
    connections::accept(listener, routes::metrics_only(state, shutdown.clone()), shutdown).await;
}
