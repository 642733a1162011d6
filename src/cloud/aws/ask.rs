//! The reads of the settings, as the SDK's builders describe them: made with what is there already
//! ([`Direct`](super::Direct)), or else sent by the SDK.

use std::sync::OnceLock;

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::{
    get_bucket_abac, get_bucket_accelerate_configuration, get_bucket_acl, get_bucket_cors, get_bucket_encryption,
    get_bucket_lifecycle_configuration, get_bucket_logging, get_bucket_metadata_configuration,
    get_bucket_notification_configuration, get_bucket_ownership_controls, get_bucket_policy, get_bucket_replication,
    get_bucket_request_payment, get_bucket_tagging, get_bucket_versioning, get_bucket_website,
    get_object_lock_configuration, get_public_access_block,
};
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_types::config_bag::FrozenLayer;

use super::direct::Failure;
use crate::cloud::wire::S3;

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
