//! How request metrics travel to S3 and back.

use aws_sdk_s3::types::{MetricsAndOperator, MetricsConfiguration, MetricsFilter, Tag};
use aws_smithy_types::error::operation::BuildError;

use super::{Configuration, Filter, Metrics, Value};
use crate::cloud::delete::SubResource;
use crate::cloud::wire::{S3, Wire};
use crate::cloud::{Fault, S3Error, S3ErrorKind};
use crate::settings::keyed::wire::{self, GONE, Page, Requests, tags_to_sdk};

const READ: &str = "s3:GetMetricsConfiguration";
const WRITE: &str = "s3:PutMetricsConfiguration";

impl Wire for Metrics {
    const ELEMENTS: &'static [&'static str] = &[
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
    ];

    async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
        Ok(Value { configurations: wire::read::<Self>(s3).await? })
    }

    async fn write(s3: &S3<'_>, from: &Value, to: &Value) -> Result<(), S3Error> {
        wire::write::<Self>(s3, from.configurations.as_ref(), to.configurations.as_ref()).await
    }
}

impl Requests for Metrics {
    type Element = Configuration;
    const WHAT: SubResource = SubResource::Metrics;
    const LIST: &'static str = "ListBucketMetricsConfigurations";
    const PUT: &'static str = "PutBucketMetricsConfiguration";

    async fn page(s3: &S3<'_>, from: Option<String>) -> Result<Page<Configuration>, S3Error> {
        let answer = s3
            .client
            .list_bucket_metrics_configurations()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .set_continuation_token(from)
            .send()
            .await
            .or_fault(s3, Self::LIST, READ)?;
        let elements = answer.metrics_configuration_list.unwrap_or_default();
        Ok(Page {
            elements: elements.into_iter().map(from_sdk).collect(),
            truncated: answer.is_truncated,
            next: answer.next_continuation_token,
        })
    }

    async fn get(s3: &S3<'_>, id: &str) -> Result<(), S3Error> {
        s3.client
            .get_bucket_metrics_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(id)
            .send()
            .await
            .or_fault(s3, "GetBucketMetricsConfiguration", READ)?;
        Ok(())
    }

    async fn put(s3: &S3<'_>, element: &Configuration) -> Result<(), S3Error> {
        let configuration =
            to_sdk(element).map_err(|error| s3.misuse(Self::PUT, S3ErrorKind::Invalid, &error.to_string()))?;
        s3.client
            .put_bucket_metrics_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(&element.id)
            .metrics_configuration(configuration)
            .send()
            .await
            .or_fault(s3, Self::PUT, WRITE)?;
        Ok(())
    }

    async fn delete(s3: &S3<'_>, id: &str) -> Result<(), S3Error> {
        s3.client
            .delete_bucket_metrics_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(id)
            .customize()
            .interceptor(s3.may_delete_one(Self::WHAT, id)?)
            .send()
            .await
            .or_none(s3, "DeleteBucketMetricsConfiguration", WRITE, GONE)?;
        Ok(())
    }
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
