//! The buckets, and the operations on them as wholes: list, create, look, locate, delete.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::acl;
use super::config::{Config, Ownership, Versioning, Word, Write};
use super::directory;
use super::http::{Call, Reply};
use super::refusal::Refusal;
use super::xml::{Node, push_escaped};
use super::{small, tagging};
use crate::bucket::{AccountId, AccountRegional, BucketName, Region};
use crate::clock::Timestamp;

/// All buckets of all accounts: names are global.
pub(super) type Buckets = BTreeMap<Arc<str>, Bucket>;

/// One bucket. Those that were prepared alike share everything but the name.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) owner: AccountId,
    pub(super) region: Region,
    /// Created with the location `EU`, which GetBucketLocation repeats.
    pub(super) eu: bool,
    pub(super) created: Timestamp,
    pub(super) config: Arc<Config>,
}

/// Buckets in one page at most, and when nobody says (API page ListBuckets).
const PAGE: usize = 10_000;

/// The bucket that a call means, when the call may see it.
pub(super) fn find<'a>(buckets: &'a Buckets, call: &Call) -> Result<&'a Bucket, Refusal> {
    let bucket = buckets.get(&*call.bucket).ok_or_else(|| Refusal::no_such_bucket(&call.bucket))?;
    if let Some(signed) = call.signed_region.as_deref().filter(|signed| *signed != bucket.region.as_str()) {
        return Err(Refusal::wrong_region(&call.bucket, signed, bucket.region.as_str()));
    }
    directory::check(call)?;
    let expected = call.headers.get("x-amz-expected-bucket-owner");
    if bucket.owner != call.account || expected.is_some_and(|owner| owner != bucket.owner.as_str()) {
        return Err(Refusal::denied());
    }
    Ok(bucket)
}

pub(super) fn head(buckets: &Buckets, call: &Call) -> Result<Reply, Refusal> {
    let bucket = find(buckets, call)?;
    Ok(Reply::empty(200)
        .header("x-amz-bucket-region", bucket.region.as_str())
        .header("x-amz-access-point-alias", "false"))
}

/// us-east-1 is an empty element (API page GetBucketLocation).
pub(super) fn location(buckets: &Buckets, call: &Call) -> Result<Reply, Refusal> {
    let bucket = find(buckets, call)?;
    let text = match bucket.region.as_str() {
        "us-east-1" => "",
        "eu-west-1" if bucket.eu => "EU",
        region => region,
    };
    Ok(Reply::xml(Node::leaf("LocationConstraint", text).document()))
}

/// One page of the account's buckets. `BucketRegion` is in the answer only "if the request
/// contains at least one valid parameter" (API page ListBuckets).
pub(super) fn list(buckets: &Buckets, call: &Call, served: &Region) -> Result<Reply, Refusal> {
    let most = match call.query("max-buckets") {
        None => PAGE,
        Some(text) => match text.parse::<usize>() {
            Ok(most @ 1..=PAGE) => most,
            _ => return Err(Refusal::argument("Argument max-buckets must be an integer between 1 and 10000")),
        },
    };
    let after = match call.query("continuation-token") {
        None => Bound::Unbounded,
        Some(token) => {
            let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|name| String::from_utf8(name).ok());
            Bound::Excluded(name.ok_or_else(|| Refusal::argument("The continuation token provided is incorrect"))?)
        }
    };
    let region = call.query("bucket-region");
    let here = call.signed_region.as_deref().unwrap_or(served.as_str());
    if region.is_some_and(|region| region != here) {
        return Err(Refusal::argument(
            "Argument value is not one of the provided options: bucket-region must be the region of the endpoint",
        )
        .with("ArgumentName", "bucket-region"));
    }
    let prefix = call.query("prefix").unwrap_or_default();
    let from = match &after {
        Bound::Excluded(name) if name.as_str() >= prefix => Bound::Excluded(name.as_str()),
        _ => Bound::Included(prefix),
    };
    let mut page = buckets
        .range::<str, _>((from, Bound::Unbounded))
        .take_while(|(name, _)| name.starts_with(prefix))
        .filter(|(name, bucket)| bucket.owner == call.account && !directory::is_one(name))
        .filter(|(_, bucket)| region.is_none_or(|region| region == bucket.region.as_str()));
    let shown: Vec<(&Arc<str>, &Bucket)> = page.by_ref().take(most).collect();
    let more = page.next().is_some();

    let with_region =
        ["max-buckets", "continuation-token", "prefix", "bucket-region"].iter().any(|p| call.query(p).is_some());
    let element = |(name, bucket): &(&Arc<str>, &Bucket)| {
        let created = bucket.created.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let mut fields = vec![Node::leaf("Name", name.to_string()), Node::leaf("CreationDate", created)];
        if with_region {
            fields.push(Node::leaf("BucketRegion", bucket.region.as_str()));
        }
        fields.push(Node::leaf("BucketArn", format!("arn:{}:s3:::{name}", bucket.region.partition())));
        Node::of("Bucket", fields)
    };
    let owner = Node::of("Owner", vec![Node::leaf("ID", acl::canonical_id(&call.account))]);
    let mut fields = vec![owner, Node::of("Buckets", shown.iter().map(element).collect())];
    if let (true, Some((last, _))) = (more, shown.last()) {
        fields.push(Node::leaf("ContinuationToken", URL_SAFE_NO_PAD.encode(last.as_bytes())));
    }
    if !prefix.is_empty() {
        fields.push(Node::leaf("Prefix", prefix));
    }
    Ok(Reply::xml(Node::of("ListAllMyBucketsResult", fields).document()))
}

/// Judges a creation and returns the bucket; `None` when it is there and that is no error.
pub(super) fn create(
    buckets: &Buckets,
    call: &Call,
    write: &Write<'_>,
    served: &Region,
    now: Timestamp,
) -> Result<Bucket, Refusal> {
    if BucketName::parse(&call.bucket).is_err() {
        return Err(Refusal::new(400, "InvalidBucketName", "The specified bucket is not valid.")
            .with("BucketName", call.bucket.as_str()));
    }
    let asked = match write.body {
        [] => Node::of("CreateBucketConfiguration", Vec::new()),
        _ => write.xml("CreateBucketConfiguration")?,
    };
    if directory::is_one(&call.bucket) {
        return directory::create(buckets, call, &asked, served, now);
    }
    if asked.child("Location").is_some() || asked.child("Bucket").is_some() {
        return Err(Refusal::request("Location and Bucket are for directory buckets"));
    }
    let constraint = asked.get("LocationConstraint");
    let region = region(constraint, call.signed_region.as_deref(), served)?;
    let own = namespace(call, write.header("x-amz-bucket-namespace"), &region)?;

    let mut config = Config::fresh(&call.account);
    if let Some(ownership) = write.header("x-amz-object-ownership") {
        config.ownership = small::parse_ownership(ownership).ok_or_else(|| {
            Refusal::argument("Invalid x-amz-object-ownership header").with("ArgumentValue", ownership)
        })?;
        config.set(Word::OwnershipControls, &small::ownership_controls(ownership));
    }
    if let Some(grants) = acl::from_headers(write)? {
        if config.ownership == Ownership::Enforced && acl::grants_others(&grants, &call.account) {
            return Err(small::acl_against_ownership());
        }
        // Every new bucket has its public access blocked.
        if acl::is_public(&grants) {
            let said = "Bucket cannot have public ACLs set with BlockPublicAccess enabled";
            return Err(Refusal::new(400, "InvalidBucketAclWithBlockPublicAccessError", said));
        }
        config.grants = grants;
    }
    config.show_acl(&call.account);
    if write.header("x-amz-bucket-object-lock-enabled").is_some_and(|on| on.eq_ignore_ascii_case("true")) {
        config.object_lock = true;
        config.versioning = Versioning::Enabled;
        small::show_versioning(&mut config);
        config.set(Word::ObjectLock, &small::object_lock());
    }
    if let Some(tags) = asked.child("Tags") {
        config.tags = tagging::parse(tags, &[])?;
        tagging::show(&mut config);
    }

    let Some(old) = buckets.get(&*call.bucket) else {
        let eu = constraint == Some("EU");
        return Ok(Bucket { owner: call.account.clone(), region, eu, created: now, config: Arc::new(config) });
    };
    if old.owner != call.account {
        let said = "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                    system. Please select a different name and try again.";
        return Err(Refusal::new(409, "BucketAlreadyExists", said).with("BucketName", call.bucket.as_str()));
    }
    if own || old.region.as_str() != "us-east-1" || region != old.region {
        let said = "Your previous request to create the named bucket succeeded and you already own it.";
        return Err(Refusal::new(409, "BucketAlreadyOwnedByYou", said).with("BucketName", call.bucket.as_str()));
    }
    // "For legacy compatibility, if you re-create an existing bucket that you already own in
    // us-east-1, Amazon S3 returns 200 OK and resets the bucket ACLs" (API page CreateBucket).
    let mut kept = (*old.config).clone();
    kept.grants = acl::private(&call.account);
    kept.show_acl(&call.account);
    Ok(Bucket { config: Arc::new(kept), ..old.clone() })
}

/// Whether a new bucket goes into the account's own namespace: header and name must say the same
/// (User Guide, "Namespaces for general purpose buckets").
fn namespace(call: &Call, header: Option<&str>, region: &Region) -> Result<bool, Refusal> {
    let suffix = AccountRegional::suffix(&call.account, region);
    let invalid = |said: String| Err(Refusal::new(400, "InvalidNamespaceHeader", said));
    let formed = BucketName::parse(&call.bucket).is_ok_and(|name| name.account_regional().is_some());
    match (header, formed) {
        (Some("account-regional"), _) if call.bucket.ends_with(&suffix) => Ok(true),
        (Some("account-regional"), _) => invalid(format!(
            "The requested bucket name does not end in {suffix}, and the x-amz-bucket-namespace header is account-regional"
        )),
        (None | Some("global"), false) => Ok(false),
        (None, true) => {
            let said = "The requested bucket is an account-regional namespace bucket, but the request is missing the \
                        x-amz-bucket-namespace header";
            Err(Refusal::new(400, "MissingNamespaceHeader", said))
        }
        (Some("global"), true) => invalid("The name is not one of the global namespace".to_owned()),
        (Some(_), _) => Err(Refusal::argument("Invalid x-amz-bucket-namespace header")),
    }
}

/// Where a new bucket goes. Only the endpoint of us-east-1 creates buckets elsewhere.
fn region(constraint: Option<&str>, signed: Option<&str>, served: &Region) -> Result<Region, Refusal> {
    let here = signed.unwrap_or(served.as_str());
    let incompatible = |what: &str| {
        let said = format!(
            "The {what} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        Refusal::new(400, "IllegalLocationConstraintException", said)
    };
    let invalid = |text: &str| {
        Refusal::new(400, "InvalidLocationConstraint", "The specified location-constraint is not valid")
            .with("LocationConstraint", text)
    };
    match constraint {
        None | Some("") => match signed {
            Some(signed) if signed != "us-east-1" => Err(incompatible("unspecified")),
            Some(_) => Ok(Region::us_east_1()),
            None => Ok(served.clone()),
        },
        Some("us-east-1") => Err(invalid("us-east-1")),
        Some(text) => {
            let name = if text == "EU" { "eu-west-1" } else { text };
            let region = Region::parse_known(name).map_err(|_| invalid(text))?;
            if here == "us-east-1" || here == name || signed.is_none() { Ok(region) } else { Err(incompatible(text)) }
        }
    }
}

/// The elements of an error document.
pub(super) fn error_document(refusal: &Refusal, bucket: &str, request_id: &str) -> String {
    let mut out = String::with_capacity(256);
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    let mut element = |name: &str, text: &str| {
        out.push('<');
        out.push_str(name);
        out.push('>');
        push_escaped(&mut out, text);
        out.push_str("</");
        out.push_str(name);
        out.push('>');
    };
    element("Code", &refusal.code);
    element("Message", &refusal.message);
    for (name, text) in &refusal.extra {
        element(name, text);
    }
    element("Resource", &format!("/{bucket}"));
    element("RequestId", request_id);
    element("HostId", "sandbox");
    out.push_str("</Error>");
    out
}
