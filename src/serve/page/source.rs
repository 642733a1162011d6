//! The source: the revision in force and who made it, one that is held and how to release it, and the
//! faults in the documents with file and line.

use maud::{Markup, html};

use crate::clock::Timestamp;
use crate::finding::Severity;
use crate::report::{SourceReport, SourceState};

use super::super::Serve;
use super::super::api::faults;
use super::super::sync::Page;
use super::forge::Forge;
use super::parts::{counted, made, plain, relative, signed, tag};
use super::{Place, layout, sync};

/// The page.
pub(crate) fn source(serve: &Serve, now: Timestamp) -> Markup {
    let version = serve.board.version();
    let source = serve.board.source();
    let forge = &Forge::newest(&source);
    let (errors, warnings) = faults(&source.findings);
    let content = html! {
        h1 { "Source " (tag(source_class(source.state), source.state.word())) }
        @if source.state != SourceState::Ready { (source_trouble(&source)) }
        (held_back(&source, forge, now))
        (facts(&source, now, true))
        (sync::form(serve, Page::Source))
        section aria-labelledby="findings" {
            h2 #findings { "Findings" }
            p { (counted(errors, "error")) ", " (counted(warnings, "warning")) " in the documents of the newest revision." }
            @for finding in &source.findings {
                article.finding {
                    p {
                        @match finding.severity {
                            Severity::Error => (tag("drifted", "error")),
                            Severity::Warning => (tag("unknown", "warning")),
                        }
                        " " (forge.place(&finding.place, &finding.place.to_string()))
                    }
                    p { (plain(&finding.message)) }
                    @if let Some(hint) = &finding.hint { p.hint { (plain(hint)) } }
                }
            }
        }
    };
    let title = match source.findings.len() {
        0 => "no findings - driftless".to_owned(),
        number => format!("{} - driftless", counted(number, "finding")),
    };
    layout(&title, Place::Source, Some((serve, (version, now))), &content)
}

/// Why it is not ready, and what to do.
pub(super) fn source_trouble(source: &SourceReport) -> Markup {
    html! {
        div class=(format!("notice {}", source_class(source.state))) role="status" {
            p {
                @if source.state == SourceState::Failed && source.detail.is_none() {
                    strong { "The source has not answered yet" } ": no revision is in force, and nothing is checked."
                } @else { strong { "The source is " (source.state.word()) } }
                @if let Some(detail) = &source.detail { ": " (plain(detail)) }
                @if let Some(revision) = &source.held_revision { " (revision " code { (plain(&short(revision))) } ")" }
            }
            @if let Some(hint) = &source.hint { p.hint { (plain(hint)) } }
        }
    }
}

/// The revision that is held, and what to write to have it obeyed.
fn held_back(source: &SourceReport, forge: &Forge, now: Timestamp) -> Markup {
    let Some(revision) = &source.held_commit else { return html! {} };
    html! {
        section aria-labelledby="held" {
            h2 #held { "Held revision" }
            article {
                p { (made(revision, forge, now)) }
                p.who { (signed(revision.signature.as_ref())) }
                @if let Some(release) = &source.release {
                    p { "Look at what it changes. If it was meant, write:" }
                    pre tabindex="0" role="region" aria-label="What to write to have it obeyed" { (plain(release)) }
                    p { "If it was not, revert it in git: nothing of it is in force, and the revision below stays." }
                } @else { p { "Revert it in git, or wait for a newer revision: nothing of it is in force." } }
            }
        }
    }
}

fn source_class(state: SourceState) -> &'static str {
    match state {
        SourceState::Ready => "compliant",
        SourceState::Stale => "unknown",
        SourceState::Held => "held",
        SourceState::Failed => "drifted",
    }
}

/// A folder has no author.
fn is_git(source: &SourceReport) -> bool {
    source.author.is_some() || !source.reference.is_empty()
}

/// The beginning of a revision's id, as git shows it.
fn short(revision: &str) -> String {
    revision.chars().take(12).collect()
}

/// The revision in force: what it is called, who made it and when.
pub(super) fn commit(revision: &str, source: &SourceReport, forge: &Forge, now: Timestamp) -> Markup {
    html! {
        (forge.id(revision))
        @if let Some(subject) = &source.subject { " " (plain(subject)) }
        @if let Some(author) = &source.author { ", by " (plain(author)) }
        @if let Some(at) = source.committed_at { ", " (relative(at, now)) }
    }
}

/// The source on the first page.
pub(super) fn source_card(source: &SourceReport, now: Timestamp) -> Markup {
    html! {
        section aria-labelledby="source" {
            h2 #source { a href="/source" { "Source" } " " (tag(source_class(source.state), source.state.word())) }
            (facts(source, now, false))
        }
    }
}

fn facts(source: &SourceReport, now: Timestamp, whole: bool) -> Markup {
    // Only an address that a browser opens safely becomes a link.
    let is_link =
        source.url.starts_with("https://") && source.url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
    let (errors, warnings) = faults(&source.findings);
    html! {
        dl {
            dt { "From" }
            dd {
                @if source.url.is_empty() { "nowhere yet" }
                @else if is_link { a href=(source.url) rel="noreferrer noopener external" { (plain(&source.url)) } }
                @else { (plain(&source.url)) }
                @if !source.reference.is_empty() { " at " code { (plain(&source.reference)) } }
            }
            @if let Some(revision) = &source.revision {
                dt { "Revision" }
                dd {
                    (Forge::of(source).id(revision))
                    @if let Some(subject) = &source.subject { " " (plain(subject)) }
                }
            }
            @if source.author.is_some() || source.committed_at.is_some() {
                dt { "Made" }
                dd {
                    @if let Some(at) = source.committed_at { (relative(at, now)) }
                    @if let Some(author) = &source.author { " by " (plain(author)) }
                }
            }
            @if whole && source.revision.is_some() {
                dt { "Signer" } dd { @if is_git(source) { (signed(source.signature.as_ref())) } @else { "none: a folder has no commits" } }
            }
            @if let Some(revision) = &source.held_revision {
                dt { "Held revision" } dd { (Forge::of(source).id(revision)) }
            }
            dt { "Last answer" }
            dd { @if let Some(at) = source.last_success { (relative(at, now)) } @else { "none yet" } }
            dt { "Findings" }
            dd {
                @if source.findings.is_empty() { "none" } @else {
                    a href="/source#findings" { (counted(errors, "error")) ", " (counted(warnings, "warning")) }
                }
            }
        }
    }
}
