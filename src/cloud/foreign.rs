//! Fields that S3 returns and this version does not know.
//!
//! The SDK drops them, and a write of the whole document would remove them. So the names of all
//! elements of an answer are compared with those that a setting knows; a setting with others is
//! still compared, and a write of it is held until a person agrees.

use std::cell::RefCell;
use std::future::Future;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

struct Watch {
    known: &'static [&'static str],
    empty: Empty,
    found: RefCell<Vec<String>>,
}

/// What is made of a 200 with no document at all. AWS always answers one, also where nothing is
/// configured; the SDK takes none for a default, and a write would replace what nobody saw. Stores
/// of one's own have such answers (moto for notifications, LocalStack for encryption), and the
/// setting says what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    /// It is an answer.
    Taken,
    /// It is none.
    Refused,
}

impl Empty {
    /// By whose store it is.
    pub(super) fn on(own_store: bool) -> Self {
        if own_store { Self::Taken } else { Self::Refused }
    }
}

/// What is said of it.
const NO_DOCUMENT: &str = "the answer is empty, and S3's never is";

tokio::task_local! {
    static WATCH: Watch;
}

/// Makes a request, and says which elements of its answer are not among the `known`. None are
/// looked for when none is known: the answer is no XML.
pub(super) async fn watched<T>(
    known: &'static [&'static str],
    empty: Empty,
    request: impl Future<Output = T>,
) -> (T, Vec<String>) {
    let watch = Watch { known, empty, found: RefCell::default() };
    WATCH
        .scope(watch, async {
            let answer = request.await;
            (answer, WATCH.with(|watch| watch.found.take()))
        })
        .await
}

/// Notes what only a setting itself can tell: a value of a known element.
pub(super) fn note(what: &str) {
    // Outside of `watched` there is nobody to tell.
    let _ = WATCH.try_with(|watch| watch.found.borrow_mut().push(what.to_owned()));
}

/// Looks at every answer. Stands in every client.
#[derive(Debug)]
pub(super) struct Onlooker;

impl Intercept for Onlooker {
    fn name(&self) -> &'static str {
        "Onlooker"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        look(cfg.load::<Metadata>().map_or("", |it| it.name()), context.response())
    }
}

/// Looks at the answer of an operation.
///
/// # Errors
/// When there is nothing in it, and nothing is no answer.
pub(super) fn look(operation: &str, response: &HttpResponse) -> Result<(), BoxError> {
    let Some(body) = response.body().bytes().filter(|_| response.status().is_success()) else { return Ok(()) };
    // What writes answers nothing.
    let reads = operation.starts_with("Get") || operation.starts_with("List");
    let nothing = reads && body.is_empty() && response.status().as_u16() == 200;
    if nothing && WATCH.try_with(|watch| watch.empty) == Ok(Empty::Refused) {
        return Err(NO_DOCUMENT.into());
    }
    // A request outside of `watched` (a listing) has nobody to tell.
    let _ = WATCH.try_with(|watch| {
        let mut found = watch.found.borrow_mut();
        for name in elements(body).filter(|_| !watch.known.is_empty()) {
            if !watch.known.contains(&name) && !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
    });
    Ok(())
}

/// The names of the elements of a document, without prefixes, in their order. Sloppy on purpose:
/// the SDK has parsed the document before, or complains about it itself.
pub(super) fn elements(document: &[u8]) -> impl Iterator<Item = &str> {
    document.split(|byte| *byte == b'<').skip(1).filter_map(|part| {
        let end = part.iter().position(|byte| matches!(byte, b'>' | b'/') || byte.is_ascii_whitespace());
        let name = std::str::from_utf8(&part[..end.unwrap_or(part.len())]).ok()?;
        let name = name.rsplit(':').next().unwrap_or(name);
        name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_named_without_prefixes_attributes_and_ends() {
        let document =
            b"<?xml version=\"1.0\"?>\n<!-- a --><a:Root xmlns:a=\"u\"><Empty/><Other x=\"1\">text</Other></a:Root>";
        assert_eq!(elements(document).collect::<Vec<_>>(), ["Root", "Empty", "Other"]);
        assert_eq!(elements(b"no XML at all < 7").count(), 0);
        assert_eq!(elements(b"").count(), 0);
    }
}
