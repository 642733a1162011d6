//! What the configuration decides about policies and about every bucket.

use std::collections::BTreeSet;

use super::Config;
use crate::bucket::{AccountName, is_of_aws};
use crate::desired::Agent;
use crate::spec::PolicySpec;

impl Config {
    /// What it says to every bucket.
    pub fn agent(&self) -> Agent {
        Agent {
            mode: self.mode,
            accounts: self.accounts.iter().map(|account| (account.name.clone(), account.region.clone())).collect(),
            undeclared: self.policies.undeclared,
            guessed: false,
            own_stores: self.own_stores(),
        }
    }

    /// The accounts on stores of one's own. An address of AWS in one's own network makes none.
    pub fn own_stores(&self) -> BTreeSet<AccountName> {
        let there = self.accounts.iter().filter(|it| it.endpoint.as_deref().is_some_and(|url| !is_of_aws(url)));
        there.map(|it| it.name.clone()).collect()
    }

    /// The accounts on AWS whose number is written down: every request names it as the owner that
    /// it expects. Other stores may pass that over.
    pub fn owners(&self) -> BTreeSet<AccountName> {
        let named = self.accounts.iter().filter(|it| it.id.is_some() && it.endpoint.is_none());
        named.map(|it| it.name.clone()).collect()
    }

    /// Leaves out the built-in policies that it does not name, and overlays its parameters on the
    /// others.
    pub fn choose_policies(&self, policies: &mut Vec<PolicySpec>) {
        let own = |policy: &PolicySpec| !policy.at.file.starts_with("built-in/");
        policies.retain(|policy| own(policy) || self.policies.builtin.iter().any(|name| **name == *policy.name));
        for policy in policies.iter_mut() {
            if let Some(parameters) = self.policies.parameters.get(&*policy.name) {
                crate::spec::overlay_parameters(&mut policy.parameters, parameters.clone());
            }
        }
    }
}
