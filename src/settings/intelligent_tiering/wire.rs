//! How the configurations of the archive tiers travel to S3 and back.

use aws_sdk_s3::types::{
    IntelligentTieringAndOperator, IntelligentTieringConfiguration, IntelligentTieringFilter, Tiering as SdkTiering,
};
use aws_smithy_types::error::operation::BuildError;

use super::{Configuration, IntelligentTiering, Tiering, Value};
use crate::cloud::delete::SubResource;
use crate::cloud::wire::{S3, Wire};
use crate::cloud::{Fault, S3Error, S3ErrorKind};
use crate::settings::keyed::Filter;
use crate::settings::keyed::wire::{self, GONE, Page, Requests, filter_from_sdk, tags_to_sdk};

const READ: &str = "s3:GetIntelligentTieringConfiguration";
const WRITE: &str = "s3:PutIntelligentTieringConfiguration";

impl Wire for IntelligentTiering {
    const ELEMENTS: &'static [&'static str] = &[
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
    ];

    async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
        Ok(Value { configurations: wire::read::<Self>(s3).await? })
    }

    async fn write(s3: &S3<'_>, from: &Value, to: &Value) -> Result<(), S3Error> {
        wire::write::<Self>(s3, from.configurations.as_ref(), to.configurations.as_ref()).await
    }
}

impl Requests for IntelligentTiering {
    type Element = Configuration;
    const WHAT: SubResource = SubResource::IntelligentTiering;
    const LIST: &'static str = "ListBucketIntelligentTieringConfigurations";
    const PUT: &'static str = "PutBucketIntelligentTieringConfiguration";

    async fn page(s3: &S3<'_>, from: Option<String>) -> Result<Page<Configuration>, S3Error> {
        let answer = s3
            .client
            .list_bucket_intelligent_tiering_configurations()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .set_continuation_token(from)
            .send()
            .await
            .or_fault(s3, Self::LIST, READ)?;
        let elements = answer.intelligent_tiering_configuration_list.unwrap_or_default();
        Ok(Page {
            elements: elements.into_iter().map(from_sdk).collect(),
            truncated: answer.is_truncated,
            next: answer.next_continuation_token,
        })
    }

    async fn get(s3: &S3<'_>, id: &str) -> Result<(), S3Error> {
        s3.client
            .get_bucket_intelligent_tiering_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(id)
            .send()
            .await
            .or_fault(s3, "GetBucketIntelligentTieringConfiguration", READ)?;
        Ok(())
    }

    async fn put(s3: &S3<'_>, element: &Configuration) -> Result<(), S3Error> {
        let configuration =
            to_sdk(element).map_err(|error| s3.misuse(Self::PUT, S3ErrorKind::Invalid, &error.to_string()))?;
        s3.client
            .put_bucket_intelligent_tiering_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(&element.id)
            .intelligent_tiering_configuration(configuration)
            .send()
            .await
            .or_fault(s3, Self::PUT, WRITE)?;
        Ok(())
    }

    async fn delete(s3: &S3<'_>, id: &str) -> Result<(), S3Error> {
        s3.client
            .delete_bucket_intelligent_tiering_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .id(id)
            .customize()
            .interceptor(s3.may_delete_one(Self::WHAT, id)?)
            .send()
            .await
            .or_none(s3, "DeleteBucketIntelligentTieringConfiguration", WRITE, GONE)?;
        Ok(())
    }
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
