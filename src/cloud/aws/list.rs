//! The pages of the lists of buckets on the wire.

use super::super::foreign::{Empty, watched};
use super::super::pages::{Page, Paged, odd_list};
use super::super::wire::fault;
use super::super::{BoxFuture, Illegal, Listed, S3Error, S3ErrorKind};
use super::AwsCloud;
use crate::bucket::{AccountName, BucketId, BucketName, Region};

impl Paged for AwsCloud {
    fn list_page<'a>(
        &'a self,
        account: &'a AccountName,
        token: Option<String>,
    ) -> BoxFuture<'a, Result<Page, S3Error>> {
        Box::pin(async move {
            let client = {
                let account = self.account(account);
                account.client(&account.options.region, false).sdk
            };
            let page = buckets(&client, account, token).await?;
            let mut places = self.places();
            if !places.is_empty() {
                for Listed { name, region } in &page.listed {
                    if let Some(region) = region {
                        places.listed(&BucketId { account: account.clone(), name: name.clone() }, region);
                    }
                }
            }
            Ok(page)
        })
    }

    fn list_directories_page<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
        token: Option<String>,
    ) -> BoxFuture<'a, Result<Page, S3Error>> {
        Box::pin(async move {
            let client = self.account(account).client(region, false).sdk;
            directories(&client, account, region, token).await
        })
    }
}

/// One page of the general purpose buckets.
async fn buckets(client: &aws_sdk_s3::Client, account: &AccountName, token: Option<String>) -> Result<Page, S3Error> {
    let answer = client.list_buckets().max_buckets(1000).set_continuation_token(token).send().await;
    let answer = answer.map_err(|error| fault(&error, account.as_str(), "ListBuckets", "s3:ListAllMyBuckets"))?;
    let mut page = Page { next: answer.continuation_token, ..Page::default() };
    for bucket in answer.buckets.unwrap_or_default() {
        let Some(name) = bucket.name else { continue };
        let region = bucket.bucket_region.as_deref().and_then(|region| Region::parse(region).ok());
        match BucketName::parse(&name) {
            Ok(name) => page.listed.push(Listed { name, region }),
            Err(error) => page.illegal.push(Illegal { name, why: error.message }),
        }
    }
    Ok(page)
}

/// The root of a list of directory buckets. The SDK takes any other for one too, and a store that
/// knows no directory buckets lists all of its buckets: none of them would be ours, and one would
/// be made that is there.
const DIRECTORIES: &str = "ListAllMyDirectoryBucketsResult";

/// No element is known, so the first that is found is the root.
const NOTHING: &[&str] = &[""];

/// One page of the directory buckets of the client's region. The answer names no region, as it is
/// the one of the endpoint (API page ListDirectoryBuckets).
async fn directories(
    client: &aws_sdk_s3::Client,
    account: &AccountName,
    region: &Region,
    token: Option<String>,
) -> Result<Page, S3Error> {
    const OPERATION: &str = "ListDirectoryBuckets";
    let request = client.list_directory_buckets().max_directory_buckets(1000).set_continuation_token(token);
    let (answer, elements) = watched(NOTHING, Empty::Taken, request.send()).await;
    let answer =
        answer.map_err(|error| fault(&error, account.as_str(), OPERATION, "s3express:ListAllMyDirectoryBuckets"))?;
    if elements.first().is_none_or(|root| root != DIRECTORIES) {
        let said = "the store lists something else than directory buckets";
        return Err(odd_list(OPERATION, account, S3ErrorKind::Unsupported, said));
    }
    let names = answer.buckets.unwrap_or_default().into_iter().filter_map(|bucket| bucket.name);
    let names = names.filter_map(|name| BucketName::parse(&name).ok()).filter(BucketName::is_directory);
    let listed = names.map(|name| Listed { name, region: Some(region.clone()) }).collect();
    Ok(Page { listed, next: answer.continuation_token, ..Page::default() })
}
