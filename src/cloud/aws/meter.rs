//! How many requests are sent, how they end and how long they take.

use std::sync::Arc;
use std::time::Instant;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use crate::bucket::AccountName;
use crate::cloud::wire::{code_in, kind_of};
use crate::cloud::{Observer, S3ErrorKind};

/// Counts every request as it is sent, repeated ones too.
#[derive(Clone)]
pub(super) struct Meter {
    pub(super) account: AccountName,
    pub(super) observer: Arc<dyn Observer>,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meter")
    }
}

impl Meter {
    /// Tells of one request, and of its answer, where there was one.
    pub(super) fn count(&self, operation: &str, response: Option<&HttpResponse>, begun: Instant) {
        let failed = match response {
            None => Some(S3ErrorKind::Transport),
            Some(response) => match response.status().as_u16() {
                // "Nothing configured" is a 404 and an answer like any other.
                200..=299 | 404 => None,
                status => Some(kind_of(status, code_in(response.body().bytes()))),
            },
        };
        self.observer.request(&self.account, operation, failed, begun.elapsed().as_secs_f64());
    }
}

#[derive(Debug)]
struct Begun(Instant);

impl Storable for Begun {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        cfg.interceptor_state().store_put(Begun(Instant::now()));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(begun) = cfg.load::<Begun>() else { return Ok(()) };
        let operation = cfg.load::<Metadata>().map_or("unknown", |it| it.name());
        self.count(operation, context.response(), begun.0);
        Ok(())
    }
}
