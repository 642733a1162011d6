//! How a sandbox is set up: what a command line or a test says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::faults::Weather;
use crate::bucket::{AccountId, Region};
use crate::clock::{Clock, SystemClock};

/// How a sandbox is set up.
#[derive(Clone)]
pub struct Options {
    /// Where [`start`](super::Sandbox::start) listens; port 0 is any that is free.
    pub address: SocketAddr,
    /// The region of requests without a signature, and of buckets that they create.
    pub region: Region,
    /// Buckets that are there from the start.
    pub buckets: Vec<Prepared>,
    /// The account of each access key. All other keys, and requests without one, are 000000000000.
    pub accounts: BTreeMap<String, AccountId>,
    /// What every request suffers at the start.
    pub weather: Weather,
    /// Makes the weather the same again.
    pub seed: u64,
    /// How many requests the log keeps; 0 keeps none.
    pub log: usize,
    /// Dates the buckets.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            region: Region::us_east_1(),
            buckets: Vec::new(),
            accounts: BTreeMap::new(),
            weather: Weather::default(),
            seed: 0,
            log: 10_000,
            clock: Arc::new(SystemClock),
        }
    }
}

/// Many buckets that are alike. A hundred thousand cost a twentieth of a second and 20 MB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Prepared {
    /// How many.
    pub count: usize,
    /// Their name, in which `{n}` stands for the number of each: six digits from `000000` on. It
    /// should be legal; only the control endpoint looks.
    pub name: String,
    /// Whose they are.
    pub account: AccountId,
    /// Where they are; the server's region when `None`.
    pub region: Option<Region>,
    /// Versioned and tagged (private and AES256 is every new bucket), so that the built-in
    /// policies find nothing to do.
    pub compliant: bool,
    /// Their tags, when they are compliant.
    pub tags: BTreeMap<String, String>,
}

impl Default for Prepared {
    fn default() -> Self {
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Self {
            count: 1,
            name: "bucket-{n}".to_owned(),
            account: default_account(),
            region: None,
            compliant: true,
            tags: [tag("Name", "AI Model Data Storage"), tag("Purpose", "Distributed AI Model Training")].into(),
        }
    }
}

impl Prepared {
    pub(super) fn bucket_name(&self, n: usize) -> String {
        self.name.replace("{n}", &format!("{n:06}"))
    }
}

/// The account of everybody that [`Options::accounts`] does not name.
pub(super) fn default_account() -> AccountId {
    AccountId::parse("000000000000").expect("twelve digits are an account")
}
