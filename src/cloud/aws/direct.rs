//! Reads of one bucket without the SDK's orchestration, which is most of what a read costs: with its
//! serializers, rules for addresses, credentials, signer, connections and parsers, but put together
//! once for each client and not for each request (docs/benchmarks.md, "Where the CPU goes").
//!
//! The first request of a client goes the SDK's whole way, and what it was made with is kept. What
//! is not plain goes that way always: directory buckets, addresses that ask for another signature,
//! and for a while everything after an answer that blames the clock, for which the SDK makes up.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::endpoint::Params;
use aws_sdk_s3::error::SdkError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::{AuthScheme, AuthSchemeEndpointConfig, AuthSchemeId};
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::endpoint::{EndpointResolverParams, ResolveEndpoint};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::identity::{IdentityCacheLocation, ResolveCachedIdentity, ResolveIdentity};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, Error, Input, Output,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer, Layer};
use aws_smithy_types::endpoint::EndpointAuthScheme;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::super::wire::{code_in, kind_of};
use super::super::{S3ErrorKind, foreign, region};
use super::Meter;

/// How long a clock that is wrong keeps requests from going directly.
const A_WHILE: Duration = Duration::from_secs(600);

/// The signature that S3 asks for.
const SCHEME: AuthSchemeId = AuthSchemeId::new("sigv4");

/// What the requests of one client are made with, once one has been made.
#[derive(Debug)]
pub(crate) struct Direct {
    parts: OnceLock<Parts>,
    /// Since when all go the SDK's way for a while.
    off: Mutex<Option<Instant>>,
    meter: Meter,
}

#[derive(Debug)]
pub(super) struct Parts {
    components: RuntimeComponents,
    params: Params,
    connector: SharedHttpConnector,
    /// How long credentials may take, and how often they are asked for.
    patience: FrozenLayer,
    /// Who speaks, in the words of the SDK.
    agent: Vec<(&'static str, String)>,
}

impl Direct {
    pub(super) fn new(meter: Meter) -> Self {
        Self { parts: OnceLock::new(), off: Mutex::default(), meter }
    }

    /// The parts, where requests may be made with them.
    pub(super) fn parts(&self) -> Option<&Parts> {
        let off = *self.off.lock().expect("no holder of the lock panics");
        self.parts.get().filter(|_| off.is_none_or(|since| since.elapsed() > A_WHILE))
    }

    pub(super) async fn get(
        &self,
        parts: &Parts,
        operation: &str,
        layer: &FrozenLayer,
        bucket: &str,
        input: Input,
    ) -> Result<Output, Failure> {
        let mut cfg = ConfigBag::base();
        cfg.push_shared_layer(parts.patience.clone()).push_shared_layer(layer.clone());
        let mut request = parts.request(&mut cfg, bucket, input).await?;
        let connection = CaptureSmithyConnection::new();
        request.add_extension(connection.clone());
        let begun = Instant::now();
        let answer = parts.connector.call(request).await;
        let (response, read) = match answer {
            Ok(mut response) => {
                let read = read_body(&mut response).await;
                (Ok(response), read)
            }
            Err(error) => (Err(error), Ok(())),
        };
        self.meter.count(operation, response.as_ref().ok(), begun);
        let broken = match &response {
            Ok(response) => read.is_err() || is_broken(response),
            Err(_) => true,
        };
        // As the SDK has it: what comes next is asked on another connection.
        if let Some(connection) = connection.get().filter(|_| broken) {
            connection.poison();
        }
        let response = response.map_err(|error| Failure::of(SdkError::dispatch_failure(error)))?;
        if let Err(error) = read {
            return Err(Failure::of(SdkError::response_error(error, response)));
        }
        region::tell(&response);
        self.judge(operation, &cfg, response)
    }

    fn judge(&self, operation: &str, cfg: &ConfigBag, response: HttpResponse) -> Result<Output, Failure> {
        let status = response.status();
        if !status.is_success() && code_in(response.body().bytes()) == "RequestTimeTooSkewed" {
            let before = self.off.lock().expect("no holder of the lock panics").replace(Instant::now());
            if before.is_none_or(|since| since.elapsed() > A_WHILE) {
                tracing::warn!(
                    "the clock of this machine is wrong, says S3; requests are signed with S3's time for now"
                );
            }
            return Err(Failure::Whole);
        }
        let parser = cfg.load::<SharedResponseDeserializer>().expect("every operation has a parser");
        let parsed = parser.deserialize_nonstreaming_with_config(&response, cfg);
        if let Err(error) = foreign::look(operation, &response) {
            return Err(Failure::of(SdkError::response_error(error, response)));
        }
        parsed.map_err(|error| {
            Failure::of(match split(error) {
                Ok(error) => SdkError::service_error(error, response),
                Err(error) => SdkError::response_error(error, response),
            })
        })
    }
}

/// Whether the store behind the connection is broken, and not only busy.
fn is_broken(response: &HttpResponse) -> bool {
    let status = response.status().as_u16();
    matches!(status, 500 | 502 | 503 | 504) && kind_of(status, code_in(response.body().bytes())) == S3ErrorKind::Server
}

/// What the operation answered, or else what came in the way.
fn split(error: OrchestratorError<Error>) -> Result<Error, BoxError> {
    let mut answered = None;
    let rest = error.map_operation_error(|error| {
        answered = Some(error);
        Taken
    });
    answered.ok_or_else(|| rest.into())
}

#[derive(Debug, thiserror::Error)]
#[error("taken out")]
struct Taken;

async fn read_body(response: &mut HttpResponse) -> Result<(), BoxError> {
    let body = std::mem::replace(response.body_mut(), SdkBody::taken());
    let bytes = ByteStream::new(body).collect().await?.into_bytes();
    *response.body_mut() = SdkBody::from(bytes);
    Ok(())
}

impl Parts {
    /// The signed request.
    async fn request(&self, cfg: &mut ConfigBag, bucket: &str, input: Input) -> Result<HttpRequest, Failure> {
        let cannot = |error: BoxError| Failure::of(SdkError::dispatch_failure(ConnectorError::other(error, None)));
        let serializer = cfg.load::<SharedRequestSerializer>().expect("every operation has a serializer").clone();
        let request = serializer.serialize_input(input, cfg);
        let mut request = request.map_err(|error| Failure::of(SdkError::construction_failure(error)))?;
        // Only `send` goes by the guard.
        if request.method() != "GET" {
            return Err(Failure::Whole);
        }
        let resolver = self.components.endpoint_resolver();
        let params = EndpointResolverParams::new(self.params_of(bucket).map_err(cannot)?);
        let endpoint = resolver.resolve_endpoint(&params).await.map_err(cannot)?;
        let own;
        let scheme = match endpoint.auth_schemes() {
            [] if endpoint.properties().is_empty() => {
                own = self.own_scheme();
                &own
            }
            schemes => schemes.iter().find(|it| it.name() == SCHEME.inner()).ok_or(Failure::Whole)?,
        };
        if endpoint.headers().next().is_some() {
            return Err(Failure::Whole);
        }
        request.uri_mut().set_endpoint(endpoint.url()).map_err(|error| cannot(error.into()))?;
        for (name, value) in &self.agent {
            request.headers_mut().insert(*name, value.clone());
        }
        let auth = self.components.auth_scheme(&SCHEME).ok_or(Failure::Whole)?;
        let identities = auth.identity_resolver(&self.components).ok_or(Failure::Whole)?;
        if identities.cache_location() != IdentityCacheLocation::RuntimeComponents {
            return Err(Failure::Whole);
        }
        let cache = self.components.identity_cache();
        let identity = cache.resolve_cached_identity(identities, &self.components, cfg).await.map_err(cannot)?;
        let scheme = AuthSchemeEndpointConfig::from_typed(scheme);
        auth.signer().sign_http_request(&mut request, &identity, scheme, &self.components, cfg).map_err(cannot)?;
        Ok(request)
    }

    /// As the SDK makes them for a request about a bucket.
    fn params_of(&self, bucket: &str) -> Result<Params, BoxError> {
        let known = &self.params;
        Ok(Params::builder()
            .set_region(known.region().map(str::to_owned))
            .set_use_fips(known.use_fips())
            .set_use_dual_stack(known.use_dual_stack())
            .set_endpoint(known.endpoint().map(str::to_owned))
            .set_force_path_style(known.force_path_style())
            .set_accelerate(known.accelerate())
            .set_use_global_endpoint(known.use_global_endpoint())
            .set_use_arn_region(known.use_arn_region())
            .set_disable_multi_region_access_points(known.disable_multi_region_access_points())
            .set_disable_s3_express_session_auth(known.disable_s3_express_session_auth())
            .set_use_s3_express_control_endpoint(Some(true))
            .set_bucket(Some(bucket.to_owned()))
            .build()?)
    }

    /// What an address of one's own says nothing of.
    fn own_scheme(&self) -> EndpointAuthScheme {
        EndpointAuthScheme::with_capacity("sigv4", 3)
            .put("disableDoubleEncoding", true)
            .put("signingName", "s3".to_owned())
            .put("signingRegion", self.params.region().unwrap_or("us-east-1").to_owned())
    }
}

/// Why there is no answer.
pub(super) enum Failure {
    /// It cannot be asked so.
    Whole,
    Sdk(Box<SdkError<Error, HttpResponse>>),
}

impl Failure {
    fn of(error: SdkError<Error, HttpResponse>) -> Self {
        Self::Sdk(Box::new(error))
    }
}

/// Keeps what a request was made with. Stands in every client.
#[derive(Debug)]
pub(super) struct Keeper(pub(super) Arc<Direct>);

impl Intercept for Keeper {
    fn name(&self) -> &'static str {
        "Keeper"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.0.parts.get().is_some() {
            return Ok(());
        }
        let params = cfg.load::<EndpointResolverParams>().and_then(|it| it.get::<Params>());
        let (Some(params), Some(http)) = (params, components.http_client()) else { return Ok(()) };
        let timeouts = cfg.load::<TimeoutConfig>();
        let mut settings = HttpConnectorSettings::builder();
        settings.set_connect_timeout(timeouts.and_then(TimeoutConfig::connect_timeout));
        settings.set_read_timeout(timeouts.and_then(TimeoutConfig::read_timeout));
        let mut patience = Layer::new("patience");
        patience.store_or_unset(timeouts.cloned()).store_or_unset(cfg.load::<RetryConfig>().cloned());
        let said = |name: &'static str| Some((name, context.request().headers().get(name)?.to_owned()));
        let parts = Parts {
            connector: http.http_connector(&settings.build(), components),
            components: components.clone(),
            params: params.clone(),
            patience: patience.freeze(),
            agent: ["user-agent", "x-amz-user-agent"].into_iter().filter_map(said).collect(),
        };
        // Another request may have been quicker, with the same.
        let _ = self.0.parts.set(parts);
        Ok(())
    }
}

#[cfg(test)]
#[path = "direct_tests.rs"]
mod tests;
