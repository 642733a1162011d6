//! What a sink is: it takes one message, and says how it went.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::http::Client;
use super::notice::{Happening, Notice};
use super::rules::Rules;
use crate::clock::Clock;
use crate::config::notifications::NotificationConfig;
use crate::source::git::SecretRef;

/// What a sink's work gives, as an object can return it.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// A place where people are told.
pub trait Sink: Send + Sync {
    /// The kind of sink: the label `service` of the metric.
    fn service(&self) -> &'static str;

    /// Makes one attempt to deliver a message. A message that is none of its business is delivered
    /// by doing nothing. The deadline is the caller's.
    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a>;

    /// Whether what it is told of a revision belongs to that revision for ever, as the status of a
    /// commit does: then the next revision's message must not take its place while it waits. For all
    /// others the newest revision is what counts.
    fn keeps_each_revision(&self) -> bool {
        false
    }

    /// Delivers a message that only shows that messages arrive, and takes it back where that is
    /// needed.
    fn test<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        self.send(notice)
    }
}

/// Whether the same message may arrive later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Yes, after a pause that grows.
    Later,
    /// Yes, and the receiver says after which pause.
    After(Duration),
    /// Not before somebody changes something: tried again rarely.
    WhenMended,
    /// No: this message is refused, and stands in the way of others.
    Never,
}

/// Why a message did not arrive. No text of it holds a secret or an address that is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// What the user can do about it.
    pub hint: Option<String>,
    /// Whether the same message may arrive later.
    pub retry: Retry,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(message: impl Into<String>, retry: Retry) -> Self {
        Self { message: message.into(), hint: None, retry }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A secret, read anew for each attempt, so that one that is changed needs no restart.
///
/// # Errors
/// When it is not there; the message names its place, never what is in it.
pub fn secret(place: &SecretRef) -> Result<String, Failure> {
    place.read().map_err(|message| {
        Failure::new(message, Retry::WhenMended).hint("put the secret there; it is read anew for every message")
    })
}

/// Where a secret is, from the two fields of the configuration; exactly one is set in one that was
/// checked.
pub fn place_of(file: &Option<std::path::PathBuf>, env: &Option<String>) -> Option<SecretRef> {
    file.clone().map(SecretRef::File).or_else(|| env.clone().map(SecretRef::Env))
}

/// Where a receiver is.
#[derive(Debug, Clone)]
pub enum Address {
    /// At an address that everybody may know.
    Plain(String),
    /// At one that is a secret.
    Secret(SecretRef),
}

impl Address {
    /// The address.
    ///
    /// # Errors
    /// When it is a secret that is not there.
    pub fn read(&self) -> Result<String, Failure> {
        match self {
            Self::Plain(url) => Ok(url.clone()),
            Self::Secret(place) => secret(place),
        }
    }
}

/// A sink of the configuration, ready to work.
#[derive(Clone)]
pub struct Place {
    /// Its name.
    pub name: Arc<str>,
    /// What it is told of.
    pub rules: Rules,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How long a message is tried again.
    pub give_up_after: Duration,
    /// The sink.
    pub sink: Arc<dyn Sink>,
}

impl Place {
    /// A message as it waits for this sink: those that take each other's place have the same key.
    #[must_use]
    pub fn keyed(&self, mut notice: Notice) -> Notice {
        if let Some(revision) = notice.revision.as_ref().filter(|_| notice.happening == Happening::Revision)
            && self.sink.keeps_each_revision()
        {
            notice.key = format!("{}-{}", notice.key, revision.id);
        }
        notice
    }

    /// The sinks of the configuration.
    ///
    /// # Errors
    /// When the system's certificate authorities cannot be read.
    pub fn all(sinks: &[NotificationConfig], clock: &Arc<dyn Clock>) -> Result<Vec<Self>, Failure> {
        if sinks.is_empty() {
            return Ok(Vec::new());
        }
        let client = Client::new()?;
        let places = sinks.iter().filter_map(|it| {
            Some(Self {
                name: it.name.as_str().into(),
                rules: Rules::of(it),
                timeout: it.timeout.0,
                give_up_after: it.give_up_after.0,
                sink: super::sinks::of(it, &client, clock)?,
            })
        });
        Ok(places.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RevisionNote, sample};
    use super::*;
    use crate::clock::ManualClock;

    /// The first commit's last status was replaced in the queue by the second's `pending`, and the
    /// first stayed pending for ever.
    #[test]
    fn the_statuses_of_two_commits_do_not_take_each_others_place() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(sample::at(0)));
        let text = "source: {git: {url: \"https://example.com/a.git\"}}\nnotifications:\n\
            - {name: hub, github: {repository: a/b, tokenEnv: T}}\n\
            - {name: chat, slack: {urlEnv: U}}\n";
        let config = crate::config::parse("driftless.yaml", text, &[]).expect("good");
        let places = Place::all(&config.notifications, &clock).expect("a client");
        let of = |place: &Place, id: &str| {
            let revision = Some(RevisionNote { id: id.to_owned(), subject: String::new(), author: String::new() });
            place.keyed(Notice { happening: Happening::Revision, revision, ..sample::full() }).key
        };
        assert_ne!(of(&places[0], "aaaaaaa"), of(&places[0], "bbbbbbb"));
        assert_eq!(of(&places[0], "aaaaaaa"), of(&places[0], "aaaaaaa"));
        assert_eq!(of(&places[1], "aaaaaaa"), of(&places[1], "bbbbbbb"), "in a channel the newest counts");
        let drift = places[0].keyed(Notice { happening: Happening::Drift, ..sample::full() });
        assert_eq!(drift.key, sample::full().key);
    }
}
