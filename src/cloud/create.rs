//! The making of a bucket, with what can only, or had better, be said at that moment.

use aws_sdk_s3::types::{
    BucketInfo, BucketLocationConstraint, BucketNamespace, BucketType, CreateBucketConfiguration, DataRedundancy,
    LocationInfo, LocationType, ObjectOwnership, Tag,
};

use super::wire::fault;
use super::{Creation, S3Error, S3ErrorKind, Target, directory};
use crate::bucket::{Region, Zone};

/// Whether a store that answers so may make the bucket when nothing is said of tags: it does not
/// know them there (MalformedXML and the like; terraform-provider-aws#47061), or the role may make
/// buckets and not tag them.
pub(super) fn may_take_it_bare(error: &S3Error) -> bool {
    matches!(error.kind, S3ErrorKind::Invalid | S3ErrorKind::Unsupported | S3ErrorKind::Denied)
}

/// Makes a bucket in its region. It is never followed to another one: it would be made there.
pub(super) async fn create(
    client: &aws_sdk_s3::Client,
    target: &Target,
    creation: &Creation,
    tags: bool,
) -> Result<(), S3Error> {
    let name = &target.id.name;
    let mut request = client.create_bucket().bucket(name.as_str());
    let place = name.zone();
    if let Some(configuration) = configuration(target, place, creation, tags) {
        request = request.create_bucket_configuration(configuration);
    }
    if place.is_none() {
        if let Some(ownership) = &creation.object_ownership {
            request = request.object_ownership(ObjectOwnership::from(ownership.as_str()));
        }
        if creation.object_lock {
            request = request.object_lock_enabled_for_bucket(true);
        }
        if let Some(namespace) = creation.namespace {
            request = request.bucket_namespace(BucketNamespace::from(namespace.word()));
        }
    }
    // A bucket that is ours already (an attempt whose answer was lost, or somebody was quicker) is
    // a failure here: only what this call made may count as new and empty. The next listing has it.
    let sent = request.send().await;
    sent.map_err(|error| directory::of(name, fault(&error, name.as_str(), "CreateBucket", "s3:CreateBucket")))?;
    Ok(())
}

/// The body of the request; none when it would say nothing, as for a plain bucket in us-east-1
/// (API page CreateBucket).
fn configuration(
    target: &Target,
    place: Option<Zone<'_>>,
    creation: &Creation,
    tags: bool,
) -> Option<CreateBucketConfiguration> {
    let mut builder = CreateBucketConfiguration::builder();
    let mut says = tags && !creation.tags.is_empty();
    if says {
        for (key, value) in &creation.tags {
            let tag = Tag::builder().key(key).value(value).build();
            builder = builder.tags(tag.expect("a tag with a key and a value is whole"));
        }
    }
    match place {
        Some(zone) => {
            let (kind, redundancy) = match zone.is_local() {
                true => (LocationType::LocalZone, DataRedundancy::SingleLocalZone),
                false => (LocationType::AvailabilityZone, DataRedundancy::SingleAvailabilityZone),
            };
            builder = builder
                .location(LocationInfo::builder().r#type(kind).name(zone.id()).build())
                .bucket(BucketInfo::builder().r#type(BucketType::Directory).data_redundancy(redundancy).build());
            says = true;
        }
        None if target.region != Region::us_east_1() => {
            builder = builder.location_constraint(BucketLocationConstraint::from(target.region.as_str()));
            says = true;
        }
        None => {}
    }
    says.then(|| builder.build())
}
