//! The policies in force, and one of them.

use maud::{Markup, html};

use crate::board::PolicyCard;
use crate::clock::Timestamp;
use crate::finding;
use crate::spec::Mode;
use crate::verdict::Verdict;

use super::super::Serve;
use super::super::api::{count, policy_counts};
use super::super::query::{Filter, PAGE, Standing};
use super::forge::Forge;
use super::parts::{at, badge, bucket_path, counted, encoded, plain, policy_path, relative, tag};
use super::rules::{exemptions, text};
use super::{Place, Seen, layout};

/// The policies in force.
pub(crate) fn policies(serve: &Serve, now: Timestamp) -> Markup {
    let seen: Seen = (serve.board.version(), now);
    let counts = policy_counts(serve);
    let policies = serve.board.policies();
    let content = html! {
        h1 { "Policies" }
        @if policies.is_empty() { p { "None is in force." } } @else {
            table.list {
                thead { tr {
                    th scope="col" { "Policy" } th scope="col" { "Severity" } th scope="col" { "Mode" }
                    th scope="col" { "Buckets" } th scope="col" { "File" }
                } }
                tbody {
                    @for card in policies.iter() {
                        tr {
                            th scope="row" {
                                a href=(policy_path(&card.name)) { (plain(&card.name)) }
                                @if let Some(title) = &card.title { small { (plain(title)) } }
                            }
                            td data-label="Severity" { (card.severity.word()) }
                            td data-label="Mode" { (card.mode.word()) }
                            td data-label="Buckets" {
                                ul.chips {
                                    @for verdict in Verdict::ALL {
                                        @let number = count(&counts, &card.name, verdict);
                                        @if number > 0 {
                                            li class=(format!("chip {}", verdict.word())) { (number) " " (verdict.word()) }
                                        }
                                    }
                                }
                            }
                            td data-label="File" { code { (plain(&card.file)) } }
                        }
                    }
                }
            }
        }
    };
    layout("Policies - driftless", Place::Policies, Some((serve, seen)), &content)
}

/// One policy, and the buckets that do not satisfy it.
pub(crate) fn policy(serve: &Serve, card: &PolicyCard, now: Timestamp) -> Markup {
    let seen: Seen = (serve.board.version(), now);
    let counts = policy_counts(serve);
    let forge = &Forge::of(&serve.board.source());
    // Each verdict but compliant, as far as one page goes.
    let trouble: Vec<_> =
        [Standing::Drifted, Standing::Unknown, Standing::Suspended, Standing::Exempt, Standing::Unsupported]
            .into_iter()
            .map(|state| {
                let filter = Filter { state: Some(state), policy: Some(card.name.to_string()), ..Filter::default() };
                (state, filter.find(&serve.board, now))
            })
            .filter(|(_, found)| found.total > 0)
            .collect();
    let content = html! {
        p.crumbs { a href="/policies" { "Policies" } }
        h1 { (plain(&card.name)) }
        @if let Some(title) = &card.title { p { (plain(title)) } }
        dl.facts {
            dt { "Severity" } dd { (card.severity.word()) }
            dt { "Mode" }
            dd {
                @match card.mode {
                    Mode::Enforce => "enforce: what differs is repaired",
                    Mode::Observe => "observe: what differs is only told",
                }
            }
            dt { "File" } dd { (at(&finding::Place { file: card.file.clone(), line: card.line, column: 1 }, forge)) }
            dt { "Satisfied by" } dd { (counted(count(&counts, &card.name, Verdict::Compliant), "bucket")) }
        }
        @if !card.written.is_empty() {
            details.setting #text {
                summary { "Its text" }
                div.inside { (text(card, forge, |_| html! {})) }
            }
        }
        (exemptions(card, forge, now))
        @if trouble.is_empty() { p { "No bucket is at odds with it." } }
        @for (state, found) in &trouble {
            section {
                h2 { (counted(found.total, "bucket")) " " (tag(state.word(), state.word())) }
                table.list.stands {
                    thead { tr {
                        th scope="col" { "Bucket" } th scope="col" { "State" } th scope="col" { "Why" }
                        th scope="col" { "Since" }
                    } }
                    tbody {
                        @for report in &found.buckets {
                            @if let Some(it) = report.policies.iter().find(|it| it.policy == card.name) {
                                tr {
                                    th scope="row" { a href=(bucket_path(report)) { (report.id.to_string()) } }
                                    td data-label="State" { (badge(it.verdict)) }
                                    td data-label="Why" { @if let Some(detail) = &it.detail { (plain(detail)) } }
                                    td data-label="Since" { @if let Some(since) = it.since { (relative(since, now)) } }
                                }
                            }
                        }
                    }
                }
                @if found.total > PAGE {
                    p { a href=(format!("/?policy={}&state={}", encoded(&card.name), state.word())) { "All of them" } }
                }
            }
        }
    };
    layout(&format!("{} - driftless", card.name), Place::Policies, Some((serve, seen)), &content)
}
