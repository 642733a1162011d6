//! Names that are legal by construction: buckets, accounts, regions.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod place;

pub use place::{AccountRegional, Namespace, Zone, is_of_aws};

/// Why a name was refused, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct IllegalName {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

fn illegal(message: impl Into<String>, hint: impl Into<String>) -> IllegalName {
    IllegalName { message: message.into(), hint: hint.into() }
}

macro_rules! name_type {
    ($name:ident, $read:ident) => {
        impl $name {
            /// The name as S3 writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IllegalName;
            fn try_from(value: String) -> Result<Self, IllegalName> {
                Self::$read(&value)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0.to_string()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

/// The name of a bucket (S3 User Guide, "General purpose bucket naming rules" and "Directory bucket
/// naming rules"). A name that ends in `--x-s3` is one of a directory bucket.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketName(Arc<str>);
name_type!(BucketName, known);

impl BucketName {
    /// Checks a name against S3's rules: 3 to 63 characters of `a-z`, `0-9`, `-` and `.`, and
    /// the shapes that S3 reserves.
    ///
    /// # Errors
    /// The rule that is broken, with what to write instead.
    pub fn parse(name: &str) -> Result<Self, IllegalName> {
        let said = |rule: &str, hint: String| Err(illegal(format!("illegal bucket name `{name}`: {rule}"), hint));
        if let Some(bad) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '.')) {
            let lower = name.to_ascii_lowercase().replace('_', "-");
            let hint = if Self::parse_quietly(&lower) {
                format!("did you mean `{lower}`?")
            } else {
                "use lower-case letters, digits, hyphens and dots".to_owned()
            };
            return said(&format!("`{bad}` is not allowed"), hint);
        }
        if !(3..=63).contains(&name.len()) {
            return said(&format!("{} characters long", name.len()), "use 3 to 63 characters".to_owned());
        }
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if !name.starts_with(edge) || !name.ends_with(edge) {
            return said(
                "it must begin and end with a letter or a digit",
                "remove the `-` or `.` at the edge".to_owned(),
            );
        }
        if name.contains("..") {
            return said("two dots stand side by side", "write one dot".to_owned());
        }
        if name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok()) {
            return said("it has the form of an IP address", "use a name".to_owned());
        }
        if let Some(prefix) = ["xn--", "sthree-", "amzn-s3-demo-"].iter().find(|p| name.starts_with(**p)) {
            return said(&format!("the prefix `{prefix}` is reserved"), "choose another prefix".to_owned());
        }
        if let Some(suffix) =
            ["-s3alias", "--ol-s3", ".mrap", "--xa-s3", "--table-s3"].iter().find(|s| name.ends_with(**s))
        {
            return said(&format!("the suffix `{suffix}` is reserved"), "choose another suffix".to_owned());
        }
        if name.ends_with(place::DIRECTORY) {
            place::directory(name)?;
        }
        Ok(Self(name.into()))
    }

    /// What stands in the place of a bucket's name for the settings of the account itself. `@` is in
    /// no bucket's name, so the two cannot be taken for one another, and no document can say it.
    pub fn of_account() -> Self {
        Self(ACCOUNT.into())
    }

    /// Reads a name that we wrote down ourselves, or that somebody asks about: that of a bucket, or
    /// the word for an account itself.
    ///
    /// # Errors
    /// As [`BucketName::parse`].
    pub fn known(name: &str) -> Result<Self, IllegalName> {
        if name == ACCOUNT { Ok(Self::of_account()) } else { Self::parse(name) }
    }

    fn parse_quietly(name: &str) -> bool {
        !name.chars().any(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '.')) && Self::parse(name).is_ok()
    }
}

/// An account as the agent's configuration names it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(Arc<str>);
name_type!(AccountName, parse);

impl AccountName {
    /// Checks a name: 1 to 63 characters of `a-z`, `A-Z`, `0-9`, `-`, `_` and `.`.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn parse(name: &str) -> Result<Self, IllegalName> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if (1..=63).contains(&name.len()) && name.chars().all(legal) {
            Ok(Self(name.into()))
        } else {
            Err(illegal(
                format!("illegal account name `{name}`"),
                "use 1 to 63 letters, digits, `-`, `_` and `.`; the number of the account goes into `id`",
            ))
        }
    }
}

impl Default for AccountName {
    /// The name of the only account of an agent that names none.
    fn default() -> Self {
        Self("default".into())
    }
}

/// The twelve digits of an AWS account.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(Arc<str>);
name_type!(AccountId, parse);

impl AccountId {
    /// Checks that there are twelve digits.
    ///
    /// # Errors
    /// When there are not.
    pub fn parse(id: &str) -> Result<Self, IllegalName> {
        if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(id.into()))
        } else {
            Err(illegal(format!("illegal account id `{id}`"), "write twelve digits, in quotes"))
        }
    }
}

/// A region, as AWS or an S3-compatible store names it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(Arc<str>);
name_type!(Region, parse);

/// The regions of AWS that S3 serves (AWS General Reference, "Amazon S3 endpoints and quotas").
const AWS_REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-west-1",
    "us-west-2",
];

/// Regions whose website endpoint has a dash before the region; all later ones have a dot
/// (AWS General Reference, "Amazon S3 website endpoints").
const DASH_WEBSITE: &[&str] = &[
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "eu-west-1",
    "sa-east-1",
    "us-gov-west-1",
];

impl Region {
    /// Checks the form only, as S3-compatible stores name regions freely: 1 to 63 characters of
    /// `a-z`, `A-Z`, `0-9`, `-` and `_`.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn parse(name: &str) -> Result<Self, IllegalName> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if (1..=63).contains(&name.len()) && name.chars().all(legal) {
            Ok(Self(name.into()))
        } else {
            Err(illegal(format!("illegal region `{name}`"), "write a region such as `us-east-1`"))
        }
    }

    /// Checks that AWS has this region, or that the name cannot be one of AWS's.
    ///
    /// # Errors
    /// For a name that looks like one of AWS's and is none, with the nearest that is.
    pub fn parse_known(name: &str) -> Result<Self, IllegalName> {
        let region = Self::parse(name)?;
        let looks_like_aws = name.split('-').count() >= 3 && name.ends_with(|c: char| c.is_ascii_digit());
        if looks_like_aws && !AWS_REGIONS.contains(&name) {
            let nearest = AWS_REGIONS
                .iter()
                .min_by_key(|known| strsim::damerau_levenshtein(known, name))
                .expect("the table of regions is not empty");
            return Err(illegal(format!("unknown region `{name}`"), format!("did you mean `{nearest}`?")));
        }
        Ok(region)
    }

    /// The region that S3 means by an empty location (API page GetBucketLocation).
    pub fn us_east_1() -> Self {
        Self("us-east-1".into())
    }

    /// What GetBucketLocation answered as a region: nothing is us-east-1, `EU` is eu-west-1
    /// (API page GetBucketLocation).
    pub fn from_location(location: &str) -> Option<Self> {
        match location {
            "" | "null" => Some(Self::us_east_1()),
            "EU" => Some(Self("eu-west-1".into())),
            other => Self::parse(other).ok(),
        }
    }

    /// Whether it is named as AWS names regions, in three words or more.
    pub fn is_of_aws(&self) -> bool {
        self.as_str().split('-').count() > 2
    }

    /// The partition of ARNs in this region.
    pub fn partition(&self) -> &'static str {
        match &*self.0 {
            r if r.starts_with("cn-") => "aws-cn",
            r if r.starts_with("us-gov-") => "aws-us-gov",
            r if r.starts_with("us-isob-") => "aws-iso-b",
            r if r.starts_with("us-iso-") => "aws-iso",
            r if r.starts_with("eu-isoe-") => "aws-iso-e",
            r if r.starts_with("us-isof-") => "aws-iso-f",
            r if r.starts_with("eusc-") => "aws-eusc",
            _ => "aws",
        }
    }

    fn dns_suffix(&self) -> &'static str {
        match self.partition() {
            "aws-cn" => "amazonaws.com.cn",
            "aws-iso" => "c2s.ic.gov",
            "aws-iso-b" => "sc2s.sgov.gov",
            "aws-iso-e" => "cloud.adc-e.uk",
            "aws-iso-f" => "csp.hci.ic.gov",
            "aws-eusc" => "amazonaws.eu",
            _ => "amazonaws.com",
        }
    }
}

/// The word for an account itself, where otherwise the name of a bucket stands.
const ACCOUNT: &str = "@account";

/// One bucket among all accounts, or an account itself. S3-compatible stores may give one name twice.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Debug)]
pub struct BucketId {
    /// The account that owns it.
    pub account: AccountName,
    /// Its name.
    pub name: BucketName,
}

impl BucketId {
    /// The account itself: what its own settings belong to.
    pub fn of_account(account: AccountName) -> Self {
        Self { account, name: BucketName::of_account() }
    }

    /// Whether it is no bucket, and the account itself.
    pub fn is_account(&self) -> bool {
        self.name.as_str() == ACCOUNT
    }
}

impl fmt::Display for BucketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.account == AccountName::default() {
            write!(f, "{}", self.name)
        } else {
            write!(f, "{}/{}", self.account, self.name)
        }
    }
}

/// What other programs want to know of a bucket: the outputs that an infrastructure program
/// for it would export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// The bucket's name.
    pub name: BucketName,
    /// Its ARN, in the partition of its region.
    pub arn: String,
    /// The region it lives in.
    pub region: Region,
    /// Virtual-hosted endpoint in its region (of a directory bucket, in its zone), without a scheme.
    pub regional_endpoint: String,
    /// Endpoint of its website, whether one is configured or not, without a scheme; empty for a
    /// directory bucket.
    pub website_endpoint: String,
}

impl Outputs {
    /// Derives the outputs from name and region, as AWS documents them.
    pub fn of(name: &BucketName, region: &Region) -> Self {
        let suffix = region.dns_suffix();
        if let Some(zone) = name.zone() {
            // Programs speak to the zone. There is no website, and the account of the ARN is not
            // known here.
            let zone = zone.id();
            return Self {
                name: name.clone(),
                arn: format!("arn:{}:s3express:{region}::bucket/{name}", region.partition()),
                region: region.clone(),
                regional_endpoint: format!("{name}.s3express-{zone}.{region}.{suffix}"),
                website_endpoint: String::new(),
            };
        }
        let website = if DASH_WEBSITE.contains(&region.as_str()) {
            format!("{name}.s3-website-{region}.{suffix}")
        } else {
            format!("{name}.s3-website.{region}.{suffix}")
        };
        Self {
            name: name.clone(),
            arn: format!("arn:{}:s3:::{name}", region.partition()),
            region: region.clone(),
            regional_endpoint: format!("{name}.s3.{region}.{suffix}"),
            website_endpoint: website,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_s3_refuses_are_refused_with_the_reason() {
        let check = |name: &str, says: &str| {
            let error = BucketName::parse(name).expect_err(name);
            assert!(error.message.contains(says), "{name}: {}", error.message);
            assert!(!error.hint.is_empty());
        };
        check("ab", "2 characters long");
        check(&"a".repeat(64), "64 characters long");
        check("Ai_Data", "`A` is not allowed");
        check("-ab", "must begin and end");
        check("a..b", "two dots");
        check("192.168.5.4", "IP address");
        check("xn--bucket", "reserved");
        check("data-s3alias", "reserved");
        assert_eq!(BucketName::parse("Ai_Data").expect_err("upper case").hint, "did you mean `ai-data`?");
        assert!(BucketName::parse("ai-model-data").is_ok());
        assert!(BucketName::parse("a.b.c").is_ok());
    }

    #[test]
    fn an_unknown_region_is_refused_with_the_nearest() {
        let error = Region::parse_known("us-esat-1").expect_err("no such region");
        assert_eq!(error.message, "unknown region `us-esat-1`");
        assert_eq!(error.hint, "did you mean `us-east-1`?");
        assert!(Region::parse_known("garage").is_ok(), "stores name regions freely");
    }

    #[test]
    fn the_word_for_an_account_is_no_name_that_a_document_can_give_a_bucket() {
        let id = BucketId::of_account(AccountName::parse("prod").expect("legal"));
        assert!(id.is_account());
        assert_eq!(id.to_string(), "prod/@account");
        let error = BucketName::parse(id.name.as_str()).expect_err("no bucket");
        assert_eq!(error.message, "illegal bucket name `@account`: `@` is not allowed");
        assert_eq!(BucketName::known("@account"), Ok(id.name.clone()));
        // What was written down is read back.
        let text = serde_json::to_string(&id).expect("JSON");
        assert_eq!(serde_json::from_str::<BucketId>(&text).expect("an id"), id);
        assert!(BucketName::known("@other").is_err());
    }

    #[test]
    fn the_empty_location_is_us_east_1() {
        assert_eq!(Region::from_location(""), Some(Region::us_east_1()));
        assert_eq!(Region::from_location("EU").map(String::from).as_deref(), Some("eu-west-1"));
        // Ceph's gateway says so; it is the region to sign for there.
        assert_eq!(Region::from_location("default").map(String::from).as_deref(), Some("default"));
    }

    #[test]
    fn website_endpoints_have_a_dash_in_old_regions_and_a_dot_in_new_ones() {
        let name = BucketName::parse("ai-model-data").expect("legal");
        let website = |region: &str| Outputs::of(&name, &Region::parse(region).expect("legal")).website_endpoint;
        assert_eq!(website("us-east-1"), "ai-model-data.s3-website-us-east-1.amazonaws.com");
        assert_eq!(website("eu-central-1"), "ai-model-data.s3-website.eu-central-1.amazonaws.com");
        assert_eq!(website("cn-north-1"), "ai-model-data.s3-website.cn-north-1.amazonaws.com.cn");
        let name = BucketName::parse("ai--usw2-az1--x-s3").expect("legal");
        let zonal = Outputs::of(&name, &Region::parse("us-west-2").expect("legal"));
        assert_eq!(zonal.arn, "arn:aws:s3express:us-west-2::bucket/ai--usw2-az1--x-s3");
        assert_eq!(zonal.regional_endpoint, "ai--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com");
        assert_eq!(zonal.website_endpoint, "");
    }
}
