//! The one place that decides whether a DELETE may be sent.
//!
//! On several stores a DELETE of a sub-resource that they do not know deletes the bucket. So a
//! DELETE leaves the process only with a [`Permit`], only [`allow`] makes one, and only when a
//! read of the same setting of the same bucket in this pass answered with a value: that proves
//! that the store knows the sub-resource. Where a sub-resource has an id (`?inventory&id=…`), the
//! read has to have listed exactly that id, and the store has to have said of another id that there
//! is none ([`S3::tells_apart`](super::wire::S3::tells_apart)). [`Guard`] stands in every client and
//! stops the rest, and every POST but one, because objects can be deleted by POST: that one makes a
//! bucket's metadata configuration (CreateBucketMetadataConfiguration).

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut, Input,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

/// Makes a type leave that goes with a request to its guard, by `.customize().interceptor(leave)`.
macro_rules! leave {
    ($leave:ident) => {
        impl aws_smithy_types::config_bag::Storable for $leave {
            type Storer = aws_smithy_types::config_bag::StoreReplace<Self>;
        }

        impl aws_smithy_runtime_api::client::interceptors::Intercept for $leave {
            fn name(&self) -> &'static str {
                stringify!($leave)
            }

            fn read_before_attempt(
                &self,
                _: &aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef<'_>,
                _: &aws_smithy_runtime_api::client::runtime_components::RuntimeComponents,
                cfg: &mut aws_smithy_types::config_bag::ConfigBag,
            ) -> Result<(), aws_smithy_runtime_api::box_error::BoxError> {
                cfg.interceptor_state().store_put(self.clone());
                Ok(())
            }
        }
    };
}
use leave;

mod control;

pub use control::UntagPermit;
pub(super) use control::{ControlGuard, allow_untag};

use super::{S3Error, S3ErrorKind};
use crate::doc::Doc;
use crate::settings;

/// What the guard says when it stops a request.
const NOT_ALLOWED: &str = "nothing allows this DELETE";

/// Whether these are the words of a guard that stopped a request.
pub(super) fn is_refusal(said: &str) -> bool {
    said.contains(NOT_ALLOWED) || said.contains(control::NOT_ALLOWED)
}

/// The sub-resources that may ever be deleted. Every other setting is reset by a PUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubResource {
    /// `?analytics&id=…`
    Analytics,
    /// `?cors`
    Cors,
    /// `?intelligent-tiering&id=…`
    IntelligentTiering,
    /// `?inventory&id=…`
    Inventory,
    /// `?lifecycle`
    Lifecycle,
    /// `?metadataConfiguration`
    Metadata,
    /// `?metrics&id=…`
    Metrics,
    /// `?policy`
    Policy,
    /// `?replication`
    Replication,
    /// `?tagging`
    Tagging,
    /// `?website`
    Website,
}

impl SubResource {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Analytics,
        Self::Cors,
        Self::IntelligentTiering,
        Self::Inventory,
        Self::Lifecycle,
        Self::Metadata,
        Self::Metrics,
        Self::Policy,
        Self::Replication,
        Self::Tagging,
        Self::Website,
    ];

    /// Whether it holds many configurations, and a DELETE names one of them by its id.
    pub fn is_keyed(self) -> bool {
        matches!(self, Self::Analytics | Self::IntelligentTiering | Self::Inventory | Self::Metrics)
    }

    fn setting(self) -> &'static str {
        match self {
            Self::Analytics => "analytics",
            Self::Cors => "cors",
            Self::IntelligentTiering => "intelligentTiering",
            Self::Inventory => "inventory",
            Self::Lifecycle => "lifecycle",
            Self::Metrics => "metrics",
            Self::Metadata => "metadata",
            Self::Policy => "policy",
            Self::Replication => "replication",
            Self::Tagging => "tags",
            Self::Website => "website",
        }
    }

    fn query(self) -> &'static str {
        match self {
            Self::Analytics => "analytics",
            Self::Cors => "cors",
            Self::IntelligentTiering => "intelligent-tiering",
            Self::Inventory => "inventory",
            Self::Lifecycle => "lifecycle",
            Self::Metrics => "metrics",
            Self::Metadata => "metadataConfiguration",
            Self::Policy => "policy",
            Self::Replication => "replication",
            Self::Tagging => "tagging",
            Self::Website => "website",
        }
    }
}

/// Leave to send one DELETE of one sub-resource of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    what: SubResource,
    /// Which one of a keyed set.
    id: Option<String>,
    bucket: String,
}

/// Decides. `evidence` is the setting that was read in this pass and what the store answered.
pub(super) fn allow(
    what: SubResource,
    bucket: &str,
    evidence: Option<(&'static str, &Doc)>,
) -> Result<Permit, S3Error> {
    let has_value = |seen: &Doc| !what.is_keyed() && *seen != settings::named(what.setting()).default_doc();
    if evidence.is_some_and(|(setting, seen)| setting == what.setting() && has_value(seen)) {
        return Ok(Permit { what, id: None, bucket: bucket.to_owned() });
    }
    let said = format!("no read of `{}` in this pass found a value", what.setting());
    Err(refused(format!("DELETE ?{}", what.query()), bucket, said))
}

/// Decides about one configuration of a keyed set.
pub(super) fn allow_one(
    what: SubResource,
    id: &str,
    bucket: &str,
    evidence: Option<(&'static str, &Doc)>,
) -> Result<Permit, S3Error> {
    let lists = |seen: &Doc| {
        let value = seen.value();
        let mut listed = value["configurations"].as_array().into_iter().flatten();
        listed.any(|it| it["id"].as_str() == Some(id))
    };
    let proved = evidence.is_some_and(|(setting, seen)| setting == what.setting() && lists(seen));
    // Without an id it would be a DELETE of who knows what.
    if what.is_keyed() && !id.is_empty() && proved {
        return Ok(Permit { what, id: Some(id.to_owned()), bucket: bucket.to_owned() });
    }
    let said = format!("no read of `{}` in this pass listed `{id}`", what.setting());
    Err(refused(format!("DELETE ?{}&id={id}", what.query()), bucket, said))
}

/// Why nothing of a keyed set is deleted on a store that does not answer for ids as S3 does.
pub fn not_apart(what: SubResource, bucket: &str) -> S3Error {
    let said =
        "of an id that is not there the store does not say NoSuchConfiguration, so a DELETE might take the bucket";
    refused(format!("DELETE ?{}", what.query()), bucket, said.to_owned())
}

fn refused(operation: String, bucket: &str, message: String) -> S3Error {
    S3Error {
        operation,
        object: bucket.to_owned(),
        kind: S3ErrorKind::Forbidden,
        code: String::new(),
        status: 0,
        request_id: None,
        message,
        action: None,
    }
}

leave!(Permit);

/// Stops every DELETE that has no permit for exactly its sub-resource. Stands in every client.
#[derive(Debug)]
pub(super) struct Guard;

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "Guard"
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
        if let Some(making) = Making::of(context.input()) {
            cfg.interceptor_state().store_put(making);
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
        let uri = request.uri();
        match request.method() {
            "GET" | "HEAD" | "PUT" => return Ok(()),
            "DELETE" => {}
            // Objects can be deleted by a POST, too.
            "POST" if cfg.load::<Making>().is_some_and(|making| making.0.fits(uri)) => return Ok(()),
            other => return Err(format!("{NOT_ALLOWED} by {other}").into()),
        }
        let allowed = cfg
            .load::<Permit>()
            .is_some_and(|permit| cfg.load::<Asked>().is_some_and(|asked| asked.0 == *permit) && permit.fits(uri));
        let path = uri.split('?').next().unwrap_or_default();
        if allowed { Ok(()) } else { Err(format!("{NOT_ALLOWED}: {path}").into()) }
    }
}

/// What the operation under way asks to delete, as its own input says it. The address alone would
/// not tell: a host that begins with `logs.` may be that of the bucket `logs.old`.
#[derive(Debug)]
struct Asked(Permit);

impl Storable for Asked {
    type Storer = StoreReplace<Self>;
}

impl Asked {
    fn of(input: &Input) -> Option<Self> {
        use aws_sdk_s3::operation::{
            delete_bucket_analytics_configuration::DeleteBucketAnalyticsConfigurationInput as Analytics,
            delete_bucket_cors::DeleteBucketCorsInput as Cors,
            delete_bucket_intelligent_tiering_configuration::DeleteBucketIntelligentTieringConfigurationInput as Tiering,
            delete_bucket_inventory_configuration::DeleteBucketInventoryConfigurationInput as Inventory,
            delete_bucket_lifecycle::DeleteBucketLifecycleInput as Lifecycle,
            delete_bucket_metadata_configuration::DeleteBucketMetadataConfigurationInput as Metadata,
            delete_bucket_metrics_configuration::DeleteBucketMetricsConfigurationInput as Metrics,
            delete_bucket_policy::DeleteBucketPolicyInput as Policy,
            delete_bucket_replication::DeleteBucketReplicationInput as Replication,
            delete_bucket_tagging::DeleteBucketTaggingInput as Tagging,
            delete_bucket_website::DeleteBucketWebsiteInput as Website,
        };
        macro_rules! asked {
            ($($input:ident => $what:ident $(with $id:ident)?;)*) => {
                $(if let Some(it) = input.downcast_ref::<$input>() {
                    let id: Option<&str> = None$(.or(it.$id()))?;
                    let (id, bucket) = (id.map(str::to_owned), it.bucket()?.to_owned());
                    return Some(Self(Permit { what: SubResource::$what, id, bucket }));
                })*
            };
        }
        asked! {
            Analytics => Analytics with id;
            Cors => Cors;
            Tiering => IntelligentTiering with id;
            Inventory => Inventory with id;
            Lifecycle => Lifecycle;
            Metadata => Metadata;
            Metrics => Metrics with id;
            Policy => Policy;
            Replication => Replication;
            Tagging => Tagging;
            Website => Website;
        }
        None
    }
}

/// The one POST that is sent: it makes the metadata configuration of a bucket, as the operation's
/// own input says.
#[derive(Debug)]
struct Making(Permit);

impl Storable for Making {
    type Storer = StoreReplace<Self>;
}

impl Making {
    fn of(input: &Input) -> Option<Self> {
        use aws_sdk_s3::operation::create_bucket_metadata_configuration::CreateBucketMetadataConfigurationInput;
        let bucket = input.downcast_ref::<CreateBucketMetadataConfigurationInput>()?.bucket()?;
        Some(Self(Permit { what: SubResource::Metadata, id: None, bucket: bucket.to_owned() }))
    }
}

impl Permit {
    /// Whether an address is that of exactly this sub-resource of this bucket and of no object in
    /// it: `//host/bucket?word`, or `//bucket.host/?word`; with `&id=…` behind it in a keyed set.
    fn fits(&self, uri: &str) -> bool {
        let (address, query) = uri.split_once('?').unwrap_or((uri, ""));
        let address = address.split_once("://").map_or(address, |(_, rest)| rest);
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let mut words = query.split('&').filter(|part| !part.starts_with("x-id="));
        let word = words.next().unwrap_or_default();
        let word = word.strip_suffix('=').unwrap_or(word);
        let fits_id = self.id.as_ref().is_none_or(|id| {
            let said = words.next().and_then(|part| part.strip_prefix("id=")).and_then(decode);
            said.is_some_and(|said| said == *id)
        });
        let path = path.strip_suffix('/').unwrap_or(path);
        let in_host = path.is_empty() && host.strip_prefix(&self.bucket).is_some_and(|rest| rest.starts_with('.'));
        word == self.what.query() && fits_id && words.next().is_none() && (in_host || path == self.bucket)
    }
}

/// Undoes percent-encoding; `None` for a text that the SDK would not have written.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?);
                u8::try_from(high * 16 + low).ok()?
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => byte,
            _ => return None,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_fits_one_sub_resource_of_one_bucket_and_nothing_else() {
        let permit = Permit { what: SubResource::Tagging, id: None, bucket: "logs".to_owned() };
        for uri in [
            "http://127.0.0.1:9000/logs?tagging",
            "http://127.0.0.1:9000/logs/?tagging=&x-id=DeleteBucketTagging",
            "https://logs.s3.us-east-1.amazonaws.com/?tagging",
            "https://s3express-control.us-east-1.amazonaws.com/logs/?tagging",
        ] {
            assert!(permit.fits(uri), "{uri}");
        }
        for uri in [
            "http://127.0.0.1:9000/logs",
            "http://127.0.0.1:9000/logs/",
            "http://127.0.0.1:9000/logs?policy",
            "http://127.0.0.1:9000/logs?tagging&policy",
            "http://127.0.0.1:9000/logs?x-id=tagging",
            "http://127.0.0.1:9000/logs/key?tagging",
            "http://127.0.0.1:9000/logs-old?tagging",
            "http://127.0.0.1:9000/old/logs?tagging",
            "http://127.0.0.1:9000/?tagging",
            "https://logs.s3.us-east-1.amazonaws.com/key?tagging",
            "https://logs.s3.us-east-1.amazonaws.com/",
            "https://logs-old.s3.us-east-1.amazonaws.com/?tagging",
            "https://old.logs.s3.us-east-1.amazonaws.com/?tagging",
        ] {
            assert!(!permit.fits(uri), "{uri}");
        }
    }

    #[test]
    fn a_permit_for_one_of_a_set_fits_only_exactly_its_id() {
        let permit = |what, id: &str| Permit { what, id: Some(id.to_owned()), bucket: "logs".to_owned() };
        let one = permit(SubResource::Inventory, "weekly");
        for uri in [
            "http://127.0.0.1:9000/logs?inventory&id=weekly",
            "http://127.0.0.1:9000/logs/?inventory=&x-id=DeleteBucketInventoryConfiguration&id=weekly",
            "https://logs.s3.us-east-1.amazonaws.com/?inventory&id=%77eekly",
        ] {
            assert!(one.fits(uri), "{uri}");
        }
        for uri in [
            "http://127.0.0.1:9000/logs?inventory",
            "http://127.0.0.1:9000/logs?inventory&id=",
            "http://127.0.0.1:9000/logs?inventory&id=daily",
            "http://127.0.0.1:9000/logs?inventory&id=Weekly",
            "http://127.0.0.1:9000/logs?inventory&id=weekly2",
            "http://127.0.0.1:9000/logs?inventory&id=weekly&id=daily",
            "http://127.0.0.1:9000/logs?inventory&id=weekly&policy",
            "http://127.0.0.1:9000/logs?inventory&policy",
            "http://127.0.0.1:9000/logs?inventory&x-id=weekly",
            "http://127.0.0.1:9000/logs?metrics&id=weekly",
            "http://127.0.0.1:9000/logs?id=weekly",
            "http://127.0.0.1:9000/logs?id=weekly&inventory",
            "http://127.0.0.1:9000/logs/key?inventory&id=weekly",
            "http://127.0.0.1:9000/logs-old?inventory&id=weekly",
            "http://127.0.0.1:9000/logs",
        ] {
            assert!(!one.fits(uri), "{uri}");
        }
        let odd = permit(SubResource::IntelligentTiering, "a b&id=c/ü+%");
        assert!(odd.fits("http://h/logs?intelligent-tiering&id=a%20b%26id%3Dc%2F%C3%BC%2B%25"));
        assert!(!odd.fits("http://h/logs?intelligent-tiering&id=a%20b&id=c/ü+%"));
        assert!(!permit(SubResource::Metrics, "a b").fits("http://h/logs?metrics&id=a+b"));
        for broken in ["%", "%4", "%zz", "%ff"] {
            assert!(!permit(SubResource::Metrics, broken).fits(&format!("http://h/logs?metrics&id={broken}")));
        }
    }

    #[test]
    fn a_delete_needs_a_read_of_this_setting_that_listed_this_id() {
        let doc = |json: &str| Doc::of(&serde_json::from_str::<serde_json::Value>(json).expect("JSON"));
        let seen = doc(r#"{"configurations":[{"id":"daily"},{"id":"weekly"}]}"#);
        for what in SubResource::ALL.iter().filter(|what| what.is_keyed()) {
            let name = what.setting();
            let permit = allow_one(*what, "weekly", "logs", Some((name, &seen))).expect("it was listed");
            assert_eq!(permit, Permit { what: *what, id: Some("weekly".to_owned()), bucket: "logs".to_owned() });
            let empty = doc("{}");
            let unnamed = doc(r#"{"configurations":[{"id":""}]}"#);
            for (id, evidence) in [
                ("weekly", None),
                ("weekly", Some((name, &empty))),
                ("week", Some((name, &seen))),
                ("weekly2", Some((name, &seen))),
                ("weekly", Some(("lifecycle", &seen))),
                ("", Some((name, &unnamed))),
            ] {
                let error = allow_one(*what, id, "logs", evidence).expect_err("no evidence");
                assert_eq!(error.kind, S3ErrorKind::Forbidden);
                let said = format!(
                    "DELETE ?{}&id={id} on `logs` failed: not sent: no read of `{name}` in this pass listed `{id}`",
                    what.query()
                );
                assert_eq!(error.to_string(), said);
            }
            let whole = allow(*what, "logs", Some((name, &seen))).expect_err("a set is never deleted whole");
            assert_eq!(whole.kind, S3ErrorKind::Forbidden);
        }
        let rules = doc(r#"{"configurations":[{"id":"a"}]}"#);
        assert!(allow_one(SubResource::Lifecycle, "a", "logs", Some(("lifecycle", &rules))).is_err());
    }
}
