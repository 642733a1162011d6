//! How request metrics travel to S3 and back.

use aws_sdk_s3::types::{MetricsAndOperator, MetricsConfiguration, MetricsFilter, Tag};
use aws_smithy_types::error::operation::BuildError;

use super::{Configuration, Filter, Metrics, Value};
use crate::settings::keyed::wire::{keyed_set, tags_to_sdk};

keyed_set! {
    Metrics as "Metrics":
    list list_bucket_metrics_configurations to metrics_configuration_list,
    get get_bucket_metrics_configuration,
    put put_bucket_metrics_configuration with metrics_configuration,
    delete delete_bucket_metrics_configuration;
    &[
    "ListMetricsConfigurationsResult",
    "ContinuationToken",
    "NextContinuationToken",
    "IsTruncated",
    "MetricsConfiguration",
    "Id",
    "Filter",
    "And",
    "Prefix",
    "Tag",
    "Key",
    "Value",
    "AccessPointArn",
]
}

pub(super) fn to_sdk(it: &Configuration) -> Result<MetricsConfiguration, BuildError> {
    MetricsConfiguration::builder()
        .id(&it.id)
        .set_filter(it.filter.as_ref().map(filter_to_sdk).transpose()?.flatten())
        .build()
}

/// One predicate stands alone, several stand in `And`.
fn filter_to_sdk(filter: &Filter) -> Result<Option<MetricsFilter>, BuildError> {
    let Filter { prefix, tags, access_point_arn } = filter;
    let mut tags = tags_to_sdk(&crate::settings::keyed::Filter { prefix: None, tags: tags.clone() })?;
    Ok(match (prefix, tags.len(), access_point_arn) {
        (None, 0, None) => None,
        (Some(prefix), 0, None) => Some(MetricsFilter::Prefix(prefix.clone())),
        (None, 1, None) => tags.pop().map(MetricsFilter::Tag),
        (None, 0, Some(arn)) => Some(MetricsFilter::AccessPointArn(arn.clone())),
        _ => Some(MetricsFilter::And(
            MetricsAndOperator::builder()
                .set_prefix(prefix.clone())
                .set_tags(Some(tags).filter(|tags| !tags.is_empty()))
                .set_access_point_arn(access_point_arn.clone())
                .build(),
        )),
    })
}

pub(super) fn from_sdk(it: MetricsConfiguration) -> Configuration {
    let filter = |prefix, tags: Vec<Tag>, access_point_arn| Filter {
        prefix,
        tags: Some(tags.into_iter().map(|tag| (tag.key, tag.value)).collect()),
        access_point_arn,
    };
    Configuration {
        id: it.id,
        absent: None,
        filter: it.filter.map(|it| match it {
            MetricsFilter::Prefix(prefix) => filter(Some(prefix), Vec::new(), None),
            MetricsFilter::Tag(tag) => filter(None, vec![tag], None),
            MetricsFilter::AccessPointArn(arn) => filter(None, Vec::new(), Some(arn)),
            MetricsFilter::And(and) => filter(and.prefix, and.tags.unwrap_or_default(), and.access_point_arn),
            // What it is stands among the foreign fields, which keep it from being written over.
            _ => Filter::default(),
        }),
    }
}
