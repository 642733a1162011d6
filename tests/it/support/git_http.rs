//! A real git server over http: `git http-backend` behind a CGI bridge, with faults on demand.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Request, Response, StatusCode, header};
use base64::Engine;
use tokio::io::AsyncWriteExt;

/// How the server behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// As git does.
    Serve,
    /// Accepts requests and never answers.
    Hang,
    /// Sends every request to another place.
    Redirect(String),
    /// Answers every request with this status.
    Status(u16),
}

#[derive(Clone)]
struct Shared {
    root: PathBuf,
    mode: Arc<Mutex<Mode>>,
    /// `user:token` that every request must carry.
    login: Option<String>,
    seen: Arc<Mutex<Vec<String>>>,
}

/// The server. It ends when it is dropped.
pub struct GitHttp {
    port: u16,
    shared: Shared,
    task: tokio::task::JoinHandle<()>,
}

impl GitHttp {
    /// Serves all repositories under `root`; with `login`, only to who sends it.
    pub async fn start(root: &Path, login: Option<&str>) -> Self {
        let shared = Shared {
            root: root.to_owned(),
            mode: Arc::new(Mutex::new(Mode::Serve)),
            login: login.map(str::to_owned),
            seen: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, shared, task }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// Every request since the last call: method, path with query, and whether credentials came with it.
    pub fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.seen.lock().unwrap())
    }
}

impl Drop for GitHttp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Shared>, request: Request<Body>) -> Response<Body> {
    let given = request.headers().get(header::AUTHORIZATION).cloned();
    let with = if given.is_some() { " with credentials" } else { "" };
    shared.seen.lock().unwrap().push(format!("{} {}{with}", request.method(), request.uri()));
    let plain = |status: StatusCode| Response::builder().status(status);
    let mode = shared.mode.lock().unwrap().clone();
    match mode {
        Mode::Serve => {}
        Mode::Hang => std::future::pending().await,
        Mode::Redirect(to) => {
            let target = format!("{to}{}", request.uri());
            return plain(StatusCode::FOUND).header(header::LOCATION, target).body(Body::empty()).unwrap();
        }
        Mode::Status(status) => return plain(StatusCode::from_u16(status).unwrap()).body(Body::empty()).unwrap(),
    }
    if let Some(login) = &shared.login {
        let wanted = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login));
        if given.is_none_or(|given| given != wanted.as_str()) {
            return plain(StatusCode::UNAUTHORIZED)
                .header(header::WWW_AUTHENTICATE, "Basic realm=\"specs\"")
                .body(Body::empty())
                .unwrap();
        }
    }
    backend(&shared.root, request).await
}

async fn backend(root: &Path, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let text = |name: header::HeaderName| {
        parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let mut command = tokio::process::Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", if parts.method == Method::POST { "POST" } else { "GET" })
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", text(header::CONTENT_TYPE))
        .env("HTTP_CONTENT_ENCODING", text(header::CONTENT_ENCODING))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("GIT_PROTOCOL", parts.headers.get("git-protocol").map_or("", |value| value.to_str().unwrap()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().expect("git is installed");
    let mut stdin = child.stdin.take().unwrap();
    let feed = tokio::spawn(async move {
        // http-backend may stop reading early.
        let _ = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap().stdout;
    feed.await.unwrap();
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").expect("a CGI answer has a head");
    let mut response = Response::builder();
    for line in String::from_utf8(output[..end].to_vec()).unwrap().lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = match name {
            "Status" => response.status(value[..3].parse::<u16>().unwrap()),
            name => response.header(name, value),
        };
    }
    response.body(Body::from(output[end + 4..].to_vec())).unwrap()
}
