//! A bare loop of the same `aws-sdk-s3` calls, tuned by everything that helps: one client, no
//! stalled-stream protection, no retries, an endpoint resolver that answers without rules.

use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use futures_util::StreamExt;

use crate::Job;
use crate::process::{Meter, Usage};

/// The endpoint, path style, with no rules asked.
#[derive(Debug)]
struct Constant(String);

impl ResolveEndpoint for Constant {
    fn resolve_endpoint<'a>(&'a self, params: &'a Params) -> EndpointFuture<'a> {
        let url = format!("{}/{}", self.0, params.bucket().unwrap_or_default());
        EndpointFuture::ready(Ok(Endpoint::builder().url(url).build()))
    }
}

pub async fn run(job: &Job) -> Vec<Usage> {
    let shared = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await;
    let config = aws_sdk_s3::config::Builder::from(&shared)
        .endpoint_url(&job.endpoint)
        .endpoint_resolver(Constant(job.endpoint.clone()))
        .force_path_style(true)
        .build();
    let client = Client::from_conf(config);
    let mut usages = Vec::with_capacity(job.sweeps);
    for _ in 0..job.sweeps {
        let names: Vec<Arc<str>> = job.names().map(Into::into).collect();
        let meter = Meter::start();
        let compliant = futures_util::stream::iter(names)
            .map(|name| tokio::spawn(read(client.clone(), name)))
            .buffer_unordered(job.concurrency)
            .filter(|read| std::future::ready(matches!(read, Ok(Some(())))))
            .count()
            .await;
        usages.push(meter.stop());
        assert_eq!(compliant, job.buckets, "every bucket is read");
    }
    usages
}

async fn read(client: Client, name: Arc<str>) -> Option<()> {
    let block = client.get_public_access_block().bucket(&*name).send().await.ok()?;
    let versioning = client.get_bucket_versioning().bucket(&*name).send().await.ok()?;
    let encryption = client.get_bucket_encryption().bucket(&*name).send().await.ok()?;
    let tags = client.get_bucket_tagging().bucket(&*name).send().await.ok()?;
    let compliant = block.public_access_block_configuration?.block_public_acls? && versioning.status.is_some();
    let encrypted = !encryption.server_side_encryption_configuration?.rules.is_empty();
    (compliant && encrypted && tags.tag_set.len() == 2).then_some(())
}
