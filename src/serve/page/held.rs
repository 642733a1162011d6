//! Everything that is held in the fleet, with the documents to commit.

use maud::{Markup, html};

use crate::clock::Timestamp;
use crate::verdict::Hold;

use super::super::Serve;
use super::super::query::{Filter, PAGE, Standing};
use super::bucket::held_change;
use super::forge::Forge;
use super::parts::{bucket_path, counted};
use super::{Place, layout};

/// The page: what waits for an approval first.
pub(crate) fn held(serve: &Serve, now: Timestamp) -> Markup {
    let version = serve.board.version();
    let forge = &Forge::of(&serve.board.source());
    let filter = Filter { state: Some(Standing::Held), ..Filter::default() };
    let found = filter.find(&serve.board, now);
    let mut buckets = found.buckets;
    buckets.sort_by_key(|report| !report.held.iter().any(|it| it.reason == Hold::NeedsApproval));
    let content = html! {
        h1 { "Held" }
        p { "Differences that stay for now, and why. A change that waits for an approval comes with the document to commit." }
        @if buckets.is_empty() { p { "Nothing is held." } }
        @for report in &buckets {
            section {
                h2 { a href=(bucket_path(report)) { (report.id.to_string()) } }
                @for held in &report.held { (held_change(held, forge)) }
            }
        }
        @if found.total > PAGE {
            p { a href="/?state=held" { "All " (counted(found.total, "bucket")) } }
        }
    };
    layout(
        &format!("{} held - driftless", counted(found.total, "bucket")),
        Place::Held,
        Some((serve, (version, now))),
        &content,
    )
}
