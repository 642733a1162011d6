//! What an endpoint can do, learned from its own answers (pure).
//!
//! Stores that speak S3 lack some settings, each in its own way. What one lacks is asked for once
//! and then seldom, not for every bucket in every sweep. One answer must not blind all buckets,
//! though: a region, a directory bucket or one node that is being upgraded may lack what the rest
//! has. So an answer counts for as much as it shows, and no more:
//!
//! 1. A right answer (also "nothing configured") of any bucket shows that the endpoint has the
//!    setting, at once and for a day, whatever other buckets answer.
//! 2. That a setting is unsupported is at first the matter of the bucket that said so. That bucket
//!    is not asked again for a day.
//! 3. When [`WITNESSES`] different buckets said so within a day, and none answered rightly within
//!    it, the endpoint lacks the setting, and no bucket of it is asked until a day is over.
//! 4. AWS has every setting, so there rule 3 never holds; and a directory bucket, which has few of
//!    them, is nobody's witness but its own.
//! 5. Every other failure (denied, throttled, no such bucket, no answer, 5xx) shows nothing.
//! 6. Writes are judged by the same rules, apart from reads: some stores read a setting that they
//!    cannot write. Where nothing is configured, such a setting is unsupported; a value that is
//!    there stays known.
//!
//! An endpoint is an account in a region at an address. What is remembered over a restart holds
//! only for the same version of driftless, as another may ask in another way. Losing it costs a
//! few requests.

mod known;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use chrono::Duration;
use serde::{Deserialize, Serialize};

use crate::bucket::{AccountName, Region, is_of_aws};
use crate::clock::Timestamp;
use crate::cloud::{S3Error, S3ErrorKind, Target};
use crate::settings::{self, SETTINGS};

pub use known::{Known, Refusal, Side};

/// How many buckets have to say that a setting is unsupported before it counts for the endpoint.
pub const WITNESSES: usize = 2;

/// For how long an answer counts.
pub fn day() -> Duration {
    Duration::days(1)
}

/// How an endpoint stands to a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// It has it.
    Supported,
    /// It lacks it.
    Unsupported,
    /// Nothing shows it yet.
    NotYetKnown,
}

impl Ability {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Unsupported => "unsupported",
            Self::NotYetKnown => "not yet known",
        }
    }
}

/// What one answer shows of whom it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// It has the setting.
    Has,
    /// It lacks the setting.
    Lacks,
    /// Nothing.
    Silent,
}

/// What an answer to a read, or a write, of a setting shows.
pub fn evidence<T>(answer: &Result<T, S3Error>) -> Evidence {
    match answer {
        Ok(_) => Evidence::Has,
        Err(error) if error.kind == S3ErrorKind::Unsupported => Evidence::Lacks,
        Err(_) => Evidence::Silent,
    }
}

/// On a store of one's own, some refusals of a read mean that the store does not know what it was
/// asked for, although AWS means something else by them: a read of a setting has no argument that
/// could be invalid, and "internal failure" with 501 is LocalStack's word for "not implemented".
pub fn as_a_store_means_it(error: S3Error) -> S3Error {
    match (error.kind, error.status, error.code.as_str()) {
        (S3ErrorKind::Invalid, 400, "InvalidArgument") => S3Error { kind: S3ErrorKind::Unsupported, ..error },
        _ => error,
    }
}

/// An answer, as people are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The operation.
    pub operation: String,
    /// S3's error code; empty where there was none.
    pub code: String,
    /// HTTP status.
    pub status: u16,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, self.code.as_str()) {
            (200, _) => write!(f, "{}: another document in place of the setting", self.operation),
            (status, "") => write!(f, "{}: status {status}", self.operation),
            (status, code) => write!(f, "{}: {code} (status {status})", self.operation),
        }
    }
}

/// One endpoint, as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointCard {
    /// The account.
    pub account: AccountName,
    /// The region.
    pub region: Region,
    /// The address of a store of one's own; AWS when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Every setting, in the order of the table.
    pub settings: Vec<SettingCard>,
}

/// How an endpoint stands to one setting, as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingCard {
    /// The setting.
    pub setting: String,
    /// How the endpoint stands to it.
    pub ability: Ability,
    /// By which answer of which bucket that was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned_at: Option<Timestamp>,
    /// From when on it is asked again, where it is not asked now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_again_at: Option<Timestamp>,
}

type Settings = BTreeMap<String, Known>;

/// What is remembered over a restart.
#[derive(Serialize, Deserialize)]
struct Saved {
    version: String,
    endpoints: Vec<SavedEndpoint>,
}

#[derive(Serialize, Deserialize)]
struct SavedEndpoint {
    account: AccountName,
    region: Region,
    address: Option<String>,
    settings: Settings,
}

/// What all endpoints can do, as far as it is known.
#[derive(Debug, Default)]
pub struct Capabilities {
    addresses: HashMap<AccountName, Option<String>>,
    known: RwLock<HashMap<AccountName, BTreeMap<Region, Settings>>>,
    /// Something was learned since it was last saved.
    news: AtomicBool,
}

impl Capabilities {
    /// Knows nothing yet of these accounts, each with the address of its own store if it has one.
    pub fn of(accounts: impl IntoIterator<Item = (AccountName, Option<String>)>) -> Self {
        Self { addresses: accounts.into_iter().collect(), ..Self::default() }
    }

    /// Whether the account is one on a store of one's own. An address of AWS in one's own network
    /// makes none.
    pub fn is_own_store(&self, account: &AccountName) -> bool {
        self.addresses.get(account).is_some_and(|it| it.as_ref().is_some_and(|url| !is_of_aws(url)))
    }

    /// The answer to a read that need not be sent, because it is known.
    pub fn spared_read(&self, target: &Target, setting: &str, now: Timestamp) -> Option<S3Error> {
        // On AWS every bucket has them, and they say who is let in: a wrong answer of a gateway on
        // the way may not blind anybody for a day.
        if !self.is_own_store(&target.id.account) && matches!(setting, "acl" | "policy" | "publicAccessBlock") {
            return None;
        }
        self.spared(target, setting, now, |known| &known.read)
    }

    /// The answer to a write that need not be sent, because it is known.
    pub fn spared_write(&self, target: &Target, setting: &str, now: Timestamp) -> Option<S3Error> {
        self.spared(target, setting, now, |known| &known.write)
    }

    fn spared(
        &self,
        target: &Target,
        setting: &str,
        now: Timestamp,
        side: impl Fn(&Known) -> &Side,
    ) -> Option<S3Error> {
        let known = self.read();
        let known = known.get(&target.id.account)?.get(&target.region)?.get(setting)?;
        side(known).spared(&target.id.name, self.is_own_store(&target.id.account), now)
    }

    /// Notes what the answer to a read shows.
    pub fn note_read<T>(&self, target: &Target, setting: &'static str, answer: &Result<T, S3Error>, now: Timestamp) {
        // Nearly every answer shows what has been known for less than an hour.
        let settled = answer.is_ok()
            && self
                .read()
                .get(&target.id.account)
                .and_then(|regions| regions.get(&target.region)?.get(setting))
                .is_some_and(|known| known.read.is_settled(&target.id.name, now));
        if !settled {
            self.note(target, setting, answer, now, |known| &mut known.read);
        }
    }

    /// Notes what the answer to a write shows.
    pub fn note_write<T>(&self, target: &Target, setting: &'static str, answer: &Result<T, S3Error>, now: Timestamp) {
        // A 400 is about the value, whatever its code.
        if matches!(answer, Err(error) if error.status == 400) {
            return;
        }
        self.note(target, setting, answer, now, |known| &mut known.write);
    }

    fn note<T>(
        &self,
        target: &Target,
        setting: &'static str,
        answer: &Result<T, S3Error>,
        now: Timestamp,
        side: impl Fn(&mut Known) -> &mut Side,
    ) {
        let shown = evidence(answer);
        if shown == Evidence::Silent {
            return;
        }
        let id = &target.id;
        let mut known = self.write();
        let regions = known.entry(id.account.clone()).or_default();
        let known = regions.entry(target.region.clone()).or_default().entry(setting.to_owned()).or_default();
        match answer {
            Ok(_) => side(known).has(&id.name, now),
            Err(error) => side(known).lacks(&id.name, error, now),
        }
        self.news.store(true, Ordering::Relaxed);
    }

    /// Forgets everything, so that everything is asked again: somebody upgraded a store.
    pub fn forget(&self) {
        self.write().clear();
        self.news.store(true, Ordering::Relaxed);
    }

    /// A new revision is in force: what was refused may have been refused for its value, so every
    /// write may be tried again.
    pub fn on_revision(&self) {
        self.write().values_mut().flat_map(BTreeMap::values_mut).flat_map(BTreeMap::values_mut).for_each(|known| {
            known.write = Side::default();
        });
        self.news.store(true, Ordering::Relaxed);
    }

    /// Every endpoint of which something is known, for those who look on.
    pub fn cards(&self, now: Timestamp) -> Vec<EndpointCard> {
        let known = self.read();
        let mut cards = Vec::new();
        for (account, regions) in known.iter() {
            for (region, known) in regions {
                let own = self.is_own_store(account);
                let nothing = Known::default();
                let cards_of = SETTINGS
                    .iter()
                    .map(|it| known.get(it.name()).unwrap_or(&nothing).card(it.name(), own, now))
                    .collect();
                let address = self.addresses.get(account).cloned().flatten();
                cards.push(EndpointCard {
                    account: account.clone(),
                    region: region.clone(),
                    address,
                    settings: cards_of,
                });
            }
        }
        cards.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
        cards
    }

    /// What to keep over a restart of this version; nothing when it is kept already.
    pub fn save(&self, version: &str) -> Option<String> {
        if !self.news.swap(false, Ordering::Relaxed) {
            return None;
        }
        let mut endpoints = Vec::new();
        for (account, regions) in self.read().iter() {
            for (region, settings) in regions {
                endpoints.push(SavedEndpoint {
                    account: account.clone(),
                    region: region.clone(),
                    address: self.addresses.get(account).cloned().flatten(),
                    settings: settings.clone(),
                });
            }
        }
        endpoints.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
        let saved = Saved { version: version.to_owned(), endpoints };
        Some(serde_json::to_string(&saved).expect("what is known is plain data"))
    }

    /// Takes over what was kept, as far as this version kept it and the endpoints are the same.
    /// What cannot be read is left out: it is learned anew.
    pub fn restore(&self, saved: &str, version: &str) {
        let Ok(saved) = serde_json::from_str::<Saved>(saved) else { return };
        if saved.version != version {
            return;
        }
        let mut known = self.write();
        for it in saved.endpoints {
            if self.addresses.get(&it.account) == Some(&it.address) {
                let settings = it.settings.into_iter().filter(|(name, _)| settings::find(name).is_some());
                known.entry(it.account).or_default().insert(it.region, settings.collect());
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<AccountName, BTreeMap<Region, Settings>>> {
        self.known.read().expect("no holder of the lock panics")
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<AccountName, BTreeMap<Region, Settings>>> {
        self.known.write().expect("no holder of the lock panics")
    }
}

#[cfg(test)]
mod tests;
