//! What was asked of the sandbox: a count per operation and the latest requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::faults::held;
use super::http::Call;
use super::operation::Operation;
use crate::bucket::AccountId;

/// A request that was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// What it asked for.
    pub operation: Operation,
    /// The bucket; empty when it concerned none.
    pub bucket: String,
    /// The account that asked.
    pub account: AccountId,
    /// Method and target, when the operation is [`Operation::Unknown`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// Counts, and a log that forgets its oldest entries.
#[derive(Debug)]
pub(super) struct Ledger {
    counts: Vec<AtomicU64>,
    log: Mutex<VecDeque<Received>>,
    longest: usize,
}

impl Ledger {
    pub(super) fn new(longest: usize) -> Self {
        let counts = Operation::ALL.iter().map(|_| AtomicU64::new(0)).collect();
        Self { counts, log: Mutex::default(), longest }
    }

    pub(super) fn note(&self, call: &Call) {
        self.counts[call.operation as usize].fetch_add(1, Ordering::Relaxed);
        if self.longest == 0 {
            return;
        }
        let received = Received {
            operation: call.operation,
            bucket: call.bucket.clone(),
            account: call.account.clone(),
            line: call.line.clone(),
        };
        let mut log = held(&self.log);
        if log.len() == self.longest {
            log.pop_front();
        }
        log.push_back(received);
    }

    pub(super) fn count(&self, operation: Operation) -> u64 {
        self.counts[operation as usize].load(Ordering::Relaxed)
    }

    /// Those that are not zero.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let counts = Operation::ALL.iter().map(|operation| (operation.name(), self.count(*operation)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    pub(super) fn log(&self) -> Vec<Received> {
        held(&self.log).iter().cloned().collect()
    }

    pub(super) fn forget(&self) {
        self.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
        held(&self.log).clear();
    }
}
