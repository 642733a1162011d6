//! How storage class analyses travel to S3 and back.

use aws_sdk_s3::types::{
    AnalyticsAndOperator, AnalyticsConfiguration, AnalyticsExportDestination, AnalyticsFilter,
    AnalyticsS3BucketDestination, StorageClassAnalysis, StorageClassAnalysisDataExport,
};
use aws_smithy_types::error::operation::BuildError;

use super::{Analytics, Configuration, DataExport, Destination, Value};
use crate::cloud::delete::SubResource;
use crate::cloud::wire::{S3, Wire};
use crate::cloud::{Fault, S3Error, S3ErrorKind};
use crate::settings::keyed::Filter;
use crate::settings::keyed::wire::{self, GONE, Page, Requests, filter_from_sdk, tags_to_sdk};

const READ: &str = "s3:GetAnalyticsConfiguration";
const WRITE: &str = "s3:PutAnalyticsConfiguration";

impl Wire for Analytics {
    const ELEMENTS: &'static [&'static str] = &[
        "ListBucketAnalyticsConfigurationResult",
        "ContinuationToken",
        "NextContinuationToken",
        "IsTruncated",
        "AnalyticsConfiguration",
        "Id",
        "Filter",
        "And",
        "Prefix",
        "Tag",
        "Key",
        "Value",
        "StorageClassAnalysis",
        "DataExport",
        "OutputSchemaVersion",
        "Destination",
        "S3BucketDestination",
        "Format",
        "BucketAccountId",
        "Bucket",
    ];

    async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
        Ok(Value { configurations: wire::read::<Self>(s3).await? })
    }

    async fn write(s3: &S3<'_>, from: &Value, to: &Value) -> Result<(), S3Error> {
        wire::write::<Self>(s3, from.configurations.as_ref(), to.configurations.as_ref()).await
    }
}

impl Requests for Analytics {
    type Element = Configuration;
    const WHAT: SubResource = SubResource::Analytics;
    const LIST: &'static str = "ListBucketAnalyticsConfigurations";
    const PUT: &'static str = "PutBucketAnalyticsConfiguration";

    async fn page(s3: &S3<'_>, from: Option<String>) -> Result<Page<Configuration>, S3Error> {
        let answer = s3
            .client
            .list_bucket_analytics_configurations()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .set_continuation_token(from)
            .send()
            .await
            .or_fault(s3, Self::LIST, READ)?;
        let elements = answer.analytics_configuration_list.unwrap_or_default();
        Ok(Page {
            elements: elements.into_iter().map(from_sdk).collect(),
            truncated: answer.is_truncated,
            next: answer.next_continuation_token,
        })
    }

    async fn get(s3: &S3<'_>, id: &str) -> Result<(), S3Error> {
        s3.client
            .get_bucket_analytics_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(id)
            .send()
            .await
            .or_fault(s3, "GetBucketAnalyticsConfiguration", READ)?;
        Ok(())
    }

    async fn put(s3: &S3<'_>, element: &Configuration) -> Result<(), S3Error> {
        let configuration =
            to_sdk(element).map_err(|error| s3.misuse(Self::PUT, S3ErrorKind::Invalid, &error.to_string()))?;
        s3.client
            .put_bucket_analytics_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(&element.id)
            .analytics_configuration(configuration)
            .send()
            .await
            .or_fault(s3, Self::PUT, WRITE)?;
        Ok(())
    }

    async fn delete(s3: &S3<'_>, id: &str) -> Result<(), S3Error> {
        s3.client
            .delete_bucket_analytics_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(id)
            .customize()
            .interceptor(s3.may_delete_one(Self::WHAT, id)?)
            .send()
            .await
            .or_none(s3, "DeleteBucketAnalyticsConfiguration", WRITE, GONE)?;
        Ok(())
    }
}

pub(super) fn to_sdk(it: &Configuration) -> Result<AnalyticsConfiguration, BuildError> {
    let export = it.data_export.as_ref().map(export_to_sdk).transpose()?;
    AnalyticsConfiguration::builder()
        .id(&it.id)
        .set_filter(it.filter.as_ref().map(filter_to_sdk).transpose()?.flatten())
        // Demanded, also when nothing is in it.
        .storage_class_analysis(StorageClassAnalysis::builder().set_data_export(export).build())
        .build()
}

/// One predicate stands alone, several stand in `And`.
fn filter_to_sdk(filter: &Filter) -> Result<Option<AnalyticsFilter>, BuildError> {
    let mut tags = tags_to_sdk(filter)?;
    Ok(match (&filter.prefix, tags.len()) {
        (None, 0) => None,
        (Some(prefix), 0) => Some(AnalyticsFilter::Prefix(prefix.clone())),
        (None, 1) => tags.pop().map(AnalyticsFilter::Tag),
        (prefix, _) => Some(AnalyticsFilter::And(
            AnalyticsAndOperator::builder().set_prefix(prefix.clone()).set_tags(Some(tags)).build(),
        )),
    })
}

fn export_to_sdk(it: &DataExport) -> Result<StorageClassAnalysisDataExport, BuildError> {
    let to = AnalyticsS3BucketDestination::builder()
        .bucket(&it.destination.bucket)
        .set_bucket_account_id(it.destination.account_id.clone())
        .set_format(it.destination.format.as_ref().map(|format| format.as_str().into()))
        .set_prefix(it.destination.prefix.clone())
        .build()?;
    StorageClassAnalysisDataExport::builder()
        .set_output_schema_version(it.output_schema_version.as_ref().map(|version| version.as_str().into()))
        .destination(AnalyticsExportDestination::builder().s3_bucket_destination(to).build())
        .build()
}

pub(super) fn from_sdk(it: AnalyticsConfiguration) -> Configuration {
    Configuration {
        id: it.id,
        absent: None,
        filter: it.filter.map(|filter| match filter {
            AnalyticsFilter::Prefix(prefix) => filter_from_sdk(Some(prefix), Vec::new()),
            AnalyticsFilter::Tag(tag) => filter_from_sdk(None, vec![tag]),
            AnalyticsFilter::And(and) => filter_from_sdk(and.prefix, and.tags.unwrap_or_default()),
            // What it is stands among the foreign fields, which keep it from being written over.
            _ => Filter::default(),
        }),
        data_export: it.storage_class_analysis.and_then(|it| it.data_export).map(|it| {
            let to = it.destination.and_then(|it| it.s3_bucket_destination);
            DataExport {
                output_schema_version: Some(it.output_schema_version.as_str().into()),
                destination: to.map_or_else(Destination::default, |to| Destination {
                    bucket: to.bucket,
                    account_id: to.bucket_account_id,
                    format: Some(to.format.as_str().into()),
                    prefix: to.prefix,
                }),
            }
        }),
    }
}
