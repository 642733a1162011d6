//! The sinks, one file each, and the table that finds the one that a configuration names.

mod commit;
pub mod email;
pub mod github;
pub mod gitlab;
pub mod pagerduty;
pub mod slack;
mod smtp;
#[cfg(feature = "aws")]
pub mod sns;
pub mod teams;
pub mod webhook;

use std::sync::Arc;

use super::http::Client;
use super::sink::{Address, Sink, place_of};
use crate::clock::Clock;
use crate::config::notifications::NotificationConfig;

/// The sink that a configuration names; none in one that was not checked.
pub fn of(it: &NotificationConfig, client: &Client, clock: &Arc<dyn Clock>) -> Option<Arc<dyn Sink>> {
    let client = || client.clone();
    if let Some(it) = &it.slack {
        return Some(Arc::new(slack::Slack { url: place_of(&it.url_file, &it.url_env)?, client: client() }));
    }
    if let Some(it) = &it.teams {
        return Some(Arc::new(teams::Teams { url: place_of(&it.url_file, &it.url_env)?, client: client() }));
    }
    if let Some(it) = &it.webhook {
        let secret = place_of(&it.secret_file, &it.secret_env)?;
        let hidden = || place_of(&it.url_file, &it.url_env).map(Address::Secret);
        let url = it.url.clone().map(Address::Plain).or_else(hidden)?;
        return Some(Arc::new(webhook::Webhook { url, secret, client: client(), clock: Arc::clone(clock) }));
    }
    if let Some(it) = &it.pagerduty {
        let routing_key = place_of(&it.routing_key_file, &it.routing_key_env)?;
        return Some(Arc::new(pagerduty::Pagerduty { url: it.url.clone(), routing_key, client: client() }));
    }
    if let Some(it) = &it.email {
        return Some(Arc::new(email::Email::of(it)));
    }
    if let Some(it) = &it.github {
        return Some(Arc::new(github::Github {
            url: it.url.clone(),
            repository: it.repository.clone(),
            context: it.context.clone(),
            token: place_of(&it.token_file, &it.token_env)?,
            client: client(),
            clock: Arc::clone(clock),
        }));
    }
    if let Some(it) = &it.gitlab {
        return Some(Arc::new(gitlab::Gitlab {
            url: it.url.clone(),
            project: it.project.clone(),
            context: it.context.clone(),
            token: place_of(&it.token_file, &it.token_env)?,
            client: client(),
            clock: Arc::clone(clock),
        }));
    }
    #[cfg(feature = "aws")]
    if let Some(it) = &it.sns {
        return Some(Arc::new(sns::Sns::of(it)));
    }
    None
}
