//! S3 Control over HTTP: the API for the settings of accounts, and for the tags of directory buckets
//! and of buckets that decide access by attributes.
//!
//! It is asked on AWS, and where the configuration names its address. Never otherwise: a store that
//! has none takes the first part of its paths for the name of a bucket.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, SharedInterceptor};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::delete::ControlGuard;
use super::foreign::Onlooker;
use super::wire::fault;
use super::{BoxFuture, S3Error, S3ErrorKind};
use crate::bucket::{AccountId, Region, is_of_aws};
use crate::doc::Doc;

/// S3 Control, in the hands of a setting.
pub struct Control {
    /// The shared client of the account and region.
    pub client: aws_sdk_s3control::Client,
    /// The account that every request names.
    pub account: AccountId,
    /// Where the bucket is, for its ARN.
    region: Region,
    /// The bucket, or the account's name, for messages.
    object: String,
}

impl Control {
    pub(super) fn new(
        client: aws_sdk_s3control::Client,
        account: AccountId,
        region: &Region,
        object: impl Into<String>,
    ) -> Self {
        Self { client, account, region: region.clone(), object: object.into() }
    }

    /// The ARN of a general purpose bucket.
    pub fn bucket_arn(&self, bucket: &str) -> String {
        format!("arn:{}:s3:::{bucket}", self.region.partition())
    }

    /// The ARN of a directory bucket, which names region and account (Service Authorization
    /// Reference, "Amazon S3 Express"). The SDK asks for such a one at
    /// `s3express-control.REGION.amazonaws.com`.
    pub fn directory_arn(&self, bucket: &str) -> String {
        let (region, account) = (&self.region, &self.account);
        format!("arn:{}:s3express:{region}:{account}:bucket/{bucket}", region.partition())
    }

    /// Names the operation and the IAM action that it needs.
    ///
    /// # Errors
    /// The failure as plain data.
    pub fn or_fault<T, E>(
        &self,
        answer: Result<T, SdkError<E, HttpResponse>>,
        operation: &str,
        action: &str,
    ) -> Result<T, S3Error>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        answer.map_err(|error| {
            let error = fault(&error, &self.object, operation, action);
            match error.kind {
                // The path was taken for a bucket, or for an object in one: this is no S3 Control.
                S3ErrorKind::NoSuchBucket | S3ErrorKind::Other if error.status == 404 => {
                    S3Error { kind: S3ErrorKind::Unsupported, ..error }
                }
                _ => error,
            }
        })
    }

    /// The same, but one of these error codes means that nothing is configured.
    ///
    /// # Errors
    /// The failure as plain data.
    pub fn or_none<T, E>(
        &self,
        answer: Result<T, SdkError<E, HttpResponse>>,
        operation: &str,
        action: &str,
        none: &[&str],
    ) -> Result<Option<T>, S3Error>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match self.or_fault(answer, operation, action) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if none.contains(&error.code.as_str()) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The wire half of an account's setting.
pub(crate) trait AccountWire: Send + Sync {
    /// The elements of S3's answer that this version carries over in a write.
    fn elements(&self) -> &'static [&'static str];
    /// Asks for the setting, in canonical form; nothing configured is the default.
    fn read<'a>(&'a self, control: &'a Control) -> BoxFuture<'a, Result<Doc, S3Error>>;
    /// Replaces the setting.
    fn write<'a>(&'a self, control: &'a Control, to: &'a Doc) -> BoxFuture<'a, Result<(), S3Error>>;
}

/// Where the S3 Control of an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Where AWS has it.
    Aws,
    /// Where the configuration says.
    Own(String),
    /// Nowhere that we know of: the account's S3 has an address of its own, which is S3's alone.
    Nowhere,
}

impl Place {
    /// From the address that the configuration names for S3 Control, and the one that S3 has, which
    /// may also come from the environment.
    pub(super) fn of(own: Option<&str>, s3: Option<&str>) -> Self {
        match (own, s3) {
            (Some(own), _) => Self::Own(own.to_owned()),
            (None, None) => Self::Aws,
            (None, Some(_)) => Self::Nowhere,
        }
    }

    /// Whether the account's number stands in the host name, as on AWS. Elsewhere the address is
    /// used as it was written: it may be a number itself, or have no names below it.
    fn has_account_in_host(&self) -> bool {
        match self {
            Self::Own(url) => is_of_aws(url),
            _ => true,
        }
    }
}

/// Why there is none.
pub(super) fn nowhere(operation: &str, object: &str) -> S3Error {
    refused(
        operation,
        object,
        S3ErrorKind::Unsupported,
        "`s3ControlEndpoint` of the account is not configured, and its store is not AWS",
    )
}

/// Why it cannot be asked.
pub(super) fn nameless(operation: &str, object: &str) -> S3Error {
    refused(
        operation,
        object,
        S3ErrorKind::Other,
        "the account's number is not known; write its `id` into the configuration",
    )
}

fn refused(operation: &str, object: &str, kind: S3ErrorKind, said: &str) -> S3Error {
    S3Error {
        operation: operation.to_owned(),
        object: object.to_owned(),
        kind,
        code: String::new(),
        status: 0,
        request_id: None,
        message: said.to_owned(),
        action: None,
    }
}

/// A client of S3 Control, with the guard in it.
pub(super) fn client(
    shared: &aws_config::SdkConfig,
    region: &Region,
    place: &Place,
    account: &AccountId,
    meter: impl Intercept + 'static,
) -> aws_sdk_s3control::Client {
    let in_host = place.has_account_in_host();
    let mut config =
        aws_sdk_s3control::config::Builder::from(shared).region(aws_config::Region::new(region.to_string()));
    config
        .push_interceptor(SharedInterceptor::permanent(ControlGuard { account: account.clone(), in_host }))
        .push_interceptor(SharedInterceptor::permanent(Onlooker))
        .push_interceptor(SharedInterceptor::permanent(meter));
    if let Place::Own(url) = place {
        config = config.endpoint_url(url);
    }
    if !in_host {
        config.push_interceptor(SharedInterceptor::permanent(AsWritten { account: account.clone() }));
    }
    aws_sdk_s3control::Client::from_conf(config.build())
}

/// Takes the account's number out of the host, where the SDK puts it.
#[derive(Debug)]
struct AsWritten {
    account: AccountId,
}

impl Intercept for AsWritten {
    fn name(&self) -> &'static str {
        "AsWritten"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let uri = context.request().uri();
        let Some((scheme, rest)) = uri.split_once("://") else { return Ok(()) };
        let Some(rest) = rest.strip_prefix(self.account.as_str()).and_then(|rest| rest.strip_prefix('.')) else {
            return Ok(());
        };
        let written = format!("{scheme}://{rest}");
        context.request_mut().set_uri(written)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;

    use super::*;

    #[test]
    fn a_store_with_an_address_of_its_own_is_asked_only_where_the_configuration_says() {
        assert_eq!(Place::of(None, None), Place::Aws);
        assert_eq!(Place::of(None, Some("http://rgw:7480")), Place::Nowhere);
        let own = Place::of(Some("http://127.0.0.1:4566"), Some("http://127.0.0.1:4566"));
        assert_eq!(own, Place::Own("http://127.0.0.1:4566".to_owned()));
        assert!(!own.has_account_in_host());
        let vpc = Place::of(Some("https://control.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com"), None);
        assert!(vpc.has_account_in_host() && Place::Aws.has_account_in_host());
    }

    /// Ends every request where it would leave, with its address.
    #[derive(Debug)]
    struct Stop;

    impl Intercept for Stop {
        fn name(&self) -> &'static str {
            "Stop"
        }

        fn read_before_transmit(
            &self,
            context: &BeforeTransmitInterceptorContextRef<'_>,
            _: &RuntimeComponents,
            _: &mut ConfigBag,
        ) -> Result<(), BoxError> {
            Err(format!("sent to {}", context.request().uri()).into())
        }
    }

    #[tokio::test]
    async fn the_number_of_the_account_stands_in_the_host_on_aws_and_nowhere_else() {
        let keys = aws_credential_types::Credentials::new("key", "secret", None, None, "test");
        let aws = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(keys))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        // Where S3 is says nothing of S3 Control.
        let shared = aws.to_builder().endpoint_url("http://127.0.0.1:1").build();
        let account = AccountId::parse("111111111111").expect("twelve digits");
        let region = Region::us_east_1();
        for (place, host) in [
            (
                Place::Own("https://control.vpce-1a.s3.us-east-1.vpce.amazonaws.com".to_owned()),
                "https://111111111111.control.vpce-1a.s3.us-east-1.vpce.amazonaws.com",
            ),
            (Place::Own("http://127.0.0.1:4566".to_owned()), "http://127.0.0.1:4566"),
            (Place::Own("http://s3.example.com/".to_owned()), "http://s3.example.com"),
        ] {
            let asking =
                client(&shared, &region, &place, &account, Stop).get_public_access_block().account_id("111111111111");
            let error = format!("{:?}", asking.send().await.expect_err("stopped"));
            let expected = format!("sent to {host}/v20180820/configuration/publicAccessBlock\"");
            assert!(error.contains(&expected), "{error}");
        }
        for (region, host) in [
            ("us-east-1", "https://111111111111.s3-control.us-east-1.amazonaws.com"),
            ("cn-north-1", "https://111111111111.s3-control.cn-north-1.amazonaws.com.cn"),
        ] {
            let region = Region::parse(region).expect("legal");
            let client = client(&aws, &region, &Place::Aws, &account, Stop);
            let asking = client.list_tags_for_resource().account_id("111111111111").resource_arn("arn:aws:s3:::data");
            let error = format!("{:?}", asking.send().await.expect_err("stopped"));
            let expected = format!("sent to {host}/v20180820/tags/arn%3Aaws%3As3%3A%3A%3Adata\"");
            assert!(error.contains(&expected), "{error}");
        }
    }

    #[tokio::test]
    async fn the_tags_of_a_directory_bucket_are_asked_for_where_directory_buckets_are_configured() {
        let keys = aws_credential_types::Credentials::new("key", "secret", None, None, "test");
        let aws = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(keys))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let account = AccountId::parse("111111111111").expect("twelve digits");
        let region = Region::parse("us-west-2").expect("legal");
        let own = |url: &str| Place::Own(url.to_owned());
        for (place, said) in [
            (Place::Aws, "sent to https://s3express-control.us-west-2.amazonaws.com"),
            (own("http://127.0.0.1:4566"), "sent to http://127.0.0.1:4566"),
            // An endpoint of S3 Control in one's own network is not one of directory buckets.
            (
                own("https://control.vpce-1a.s3.us-west-2.vpce.amazonaws.com"),
                "nothing allows this request to S3 Control",
            ),
        ] {
            let client = client(&aws, &region, &place, &account, Stop);
            let control = Control::new(client, account.clone(), &region, "ai--usw2-az1--x-s3");
            let arn = control.directory_arn("ai--usw2-az1--x-s3");
            assert_eq!(arn, "arn:aws:s3express:us-west-2:111111111111:bucket/ai--usw2-az1--x-s3");
            let asking = control.client.list_tags_for_resource().account_id("111111111111").resource_arn(arn);
            let error = format!("{:?}", asking.send().await.expect_err("stopped"));
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn where_there_is_none_it_is_said_how_to_name_one() {
        let error = nowhere("GetPublicAccessBlock", "@account");
        assert_eq!(
            error.to_string(),
            "GetPublicAccessBlock on `@account` failed: not supported by this store: `s3ControlEndpoint` of the \
             account is not configured, and its store is not AWS"
        );
    }
}
