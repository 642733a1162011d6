//! The settings, one file each, and the table that lists them.

use crate::setting::{AnySetting, Entry};

pub mod cors;
pub mod encryption;
#[cfg(test)]
mod laws;
pub mod lifecycle;
pub mod logging;
pub mod public_access_block;
pub mod tags;
pub mod versioning;
pub mod website;
mod words;

/// Every setting, in the order in which people think of them. Adding one is a file, its `mod`
/// line above and its line here.
pub static SETTINGS: &[&dyn AnySetting] = &[
    &Entry::<public_access_block::PublicAccessBlock>::NEW,
    &Entry::<versioning::Versioning>::NEW,
    &Entry::<encryption::Encryption>::NEW,
    &Entry::<tags::Tags>::NEW,
    &Entry::<lifecycle::Lifecycle>::NEW,
    &Entry::<logging::Logging>::NEW,
    &Entry::<website::Website>::NEW,
    &Entry::<cors::Cors>::NEW,
];

/// The setting of that name.
pub fn find(name: &str) -> Option<&'static dyn AnySetting> {
    SETTINGS.iter().copied().find(|setting| setting.name() == name)
}

/// The setting of a name that is known to be one, because the table gave it.
pub fn named(name: &'static str) -> &'static dyn AnySetting {
    find(name).expect("names of settings come from the table")
}
