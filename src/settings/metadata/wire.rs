//! How S3 Metadata travels to S3 and back: made once, changed table by table.

use aws_sdk_s3::types::{
    AnnotationTableConfiguration, AnnotationTableConfigurationUpdates, ErrorDetails, InventoryTableConfiguration,
    InventoryTableConfigurationUpdates, JournalTableConfiguration, JournalTableConfigurationUpdates,
    MetadataConfiguration, MetadataConfigurationResult, MetadataTableEncryptionConfiguration,
    RecordExpiration as SdkExpiration, S3TablesBucketType,
};
use aws_smithy_types::error::operation::BuildError;

use super::{Annotation, Encryption, Inventory, Journal, Metadata, RecordExpiration, State, UNSAID, Value};
use crate::cloud::delete::SubResource;
use crate::cloud::wire::{S3, Wire};
use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

impl Wire for Metadata {
    const ELEMENTS: &'static [&'static str] = &[
        "GetBucketMetadataConfigurationResult",
        "MetadataConfigurationResult",
        "DestinationResult",
        "TableBucketType",
        "TableBucketArn",
        "TableNamespace",
        "JournalTableConfigurationResult",
        "InventoryTableConfigurationResult",
        "AnnotationTableConfigurationResult",
        "ConfigurationState",
        "TableStatus",
        "TableName",
        "TableArn",
        "Error",
        "ErrorCode",
        "ErrorMessage",
        "RecordExpiration",
        "Expiration",
        "Days",
        "Role",
    ];

    async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
        let answer = s3
            .client
            .get_bucket_metadata_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .ask(s3)
            .await
            .or_none(
                s3,
                "GetBucketMetadataConfiguration",
                "s3:GetBucketMetadataTableConfiguration",
                &["MetadataConfigurationNotFound"],
            )?;
        let result = answer
            .and_then(|it| it.get_bucket_metadata_configuration_result)
            .and_then(|it| it.metadata_configuration_result);
        let Some(result) = result else { return Ok(Value::default()) };
        let kind = result.destination_result.as_ref().and_then(|it| it.table_bucket_type.as_ref());
        if let Some(other) = kind.filter(|it| !matches!(it, S3TablesBucketType::Aws | S3TablesBucketType::Customer)) {
            s3.unknown(&format!("TableBucketType {}", other.as_str()));
        }
        remarks(&result).into_iter().for_each(|said| s3.remark(said));
        Ok(from_sdk(result))
    }

    async fn write(s3: &S3<'_>, from: &Value, to: &Value) -> Result<(), S3Error> {
        if from.legacy == Some(true) {
            let said = "metadata tables of the first generation are not touched";
            return Err(s3.misuse("DeleteBucketMetadataConfiguration", S3ErrorKind::Forbidden, said));
        }
        if *to == Value::default() {
            s3.client
                .delete_bucket_metadata_configuration()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .customize()
                .interceptor(s3.may_delete(SubResource::Metadata)?)
                .send()
                .await
                .or_fault(s3, "DeleteBucketMetadataConfiguration", "s3:DeleteBucketMetadataTableConfiguration")?;
            return Ok(());
        }
        if *from == Value::default() {
            return create(s3, to).await;
        }
        let journal = to.journal_table.clone().unwrap_or_default();
        if from.journal_table.as_ref().and_then(|it| it.record_expiration.as_ref())
            != journal.record_expiration.as_ref()
        {
            update_journal(s3, &journal).await?;
        }
        if from.inventory_table.is_some() != to.inventory_table.is_some() {
            update_inventory(s3, to.inventory_table.as_ref()).await?;
        }
        let role = |value: &Value| value.annotation_table.as_ref().map(|it| it.role.clone());
        if role(from) != role(to) {
            update_annotation(s3, to.annotation_table.as_ref()).await?;
        }
        Ok(())
    }
}

async fn create(s3: &S3<'_>, to: &Value) -> Result<(), S3Error> {
    const OPERATION: &str = "CreateBucketMetadataConfiguration";
    let configuration = to_sdk(to).map_err(|error| s3.misuse(OPERATION, S3ErrorKind::Invalid, &error.to_string()))?;
    s3.client
        .create_bucket_metadata_configuration()
        .bucket(s3.bucket)
        .set_expected_bucket_owner(s3.owner())
        .metadata_configuration(configuration)
        .send()
        .await
        .or_fault(s3, OPERATION, "s3:CreateBucketMetadataTableConfiguration")?;
    Ok(())
}

async fn update_journal(s3: &S3<'_>, to: &Journal) -> Result<(), S3Error> {
    const OPERATION: &str = "UpdateBucketMetadataJournalTableConfiguration";
    let updates = expiration_to_sdk(to)
        .map(|expiration| JournalTableConfigurationUpdates::builder().record_expiration(expiration).build())
        .map_err(|error| s3.misuse(OPERATION, S3ErrorKind::Invalid, &error.to_string()))?;
    s3.client
        .update_bucket_metadata_journal_table_configuration()
        .bucket(s3.bucket)
        .set_expected_bucket_owner(s3.owner())
        .journal_table_configuration(updates)
        .send()
        .await
        .or_fault(s3, OPERATION, "s3:UpdateBucketMetadataJournalTableConfiguration")?;
    Ok(())
}

async fn update_inventory(s3: &S3<'_>, to: Option<&Inventory>) -> Result<(), S3Error> {
    const OPERATION: &str = "UpdateBucketMetadataInventoryTableConfiguration";
    let state = to.map_or(&State::Disabled, |it| &it.state);
    let encryption = encryption_to_sdk(to.and_then(|it| it.encryption.as_ref()));
    let updates = encryption
        .and_then(|encryption| {
            InventoryTableConfigurationUpdates::builder()
                .configuration_state(state.as_str().into())
                .set_encryption_configuration(encryption)
                .build()
        })
        .map_err(|error| s3.misuse(OPERATION, S3ErrorKind::Invalid, &error.to_string()))?;
    s3.client
        .update_bucket_metadata_inventory_table_configuration()
        .bucket(s3.bucket)
        .set_expected_bucket_owner(s3.owner())
        .inventory_table_configuration(updates)
        .send()
        .await
        .or_fault(s3, OPERATION, "s3:UpdateBucketMetadataInventoryTableConfiguration")?;
    Ok(())
}

async fn update_annotation(s3: &S3<'_>, to: Option<&Annotation>) -> Result<(), S3Error> {
    const OPERATION: &str = "UpdateBucketMetadataAnnotationTableConfiguration";
    let state = to.map_or(&State::Disabled, |it| &it.state);
    let encryption = encryption_to_sdk(to.and_then(|it| it.encryption.as_ref()));
    let updates = encryption
        .and_then(|encryption| {
            AnnotationTableConfigurationUpdates::builder()
                .configuration_state(state.as_str().into())
                .set_encryption_configuration(encryption)
                .set_role(to.and_then(|it| it.role.clone()))
                .build()
        })
        .map_err(|error| s3.misuse(OPERATION, S3ErrorKind::Invalid, &error.to_string()))?;
    s3.client
        .update_bucket_metadata_annotation_table_configuration()
        .bucket(s3.bucket)
        .set_expected_bucket_owner(s3.owner())
        .annotation_table_configuration(updates)
        .send()
        .await
        .or_fault(s3, OPERATION, "s3:UpdateBucketMetadataAnnotationTableConfiguration")?;
    Ok(())
}

pub(super) fn to_sdk(value: &Value) -> Result<MetadataConfiguration, BuildError> {
    let journal = value.journal_table.clone().unwrap_or_default();
    let inventory = |it: &Inventory| {
        InventoryTableConfiguration::builder()
            .configuration_state(it.state.as_str().into())
            .set_encryption_configuration(encryption_to_sdk(it.encryption.as_ref())?)
            .build()
    };
    let annotation = |it: &Annotation| {
        AnnotationTableConfiguration::builder()
            .configuration_state(it.state.as_str().into())
            .set_encryption_configuration(encryption_to_sdk(it.encryption.as_ref())?)
            .set_role(it.role.clone())
            .build()
    };
    Ok(MetadataConfiguration::builder()
        .journal_table_configuration(
            JournalTableConfiguration::builder()
                .record_expiration(expiration_to_sdk(&journal)?)
                .set_encryption_configuration(encryption_to_sdk(journal.encryption.as_ref())?)
                .build(),
        )
        .set_inventory_table_configuration(value.inventory_table.as_ref().map(inventory).transpose()?)
        .set_annotation_table_configuration(value.annotation_table.as_ref().map(annotation).transpose()?)
        .build())
}

fn expiration_to_sdk(journal: &Journal) -> Result<SdkExpiration, BuildError> {
    let said = journal.record_expiration.as_ref();
    SdkExpiration::builder()
        .expiration(said.map_or(State::Disabled.as_str(), |it| it.expiration.as_str()).into())
        .set_days(said.and_then(|it| it.days))
        .build()
}

fn encryption_to_sdk(it: Option<&Encryption>) -> Result<Option<MetadataTableEncryptionConfiguration>, BuildError> {
    let of = |it: &Encryption| {
        MetadataTableEncryptionConfiguration::builder()
            .sse_algorithm(it.algorithm.as_str().into())
            .set_kms_key_arn(it.kms_key_arn.clone())
            .build()
    };
    it.filter(|it| it.algorithm.as_str() != UNSAID).map(of).transpose()
}

/// What S3 answered. The journal is there in every configuration, also in an answer without it.
pub(super) fn from_sdk(result: MetadataConfigurationResult) -> Value {
    let legacy = is_legacy(&result).then_some(true);
    let expiration = result.journal_table_configuration_result.and_then(|it| it.record_expiration);
    Value {
        journal_table: Some(Journal {
            record_expiration: expiration
                .map(|it| RecordExpiration { expiration: it.expiration.as_str().into(), days: it.days }),
            encryption: None,
        }),
        inventory_table: result
            .inventory_table_configuration_result
            .map(|it| Inventory { state: it.configuration_state.as_str().into(), encryption: None }),
        annotation_table: result.annotation_table_configuration_result.map(|it| Annotation {
            state: it.configuration_state.as_str().into(),
            role: it.role.filter(|role| !role.is_empty()),
            encryption: None,
        }),
        legacy,
    }
}

/// Only the first generation writes into a table bucket of the customer's (API page
/// DestinationResult).
fn is_legacy(result: &MetadataConfigurationResult) -> bool {
    let kind = result.destination_result.as_ref().and_then(|it| it.table_bucket_type.as_ref());
    kind == Some(&S3TablesBucketType::Customer)
}

/// What stands beside the value: a configuration of the first generation, tables that S3 could not
/// make or keep.
pub(super) fn remarks(result: &MetadataConfigurationResult) -> Vec<String> {
    let mut said = Vec::new();
    if is_legacy(result) {
        let bucket = result.destination_result.as_ref().and_then(|it| it.table_bucket_arn.as_deref());
        let place = bucket.map_or_else(String::new, |arn| format!(" into {arn}"));
        said.push(format!("metadata tables of the first generation are written{place}; they are left alone"));
    }
    let journal = result.journal_table_configuration_result.as_ref();
    let inventory = result.inventory_table_configuration_result.as_ref();
    let annotation = result.annotation_table_configuration_result.as_ref();
    let tables = [
        ("journal", journal.map(|it| (Some(it.table_status.as_str()), it.error.as_ref()))),
        ("inventory", inventory.map(|it| (it.table_status.as_deref(), it.error.as_ref()))),
        ("annotation", annotation.map(|it| (it.table_status.as_deref(), it.error.as_ref()))),
    ];
    for (table, state) in tables {
        let Some((status, error)) = state else { continue };
        if status == Some("FAILED") || error.is_some() {
            said.push(format!("the {table} table failed{}", why(error)));
        }
    }
    said
}

fn why(error: Option<&ErrorDetails>) -> String {
    let said = error.into_iter().flat_map(|it| [it.error_code.as_deref(), it.error_message.as_deref()]);
    said.flatten().filter(|text| !text.is_empty()).map(|text| format!(": {text}")).collect()
}
