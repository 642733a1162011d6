//! Connections: how many, and how long each may take. A client that is slow, or never speaks,
//! costs one of many places for a while, and that one only as long as nobody else needs it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use futures_util::future::BoxFuture;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::places::{Busy, Place, Places, house};

/// Connections at once.
const CONNECTIONS: usize = 256;
/// How long the head of the first request may take from the moment that somebody connects.
const FIRST: Duration = Duration::from_secs(5);
/// How long the head of a later request may take, and how long a connection may idle between two.
const HEAD: Duration = Duration::from_secs(30);
/// How long a connection may live; whoever stays longer connects again.
const LIFE: Duration = Duration::from_mins(5);
/// How long an answer that is under way may take after that: the longest, a scrape, takes no longer.
const LAST: Duration = Duration::from_mins(2);
/// How long it may take when the daemon ends.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait when the system gives no connection (too many open files).
const PAUSE: Duration = Duration::from_millis(100);

/// Who asks, as a request carries it: an address, or the network of one that has a whole network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Accepts until `shutdown`, then waits for the answers under way.
pub(super) async fn accept(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let places = Places::new(CONNECTIONS);
    let tasks = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => (stream, Peer(house(from.ip()))),
                Err(error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    sleep(PAUSE).await;
                    continue;
                }
            },
        };
        let Some(place) = places.take(peer.0) else {
            tracing::debug!("a connection was closed: all are busy, and most with its address");
            continue;
        };
        let (service, shutdown) = (TowerToHyperService::new(router.clone()), shutdown.clone());
        tasks.spawn(async move {
            answer(stream, Seated { service, peer, place: Arc::clone(&place) }, &place, shutdown).await;
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn answer(stream: TcpStream, service: Seated, place: &Place, shutdown: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = place.lost() => Ok(()),
        () = silent(place) => Ok(()),
        () = shutdown.cancelled() => last_answer(connection, GRACE).await,
        () = sleep(LIFE) => tokio::select! {
            ended = last_answer(connection.as_mut(), LAST) => ended,
            () = place.lost() => Ok(()),
            () = shutdown.cancelled() => Ok(()),
        },
    };
    if let Err(error) = ended {
        // A client that went away is no fault of ours.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Over when somebody connected and then asked for nothing.
async fn silent(place: &Place) {
    sleep(FIRST).await;
    if place.has_asked() {
        std::future::pending().await
    }
}

type Connection = http1::Connection<TokioIo<TcpStream>, Seated>;

async fn last_answer(mut connection: Pin<&mut Connection>, within: Duration) -> hyper::Result<()> {
    connection.as_mut().graceful_shutdown();
    timeout(within, connection).await.unwrap_or(Ok(()))
}

/// The router for one connection: each request says who asks, and keeps the place busy until its
/// answer is handed over.
struct Seated {
    service: TowerToHyperService<Router>,
    peer: Peer,
    place: Arc<Place>,
}

impl Service<Request<Incoming>> for Seated {
    type Response = Response<Answering>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let busy = self.place.begin();
        request.extensions_mut().insert(self.peer);
        let answer = self.service.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| Answering { body, _busy: busy })) })
    }
}

/// The body of an answer, under way as long as it is not handed over.
struct Answering {
    body: Body,
    _busy: Busy,
}

impl hyper::body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
