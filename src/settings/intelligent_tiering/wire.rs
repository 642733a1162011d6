//! How the configurations of the archive tiers travel to S3 and back.

use aws_sdk_s3::types::{
    IntelligentTieringAndOperator, IntelligentTieringConfiguration, IntelligentTieringFilter, Tiering as SdkTiering,
};
use aws_smithy_types::error::operation::BuildError;

use super::{Configuration, IntelligentTiering, Tiering, Value};
use crate::settings::keyed::Filter;
use crate::settings::keyed::wire::{filter_from_sdk, keyed_set, tags_to_sdk};

keyed_set! {
    IntelligentTiering as "IntelligentTiering":
    list list_bucket_intelligent_tiering_configurations to intelligent_tiering_configuration_list,
    get get_bucket_intelligent_tiering_configuration,
    put put_bucket_intelligent_tiering_configuration with intelligent_tiering_configuration,
    delete delete_bucket_intelligent_tiering_configuration;
    &[
    "ListBucketIntelligentTieringConfigurationsOutput",
    "ContinuationToken",
    "NextContinuationToken",
    "IsTruncated",
    "IntelligentTieringConfiguration",
    "Id",
    "Status",
    "Filter",
    "And",
    "Prefix",
    "Tag",
    "Key",
    "Value",
    "Tiering",
    "AccessTier",
    "Days",
]
}

pub(super) fn to_sdk(it: &Configuration) -> Result<IntelligentTieringConfiguration, BuildError> {
    let tierings = it
        .tierings
        .iter()
        .flatten()
        .map(|it| SdkTiering::builder().days(it.days).access_tier(it.access_tier.as_str().into()).build());
    IntelligentTieringConfiguration::builder()
        .id(&it.id)
        .set_status(it.status.as_ref().map(|status| status.as_str().into()))
        .set_filter(it.filter.as_ref().map(filter_to_sdk).transpose()?)
        .set_tierings(Some(tierings.collect::<Result<_, _>>()?))
        .build()
}

/// One predicate stands alone, several stand in `And`.
fn filter_to_sdk(filter: &Filter) -> Result<IntelligentTieringFilter, BuildError> {
    let mut tags = tags_to_sdk(filter)?;
    let sdk = IntelligentTieringFilter::builder();
    Ok(match usize::from(filter.prefix.is_some()) + tags.len() {
        0 | 1 => sdk.set_prefix(filter.prefix.clone()).set_tag(tags.pop()).build(),
        _ => sdk
            .and(
                IntelligentTieringAndOperator::builder().set_prefix(filter.prefix.clone()).set_tags(Some(tags)).build(),
            )
            .build(),
    })
}

pub(super) fn from_sdk(it: IntelligentTieringConfiguration) -> Configuration {
    let filter = |it: IntelligentTieringFilter| {
        let and = it.and.unwrap_or_else(|| IntelligentTieringAndOperator::builder().build());
        filter_from_sdk(it.prefix.or(and.prefix), and.tags.into_iter().flatten().chain(it.tag).collect())
    };
    Configuration {
        id: it.id,
        absent: None,
        status: Some(it.status.as_str().into()),
        filter: it.filter.map(filter),
        tierings: Some(
            it.tierings
                .into_iter()
                .map(|it| Tiering { access_tier: it.access_tier.as_str().into(), days: it.days })
                .collect(),
        ),
    }
}
