//! What the endpoints can do: settings down, endpoints across.

use maud::{Markup, html};

use crate::capability::{Ability, EndpointCard, SettingCard};
use crate::clock::Timestamp;
use crate::settings::SETTINGS;

use super::super::Serve;
use super::parts::{counted, plain, relative, tag};
use super::{Place, layout};

/// The endpoints of which something is known.
pub(crate) fn endpoints(serve: &Serve, now: Timestamp) -> Markup {
    let version = serve.board.version();
    let endpoints = serve.board.endpoints();
    let content = html! {
        h1 { "Endpoints" }
        p {
            "What each endpoint can do with each setting, learned from its own answers. A setting that it lacks is "
            "asked for again after a day."
        }
        @if endpoints.is_empty() { p { "None has answered yet." } } @else {
            table.list {
                thead { tr {
                    th scope="col" { "Setting" }
                    @for endpoint in endpoints.iter() {
                        th scope="col" {
                            (plain(endpoint.account.as_str())) " " (plain(endpoint.region.as_str()))
                            small { (plain(endpoint.address.as_deref().unwrap_or("AWS"))) }
                        }
                    }
                } }
                tbody {
                    @for setting in SETTINGS {
                        tr {
                            th scope="row" { (setting.name()) }
                            @for endpoint in endpoints.iter() {
                                td data-label=(format!("{} {}", endpoint.account, endpoint.region)) {
                                    @if let Some(card) = card(endpoint, setting.name()) { (cell(card, now)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    layout(
        &format!("{} - driftless", counted(endpoints.len(), "endpoint")),
        Place::Endpoints,
        Some((serve, (version, now))),
        &content,
    )
}

fn card<'a>(endpoint: &'a EndpointCard, setting: &str) -> Option<&'a SettingCard> {
    endpoint.settings.iter().find(|it| it.setting == setting)
}

fn cell(card: &SettingCard, now: Timestamp) -> Markup {
    let class = match card.ability {
        Ability::Supported => "compliant",
        Ability::Unsupported => "unsupported",
        Ability::NotYetKnown => "unknown",
    };
    html! {
        (tag(class, card.ability.word()))
        @if let (Some(answer), Some(at)) = (&card.answer, card.learned_at) {
            small { (plain(answer)) ", " (relative(at, now)) }
        }
    }
}
