//! Reads of one bucket without the SDK's orchestration, which is most of what a read costs: with its
//! serializers, rules for addresses, credentials, signer, connections and parsers, but put together
//! once for each client and not for each request (docs/benchmarks.md, "Where the CPU goes").
//!
//! The first request of a client goes the SDK's whole way, and what it was made with is kept. What
//! is not plain goes that way always: directory buckets, addresses that ask for another signature,
//! and everything after an answer that may blame the clock, for which the SDK makes up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use aws_sdk_s3::config::endpoint::Params;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::{
    get_bucket_abac, get_bucket_accelerate_configuration, get_bucket_acl, get_bucket_cors, get_bucket_encryption,
    get_bucket_lifecycle_configuration, get_bucket_logging, get_bucket_metadata_configuration,
    get_bucket_notification_configuration, get_bucket_ownership_controls, get_bucket_policy, get_bucket_replication,
    get_bucket_request_payment, get_bucket_tagging, get_bucket_versioning, get_bucket_website,
    get_object_lock_configuration, get_public_access_block,
};
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
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer};
use aws_smithy_types::endpoint::EndpointAuthScheme;
use aws_smithy_types::timeout::TimeoutConfig;

use super::super::wire::{S3, code_in};
use super::super::{foreign, region};
use super::Meter;

/// The signature that S3 asks for.
const SCHEME: AuthSchemeId = AuthSchemeId::new("sigv4");

/// What the requests of one client are made with, once one has been made.
#[derive(Debug)]
pub(crate) struct Direct {
    parts: OnceLock<Parts>,
    off: AtomicBool,
    meter: Meter,
}

#[derive(Debug)]
struct Parts {
    components: RuntimeComponents,
    params: Params,
    connector: SharedHttpConnector,
    /// Who speaks, in the words of the SDK.
    agent: Vec<(&'static str, String)>,
}

impl Direct {
    pub(super) fn new(meter: Meter) -> Self {
        Self { parts: OnceLock::new(), off: AtomicBool::new(false), meter }
    }

    /// The parts, where requests may be made with them.
    fn parts(&self) -> Option<&Parts> {
        self.parts.get().filter(|_| !self.off.load(Ordering::Relaxed))
    }

    async fn get(
        &self,
        parts: &Parts,
        operation: &str,
        layer: &FrozenLayer,
        bucket: &str,
        input: Input,
    ) -> Result<Output, Failure> {
        let mut cfg = ConfigBag::base();
        cfg.push_shared_layer(layer.clone());
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
            Ok(response) => read.is_err() || response.status().is_server_error(),
            Err(_) => true,
        };
        // As the SDK has it: what comes next is asked of another connection.
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
        if !status.is_success() && blames_the_clock(&response) {
            self.off.store(true, Ordering::Relaxed);
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

/// Whether it may be the clock that is at fault, in the store's eyes.
fn blames_the_clock(response: &HttpResponse) -> bool {
    matches!(code_in(response.body().bytes()), "RequestTimeTooSkewed" | "SignatureDoesNotMatch")
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
        let cannot = |error: BoxError| Failure::of(SdkError::construction_failure(error));
        let serializer = cfg.load::<SharedRequestSerializer>().expect("every operation has a serializer").clone();
        let mut request = serializer.serialize_input(input, cfg).map_err(cannot)?;
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
enum Failure {
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
        let said = |name: &'static str| Some((name, context.request().headers().get(name)?.to_owned()));
        let parts = Parts {
            connector: http.http_connector(&settings.build(), components),
            components: components.clone(),
            params: params.clone(),
            agent: ["user-agent", "x-amz-user-agent"].into_iter().filter_map(said).collect(),
        };
        // Another request may have been quicker, with the same.
        let _ = self.0.parts.set(parts);
        Ok(())
    }
}

/// A read of a bucket's setting, made with what is there already.
pub trait Ask {
    /// What S3 answers.
    type Output;
    /// What S3 answers when it does not.
    type Error;

    /// As the builder's `send`.
    ///
    /// # Errors
    /// As the builder's `send`.
    fn ask(self, s3: &S3<'_>)
    -> impl Future<Output = Result<Self::Output, SdkError<Self::Error, HttpResponse>>> + Send;
}

macro_rules! ask {
    ($($operation:ident: $Operation:ident, $Builder:ident, $Output:ident, $Error:ident;)*) => {$(
        impl Ask for $operation::builders::$Builder {
            type Output = $operation::$Output;
            type Error = $operation::$Error;

            async fn ask(self, s3: &S3<'_>) -> Result<Self::Output, SdkError<Self::Error, HttpResponse>> {
                static LAYER: OnceLock<FrozenLayer> = OnceLock::new();
                let direct = s3.direct.filter(|_| !s3.directory);
                let Some((direct, parts)) = direct.and_then(|it| Some((it, it.parts()?))) else {
                    return self.send().await;
                };
                let layer = LAYER.get_or_init(|| {
                    $operation::$Operation::new().config().expect("every operation has a configuration")
                });
                let input = self.as_input().clone().build().map_err(SdkError::construction_failure)?;
                let got = direct.get(parts, stringify!($Operation), layer, s3.bucket, Input::erase(input)).await;
                match got {
                    Ok(output) => Ok(output.downcast().expect("the parser is this operation's")),
                    Err(Failure::Whole) => self.send().await,
                    Err(Failure::Sdk(error)) => {
                        Err(error.map_service_error(|it| it.downcast().expect("the parser is this operation's")))
                    }
                }
            }
        }
    )*};
}

ask! {
    get_bucket_abac: GetBucketAbac, GetBucketAbacFluentBuilder, GetBucketAbacOutput, GetBucketAbacError;
    get_bucket_accelerate_configuration: GetBucketAccelerateConfiguration, GetBucketAccelerateConfigurationFluentBuilder, GetBucketAccelerateConfigurationOutput, GetBucketAccelerateConfigurationError;
    get_bucket_acl: GetBucketAcl, GetBucketAclFluentBuilder, GetBucketAclOutput, GetBucketAclError;
    get_bucket_cors: GetBucketCors, GetBucketCorsFluentBuilder, GetBucketCorsOutput, GetBucketCorsError;
    get_bucket_encryption: GetBucketEncryption, GetBucketEncryptionFluentBuilder, GetBucketEncryptionOutput, GetBucketEncryptionError;
    get_bucket_lifecycle_configuration: GetBucketLifecycleConfiguration, GetBucketLifecycleConfigurationFluentBuilder, GetBucketLifecycleConfigurationOutput, GetBucketLifecycleConfigurationError;
    get_bucket_logging: GetBucketLogging, GetBucketLoggingFluentBuilder, GetBucketLoggingOutput, GetBucketLoggingError;
    get_bucket_metadata_configuration: GetBucketMetadataConfiguration, GetBucketMetadataConfigurationFluentBuilder, GetBucketMetadataConfigurationOutput, GetBucketMetadataConfigurationError;
    get_bucket_notification_configuration: GetBucketNotificationConfiguration, GetBucketNotificationConfigurationFluentBuilder, GetBucketNotificationConfigurationOutput, GetBucketNotificationConfigurationError;
    get_bucket_ownership_controls: GetBucketOwnershipControls, GetBucketOwnershipControlsFluentBuilder, GetBucketOwnershipControlsOutput, GetBucketOwnershipControlsError;
    get_bucket_policy: GetBucketPolicy, GetBucketPolicyFluentBuilder, GetBucketPolicyOutput, GetBucketPolicyError;
    get_bucket_replication: GetBucketReplication, GetBucketReplicationFluentBuilder, GetBucketReplicationOutput, GetBucketReplicationError;
    get_bucket_request_payment: GetBucketRequestPayment, GetBucketRequestPaymentFluentBuilder, GetBucketRequestPaymentOutput, GetBucketRequestPaymentError;
    get_bucket_tagging: GetBucketTagging, GetBucketTaggingFluentBuilder, GetBucketTaggingOutput, GetBucketTaggingError;
    get_bucket_versioning: GetBucketVersioning, GetBucketVersioningFluentBuilder, GetBucketVersioningOutput, GetBucketVersioningError;
    get_bucket_website: GetBucketWebsite, GetBucketWebsiteFluentBuilder, GetBucketWebsiteOutput, GetBucketWebsiteError;
    get_object_lock_configuration: GetObjectLockConfiguration, GetObjectLockConfigurationFluentBuilder, GetObjectLockConfigurationOutput, GetObjectLockConfigurationError;
    get_public_access_block: GetPublicAccessBlock, GetPublicAccessBlockFluentBuilder, GetPublicAccessBlockOutput, GetPublicAccessBlockError;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::{Duration, SystemTime};

    use aws_credential_types::Credentials;
    use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

    use super::super::wired::{Asked, Network, cloud, signed_by, target};
    use crate::cloud::{Cloud, S3ErrorKind};
    use crate::settings::SETTINGS;

    const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    const OWN: &str = "http://127.0.0.1:9000";

    fn refused() -> Network {
        Network::that_answers(403, DENIED)
    }

    /// What a store goes by: not the time, and not how often the SDK has tried.
    fn sense(mut asked: Asked) -> Asked {
        for name in ["amz-sdk-invocation-id", "amz-sdk-request", "x-amz-date"] {
            asked.headers.remove(name);
        }
        let scope = asked.headers.remove("authorization").expect("it is signed");
        let scope = scope.split(", ").next().expect("the credential comes first").to_owned();
        // The day may end between two requests.
        let scope = scope.split('/').enumerate().filter(|(at, _)| *at != 1).map(|(_, part)| part);
        asked.headers.insert("scope".to_owned(), scope.collect::<Vec<_>>().join("/"));
        asked
    }

    /// A read that is asked for otherwise than the SDK asks would be another read.
    #[tokio::test]
    async fn what_is_asked_directly_is_what_the_sdk_asks() {
        for endpoint in [None, Some(OWN), Some("https://bucket.vpce-1a.s3.us-east-1.vpce.amazonaws.com")] {
            let network = refused();
            let warm = cloud(endpoint, &network);
            let _ = warm.list(&target("data").id.account).await;
            assert!(network.asked().iter().all(Asked::whole));
            for setting in SETTINGS {
                for name in ["data", "data.of.models"] {
                    let said = format!("{} of {name} at {endpoint:?}", setting.name());
                    let failed = warm.read(&target(name), setting.name()).await.expect_err(&said);
                    let direct = network.asked();
                    let cold = cloud(endpoint, &network);
                    let whole = cold.read(&target(name), setting.name()).await.expect_err(&said);
                    assert_eq!(failed, whole, "{said}");
                    let asked = network.asked();
                    // The keyed sets are few, and lists.
                    let keyed = ["analytics", "inventory", "metrics", "intelligentTiering"].contains(&setting.name());
                    assert!(direct.iter().all(|it| it.whole() == keyed), "{said}: {direct:?}");
                    assert!(asked[0].whole(), "{said}");
                    let sense = |asked: Vec<Asked>| asked.into_iter().map(sense).collect::<Vec<_>>();
                    let (direct, mut whole) = (sense(direct), sense(asked));
                    for asked in &mut whole {
                        // The SDK counts there what the request uses of it.
                        let agent = direct[0].headers["user-agent"].clone();
                        asked.headers.insert("user-agent".to_owned(), agent);
                        let agent = direct[0].headers["x-amz-user-agent"].clone();
                        asked.headers.insert("x-amz-user-agent".to_owned(), agent);
                    }
                    assert_eq!(direct, whole, "{said}");
                }
            }
        }
    }

    #[tokio::test]
    async fn every_header_that_matters_is_signed() {
        let network = refused();
        let cloud = cloud(None, &network);
        for _ in 0..2 {
            cloud.read(&target("data"), "versioning").await.expect_err("denied");
        }
        let signed = network.asked()[1].headers["authorization"].clone();
        let signed = signed.split("SignedHeaders=").nth(1).and_then(|it| it.split(',').next()).expect("they are named");
        let signed: Vec<&str> = signed.split(';').collect();
        for name in
            ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-expected-bucket-owner", "x-amz-security-token"]
        {
            assert!(signed.contains(&name), "{name}: {signed:?}");
        }
    }

    #[tokio::test]
    async fn directory_buckets_go_the_whole_way() {
        let network = refused();
        let cloud = cloud(None, &network);
        for _ in 0..3 {
            cloud.read(&target("data--use1-az4--x-s3"), "encryption").await.expect_err("denied");
        }
        assert!(network.asked().iter().all(Asked::whole));
    }

    /// The SDK makes up for a clock that goes wrong, and for that it has to see the answers.
    #[tokio::test]
    async fn after_an_answer_that_blames_the_clock_all_go_the_whole_way() {
        let network = refused();
        let cloud = cloud(None, &network);
        for _ in 0..2 {
            cloud.read(&target("data"), "versioning").await.expect_err("denied");
        }
        assert_eq!(network.asked().iter().map(Asked::whole).collect::<Vec<_>>(), [true, false]);
        network.now_answers(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>");
        let error = cloud.read(&target("data"), "versioning").await.expect_err("the clock");
        assert_eq!(error.kind, S3ErrorKind::Credentials);
        assert!(!network.asked()[0].whole());
        network.now_answers(403, DENIED);
        for setting in ["versioning", "tags"] {
            cloud.read(&target("data"), setting).await.expect_err("denied");
        }
        assert!(network.asked().iter().all(Asked::whole));
    }

    /// Keys that are good for an hour, or were so until a while ago.
    #[derive(Debug)]
    struct Keys {
        given: AtomicUsize,
        lasting: bool,
    }

    impl ProvideCredentials for Keys {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let n = self.given.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let hour = Duration::from_secs(3600);
            let now = SystemTime::now();
            let until = if self.lasting { now + hour } else { now };
            future::ProvideCredentials::ready(Ok(Credentials::new(format!("KEY{n}"), "s", None, Some(until), "test")))
        }
    }

    async fn keys_of_three_reads(lasting: bool) -> Vec<String> {
        let network = refused();
        let keys = SharedCredentialsProvider::new(Keys { given: AtomicUsize::new(0), lasting });
        let cloud = signed_by(keys, Some(OWN), &network);
        for _ in 0..3 {
            cloud.read(&target("data"), "versioning").await.expect_err("denied");
        }
        let key = |it: &Asked| it.headers["authorization"].split(['=', '/']).nth(1).expect("a key").to_owned();
        network.asked().iter().map(key).collect()
    }

    #[tokio::test]
    async fn credentials_are_asked_for_once_and_anew_when_their_time_is_over() {
        assert_eq!(keys_of_three_reads(true).await, ["KEY0"; 3]);
        assert_eq!(keys_of_three_reads(false).await, ["KEY0", "KEY1", "KEY2"]);
    }
}
