//! How storage class analyses travel to S3 and back.

use aws_sdk_s3::types::{
    AnalyticsAndOperator, AnalyticsConfiguration, AnalyticsExportDestination, AnalyticsFilter,
    AnalyticsS3BucketDestination, StorageClassAnalysis, StorageClassAnalysisDataExport,
};
use aws_smithy_types::error::operation::BuildError;

use super::{Analytics, Configuration, DataExport, Destination, Value};
use crate::settings::keyed::Filter;
use crate::settings::keyed::wire::{filter_from_sdk, keyed_set, tags_to_sdk};

keyed_set! {
    Analytics as "Analytics":
    list list_bucket_analytics_configurations to analytics_configuration_list,
    get get_bucket_analytics_configuration,
    put put_bucket_analytics_configuration with analytics_configuration,
    delete delete_bucket_analytics_configuration;
    &[
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
]
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
