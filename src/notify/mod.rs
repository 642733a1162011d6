//! Telling people, by chat, mail, pager and webhook: one message for one cause, sent again only
//! when it changed, and once more when it is over.
//!
//! The pure core: a [`Picture`] says what is wrong now and what was repaired; [`Rules`] choose what
//! a sink is told of; [`Told`] remembers what it was told, and gives the [`Notice`]s that are new.
//! At the edge the messenger looks after each sweep, and one task a sink delivers.

pub mod group;
pub mod notice;
pub mod picture;
pub mod rules;
pub mod words;

#[cfg(feature = "daemon")]
pub mod deliver;
#[cfg(feature = "daemon")]
pub mod http;
#[cfg(feature = "daemon")]
pub mod messenger;
#[cfg(test)]
mod picture_tests;
#[cfg(test)]
mod sample;
#[cfg(feature = "daemon")]
pub mod sink;
#[cfg(feature = "daemon")]
pub mod sinks;

pub use group::{Told, news};
pub use notice::{Fix, Happening, Notice, Outcome, RevisionNote, Standing, State};
pub use picture::{Item, Picture};
pub use rules::Rules;
