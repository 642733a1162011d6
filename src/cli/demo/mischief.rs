//! "Somebody else": changes buckets behind the daemon's back, with a client of their own, and
//! looks whether the changes last.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::types::{BucketVersioningStatus, PublicAccessBlockConfiguration, Tagging, VersioningConfiguration};

pub(super) struct Mischief {
    s3: Client,
}

fn said(error: impl std::error::Error + Send + Sync + 'static) -> anyhow::Error {
    anyhow::anyhow!("{}", DisplayErrorContext(error))
}

impl Mischief {
    pub(super) fn new(endpoint: &str) -> Self {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(Credentials::new("somebody-else", "secret", None, None, "demo"))
            .region(Region::new("us-east-1"))
            .endpoint_url(endpoint)
            .force_path_style(true)
            .build();
        Self { s3: Client::from_conf(config) }
    }

    pub(super) async fn suspend_versioning(&self, bucket: &str) -> anyhow::Result<()> {
        let suspended = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
        self.s3
            .put_bucket_versioning()
            .bucket(bucket)
            .versioning_configuration(suspended)
            .send()
            .await
            .map_err(said)?;
        Ok(())
    }

    pub(super) async fn open_public_access_block(&self, bucket: &str) -> anyhow::Result<()> {
        let open = PublicAccessBlockConfiguration::builder()
            .block_public_acls(false)
            .ignore_public_acls(false)
            .block_public_policy(false)
            .restrict_public_buckets(false)
            .build();
        self.s3
            .put_public_access_block()
            .bucket(bucket)
            .public_access_block_configuration(open)
            .send()
            .await
            .map_err(said)?;
        Ok(())
    }

    pub(super) async fn publish(&self, bucket: &str) -> anyhow::Result<()> {
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "Everybody",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": format!("arn:aws:s3:::{bucket}/*"),
            }],
        });
        self.s3.put_bucket_policy().bucket(bucket).policy(policy.to_string()).send().await.map_err(said)?;
        Ok(())
    }

    pub(super) async fn remove_tag(&self, bucket: &str, key: &str) -> anyhow::Result<()> {
        let tags = self.s3.get_bucket_tagging().bucket(bucket).send().await.map_err(said)?.tag_set;
        let rest = tags.into_iter().filter(|tag| tag.key() != key).collect();
        let tagging = Tagging::builder().set_tag_set(Some(rest)).build().map_err(said)?;
        self.s3.put_bucket_tagging().bucket(bucket).tagging(tagging).send().await.map_err(said)?;
        Ok(())
    }

    /// Waits until S3 shows none of it any more.
    pub(super) async fn until_repaired(&self, patience: Duration) -> anyhow::Result<()> {
        until("everything is as it was", patience, async || {
            let versioning = self.s3.get_bucket_versioning().bucket("ai-training-raw").send().await.map_err(said)?;
            let policy = self.s3.get_bucket_policy().bucket("ai-training-curated").send().await.map_err(said)?;
            let block = self.s3.get_public_access_block().bucket("ai-training-curated").send().await.map_err(said)?;
            let tags = self.s3.get_bucket_tagging().bucket("ai-model-data").send().await.map_err(said)?.tag_set;
            let closed = block
                .public_access_block_configuration
                .is_some_and(|it| it.block_public_policy == Some(true) && it.restrict_public_buckets == Some(true));
            Ok(versioning.status() == Some(&BucketVersioningStatus::Enabled)
                && !policy.policy().unwrap_or_default().contains("Everybody")
                && closed
                && tags.iter().any(|tag| tag.key() == "Purpose"))
        })
        .await
    }

    /// Waits until S3 shows the rules.
    pub(super) async fn until_cors(&self, bucket: &str, patience: Duration) -> anyhow::Result<()> {
        until("the rules are in S3", patience, async || {
            Ok(self.s3.get_bucket_cors().bucket(bucket).send().await.is_ok())
        })
        .await
    }
}

/// Looks again and again until it has come true.
pub(super) async fn until(
    what: &str,
    patience: Duration,
    look: impl AsyncFn() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let looking = async {
        while !look().await? {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    };
    tokio::time::timeout(patience, looking)
        .await
        .unwrap_or_else(|_| anyhow::bail!("waited {} s until {what}, in vain", patience.as_secs()))
}
