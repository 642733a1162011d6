//! How inventories travel to S3 and back.

use aws_sdk_s3::types::{
    InventoryConfiguration, InventoryDestination, InventoryEncryption, InventoryFilter, InventoryS3BucketDestination,
    InventorySchedule, Ssekms, Sses3,
};
use aws_smithy_types::error::operation::BuildError;

use super::{Configuration, Destination, Encryption, EncryptionType, Filter, Inventory, Value};
use crate::settings::keyed::wire::keyed_set;

keyed_set! {
    Inventory as "Inventory":
    list list_bucket_inventory_configurations to inventory_configuration_list,
    get get_bucket_inventory_configuration,
    put put_bucket_inventory_configuration with inventory_configuration,
    delete delete_bucket_inventory_configuration;
    &[
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
]
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
