//! The settings of an account itself: the table of them.
//!
//! Each is named like a setting of buckets and has its values, its canonical form, its merge and
//! its risk; so the planner knows no difference. What is its own stands here: what it is for, the
//! IAM actions, and the wire half, which speaks S3 Control.

use crate::setting::{About, AnySetting};
use crate::settings;

/// A setting that S3 also holds for an account as a whole.
pub struct AccountSetting {
    /// The name: that of the bucket's setting of the same values.
    pub name: &'static str,
    /// What `docs/settings.md` says of it.
    pub about: About,
    /// The IAM actions that reading needs.
    pub reads: &'static [&'static str],
    /// The IAM actions that writing needs.
    pub writes: &'static [&'static str],
    /// The wire half.
    #[cfg(feature = "aws")]
    pub(crate) wire: &'static dyn crate::cloud::control::AccountWire,
}

impl AccountSetting {
    /// Values and rules: the bucket's setting of the same name.
    pub fn setting(&self) -> &'static dyn AnySetting {
        settings::named(self.name)
    }
}

/// Every setting of an account.
pub static ACCOUNT_SETTINGS: &[AccountSetting] = &[AccountSetting {
    name: "publicAccessBlock",
    about: About {
        what: "Four switches against letting the public in, for every bucket.",
        why: "S3 heeds the account's switches and the bucket's together: one that is on in either place is on. Those of the account keep the public out of buckets, too, that no spec declares and that are made tomorrow.",
        risk: "Opening any of the four waits for an approval: public ACLs and policies of every bucket could let anybody in.",
        example: "all",
    },
    // S3 Control's DELETE needs the second one too; four switches off say the same by a PUT.
    reads: &["s3:GetAccountPublicAccessBlock"],
    writes: &["s3:PutAccountPublicAccessBlock"],
    #[cfg(feature = "aws")]
    wire: &wire::PublicAccessBlock,
}];

/// The setting of an account of that name.
pub fn find(name: &str) -> Option<&'static AccountSetting> {
    ACCOUNT_SETTINGS.iter().find(|setting| setting.name == name)
}

/// The setting of an account of a name that is known to be one, because the table gave it.
#[cfg(feature = "aws")]
pub(crate) fn named(name: &str) -> &'static AccountSetting {
    find(name).expect("what is wanted of an account comes from the table of its settings")
}

/// What people are told when S3 refuses a write for which the role may still be good enough.
///
/// "Organization-level policies override account-level settings, preventing direct account-level
/// modifications" (API page S3 Control PutPublicAccessBlock); S3 says no more than 403 then.
pub(crate) fn denied(action: &str) -> Option<&'static str> {
    (action == "s3:PutAccountPublicAccessBlock").then_some(
        "where the role has it, a policy of the organization sets the account's block, and the account's own cannot be changed",
    )
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3control::types::PublicAccessBlockConfiguration;

    use crate::cloud::control::{AccountWire, Control};
    use crate::cloud::{BoxFuture, S3Error};
    use crate::doc::Doc;
    use crate::setting::Setting;
    use crate::settings::public_access_block::{PublicAccessBlock as OfBucket, Value};

    /// The four switches of an account (API pages S3 Control GetPublicAccessBlock,
    /// PutPublicAccessBlock).
    pub(super) struct PublicAccessBlock;

    impl AccountWire for PublicAccessBlock {
        fn elements(&self) -> &'static [&'static str] {
            <OfBucket as crate::cloud::wire::Wire>::ELEMENTS
        }

        fn read<'a>(&'a self, control: &'a Control) -> BoxFuture<'a, Result<Doc, S3Error>> {
            Box::pin(async move {
                let answer = control.client.get_public_access_block().account_id(control.account.as_str()).send().await;
                let answer = control.or_none(
                    answer,
                    "GetPublicAccessBlock",
                    "s3:GetAccountPublicAccessBlock",
                    &["NoSuchPublicAccessBlockConfiguration"],
                )?;
                let block = answer.and_then(|answer| answer.public_access_block_configuration);
                let value = block.map_or_else(Value::default, |block| Value {
                    block_public_acls: block.block_public_acls,
                    ignore_public_acls: block.ignore_public_acls,
                    block_public_policy: block.block_public_policy,
                    restrict_public_buckets: block.restrict_public_buckets,
                });
                Ok(Doc::of(&OfBucket::canonical(value)))
            })
        }

        fn write<'a>(&'a self, control: &'a Control, to: &'a Doc) -> BoxFuture<'a, Result<(), S3Error>> {
            Box::pin(async move {
                let to: Value = to.parse().expect("the doc is of this setting");
                let block = PublicAccessBlockConfiguration::builder()
                    .set_block_public_acls(to.block_public_acls)
                    .set_ignore_public_acls(to.ignore_public_acls)
                    .set_block_public_policy(to.block_public_policy)
                    .set_restrict_public_buckets(to.restrict_public_buckets)
                    .build();
                let request = control.client.put_public_access_block().account_id(control.account.as_str());
                let answer = request.public_access_block_configuration(block).send().await;
                control.or_fault(answer, "PutPublicAccessBlock", "s3:PutAccountPublicAccessBlock")?;
                Ok(())
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_an_account_has_the_values_of_a_setting_of_buckets_and_an_example() {
        for it in ACCOUNT_SETTINGS {
            let setting = settings::find(it.name).unwrap_or_else(|| panic!("no setting of buckets is `{}`", it.name));
            let said: serde_json::Value = serde_yaml::from_str(it.about.example).expect("YAML");
            let doc = setting.parse(&said).expect("a value");
            assert_eq!(setting.check(&doc), [], "{}", it.name);
            assert!(it.about.what.ends_with('.') && it.about.what.len() <= 70, "{}", it.name);
            assert!(it.about.why.ends_with('.') && it.about.risk.ends_with('.'), "{}", it.name);
        }
    }

    #[test]
    fn the_actions_are_those_of_accounts() {
        for it in ACCOUNT_SETTINGS {
            for action in it.reads.iter().chain(it.writes) {
                assert!(action.contains("Account"), "{action}");
            }
            assert!(it.reads.iter().all(|action| action.starts_with("s3:Get")), "{}", it.name);
        }
    }
}
