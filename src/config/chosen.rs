//! What the configuration decides about policies and about every bucket.

use std::collections::BTreeSet;

use super::{AccountConfig, Config};
use crate::bucket::{AccountName, Region, is_of_aws};
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
        self.at_own_stores().map(|it| it.name.clone()).collect()
    }

    /// The regions of those: a store of one's own may name regions as it likes.
    pub fn own_regions(&self) -> Vec<Region> {
        self.at_own_stores().map(|it| it.region.clone()).collect()
    }

    fn at_own_stores(&self) -> impl Iterator<Item = &AccountConfig> {
        self.accounts.iter().filter(|it| is_own(it))
    }

    /// The accounts on AWS whose number is written down: every request names it as the owner that
    /// it expects. Other stores may pass that over.
    pub fn owners(&self) -> BTreeSet<AccountName> {
        let named = self.accounts.iter().filter(|it| it.id.is_some() && !is_own(it));
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

fn is_own(account: &AccountConfig) -> bool {
    account.endpoint.as_deref().is_some_and(|url| !is_of_aws(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address of AWS in one's own network was taken for a store of one's own: its owners were
    /// not believed, and a region that no partition has was no typo.
    #[test]
    fn an_address_of_aws_in_ones_own_network_makes_no_store_of_ones_own() {
        let text = "
source: {dir: specs}
accounts:
  - {name: aws, id: '111111111111'}
  - name: vpc
    id: '222222222222'
    endpoint: https://bucket.vpce-1a.s3.eu-west-1.vpce.amazonaws.com
    region: eu-west-1
  - {name: minio, id: '333333333333', endpoint: 'http://minio.internal:9000', region: rack-7}
";
        let config = crate::config::parse("driftless.yaml", text, &[]).expect("a configuration");
        let names = |names: BTreeSet<AccountName>| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(config.owners()), ["aws", "vpc"]);
        assert_eq!(names(config.own_stores()), ["minio"]);
        assert_eq!(config.own_regions().iter().map(ToString::to_string).collect::<Vec<_>>(), ["rack-7"]);
    }
}
