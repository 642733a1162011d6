//! Answers that are not what was asked for: JSON for programs, a page with a way back for people.

use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::page;

/// What went wrong, for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    #[serde(skip)]
    pub(super) status: StatusCode,
    /// What is wrong: lower case, no full stop.
    pub error: String,
    /// What to do instead.
    pub hint: String,
}

impl Fault {
    pub(super) fn new(status: StatusCode, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, error: error.into(), hint: hint.into() }
    }

    pub(super) fn not_found(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, hint)
    }

    /// As whoever asks for `uri` reads it.
    pub(super) fn answer(self, uri: &Uri) -> Response {
        if is_api(uri) { self.json() } else { self.page() }
    }

    pub(super) fn json(self) -> Response {
        self.dress(axum::Json(&self).into_response())
    }

    pub(super) fn page(self) -> Response {
        let markup = page::fault(&self);
        self.dress(page::html(markup))
    }

    fn dress(&self, mut response: Response) -> Response {
        *response.status_mut() = self.status;
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Whether a program asks.
pub(super) fn is_api(uri: &Uri) -> bool {
    uri.path() == "/api" || uri.path().starts_with("/api/")
}
