//! What the names of some buckets say of the place where they live: the zone of a directory
//! bucket, the account and region of a bucket in the account's own namespace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AWS_REGIONS, AccountId, BucketName, IllegalName, Region, illegal};

/// The end of every directory bucket's name (S3 User Guide, "Directory bucket naming rules").
pub(super) const DIRECTORY: &str = "--x-s3";

/// The end of every name in an account's own namespace (S3 User Guide, "Namespaces for general
/// purpose buckets").
const ACCOUNT_REGIONAL: &str = "-an";

/// The namespace in which a general purpose bucket is made. It cannot change, and S3 tells it by
/// the name alone: there is no request that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "bucketNamespace")]
pub enum Namespace {
    /// Names are shared with all accounts.
    Global,
    /// Only this account can make buckets with its names, which end in
    /// `-ACCOUNT-REGION-an`.
    AccountRegional,
}

impl Namespace {
    /// The word for it, as S3 and specs write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::AccountRegional => "account-regional",
        }
    }
}

/// A zone of AWS by its id, such as `usw2-az1` (an Availability Zone) or `usw2-lax1-az1` (a Local
/// Zone).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone<'a>(&'a str);

impl<'a> Zone<'a> {
    /// Its id.
    pub fn id(self) -> &'a str {
        self.0
    }

    /// Whether it is a Local Zone: one more part stands between the region and the zone.
    pub fn is_local(self) -> bool {
        self.0.split('-').count() > 2
    }

    /// The region that it belongs to, where AWS has one with that beginning of ids.
    pub fn region(self) -> Option<Region> {
        let begins = self.0.split('-').next()?;
        let known = AWS_REGIONS.iter().find(|region| short(region) == begins)?;
        Some(Region::parse(known).expect("the regions of the table are legal"))
    }
}

/// How ids of zones begin in a region: `us-west-2` is `usw2`, `ap-northeast-1` `apne1`, and
/// `us-gov-east-1` `usge1` (AWS General Reference, "Availability Zone IDs").
fn short(region: &str) -> String {
    let parts: Vec<&str> = region.split('-').collect();
    let [first, middle @ .., number] = parts.as_slice() else { return String::new() };
    let mut text = (*first).to_owned();
    for part in middle {
        text.push_str(match *part {
            "northeast" => "ne",
            "northwest" => "nw",
            "southeast" => "se",
            "southwest" => "sw",
            "isob" => "ib",
            other => &other[..1],
        });
    }
    text.push_str(number);
    text
}

/// What the name of a bucket in an account's own namespace ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRegional {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
}

impl AccountRegional {
    /// The end of the names in this account and region.
    pub fn suffix(account: &AccountId, region: &Region) -> String {
        format!("-{account}-{region}{ACCOUNT_REGIONAL}")
    }
}

impl BucketName {
    /// The zone of a directory bucket; `None` for a general purpose bucket.
    pub fn zone(&self) -> Option<Zone<'_>> {
        let (base, zone) = self.as_str().strip_suffix(DIRECTORY)?.rsplit_once("--")?;
        (!base.is_empty()).then_some(Zone(zone))
    }

    /// Whether it is the name of a directory bucket.
    pub fn is_directory(&self) -> bool {
        self.zone().is_some()
    }

    /// The account and region in a name of the form `PREFIX-ACCOUNT-REGION-an`.
    pub fn account_regional(&self) -> Option<AccountRegional> {
        let parts: Vec<&str> = self.as_str().strip_suffix(ACCOUNT_REGIONAL)?.split('-').collect();
        // Regions have three parts or four (`us-gov-east-1`); a prefix stands before the account.
        [3, 4].into_iter().find_map(|length| {
            let account = parts.len().checked_sub(length + 1).filter(|before| *before > 0)?;
            let region = parts[account + 1..].join("-");
            let looks_right = region.ends_with(|c: char| c.is_ascii_digit()) && AWS_REGIONS.contains(&region.as_str());
            Some(AccountRegional {
                account: AccountId::parse(parts[account]).ok()?,
                region: Region::parse(&region).ok().filter(|_| looks_right)?,
            })
        })
    }

    /// The region that the name says to whoever keeps the bucket: on a store of one's own only that of
    /// a directory bucket says one.
    pub fn region_at(&self, own_store: bool) -> Option<Region> {
        self.region().filter(|_| !own_store || self.is_directory())
    }

    /// The region that the name itself says.
    pub fn region(&self) -> Option<Region> {
        match self.zone() {
            Some(zone) => zone.region(),
            None => self.account_regional().map(|said| said.region),
        }
    }
}

/// Checks the form of a directory bucket's name; what all names have in common was checked.
pub(super) fn directory(name: &str) -> Result<(), IllegalName> {
    let said = |rule: &str, hint: &str| Err(illegal(format!("illegal bucket name `{name}`: {rule}"), hint));
    if name.contains('.') {
        return said("`.` is not allowed in the name of a directory bucket", "use hyphens");
    }
    let before = name.strip_suffix(DIRECTORY).unwrap_or(name);
    let hint = "the form is `NAME--ZONE--x-s3`, such as `ai-scratch--usw2-az1--x-s3`";
    let Some((base, zone)) = before.rsplit_once("--").filter(|(base, _)| !base.is_empty()) else {
        return said("a name that ends in `--x-s3` is one of a directory bucket, and the zone is missing", hint);
    };
    if base.ends_with('-') {
        return said("more than two hyphens stand before the zone", hint);
    }
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if zone.split('-').count() < 2 || !zone.split('-').all(part) {
        return said(&format!("`{zone}` is no id of a zone"), hint);
    }
    Ok(())
}

/// Whether an address is one of AWS, in whichever partition or network.
pub fn is_of_aws(url: &str) -> bool {
    let address = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = address.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
    const ENDS: [&str; 7] = [
        ".amazonaws.com",
        ".amazonaws.com.cn",
        ".amazonaws.eu",
        ".c2s.ic.gov",
        ".sc2s.sgov.gov",
        ".cloud.adc-e.uk",
        ".csp.hci.ic.gov",
    ];
    ENDS.iter().any(|suffix| host.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> BucketName {
        BucketName::parse(text).unwrap_or_else(|error| panic!("{}", error.message))
    }

    #[test]
    fn a_directory_bucket_says_its_zone_and_with_it_its_region() {
        for (text, zone, local, region) in [
            ("ai-scratch--usw2-az1--x-s3", "usw2-az1", false, Some("us-west-2")),
            ("a--b--use1-az4--x-s3", "use1-az4", false, Some("us-east-1")),
            ("ai--apne1-az4--x-s3", "apne1-az4", false, Some("ap-northeast-1")),
            ("ai--aps1-az1--x-s3", "aps1-az1", false, Some("ap-south-1")),
            ("ai--eun1-az1--x-s3", "eun1-az1", false, Some("eu-north-1")),
            ("ai--usw2-lax1-az1--x-s3", "usw2-lax1-az1", true, Some("us-west-2")),
            ("ai--test-ab1--x-s3", "test-ab1", false, None),
        ] {
            let name = name(text);
            let found = name.zone().expect(text);
            assert_eq!((found.id(), found.is_local()), (zone, local), "{text}");
            assert_eq!(name.region().as_ref().map(Region::as_str), region, "{text}");
        }
        assert_eq!(name("ai-model-data").zone(), None);
    }

    #[test]
    fn names_of_directory_buckets_that_s3_refuses_are_refused_with_the_form() {
        for (text, says) in [
            ("scratch--x-s3", "the zone is missing"),
            ("--usw2-az1--x-s3", "begin and end"),
            ("a---usw2-az1--x-s3", "more than two hyphens"),
            ("a--usw2--x-s3", "`usw2` is no id of a zone"),
            ("a--usw2-az1-----x-s3", "more than two hyphens"),
            ("a.b--usw2-az1--x-s3", "`.` is not allowed"),
        ] {
            let error = BucketName::parse(text).expect_err(text);
            assert!(error.message.contains(says), "{text}: {}", error.message);
        }
    }

    #[test]
    fn an_address_is_of_aws_by_the_end_of_its_host() {
        for url in [
            "https://s3.us-east-1.amazonaws.com",
            "https://bucket.vpce-1a.s3.us-east-1.vpce.amazonaws.com:443/",
            "s3.cn-north-1.amazonaws.com.cn",
            "https://S3.us-east-1.AMAZONAWS.com",
        ] {
            assert!(is_of_aws(url), "{url}");
        }
        for url in ["http://s3.amazonaws.com.example.com:80/", "http://rgw:7480", "https://example.com/.amazonaws.com"]
        {
            assert!(!is_of_aws(url), "{url}");
        }
    }

    #[test]
    fn the_ids_of_zones_tell_every_region_apart() {
        let all: std::collections::BTreeSet<String> = AWS_REGIONS.iter().map(|region| short(region)).collect();
        assert_eq!(all.len(), AWS_REGIONS.len());
    }

    #[test]
    fn a_name_of_an_accounts_own_namespace_says_account_and_region() {
        let said = name("ai-data-111122223333-us-west-2-an").account_regional().expect("one of an account");
        assert_eq!((said.account.as_str(), said.region.as_str()), ("111122223333", "us-west-2"));
        let said = name("ai-111122223333-us-gov-east-1-an").account_regional().expect("one of an account");
        assert_eq!(said.region.as_str(), "us-gov-east-1");
        assert_eq!(AccountRegional::suffix(&said.account, &said.region), "-111122223333-us-gov-east-1-an");
        for text in [
            "ai-data",
            "ai-an",
            "ai-111122223333-an",
            "ai-11112222333-us-west-2-an",
            "ai-111122223333-us-nowhere-2-an",
            "111122223333-us-west-2-an",
            "ai-111122223333-us-west-2",
        ] {
            assert_eq!(name(text).account_regional(), None, "{text}");
        }
    }
}
