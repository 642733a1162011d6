//! The page: HTML that needs no script and is better with one, for eyes, keyboards and screen readers. Every value goes
//! through the template's escaping; nothing from git or S3 becomes markup or a style, and a link only what
//! [`forge`] takes apart and makes anew.

mod bucket;
mod endpoints;
mod fleet;
mod forge;
mod held;
mod lists;
mod parts;
mod rules;
mod settings;
mod source;
mod sync;
mod timeline;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::clock::Timestamp;

use super::Serve;
use super::fault::Fault;

pub(super) use bucket::bucket;
pub(super) use endpoints::endpoints;
pub(super) use fleet::fleet;
pub(super) use forge::faulty_files;
pub(super) use held::held;
pub(super) use lists::{policies, policy};
pub(super) use source::source;
pub(super) use sync::asked;

/// The style sheet.
pub(super) const STYLE: &str = include_str!("style.css");
/// The script.
pub(super) const SCRIPT: &str = include_str!("page.js");

/// Where a page belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Fleet,
    Policies,
    Held,
    Source,
    Endpoints,
    Elsewhere,
}

/// An answer that is a page.
pub(super) fn html(markup: Markup) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], markup.into_string()).into_response()
}

/// The board's version before a page was made from it, and the moment.
pub(super) type Seen = (u64, Timestamp);

/// The frame of every page. The script replaces the elements with `data-live` by those of the same id
/// of the page as it is then.
fn layout(title: &str, place: Place, serve: Option<(&Serve, Seen)>, content: &Markup) -> Markup {
    let link = |to: &str, at: Place, text: &str| {
        html! { a href=(to) aria-current=[(at == place).then_some("page")] { (text) } }
    };
    html! {
        (DOCTYPE)
        html lang="en" data-board=[serve.map(|(_, (version, _))| version)] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (parts::plain(title)) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/style.css";
                @if serve.is_some() { script src="/assets/page.js" defer {} }
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header {
                    nav aria-label="Main" {
                        a.brand href="/" { "driftless" }
                        (link("/", Place::Fleet, "Fleet"))
                        (link("/policies", Place::Policies, "Policies"))
                        (link("/held", Place::Held, "Held"))
                        (link("/source", Place::Source, "Source"))
                        (link("/endpoints", Place::Endpoints, "Endpoints"))
                        a href="/api/v1/status" { "API" }
                        @if serve.is_some_and(|(serve, _)| !serve.options.metrics_apart) {
                            a href="/metrics" { "Metrics" }
                        }
                    }
                }
                main #main {
                    @if place == Place::Fleet { (content) } @else { div #live data-live { (content) } }
                }
                footer {
                    @if let Some((_, (_, now))) = serve {
                        p {
                            span #as-of data-live { "As of " (parts::moment(now)) "." } " "
                            span #stream { "Load the page again for news." }
                        }
                    }
                }
            }
        }
    }
}

/// What went wrong, with a way back.
pub(super) fn fault(fault: &Fault) -> Markup {
    let title = fault.status.canonical_reason().unwrap_or("Error");
    let content = html! {
        h1 { (title) }
        p { (parts::plain(&fault.error)) }
        p.hint { (parts::plain(&fault.hint)) }
        p { a href="/" { "To the first page" } }
    };
    layout(&format!("{title} - driftless"), Place::Elsewhere, None, &content)
}
