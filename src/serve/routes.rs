//! Which path gives what, and what every answer carries.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::board::PolicyCard;
use crate::bucket::{AccountName, BucketId, BucketName};
use crate::clock::Timestamp;
use crate::report::BucketReport;

use super::connections::Peer;
use super::deeper::Depth;
use super::events::Streams;
use super::fault::Fault;
use super::hosts::Hosts;
use super::query::Filter;
use super::scrapes::Scrapes;
use super::sync::Pace;
use super::{Serve, api, health, page, sync};

/// The largest body that anybody may announce; only the form is read, and no more of it than [`FORM`].
const BODY: u64 = 64 * 1024;
/// The largest form.
const FORM: usize = 4 * 1024;
/// Answers that walk the fleet, at once.
const WALKS: usize = 2;

/// Nothing but our own style sheet and script files are loaded, nothing in a page is run, nothing but
/// this server is asked, nobody frames the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// The state behind every route.
#[derive(Clone)]
struct App {
    serve: Serve,
    walks: Arc<Semaphore>,
    scrapes: Scrapes,
    streams: Streams,
    pace: Arc<Pace>,
}

impl App {
    fn new(serve: Serve, shutdown: CancellationToken) -> Self {
        Self {
            serve,
            walks: Arc::new(Semaphore::new(WALKS)),
            scrapes: Scrapes::new(),
            streams: Streams::new(shutdown),
            pace: Arc::default(),
        }
    }

    fn now(&self) -> Timestamp {
        self.serve.clock.now()
    }

    /// Does what may take long away from the threads that answer health and steer the loop.
    async fn walk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Serve, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let place = Arc::clone(&self.walks).acquire_owned().await.expect("nobody closes the semaphore");
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&app.serve, app.now());
            drop(place);
            result
        });
        done.await.map_err(|_| {
            Fault::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the answer could not be made",
                "this is a fault in driftless; its log says more",
            )
        })
    }
}

/// Everything.
pub(super) fn all(serve: Serve, shutdown: CancellationToken) -> Router {
    let apart = serve.options.metrics_apart;
    let mut router = Router::new()
        .route("/", get(fleet))
        .route("/buckets/{account}/{name}", get(bucket))
        .route("/policies", get(policies))
        .route("/policies/{name}", get(policy))
        .route("/source", get(source))
        .route("/findings", get(source))
        .route("/held", get(held))
        .route("/endpoints", get(endpoints))
        .route("/style.css", get(style))
        .route("/assets/page.js", get(script))
        .route("/api/v1/events", get(api_events))
        .route("/api/v1/status", get(api_status))
        .route("/api/v1/buckets", get(api_buckets))
        .route("/api/v1/buckets/{account}/{name}", get(api_bucket))
        .route("/api/v1/buckets/{account}/{name}/live", get(api_live))
        .route("/api/v1/source", get(api_source))
        .route("/api/v1/findings", get(api_findings))
        .route("/api/v1/policies", get(api_policies))
        .route("/api/v1/endpoints", get(api_endpoints));
    // Without a token there is nothing to do, and nothing that says there could be.
    if serve.options.token.is_some() {
        router = router
            .route("/api/v1/sync", post(api_sync))
            .route("/api/v1/endpoints", post(api_ask_endpoints))
            .route("/sync", post(sync_form).layer(DefaultBodyLimit::max(FORM)));
    }
    if !apart {
        router = router.route("/metrics", get(metrics));
    }
    dressed(router, serve, shutdown)
}

/// Metrics and health.
pub(super) fn metrics_only(serve: Serve, shutdown: CancellationToken) -> Router {
    dressed(Router::new().route("/metrics", get(metrics)), serve, shutdown)
}

fn dressed(router: Router<App>, serve: Serve, shutdown: CancellationToken) -> Router {
    let hosts = serve.options.hosts.clone();
    router
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(nothing_there)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(hosts, dress))
        .with_state(App::new(serve, shutdown))
}

async fn dress(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    let mut response = if length.is_some_and(|length| length > BODY) {
        let error = format!("the body is larger than {BODY} bytes");
        Fault::new(StatusCode::PAYLOAD_TOO_LARGE, error, "send no body").answer(request.uri())
    } else if let Err(fault) = hosts.check(request.uri(), request.headers()) {
        fault.answer(request.uri())
    } else {
        next.run(request).await
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn nothing_there(uri: Uri) -> Response {
    Fault::not_found("there is nothing at this address", "the buckets are listed on the first page").answer(&uri)
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let error = format!("{method} is not possible here");
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, error, "the header `Allow` says what is").answer(&uri)
}

/// A page, or the page of what went wrong.
fn shown(page: Result<maud::Markup, Fault>) -> Response {
    page.map_or_else(Fault::page, page::html)
}

/// JSON, or the JSON of what went wrong.
fn told<T: serde::Serialize>(value: Result<T, Fault>) -> Response {
    value.map_or_else(Fault::json, |value| Json(value).into_response())
}

fn filter(query: Option<&str>) -> Result<Filter, Fault> {
    let query = query.unwrap_or_default();
    let pairs = form_pairs(query)?;
    Filter::parse(&pairs)
}

fn form_pairs(query: &str) -> Result<Vec<(String, String)>, Fault> {
    let uri = Uri::builder().path_and_query(format!("/?{query}")).build();
    let pairs = uri.ok().and_then(|uri| axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
    pairs.map(|pairs| pairs.0).ok_or_else(|| {
        Fault::new(
            StatusCode::BAD_REQUEST,
            "the query string cannot be read",
            "write `name=value` pairs with `&` between",
        )
    })
}

fn find_bucket(serve: &Serve, account: &str, name: &str) -> Result<Arc<BucketReport>, Fault> {
    let unknown = || {
        let shown: String = format!("{account}/{name}").chars().take(150).collect();
        Fault::not_found(
            format!("no bucket `{shown}` is known"),
            "neither a spec declares it nor was it seen in the account; all that are known are on the first page",
        )
    };
    let id = BucketId {
        account: AccountName::parse(account).map_err(|_| unknown())?,
        name: BucketName::known(name).map_err(|_| unknown())?,
    };
    serve.board.bucket(&id).ok_or_else(unknown)
}

fn find_policy(serve: &Serve, name: &str) -> Result<PolicyCard, Fault> {
    serve.board.policies().iter().find(|card| &*card.name == name).cloned().ok_or_else(|| {
        let shown: String = name.chars().take(150).collect();
        Fault::not_found(format!("no policy `{shown}` is in force"), "those in force are listed under policies")
    })
}

async fn fleet(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    match filter(query.as_deref()) {
        Ok(filter) => shown(app.walk(move |serve, now| page::fleet(serve, &filter, now)).await),
        Err(fault) => fault.page(),
    }
}

async fn bucket(State(app): State<App>, Path((account, name)): Path<(String, String)>) -> Response {
    let version = app.serve.board.version();
    let report = match find_bucket(&app.serve, &account, &name) {
        Ok(report) => report,
        Err(fault) => return fault.page(),
    };
    let depth = Depth::of(&app.serve, &report).await;
    shown(Ok(page::bucket(&app.serve, &report, &depth, (version, app.now()))))
}

async fn policies(State(app): State<App>) -> Response {
    shown(app.walk(page::policies).await)
}

async fn policy(State(app): State<App>, Path(name): Path<String>) -> Response {
    match find_policy(&app.serve, &name) {
        Ok(card) => shown(app.walk(move |serve, now| page::policy(serve, &card, now)).await),
        Err(fault) => fault.page(),
    }
}

async fn source(State(app): State<App>) -> Response {
    shown(Ok(page::source(&app.serve, app.now())))
}

async fn held(State(app): State<App>) -> Response {
    shown(app.walk(page::held).await)
}

async fn endpoints(State(app): State<App>) -> Response {
    shown(Ok(page::endpoints(&app.serve, app.now())))
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=60")], page::STYLE)
        .into_response()
}

async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "max-age=60")], page::SCRIPT)
        .into_response()
}

async fn api_events(State(app): State<App>) -> Response {
    app.streams.open(&app.serve.board).unwrap_or_else(Fault::json)
}

async fn api_status(State(app): State<App>) -> Response {
    told(app.walk(api::status).await)
}

async fn api_buckets(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    match filter(query.as_deref()) {
        Ok(filter) => told(app.walk(move |serve, now| api::buckets(serve, &filter, now)).await),
        Err(fault) => fault.json(),
    }
}

async fn api_bucket(State(app): State<App>, Path((account, name)): Path<(String, String)>) -> Response {
    told(find_bucket(&app.serve, &account, &name).map(api::bucket))
}

async fn api_source(State(app): State<App>) -> Response {
    Json(&*app.serve.board.source()).into_response()
}

async fn api_findings(State(app): State<App>) -> Response {
    Json(api::findings(&app.serve)).into_response()
}

async fn api_policies(State(app): State<App>) -> Response {
    told(app.walk(|serve, _| api::policies(serve)).await)
}

async fn api_live(State(app): State<App>, Path((account, name)): Path<(String, String)>) -> Response {
    match find_bucket(&app.serve, &account, &name) {
        Ok(report) => told(api::live(&Depth::of(&app.serve, &report).await)),
        Err(fault) => fault.json(),
    }
}

/// The form of the page: for a person a page, for the script JSON.
async fn sync_form(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let is_program = headers.get(header::ACCEPT).is_some_and(|it| it.as_bytes() == b"application/json");
    let form = body
        .map_err(|_| {
            Fault::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the form is larger than {FORM} bytes"),
                "send the form as it is",
            )
        })
        .and_then(|body| form_pairs(&String::from_utf8_lossy(&body)))
        .map(sync::Form::of);
    let done = form.and_then(|form| sync::take(&app.serve, &app.pace, peer, &headers, &form).map(|()| form.from));
    match (done, is_program) {
        (Ok(_), true) => (StatusCode::ACCEPTED, Json(api::ACCEPTED)).into_response(),
        (Ok(from), false) => (StatusCode::ACCEPTED, page::html(page::asked(from))).into_response(),
        (Err(fault), true) => fault.json(),
        (Err(fault), false) => fault.page(),
    }
}

async fn api_sync(State(app): State<App>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    match app.pace.admit(app.serve.options.token.as_ref(), peer.0, sync::bearer(&headers)) {
        Ok(()) => {
            (app.serve.wake)();
            (StatusCode::ACCEPTED, Json(api::ACCEPTED)).into_response()
        }
        Err(fault) => fault.json(),
    }
}

async fn api_endpoints(State(app): State<App>) -> Response {
    Json(api::endpoints(&app.serve)).into_response()
}

async fn api_ask_endpoints(State(app): State<App>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    match app.pace.admit(app.serve.options.token.as_ref(), peer.0, sync::bearer(&headers)) {
        Ok(()) => {
            (app.serve.ask_endpoints)();
            (StatusCode::ACCEPTED, Json(api::ACCEPTED)).into_response()
        }
        Err(fault) => fault.json(),
    }
}

async fn metrics(State(app): State<App>) -> Response {
    let metrics = Arc::clone(&app.serve.metrics);
    app.scrapes.answer(move |sink| metrics.render_to(sink)).await
}

async fn healthz(State(app): State<App>) -> Response {
    lines(health::dead(&app.serve.heartbeat, &app.serve.options, app.now()).into_iter().collect())
}

async fn readyz(State(app): State<App>) -> Response {
    let serve = &app.serve;
    lines(health::unready(&serve.board, &serve.heartbeat, &serve.options, app.now()))
}

/// 200 when there is nothing to say, else 503 and the reasons.
fn lines(reasons: Vec<String>) -> Response {
    if reasons.is_empty() {
        return "ok\n".into_response();
    }
    let text: String = reasons.iter().map(|reason| format!("{reason}\n")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}
