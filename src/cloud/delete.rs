//! The one place that decides whether a DELETE may be sent.
//!
//! On several stores a DELETE of a sub-resource that they do not know deletes the bucket. So a
//! DELETE leaves the process only with a [`Permit`], only [`allow`] makes one, and only when a
//! read of the same setting of the same bucket in this pass answered with a value: that proves
//! that the store knows the sub-resource. [`Guard`] stands in every client and stops the rest,
//! and every POST, by which objects can be deleted.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
    Input,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

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
    /// `?cors`
    Cors,
    /// `?lifecycle`
    Lifecycle,
    /// `?policy`
    Policy,
    /// `?tagging`
    Tagging,
    /// `?website`
    Website,
}

impl SubResource {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Cors, Self::Lifecycle, Self::Policy, Self::Tagging, Self::Website];

    fn setting(self) -> &'static str {
        match self {
            Self::Cors => "cors",
            Self::Lifecycle => "lifecycle",
            Self::Policy => "policy",
            Self::Tagging => "tags",
            Self::Website => "website",
        }
    }

    fn query(self) -> &'static str {
        match self {
            Self::Cors => "cors",
            Self::Lifecycle => "lifecycle",
            Self::Policy => "policy",
            Self::Tagging => "tagging",
            Self::Website => "website",
        }
    }
}

/// Leave to send one DELETE of one sub-resource of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    what: SubResource,
    bucket: String,
}

impl Storable for Permit {
    type Storer = StoreReplace<Self>;
}

/// Decides. `evidence` is the setting that was read in this pass and what the store answered.
pub(super) fn allow(
    what: SubResource,
    bucket: &str,
    evidence: Option<(&'static str, &Doc)>,
) -> Result<Permit, S3Error> {
    let proved = evidence
        .is_some_and(|(setting, seen)| setting == what.setting() && *seen != settings::named(setting).default_doc());
    if proved {
        return Ok(Permit { what, bucket: bucket.to_owned() });
    }
    Err(S3Error {
        operation: format!("DELETE ?{}", what.query()),
        object: bucket.to_owned(),
        kind: S3ErrorKind::Forbidden,
        code: String::new(),
        status: 0,
        request_id: None,
        message: format!("no read of `{}` in this pass found a value", what.setting()),
        action: None,
    })
}

impl Intercept for Permit {
    fn name(&self) -> &'static str {
        "Permit"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        cfg.interceptor_state().store_put(self.clone());
        Ok(())
    }
}

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
            // Objects can be deleted by a POST, too; nothing here ever needs one.
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
            delete_bucket_cors::DeleteBucketCorsInput, delete_bucket_lifecycle::DeleteBucketLifecycleInput,
            delete_bucket_policy::DeleteBucketPolicyInput, delete_bucket_tagging::DeleteBucketTaggingInput,
            delete_bucket_website::DeleteBucketWebsiteInput,
        };
        let of = |what, bucket: Option<&str>| Some(Self(Permit { what, bucket: bucket?.to_owned() }));
        if let Some(it) = input.downcast_ref::<DeleteBucketCorsInput>() {
            return of(SubResource::Cors, it.bucket());
        }
        if let Some(it) = input.downcast_ref::<DeleteBucketLifecycleInput>() {
            return of(SubResource::Lifecycle, it.bucket());
        }
        if let Some(it) = input.downcast_ref::<DeleteBucketPolicyInput>() {
            return of(SubResource::Policy, it.bucket());
        }
        if let Some(it) = input.downcast_ref::<DeleteBucketTaggingInput>() {
            return of(SubResource::Tagging, it.bucket());
        }
        input.downcast_ref::<DeleteBucketWebsiteInput>().and_then(|it| of(SubResource::Website, it.bucket()))
    }
}

impl Permit {
    /// Whether an address is that of exactly this sub-resource of this bucket and of no object in
    /// it: `//host/bucket?word`, or `//bucket.host/?word`.
    fn fits(&self, uri: &str) -> bool {
        let (address, query) = uri.split_once('?').unwrap_or((uri, ""));
        let address = address.split_once("://").map_or(address, |(_, rest)| rest);
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let mut words = query.split('&').filter(|part| !part.starts_with("x-id="));
        let word = words.next().unwrap_or_default();
        let word = word.strip_suffix('=').unwrap_or(word);
        let path = path.strip_suffix('/').unwrap_or(path);
        let in_host = path.is_empty() && host.strip_prefix(&self.bucket).is_some_and(|rest| rest.starts_with('.'));
        word == self.what.query() && words.next().is_none() && (in_host || path == self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_fits_one_sub_resource_of_one_bucket_and_nothing_else() {
        let permit = Permit { what: SubResource::Tagging, bucket: "logs".to_owned() };
        for uri in [
            "http://127.0.0.1:9000/logs?tagging",
            "http://127.0.0.1:9000/logs/?tagging=&x-id=DeleteBucketTagging",
            "https://logs.s3.us-east-1.amazonaws.com/?tagging",
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
}
