//! The form that asks for a sweep, and what is said when one was asked for.

use maud::{Markup, html};

use super::super::Serve;
use super::super::sync::Page;
use super::{Place, layout};

/// The form, where the configuration has a token.
pub(super) fn form(serve: &Serve, from: Page) -> Markup {
    let Some(token) = &serve.options.token else { return html! {} };
    html! {
        details.sync #sync-now {
            summary { "Sync now" }
            form method="post" action="/sync" data-sync {
                input type="hidden" name="guard" value=(token.guard());
                input type="hidden" name="from" value=(from.word());
                label { "Token of the agent" input #sync-token type="password" name="token" required autocomplete="current-password"; }
                button type="submit" { "Fetch and check every bucket now" }
                p.who #sync-said role="status" {}
            }
        }
    }
}

/// What a browser without scripts shows.
pub(crate) fn asked(from: Page) -> Markup {
    let content = html! {
        h1 { "A sweep was asked for" }
        p { "The source is fetched, and every bucket is checked. What is found shows on the page." }
        p { a href=(from.path()) { "Back" } }
    };
    layout("A sweep was asked for - driftless", Place::Elsewhere, None, &content)
}
