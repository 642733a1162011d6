//! Alerts that the agent pushes to Alertmanager by itself, for those who run no Prometheus: the same
//! names, labels and words as `deploy/prometheus/rules.yml`, so that who runs both is told once.
//!
//! What is wrong now is [`stand`]'s to say; how long it must have been so, [`alerts`]'s; what
//! Alertmanager has to be told of it, [`told`]'s. All that is pure. [`push`] sends it.

pub mod alerts;
#[cfg(feature = "daemon")]
pub mod push;
pub mod rule;
pub mod stand;
pub mod told;
pub mod window;

use std::collections::BTreeMap;

/// The labels of an alert, which are its identity: Alertmanager takes two with the same for one.
pub type Labels = BTreeMap<String, String>;
