//! The one place that decides whether a DELETE may be sent.
//!
//! On several stores a DELETE of a sub-resource that they do not know deletes the bucket. So a
//! DELETE leaves the process only with a [`Permit`], only [`allow`] makes one, and only when a
//! read of the same setting of the same bucket in this pass answered with a value: that proves
//! that the store knows the sub-resource. [`Guard`] stands in every client and stops the rest.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use super::{S3Error, S3ErrorKind};
use crate::doc::Doc;
use crate::settings;

/// What the guard says when it stops a request.
pub(super) const NOT_ALLOWED: &str = "nothing allows this DELETE";

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
#[derive(Debug, Clone)]
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

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        if request.method() != "DELETE" {
            return Ok(());
        }
        let uri = request.uri();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let allowed = cfg.load::<Permit>().is_some_and(|permit| {
            let host_and_path = path.split_once("://").map_or(path, |(_, rest)| rest);
            let first = query.split('&').next().unwrap_or_default();
            let named = query.split('&').filter(|part| !part.starts_with("x-id=")).count() == 1;
            named
                && first.split('=').next() == Some(permit.what.query())
                && (host_and_path.starts_with(&format!("{}.", permit.bucket))
                    || host_and_path.split('/').nth(1) == Some(permit.bucket.as_str()))
        });
        if allowed { Ok(()) } else { Err(format!("{NOT_ALLOWED}: {path}").into()) }
    }
}
