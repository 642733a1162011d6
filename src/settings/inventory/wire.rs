//! How inventories travel to S3 and back.

use aws_sdk_s3::types::{
    InventoryConfiguration, InventoryDestination, InventoryEncryption, InventoryFilter, InventoryS3BucketDestination,
    InventorySchedule, Ssekms, Sses3,
};
use aws_smithy_types::error::operation::BuildError;

use super::{Configuration, Destination, Encryption, EncryptionType, Filter, Inventory, Value};
use crate::cloud::delete::SubResource;
use crate::cloud::wire::{S3, Wire};
use crate::cloud::{Fault, S3Error, S3ErrorKind};
use crate::settings::keyed::wire::{self, GONE, Page, Requests};

const READ: &str = "s3:GetInventoryConfiguration";
const WRITE: &str = "s3:PutInventoryConfiguration";

impl Wire for Inventory {
    const ELEMENTS: &'static [&'static str] = &[
        "ListInventoryConfigurationsResult",
        "ContinuationToken",
        "NextContinuationToken",
        "IsTruncated",
        "InventoryConfiguration",
        "Id",
        "IsEnabled",
        "Filter",
        "Prefix",
        "Schedule",
        "Frequency",
        "IncludedObjectVersions",
        "OptionalFields",
        "Field",
        "Destination",
        "S3BucketDestination",
        "AccountId",
        "Bucket",
        "Format",
        "Encryption",
        "SSE-S3",
        "SSE-KMS",
        "KeyId",
    ];

    async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
        Ok(Value { configurations: wire::read::<Self>(s3).await? })
    }

    async fn write(s3: &S3<'_>, from: &Value, to: &Value) -> Result<(), S3Error> {
        wire::write::<Self>(s3, from.configurations.as_ref(), to.configurations.as_ref()).await
    }
}

impl Requests for Inventory {
    type Element = Configuration;
    const WHAT: SubResource = SubResource::Inventory;
    const LIST: &'static str = "ListBucketInventoryConfigurations";
    const PUT: &'static str = "PutBucketInventoryConfiguration";

    async fn page(s3: &S3<'_>, from: Option<String>) -> Result<Page<Configuration>, S3Error> {
        let answer = s3
            .client
            .list_bucket_inventory_configurations()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .set_continuation_token(from)
            .send()
            .await
            .or_fault(s3, Self::LIST, READ)?;
        let elements = answer.inventory_configuration_list.unwrap_or_default();
        Ok(Page {
            elements: elements.into_iter().map(from_sdk).collect(),
            truncated: answer.is_truncated,
            next: answer.next_continuation_token,
        })
    }

    async fn get(s3: &S3<'_>, id: &str) -> Result<(), S3Error> {
        s3.client
            .get_bucket_inventory_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(id)
            .send()
            .await
            .or_fault(s3, "GetBucketInventoryConfiguration", READ)?;
        Ok(())
    }

    async fn put(s3: &S3<'_>, element: &Configuration) -> Result<(), S3Error> {
        let configuration =
            to_sdk(element).map_err(|error| s3.misuse(Self::PUT, S3ErrorKind::Invalid, &error.to_string()))?;
        s3.client
            .put_bucket_inventory_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(&element.id)
            .inventory_configuration(configuration)
            .send()
            .await
            .or_fault(s3, Self::PUT, WRITE)?;
        Ok(())
    }

    async fn delete(s3: &S3<'_>, id: &str) -> Result<(), S3Error> {
        s3.client
            .delete_bucket_inventory_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(id)
            .customize()
            .interceptor(s3.may_delete_one(Self::WHAT, id)?)
            .send()
            .await
            .or_none(s3, "DeleteBucketInventoryConfiguration", WRITE, GONE)?;
        Ok(())
    }
}

pub(super) fn to_sdk(it: &Configuration) -> Result<InventoryConfiguration, BuildError> {
    let schedule = it.schedule.as_ref().map(|it| InventorySchedule::builder().frequency(it.as_str().into()).build());
    let filter = it.filter.as_ref().and_then(|filter| filter.prefix.as_ref());
    let destination = it.destination.as_ref().map(destination_to_sdk).transpose()?;
    let destination = destination.ok_or_else(|| BuildError::missing_field("destination", "a list goes somewhere"))?;
    InventoryConfiguration::builder()
        .id(&it.id)
        .is_enabled(it.is_enabled.unwrap_or(true))
        .set_included_object_versions(it.included_object_versions.as_ref().map(|it| it.as_str().into()))
        .set_schedule(schedule.transpose()?)
        .set_filter(filter.map(|prefix| InventoryFilter::builder().prefix(prefix).build()).transpose()?)
        .set_optional_fields(
            it.optional_fields.as_ref().map(|fields| fields.iter().map(|field| field.as_str().into()).collect()),
        )
        .destination(InventoryDestination::builder().s3_bucket_destination(destination).build())
        .build()
}

fn destination_to_sdk(it: &Destination) -> Result<InventoryS3BucketDestination, BuildError> {
    let encryption = it.encryption.as_ref().map(|it| {
        let sdk = InventoryEncryption::builder();
        Ok::<_, BuildError>(match it.kind {
            EncryptionType::S3 => sdk.sses3(Sses3::builder().build()).build(),
            EncryptionType::Kms => sdk.ssekms(Ssekms::builder().set_key_id(it.key_id.clone()).build()?).build(),
        })
    });
    InventoryS3BucketDestination::builder()
        .set_bucket(it.bucket.clone())
        .set_account_id(it.account_id.clone())
        .set_format(it.format.as_ref().map(|format| format.as_str().into()))
        .set_prefix(it.prefix.clone())
        .set_encryption(encryption.transpose()?)
        .build()
}

pub(super) fn from_sdk(it: InventoryConfiguration) -> Configuration {
    Configuration {
        id: it.id,
        absent: None,
        is_enabled: Some(it.is_enabled),
        schedule: it.schedule.map(|it| it.frequency.as_str().into()),
        included_object_versions: Some(it.included_object_versions.as_str().into()),
        filter: it.filter.map(|it| Filter { prefix: Some(it.prefix) }),
        optional_fields: it.optional_fields.map(|fields| fields.iter().map(|field| field.as_str().into()).collect()),
        destination: it.destination.and_then(|it| it.s3_bucket_destination).map(|it| Destination {
            bucket: Some(it.bucket),
            account_id: it.account_id,
            format: Some(it.format.as_str().into()),
            prefix: it.prefix,
            encryption: it.encryption.and_then(|it| match (it.ssekms, it.sses3) {
                (Some(kms), _) => Some(Encryption { kind: EncryptionType::Kms, key_id: Some(kms.key_id) }),
                (None, Some(_)) => Some(Encryption { kind: EncryptionType::S3, key_id: None }),
                (None, None) => None,
            }),
        }),
    }
}
