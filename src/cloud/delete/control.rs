//! The same rule for S3 Control: a client that can send five requests and no other, of which the
//! one that removes something needs leave for exactly what it removes.
//!
//! S3 Control has operations that delete access points, jobs and buckets, by DELETE and by POST.
//! So its guard does not look for what is forbidden: it knows what is allowed.

use std::collections::{BTreeMap, BTreeSet};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut, Input,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use crate::bucket::AccountId;
use crate::cloud::{S3Error, S3ErrorKind};
use crate::doc::Doc;

/// What the guard says when it stops a request.
pub(super) const NOT_ALLOWED: &str = "nothing allows this request to S3 Control";

const BLOCK: &str = "/v20180820/configuration/publicAccessBlock";

/// Leave to remove these tags, and no others, of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntagPermit {
    arn: String,
    keys: BTreeSet<String>,
}

/// Decides. `evidence` is the setting that was read from the bucket in this pass, and what S3
/// answered; `listed` is what S3 Control itself answered for the same bucket. A tag that is not in
/// both is not removed: somebody added it since, or S3 Control is none.
pub(in crate::cloud) fn allow_untag(
    arn: &str,
    keys: &BTreeSet<String>,
    evidence: Option<(&'static str, &Doc)>,
    listed: &BTreeMap<String, String>,
) -> Result<UntagPermit, S3Error> {
    let seen = evidence.filter(|(setting, _)| *setting == "tags").and_then(|(_, doc)| doc.parse().ok());
    let seen: BTreeMap<String, String> = seen.unwrap_or_default();
    let proved = |key: &String| seen.contains_key(key) && listed.contains_key(key) && !is_of_aws(key);
    if !keys.is_empty() && keys.iter().all(proved) {
        return Ok(UntagPermit { arn: arn.to_owned(), keys: keys.clone() });
    }
    Err(S3Error {
        operation: "UntagResource".to_owned(),
        object: arn.rsplit([':', '/']).next().unwrap_or(arn).to_owned(),
        kind: S3ErrorKind::Forbidden,
        code: String::new(),
        status: 0,
        request_id: None,
        message: "not every tag to remove was read in this pass".to_owned(),
        action: None,
    })
}

fn is_of_aws(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

super::leave!(UntagPermit);

/// Stops every request but the five. Stands in every client of S3 Control.
#[derive(Debug)]
pub(in crate::cloud) struct ControlGuard {
    /// The account that every request must name.
    pub(in crate::cloud) account: AccountId,
    /// Whether the host must begin with it, as on AWS. A host without it is one of S3 itself, where
    /// the first part of the path is a bucket.
    pub(in crate::cloud) in_host: bool,
}

impl Intercept for ControlGuard {
    fn name(&self) -> &'static str {
        "ControlGuard"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(asked) = Asked::of(context.input()) {
            cfg.interceptor_state().store_put(asked);
        }
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let named = request.headers().get("x-amz-account-id") == Some(self.account.as_str());
        let (host, _, _) = parts(request.uri());
        let asked = cfg.load::<Asked>();
        let placed = !self.in_host || is_placed(host, &self.account, asked);
        let allowed =
            asked.is_some_and(|asked| asked.allows(request.method(), request.uri(), cfg.load::<UntagPermit>()));
        if named && placed && allowed {
            return Ok(());
        }
        let path = request.uri().split('?').next().unwrap_or_default();
        Err(format!("{NOT_ALLOWED}: {} {path}", request.method()).into())
    }
}

/// What the operation under way asks for, as its own input says it.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    ReadBlock,
    WriteBlock,
    ListTags(String),
    Tag(String),
    Untag(UntagPermit),
}

impl Storable for Asked {
    type Storer = StoreReplace<Self>;
}

impl Asked {
    fn of(input: &Input) -> Option<Self> {
        use aws_sdk_s3control::operation::{
            get_public_access_block::GetPublicAccessBlockInput, list_tags_for_resource::ListTagsForResourceInput,
            put_public_access_block::PutPublicAccessBlockInput, tag_resource::TagResourceInput,
            untag_resource::UntagResourceInput,
        };
        if input.downcast_ref::<GetPublicAccessBlockInput>().is_some() {
            return Some(Self::ReadBlock);
        }
        if input.downcast_ref::<PutPublicAccessBlockInput>().is_some() {
            return Some(Self::WriteBlock);
        }
        if let Some(it) = input.downcast_ref::<ListTagsForResourceInput>() {
            return Some(Self::ListTags(it.resource_arn()?.to_owned()));
        }
        if let Some(it) = input.downcast_ref::<TagResourceInput>() {
            return Some(Self::Tag(it.resource_arn()?.to_owned()));
        }
        let it = input.downcast_ref::<UntagResourceInput>()?;
        let keys = it.tag_keys().iter().cloned().collect();
        Some(Self::Untag(UntagPermit { arn: it.resource_arn()?.to_owned(), keys }))
    }

    /// The bucket that it is about.
    fn arn(&self) -> Option<&str> {
        match self {
            Self::ReadBlock | Self::WriteBlock => None,
            Self::ListTags(arn) | Self::Tag(arn) | Self::Untag(UntagPermit { arn, .. }) => Some(arn),
        }
    }

    /// Whether a request is this operation, and its address says no more than its input.
    fn allows(&self, method: &str, uri: &str, permit: Option<&UntagPermit>) -> bool {
        let (_, path, query) = parts(uri);
        let path = decoded(path);
        let of_tags = |arn: &str| path.strip_prefix("/v20180820/tags/") == Some(arn);
        let words: Vec<&str> = query.split('&').filter(|it| !it.is_empty() && !it.starts_with("x-id=")).collect();
        match self {
            Self::ReadBlock => method == "GET" && path == BLOCK && words.is_empty(),
            Self::WriteBlock => method == "PUT" && path == BLOCK && words.is_empty(),
            Self::ListTags(arn) => method == "GET" && of_tags(arn) && words.is_empty(),
            Self::Tag(arn) => method == "POST" && of_tags(arn) && words.is_empty(),
            Self::Untag(asked) => {
                let keys: Option<BTreeSet<String>> =
                    words.iter().map(|word| word.strip_prefix("tagKeys=").map(decoded)).collect();
                method == "DELETE"
                    && of_tags(&asked.arn)
                    && keys.as_ref() == Some(&asked.keys)
                    && permit.is_some_and(|permit| permit == asked)
            }
        }
    }
}

/// Whether a host of AWS is one of S3 Control: the account stands first in it, but where directory
/// buckets are configured.
fn is_placed(host: &str, account: &AccountId, asked: Option<&Asked>) -> bool {
    if asked.and_then(Asked::arn).is_some_and(|arn| arn.split(':').nth(2) == Some("s3express")) {
        return host.starts_with("s3express-control.") || host.starts_with("s3express-control-fips.");
    }
    host.strip_prefix(account.as_str()).is_some_and(|rest| rest.starts_with('.'))
}

/// Host, path and query of an address.
fn parts(uri: &str) -> (&str, &str, &str) {
    let (address, query) = uri.split_once('?').unwrap_or((uri, ""));
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let end = address.find('/').unwrap_or(address.len());
    (&address[..end], &address[end..], query)
}

/// Undoes percent-encoding. What is none stays, and fits nothing then.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:s3:::logs";
    const TAGS: &str =
        "https://111111111111.s3-control.us-east-1.amazonaws.com/v20180820/tags/arn%3Aaws%3As3%3A%3A%3Alogs";

    fn tags(keys: &[&str]) -> BTreeMap<String, String> {
        keys.iter().map(|key| ((*key).to_owned(), "x".to_owned())).collect()
    }

    fn keys(keys: &[&str]) -> BTreeSet<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn only_tags_that_were_read_in_this_pass_and_are_none_of_aws_may_be_removed() {
        let seen = Doc::of(&tags(&["a", "b", "aws:x"]));
        let listed = tags(&["a", "b", "aws:x", "new"]);
        let ask = |wanted: &[&str], evidence| allow_untag(ARN, &keys(wanted), evidence, &listed);
        let permit = ask(&["a", "b"], Some(("tags", &seen))).expect("both were read");
        assert_eq!(permit, UntagPermit { arn: ARN.to_owned(), keys: keys(&["a", "b"]) });
        for (wanted, evidence) in [
            (&["new"] as &[&str], Some(("tags", &seen))),
            (&["a", "c"], Some(("tags", &seen))),
            (&["aws:x"], Some(("tags", &seen))),
            (&[], Some(("tags", &seen))),
            (&["a"], Some(("cors", &seen))),
            (&["a"], None),
        ] {
            let error = ask(wanted, evidence).expect_err("no leave");
            assert_eq!(
                error.to_string(),
                "UntagResource on `logs` failed: not sent: not every tag to remove was read in this pass"
            );
        }
        assert!(allow_untag(ARN, &keys(&["a"]), Some(("tags", &seen)), &tags(&["b"])).is_err());
    }

    #[test]
    fn a_removal_of_tags_needs_the_permit_for_exactly_these_tags_of_exactly_this_bucket() {
        let permit = |arn: &str, wanted: &[&str]| UntagPermit { arn: arn.to_owned(), keys: keys(wanted) };
        let asked = Asked::Untag(permit(ARN, &["a", "b c"]));
        let uri = format!("{TAGS}?tagKeys=a&tagKeys=b%20c");
        assert!(asked.allows("DELETE", &uri, Some(&permit(ARN, &["b c", "a"]))));
        for (uri, given) in [
            (&uri, None),
            (&uri, Some(permit(ARN, &["a"]))),
            (&uri, Some(permit("arn:aws:s3:::logs-old", &["a", "b c"]))),
            (&format!("{TAGS}?tagKeys=a"), Some(permit(ARN, &["a", "b c"]))),
            (&format!("{TAGS}?tagKeys=a&tagKeys=b%20c&more"), Some(permit(ARN, &["a", "b c"]))),
            (&format!("{TAGS}-old?tagKeys=a&tagKeys=b%20c"), Some(permit(ARN, &["a", "b c"]))),
            (&TAGS.to_owned(), Some(permit(ARN, &["a", "b c"]))),
        ] {
            assert!(!asked.allows("DELETE", uri, given.as_ref()), "{uri} {given:?}");
        }
        assert!(!asked.allows("POST", &uri, Some(&permit(ARN, &["a", "b c"]))));
    }

    #[test]
    fn the_account_stands_in_the_host_but_where_directory_buckets_are_configured() {
        let account = AccountId::parse("111111111111").expect("twelve digits");
        let of = |arn: &str| Asked::ListTags(arn.to_owned());
        let zonal = of("arn:aws:s3express:us-west-2:111111111111:bucket/ai--usw2-az1--x-s3");
        let (own, express) =
            ("111111111111.s3-control.us-west-2.amazonaws.com", "s3express-control.us-west-2.amazonaws.com");
        for (asked, host, placed) in [
            (&zonal, express, true),
            (&zonal, own, false),
            (&zonal, "s3.us-west-2.amazonaws.com", false),
            (&of(ARN), own, true),
            (&of(ARN), express, false),
            (&Asked::ReadBlock, own, true),
            (&Asked::ReadBlock, express, false),
        ] {
            assert_eq!(is_placed(host, &account, Some(asked)), placed, "{asked:?} {host}");
        }
    }

    #[test]
    fn each_operation_has_its_method_and_its_address_and_no_other() {
        let block = format!("http://127.0.0.1:9{BLOCK}");
        for (asked, method, uri) in [
            (Asked::ReadBlock, "GET", block.as_str()),
            (Asked::WriteBlock, "PUT", &block),
            (Asked::ListTags(ARN.to_owned()), "GET", TAGS),
            (Asked::Tag(ARN.to_owned()), "POST", TAGS),
        ] {
            for other in ["GET", "PUT", "POST", "DELETE"] {
                for at in [block.as_str(), TAGS, "http://127.0.0.1:9/v20180820/bucket/logs", "http://127.0.0.1:9/logs"]
                {
                    assert_eq!(asked.allows(other, at, None), other == method && at == uri, "{asked:?} {other} {at}");
                }
            }
            assert!(!asked.allows(method, &format!("{uri}?tagKeys=a"), None), "{asked:?}");
        }
    }
}
