//! The policies of a bucket: why each does not hold, its own text, and the exemptions from it.

use maud::{Markup, html};

use crate::board::{ExemptionCard, PolicyCard};
use crate::clock::Timestamp;
use crate::finding::Place;
use crate::report::{BucketReport, PolicyStatus};
use crate::verdict::Verdict;

use super::super::deeper::Depth;
use super::forge::Forge;
use super::parts::{at, badge, changed_by, counted, moment_and_age, plain, policy_path, tag};

/// An exemption that ends within so many days is told apart; the alert `DriftlessExemptionExpiring`
/// does so, too.
const SOON: i64 = 7;

/// Policy by policy; those that hold are folded.
pub(super) fn policies(report: &BucketReport, depth: &Depth, forge: &Forge, now: Timestamp) -> Markup {
    html! {
        section aria-labelledby="policies" {
            h2 #policies { "Policies" }
            @if report.policies.is_empty() { p { "None applies to it." } }
            @for status in report.policies.iter() { (one(report, status, depth, forge, now)) }
        }
    }
}

fn one(report: &BucketReport, status: &PolicyStatus, depth: &Depth, forge: &Forge, now: Timestamp) -> Markup {
    let card = depth.policy(&status.policy);
    let exemptions: Vec<&ExemptionCard> =
        card.iter().flat_map(|card| &card.exemptions).filter(|it| it.is_for(&report.id)).collect();
    let soon = exemptions.iter().any(|it| matches!(standing(it, now), Standing::EndsSoon));
    html! {
        details.setting id=(format!("policy-{}", plain(&status.policy))) open[status.verdict != Verdict::Compliant] {
            summary {
                (plain(&status.policy)) " " (badge(status.verdict))
                @if soon { " " (tag("unknown", "exemption ends soon")) }
                " " span.who { (status.severity.word()) }
            }
            div.inside {
                @if let Some(detail) = &status.detail { p { (plain(detail)) } }
                dl.facts {
                    @if let Some(since) = status.since { dt { "Since" } dd { (moment_and_age(since, now)) } }
                    @if let Some(until) = status.exempt_until { dt { "Exempt" } dd { "until " (moment_and_age(until, now)) } }
                    dt { "Policy" }
                    dd {
                        a href=(policy_path(&status.policy)) { (plain(&status.policy)) }
                        @if let Some(title) = card.and_then(|card| card.title.as_ref()) { ": " (plain(title)) }
                    }
                }
                @for exemption in exemptions { (exempt(exemption, forge, now)) }
                @if let Some(card) = card { (text(card, forge, |at| changed_by(&depth.who_changed(at), forge, now))) }
            }
        }
    }
}

/// The text of a policy with its places, and the values that its expressions see.
pub(super) fn text(card: &PolicyCard, forge: &Forge, changed: impl Fn(&Place) -> Markup) -> Markup {
    html! {
        @for (number, written) in card.written.iter().enumerate() {
            p.who {
                @if number > 0 { "Changes the policy that is built in: " }
                (at(&written.at, forge)) (changed(&written.at))
            }
            pre tabindex="0" role="region" aria-label=(format!("The text of the policy {}", plain(&card.name))) {
                (plain(&written.text))
            }
        }
        @if !card.parameters.is_empty() {
            p.who { "With these parameters, after all that changes them:" }
            pre tabindex="0" role="region" aria-label="Parameters in force" {
                (plain(&serde_yaml::to_string(&card.parameters).expect("parameters of JSON are YAML")))
            }
        }
    }
}

enum Standing {
    Stands,
    EndsSoon,
    Ended,
}

fn standing(it: &ExemptionCard, now: Timestamp) -> Standing {
    match (it.expires - now).num_seconds() {
        ..=0 => Standing::Ended,
        left if left <= SOON * 86_400 => Standing::EndsSoon,
        _ => Standing::Stands,
    }
}

/// An exemption: why, who, until when, and where it is written.
pub(super) fn exempt(it: &ExemptionCard, forge: &Forge, now: Timestamp) -> Markup {
    html! {
        article.exemption {
            h3 {
                "Exemption " (plain(&it.name)) " "
                @match standing(it, now) {
                    Standing::Stands => (tag("exempt", "exempt")),
                    Standing::EndsSoon => (tag("unknown", "ends soon")),
                    Standing::Ended => (tag("unsupported", "ended, has no effect")),
                }
            }
            dl.facts {
                dt { "Reason" } dd { (plain(&it.reason)) }
                dt { "Owner" } dd { (plain(&it.owner)) }
                dt { "Until" } dd { (moment_and_age(it.expires, now)) }
                dt { "Buckets" } dd { code { (plain(&it.buckets.join(", "))) } }
                dt { "File" } dd { (at(&it.at, forge)) }
            }
        }
    }
}

/// The exemptions from a policy, for its own page.
pub(super) fn exemptions(card: &PolicyCard, forge: &Forge, now: Timestamp) -> Markup {
    html! {
        @if !card.exemptions.is_empty() {
            section {
                h2 { (counted(card.exemptions.len(), "exemption")) }
                @for it in &card.exemptions { (exempt(it, forge, now)) }
            }
        }
    }
}
