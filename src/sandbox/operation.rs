//! The requests that the sandbox understands, by the names of the API pages.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use super::config::Word;

macro_rules! operations {
    ($($name:ident $method:ident $word:expr;)* @s3_control $($control:ident $by:ident;)*) => {
        /// A request that S3 knows, by the name of its API page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[allow(missing_docs)] // The names are those of the API reference.
        pub enum Operation {
            $($name,)*
            $($control,)*
            /// Whatever the sandbox refuses with 501 NotImplemented.
            Unknown,
        }

        impl Operation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)* $(Self::$control,)* Self::Unknown];

            /// The name of the API page.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    $(Self::$control => stringify!($control),)*
                    Self::Unknown => "Unknown",
                }
            }

            /// The operation that a method means for a sub-resource of a bucket, or for the bucket itself.
            pub(super) fn route(method: &Method, word: Option<Word>) -> Option<Self> {
                $(if *method == Method::$method && word == $word {
                    return Some(Self::$name);
                })*
                None
            }

            /// The sub-resource that it concerns.
            pub(super) fn word(self) -> Option<Word> {
                match self {
                    $(Self::$name => $word,)*
                    $(Self::$control => None,)*
                    Self::Unknown => None,
                }
            }

            /// Whether it changes something.
            pub(super) fn writes(self) -> bool {
                match self {
                    $(Self::$name => matches!(Method::$method, Method::PUT | Method::POST | Method::DELETE),)*
                    $(Self::$control => Method::$by != Method::GET,)*
                    Self::Unknown => false,
                }
            }
        }
    };
}

operations! {
    CreateBucket PUT None;
    HeadBucket HEAD None;
    DeleteBucket DELETE None;
    GetBucketLocation GET Some(Word::Location);
    GetBucketTagging GET Some(Word::Tagging);
    PutBucketTagging PUT Some(Word::Tagging);
    DeleteBucketTagging DELETE Some(Word::Tagging);
    GetBucketVersioning GET Some(Word::Versioning);
    PutBucketVersioning PUT Some(Word::Versioning);
    GetBucketEncryption GET Some(Word::Encryption);
    PutBucketEncryption PUT Some(Word::Encryption);
    DeleteBucketEncryption DELETE Some(Word::Encryption);
    GetPublicAccessBlock GET Some(Word::PublicAccessBlock);
    PutPublicAccessBlock PUT Some(Word::PublicAccessBlock);
    DeletePublicAccessBlock DELETE Some(Word::PublicAccessBlock);
    GetBucketOwnershipControls GET Some(Word::OwnershipControls);
    PutBucketOwnershipControls PUT Some(Word::OwnershipControls);
    DeleteBucketOwnershipControls DELETE Some(Word::OwnershipControls);
    GetBucketAcl GET Some(Word::Acl);
    PutBucketAcl PUT Some(Word::Acl);
    GetBucketPolicy GET Some(Word::Policy);
    PutBucketPolicy PUT Some(Word::Policy);
    DeleteBucketPolicy DELETE Some(Word::Policy);
    GetBucketPolicyStatus GET Some(Word::PolicyStatus);
    GetBucketLifecycleConfiguration GET Some(Word::Lifecycle);
    PutBucketLifecycleConfiguration PUT Some(Word::Lifecycle);
    DeleteBucketLifecycle DELETE Some(Word::Lifecycle);
    GetBucketLogging GET Some(Word::Logging);
    PutBucketLogging PUT Some(Word::Logging);
    GetBucketWebsite GET Some(Word::Website);
    PutBucketWebsite PUT Some(Word::Website);
    DeleteBucketWebsite DELETE Some(Word::Website);
    GetBucketCors GET Some(Word::Cors);
    PutBucketCors PUT Some(Word::Cors);
    DeleteBucketCors DELETE Some(Word::Cors);
    GetBucketAccelerateConfiguration GET Some(Word::Accelerate);
    PutBucketAccelerateConfiguration PUT Some(Word::Accelerate);
    GetBucketRequestPayment GET Some(Word::RequestPayment);
    PutBucketRequestPayment PUT Some(Word::RequestPayment);
    GetObjectLockConfiguration GET Some(Word::ObjectLock);
    PutObjectLockConfiguration PUT Some(Word::ObjectLock);
    ListBucketInventoryConfigurations GET Some(Word::Inventory);
    GetBucketInventoryConfiguration GET Some(Word::Inventory);
    PutBucketInventoryConfiguration PUT Some(Word::Inventory);
    DeleteBucketInventoryConfiguration DELETE Some(Word::Inventory);
    ListBucketAnalyticsConfigurations GET Some(Word::Analytics);
    GetBucketAnalyticsConfiguration GET Some(Word::Analytics);
    PutBucketAnalyticsConfiguration PUT Some(Word::Analytics);
    DeleteBucketAnalyticsConfiguration DELETE Some(Word::Analytics);
    ListBucketMetricsConfigurations GET Some(Word::Metrics);
    GetBucketMetricsConfiguration GET Some(Word::Metrics);
    PutBucketMetricsConfiguration PUT Some(Word::Metrics);
    DeleteBucketMetricsConfiguration DELETE Some(Word::Metrics);
    ListBucketIntelligentTieringConfigurations GET Some(Word::IntelligentTiering);
    GetBucketIntelligentTieringConfiguration GET Some(Word::IntelligentTiering);
    PutBucketIntelligentTieringConfiguration PUT Some(Word::IntelligentTiering);
    DeleteBucketIntelligentTieringConfiguration DELETE Some(Word::IntelligentTiering);
    GetBucketNotificationConfiguration GET Some(Word::Notification);
    PutBucketNotificationConfiguration PUT Some(Word::Notification);
    CreateBucketMetadataConfiguration POST Some(Word::MetadataConfiguration);
    GetBucketMetadataConfiguration GET Some(Word::MetadataConfiguration);
    DeleteBucketMetadataConfiguration DELETE Some(Word::MetadataConfiguration);
    UpdateBucketMetadataJournalTableConfiguration PUT Some(Word::MetadataJournalTable);
    UpdateBucketMetadataInventoryTableConfiguration PUT Some(Word::MetadataInventoryTable);
    UpdateBucketMetadataAnnotationTableConfiguration PUT Some(Word::MetadataAnnotationTable);
    GetBucketReplication GET Some(Word::Replication);
    PutBucketReplication PUT Some(Word::Replication);
    DeleteBucketReplication DELETE Some(Word::Replication);
    ListDirectoryBuckets GET None;
    GetBucketAbac GET Some(Word::Abac);
    PutBucketAbac PUT Some(Word::Abac);
    ListBuckets GET None;
    @s3_control
    GetAccountPublicAccessBlock GET;
    PutAccountPublicAccessBlock PUT;
    DeleteAccountPublicAccessBlock DELETE;
    ListTagsForResource GET;
    TagResource POST;
    UntagResource DELETE;
}
