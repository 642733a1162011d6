//! One bucket: how each setting and policy stands, what is held and how to release it, what was
//! repaired, what could not be read, and what other programs want to know of it.

use maud::{Markup, html};

use crate::clock::Timestamp;
use crate::report::{BucketReport, BucketState, HeldReport, ReadError, Repair, RepairResult, SettingStatus};
use crate::verdict::{Verdict, rank};

use super::super::Serve;
use super::super::deeper::Depth;
use super::super::query::in_sync;
use super::forge::Forge;
use super::parts::{badge, changes, moment, moment_and_age, origins, plain, relative, tag};
use super::rules::policies;
use super::settings::side_by_side;
use super::source::commit;
use super::timeline::{Asking, timeline};
use super::{Place, Seen, layout};

/// The page.
pub(crate) fn bucket(serve: &Serve, report: &BucketReport, depth: &Depth, seen: Seen) -> Markup {
    let (_, now) = seen;
    let source = serve.board.source();
    let forge = &Forge::of(&source);
    let verdict = report.worst();
    let state = if in_sync(report) { "in sync" } else { verdict.word() };
    let content = html! {
        p.crumbs { a href="/" { "Fleet" } " / " (report.id.account.as_str()) }
        h1 { (heading(report)) " " (tag(if in_sync(report) { "compliant" } else { verdict.word() }, state)) }
        dl.facts {
            dt { "Account" } dd { (report.id.account.as_str()) }
            dt { "Region" } dd { (report.region.as_str()) }
            dt { "Managed" } dd { (managed(report, forge)) }
            @if report.spec.is_some() && let Some(revision) = &source.revision {
                dt { "As of" } dd { "revision " (commit(revision, &source, forge, now)) }
            }
            dt { "Checked" } dd { (moment_and_age(report.checked_at, now)) }
            @if let Some(until) = report.suspended_until {
                dt { "Suspended" } dd { "nothing is written until " (moment_and_age(until, now)) }
            }
        }
        @if !report.held.is_empty() {
            section aria-labelledby="held" {
                h2 #held { "Held: differences that stay for now" }
                @for held in &report.held { (held_change(held, forge)) }
            }
        }
        @if !report.errors.is_empty() {
            section aria-labelledby="errors" {
                h2 #errors { "Not readable" }
                ul.errors { @for error in &report.errors { (read_error(error)) } }
            }
        }
        (settings(report, now))
        (side_by_side(depth, forge, now))
        (policies(report, depth, forge, now))
        (timeline(&depth.past, &Asking::of(serve, report), forge, now))
        section aria-labelledby="repairs" {
            h2 #repairs { "Last repairs" }
            @if report.repairs.is_empty() { p { "None." } }
            @for repair in &report.repairs { (one_repair(repair, forge, now)) }
        }
        (outputs(report))
        @let json = format!("/api/v1{}", super::parts::bucket_path(report));
        p {
            a href=(json) { @if report.id.is_account() { "This account as JSON" } @else { "This bucket as JSON" } }
            " · " a href=(format!("{json}/live")) { "live and wanted as JSON" }
        }
    };
    layout(&format!("{}: {state} - driftless", report.id), Place::Elsewhere, Some((serve, seen)), &content)
}

/// An account's own page bears its name, not the word that stands for it among buckets.
fn heading(report: &BucketReport) -> String {
    if report.id.is_account() { format!("Account {}", report.id.account) } else { report.id.name.to_string() }
}

fn managed(report: &BucketReport, forge: &Forge) -> Markup {
    let spec = html! {
        @if let Some(at) = &report.spec { ", spec at " (forge.place(at, &at.to_string())) }
    };
    match report.state {
        BucketState::Managed => html! { "yes" (spec) },
        BucketState::Invalid => {
            html! { "by its last good spec; the newest has a fault" (spec) ", see " a href="/source" { "findings" } }
        }
        BucketState::Unreachable => html! { "it could not be reached" (spec) },
        BucketState::Undeclared => html! { "no; no spec declares it, policies only look at it" },
    }
}

pub(super) fn held_change(held: &HeldReport, forge: &Forge) -> Markup {
    html! {
        article {
            h3 { code { (held.setting) } " " (tag("held", held.reason.word())) }
            p { (plain(&held.detail)) }
            @if !held.origins.is_empty() { p.who { "Asked by " (origins(&held.origins, forge)) } }
            (changes(&held.changes, "From (live)", "To (wanted)"))
            @if let Some(approval) = &held.approval {
                (to_commit(approval))
            }
        }
    }
}

fn to_commit(approval: &str) -> Markup {
    html! {
        p { "To let it happen, commit this document to the source, with the reason filled in:" }
        pre tabindex="0" role="region" aria-label="The approval to commit" { (plain(approval)) }
    }
}

fn read_error(error: &ReadError) -> Markup {
    html! {
        li {
            code { (error.setting) } " " (tag("unknown", error.error.kind.word())) " " (plain(&error.error.to_string()))
            @if let Some(hint) = &error.hint { p.hint { (plain(hint)) } }
            @if let Some(action) = &error.error.action { p { "IAM action: " code { (plain(action)) } } }
        }
    }
}

fn settings(report: &BucketReport, now: Timestamp) -> Markup {
    let mut settings: Vec<&SettingStatus> = report.settings.iter().collect();
    settings.sort_by_key(|it| std::cmp::Reverse(rank(it.verdict)));
    html! {
        section aria-labelledby="settings" {
            h2 #settings { "Settings that the spec names" }
            @if report.settings.is_empty() { p { "None." } } @else {
                table.list.stands {
                    thead { tr {
                        th scope="col" { "Setting" } th scope="col" { "State" } th scope="col" { "Why" }
                        th scope="col" { "Since" }
                    } }
                    tbody {
                        @for it in settings {
                            tr {
                                th scope="row" { code { (it.setting) } }
                                td data-label="State" {
                                    (badge(it.verdict))
                                    @for held in held_of(report, it) {
                                        " " a href="#held" { (held.reason.word()) }
                                    }
                                }
                                td data-label="Why" { (detail(it.detail.as_deref())) }
                                td data-label="Since" { @if let Some(at) = it.since { (relative(at, now)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Why a setting stays as it is. One that is as its spec says may still be held for a policy, which
/// says so itself.
fn held_of<'a>(report: &'a BucketReport, it: &'a SettingStatus) -> impl Iterator<Item = &'a HeldReport> {
    report.held.iter().filter(|held| held.setting == it.setting && it.verdict != Verdict::Compliant)
}

fn detail(text: Option<&str>) -> Markup {
    html! { @if let Some(text) = text { (plain(text)) } }
}

fn one_repair(repair: &Repair, forge: &Forge, now: Timestamp) -> Markup {
    let class = if repair.result == RepairResult::Applied { "compliant" } else { "drifted" };
    let word = match repair.result {
        RepairResult::Applied => "applied and proved",
        RepairResult::Unproved { .. } => "not proved",
        RepairResult::Failed { .. } => "failed",
    };
    html! {
        article {
            h3 { code { (repair.setting) } " " (tag(class, word)) }
            p.who {
                (moment(repair.at)) " (" (relative(repair.at, now)) ")"
                @if !repair.origins.is_empty() { ", asked by " (origins(&repair.origins, forge)) }
            }
            @match &repair.result {
                RepairResult::Applied => {},
                RepairResult::Unproved { detail } => {
                    p.error { "S3 took it and reads back something else: " (plain(detail)) }
                },
                RepairResult::Failed { error } => {
                    p.error { (plain(&error.to_string())) }
                    @if let Some(hint) = error.hint() { p.hint { (plain(&hint)) } }
                },
            }
            (changes(&repair.changes, "From", "To"))
        }
    }
}

fn outputs(report: &BucketReport) -> Markup {
    let Some(outputs) = report.outputs() else { return html! {} };
    let outputs = serde_json::to_value(outputs).expect("outputs are plain data");
    html! {
        section aria-labelledby="outputs" {
            h2 #outputs { "Outputs" }
            dl.facts {
                @for (name, value) in outputs.as_object().into_iter().flatten() {
                    dt { (name) } dd { code { (value.as_str().map_or_else(|| value.to_string(), plain)) } }
                }
            }
        }
    }
}
