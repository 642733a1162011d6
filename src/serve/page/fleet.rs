//! The first page: how the fleet stands, where its state comes from, and the list of buckets.

use std::time::Duration;

use maud::{Markup, html};

use crate::clock::Timestamp;
use crate::report::{BucketReport, SourceState, SweepReport};
use crate::verdict::{Hold, SPEC, Verdict};

use super::super::Serve;
use super::super::api::faults;
use super::super::health;
use super::super::query::{self, Filter, Found, PAGE, Sort, Standing, Summary};
use super::super::sync::Page;
use super::forge::faulty_files;
use super::parts::{bucket_path, counted, encoded, moment, plain, relative, tag};
use super::source::{source_card, source_trouble};
use super::{Place, layout, sync};

/// What each tile counts, beside all buckets.
const TILES: [Standing; 7] = [
    Standing::InSync,
    Standing::Drifted,
    Standing::Unknown,
    Standing::Held,
    Standing::Suspended,
    Standing::Exempt,
    Standing::Undeclared,
];

/// The page.
pub(crate) fn fleet(serve: &Serve, filter: &Filter, now: Timestamp) -> Markup {
    let board = &serve.board;
    let version = board.version();
    let summary = Summary::of(board, now);
    let source = board.source();
    let breakers = board.breakers();
    let (errors, _) = faults(&source.findings);
    let stopped = health::stopped(board, &serve.heartbeat, &serve.options, now);
    let trouble = usize::from(source.state != SourceState::Ready) + breakers.len() + stopped.len();
    let problems = summary.total - summary.in_sync + errors + trouble;
    let title = match problems {
        0 if summary.total == 0 => "no buckets yet - driftless".to_owned(),
        0 => "all in sync - driftless".to_owned(),
        problems => format!("{} - driftless", counted(problems, "problem")),
    };
    let found = filter.find(board, now);
    let content = html! {
        h1 { "Fleet" }
        div #notices data-live {
        @for (name, hold) in &breakers { (breaker(name, *hold)) }
        @for reason in &stopped {
            p.notice.drifted role="status" { strong { "What is shown may be old: " } (reason) "." }
        }
        @if source.state != SourceState::Ready { (source_trouble(&source)) }
        @if errors > 0 {
            @let files = faulty_files(&source).len();
            p.notice.drifted {
                a href="/source" { (counted(files, "file")) (if files == 1 { " has" } else { " have" }) " a fault" }
                "; what " (if files == 1 { "it describes" } else { "they describe" }) " stays on the last good form."
            }
        }
        }
        (tiles(&filter.count(board, now), filter))
        div.cards #cards data-live { (source_card(&source, now)) (sweep_card(serve, now)) }
        (sync::form(serve, Page::Fleet))
        (buckets(serve, filter, &found, now))
    };
    layout(&title, Place::Fleet, Some((serve, (version, now))), &content)
}

fn breaker(name: &str, hold: Hold) -> Markup {
    html! {
        p.notice.held role="status" {
            strong { "The " (name) " breaker is open: " }
            @match hold {
                Hold::Fighting => "something writes back what was repaired, so the repairs of it have stopped. ",
                Hold::OverLimit => "the sweep would change too much of the fleet, so nothing is written. ",
                _ => "writing has stopped. ",
            }
            a href="/?state=held" { "See what is held" } " (" (hold.word()) ")"
        }
    }
}

fn tiles(summary: &Summary, filter: &Filter) -> Markup {
    let tile = |to: &str, class: &str, count: usize, word: &str, is_here: bool| {
        html! {
            li { a class=(format!("tile {class}")) href=(to) aria-current=[is_here.then_some("true")] {
                strong { (count) } " " span { (word) }
            } }
        }
    };
    // A tile keeps what somebody looks for, and counts what its link lists.
    let of = |state| address(&Filter { state, ..filter.clone() }, 1);
    html! {
        ul.tiles #tiles data-live aria-label="Buckets by state" {
            @let word = if summary.total == 1 { "bucket" } else { "buckets" };
            (tile(&of(None), "all", summary.total, word, filter.state.is_none()))
            @for standing in TILES {
                @let count = summary.count(standing);
                @let class = if count == 0 { "none" } else { class(standing) };
                (tile(&of(Some(standing)), class, count, &standing.word().replace('-', " "), filter.state == Some(standing)))
            }
        }
    }
}

/// The colour of a standing.
fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::InSync => "compliant",
        Standing::Drifted => "drifted",
        Standing::Unknown | Standing::Unreachable | Standing::Invalid => "unknown",
        Standing::Held => "held",
        Standing::Suspended => "suspended",
        Standing::Exempt => "exempt",
        Standing::Unsupported | Standing::Undeclared => "unsupported",
    }
}

fn sweep_card(serve: &Serve, now: Timestamp) -> Markup {
    let board = &serve.board;
    html! {
        section aria-labelledby="sweep" {
            h2 #sweep { "Sweep" }
            dl {
                @if let Some(sweep) = board.running() {
                    dt { "Running" }
                    dd {
                        progress max=(sweep.total.max(1)) value=(sweep.done) aria-label="Buckets checked" {}
                        " " (sweep.done) " of " (sweep.total) ", begun " (relative(sweep.started_at, now))
                        ", last bucket " (relative(sweep.moved_at, now))
                    }
                }
                dt { "Last" }
                @let last = board.last_sweep();
                @if let Some(sweep) = &last {
                    dd {
                        "ended " (relative(ended(sweep), now)) ", " (counted(sweep.buckets, "bucket")) " in "
                        (format!("{:.1}", sweep.seconds)) " s"
                        @if sweep.interrupted { ", interrupted" }
                    }
                    // The tile above counts buckets, and one of them may hold many.
                    dd { (counted(sweep.repaired, "repair")) ", " (sweep.failed) " failed, " (counted(sweep.held, "difference")) " held" }
                    @for error in &sweep.errors { dd.error { (plain(&error.to_string())) } }
                } @else { dd { "none has ended yet" } }
                // Where the last one was complete, it says when.
                @if last.is_none_or(|it| it.interrupted || !it.errors.is_empty()) && let Some(at) = board.last_success() {
                    dt { "Last complete" } dd { "ended " (relative(at, now)) }
                }
                @if let Some(at) = board.next_sweep() { dt { "Next" } dd { (relative(at, now)) " (" (moment(at)) ")" } }
            }
        }
    }
}

/// When a sweep ended.
fn ended(sweep: &SweepReport) -> Timestamp {
    sweep.started_at + Duration::try_from_secs_f64(sweep.seconds).unwrap_or_default()
}

fn buckets(serve: &Serve, filter: &Filter, found: &Found, now: Timestamp) -> Markup {
    let first = filter.offset + 1;
    let last = filter.offset + found.buckets.len();
    html! {
        section aria-labelledby="buckets" {
            h2 #buckets { "Buckets" }
            (form(serve, filter))
            div #found data-live {
            p.count role="status" {
                @if found.total == 0 { "No bucket." }
                @else if found.buckets.is_empty() { "There is no such page; " (counted(found.total, "bucket")) " in all." }
                @else if found.total == found.buckets.len() { (counted(found.total, "bucket")) }
                @else { (first) " to " (last) " of " (counted(found.total, "bucket")) }
            }
            @if found.total == 0 {
                @if *filter == Filter::default() {
                    p.hint { "Commit a document of kind Bucket to the source, or wait for the first sweep." }
                } @else { p { a href="/" { "Show all buckets" } } }
            }
            @if !found.buckets.is_empty() {
                table.list.fleet {
                    thead { tr {
                        (column(filter, "Bucket", Sort::Name)) (column(filter, "State", Sort::Worst))
                        th scope="col" { "Policies and spec" }
                        (column(filter, "Since", Sort::Since)) (column(filter, "Checked", Sort::Checked))
                    } }
                    tbody { @for report in &found.buckets { (row(report, now)) } }
                }
                (pages(filter, found))
            }
            }
        }
    }
}

/// The head of a column that orders the list; once more, and it orders it the other way round.
fn column(filter: &Filter, text: &str, sort: Sort) -> Markup {
    let here = filter.sort == sort;
    let is_descending = filter.reversed != (sort == Sort::Worst);
    let to = Filter { sort, reversed: here && !filter.reversed, ..filter.clone() };
    html! {
        th scope="col" aria-sort=[here.then_some(if is_descending { "descending" } else { "ascending" })] {
            a href=(address(&to, 1)) {
                (text)
                @if here { span aria-hidden="true" { @if is_descending { " ▾" } @else { " ▴" } } }
            }
        }
    }
}

fn row(report: &BucketReport, now: Timestamp) -> Markup {
    let standings = Standing::ALL.into_iter().filter(|standing| standing.of(report, now));
    html! {
        tr {
            th scope="row" {
                a href=(bucket_path(report)) { (report.id.to_string()) }
                small { (report.region.as_str()) }
            }
            td data-label="State" {
                @for standing in standings { (tag(class(standing), &standing.word().replace('-', " "))) " " }
            }
            td data-label="Policies and spec" {
                ul.chips {
                    @for it in report.policies.iter() { (chip(&it.policy, it.verdict)) }
                    @if let Some(verdict) = query::spec_verdict(report) { (chip(SPEC, verdict)) }
                }
            }
            td data-label="Since" { @if let Some(at) = query::since(report) { (relative(at, now)) } }
            td data-label="Checked" { (relative(report.checked_at, now)) }
        }
    }
}

/// How a bucket stands to one policy: a mark when it is well, the word when it is not.
fn chip(name: &str, verdict: Verdict) -> Markup {
    html! {
        li class=(format!("chip {}", verdict.word())) {
            @if verdict == Verdict::Compliant {
                span aria-hidden="true" { "✓ " } (plain(name)) span.unseen { " compliant" }
            } @else { (plain(name)) " " strong { (verdict.word()) } }
        }
    }
}

fn form(serve: &Serve, filter: &Filter) -> Markup {
    let policies = serve.board.policies();
    let names = policies.iter().map(|card| &*card.name).chain([SPEC]);
    html! {
        form method="get" action="/" role="search" {
            label { "Name, region, label or tag" input type="search" name="q" value=(filter.text) maxlength="200"; }
            label { "State" select name="state" {
                option value="" { "any" }
                @for standing in Standing::ALL {
                    option value=(standing.word()) selected[filter.state == Some(standing)] {
                        (standing.word().replace('-', " "))
                    }
                }
            } }
            label { "Policy" select name="policy" {
                option value="" { "any" }
                @for name in names {
                    option value=(name) selected[filter.policy.as_deref() == Some(name)] { (plain(name)) }
                }
            } }
            label { "Order" select name="sort" {
                @for sort in Sort::ALL {
                    option value=(sort.word()) selected[filter.sort == sort && !filter.reversed] { (said(sort)) }
                    // An order that is turned round is one of its own, so that whoever chooses another
                    // gets that one as it says.
                    @if filter.sort == sort && filter.reversed {
                        option value=(format!("-{}", sort.word())) selected { (said(sort)) ", turned round" }
                    }
                }
            } }
            button type="submit" { "Show" }
            @if *filter != Filter::default() { a href="/" { "Reset" } }
        }
    }
}

fn said(sort: Sort) -> &'static str {
    match sort {
        Sort::Worst => "worst first",
        Sort::Name => "by name",
        Sort::Since => "oldest drift first",
        Sort::Checked => "longest unchecked first",
    }
}

fn pages(filter: &Filter, found: &Found) -> Markup {
    let page = filter.offset / PAGE + 1;
    let pages = found.total.div_ceil(PAGE);
    html! {
        @if pages > 1 {
            nav.pages aria-label="Pages" {
                @if page > 1 { a rel="prev" href=(address(filter, page - 1)) { "Previous" } }
                span { "Page " (page) " of " (pages) }
                @if page < pages { a rel="next" href=(address(filter, page + 1)) { "Next" } }
            }
        }
    }
}

/// The address of a page of the same list.
fn address(filter: &Filter, page: usize) -> String {
    let mut pairs = Vec::new();
    if let Some(state) = filter.state {
        pairs.push(format!("state={}", state.word()));
    }
    if !filter.text.is_empty() {
        pairs.push(format!("q={}", encoded(&filter.text)));
    }
    if let Some(policy) = &filter.policy {
        pairs.push(format!("policy={}", encoded(policy)));
    }
    if filter.sort != Sort::default() {
        pairs.push(format!("sort={}", filter.sort.word()));
    }
    if filter.reversed {
        pairs.push("order=reverse".to_owned());
    }
    if page > 1 {
        pairs.push(format!("page={page}"));
    }
    if pairs.is_empty() { "/".to_owned() } else { format!("/?{}", pairs.join("&")) }
}
