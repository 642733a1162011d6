//! Requests to one bucket, made where it lives: at its target's region, and once more where the
//! bucket then says that it is.

use super::{Account, AwsCloud, Client};
use crate::bucket::{Region, is_of_aws};
use crate::cloud::foreign::{Empty, watched};
use crate::cloud::region::{Places, told, was_refused};
use crate::cloud::wire::{GONE, S3, fault};
use crate::cloud::{BoxFuture, Cloud, Presence, S3Error, S3ErrorKind, Target, directory};
use crate::doc::Doc;
use crate::settings;

impl Account {
    /// Whether its store is not AWS. An address of AWS in one's own network makes no store of one's
    /// own.
    pub(super) fn is_own_store(&self) -> bool {
        self.options.endpoint.as_deref().is_some_and(|url| !is_of_aws(url))
    }

    /// One bucket of the account, for reads and writes alike: both must take an answer for the same.
    fn bucket<'a>(&'a self, client: &'a aws_sdk_s3::Client, target: &'a Target) -> S3<'a> {
        S3::new(client, &target.id.name, self.id.as_ref()).at_own_store(self.is_own_store())
    }
}

impl AwsCloud {
    pub(super) fn places(&self) -> std::sync::MutexGuard<'_, Places> {
        self.places.lock().expect("no holder of the lock panics")
    }

    /// Asks a bucket where it was last found, and once more where it then says that it lives. A
    /// request is repeated only when the first was refused, so no write is made twice; and only
    /// once, so two regions that each name the other end with a failure.
    pub(super) async fn followed<'a, T>(
        &'a self,
        target: &'a Target,
        ask: impl Fn(Target) -> BoxFuture<'a, Result<T, S3Error>>,
    ) -> Result<T, S3Error> {
        let known = self.places().of(&target.id).cloned();
        let first = Target { id: target.id.clone(), region: known.unwrap_or_else(|| target.region.clone()) };
        let (answer, said) = told(ask(first.clone())).await;
        let error = match answer {
            Err(error) if was_refused(&error) => error,
            other => return other,
        };
        let said = match said {
            None if error.kind == S3ErrorKind::WrongRegion => Box::pin(self.locate(target)).await,
            said => said,
        };
        let Some(region) = said.filter(|region| *region != first.region) else {
            if error.kind == S3ErrorKind::WrongRegion {
                self.places().forget(&target.id);
            }
            return Err(error);
        };
        let (answer, said) = told(ask(Target { id: target.id.clone(), region: region.clone() })).await;
        let lost = matches!(&answer, Err(error) if error.kind == S3ErrorKind::WrongRegion)
            || (answer.is_err() && said.is_some_and(|said| said != region));
        let mut places = self.places();
        if lost {
            places.forget(&target.id);
        } else {
            places.found(&target.id, &target.region, region);
        }
        answer
    }

    /// Asks where a bucket lives that answers from elsewhere and does not say from where.
    async fn locate(&self, target: &Target) -> Option<Region> {
        let account = self.account(&target.id.account);
        let client = account.client(&account.options.region, false).sdk;
        told(client.head_bucket().bucket(target.id.name.as_str()).send()).await.1
    }

    pub(super) async fn head_at(&self, target: &Target, asked: &Region) -> Result<Presence, S3Error> {
        let account = self.account(&target.id.account);
        let answer = self
            .client(target, false)
            .head_bucket()
            .bucket(target.id.name.as_str())
            .set_expected_bucket_owner(account.id.as_ref().map(ToString::to_string))
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let region = answer.bucket_region.as_deref().and_then(|region| Region::parse(region).ok());
                let elsewhere = Some(&target.region).filter(|region| *region != asked);
                Ok(Presence::Here(region.or_else(|| elsewhere.cloned())))
            }
            // A HEAD has no body, so there is no code to go by (API page HeadBucket).
            Err(error) => Err(fault(&error, target.id.name.as_str(), "HeadBucket", "s3:ListBucket")),
        }
    }

    pub(super) async fn read_at(&self, target: &Target, setting: &'static str) -> Result<Doc, S3Error> {
        let account = self.account(&target.id.account);
        let Client { sdk: client, direct } = account.client(&target.region, false);
        let controls = |operation: &str| account.control(&target.region, false, operation, target.id.name.as_str());
        let s3 = account.bucket(&client, target).directly(&direct).controlled(&controls);
        let wire = settings::named(setting).wire();
        let (answer, foreign) = watched(wire.elements(), Empty::on(s3.own_store), wire.read(&s3)).await;
        self.note(target, setting, &answer, foreign, s3.remarks());
        answer.map_err(|error| directory::of(&target.id.name, error))
    }

    /// Keeps what a read said beside its value; what the last one said is forgotten.
    pub(super) fn note(
        &self,
        target: &Target,
        setting: &'static str,
        answer: &Result<Doc, S3Error>,
        foreign: Vec<String>,
        remarks: Vec<String>,
    ) {
        for (known, said) in [(&self.foreign, foreign), (&self.remarks, remarks)] {
            let key = (target.id.clone(), setting);
            let mut known = known.lock().expect("no holder of the lock panics");
            if said.is_empty() || answer.is_err() {
                known.remove(&key);
            } else {
                known.insert(key, said);
            }
        }
    }

    pub(super) async fn write_at(
        &self,
        target: &Target,
        setting: &'static str,
        seen: &Doc,
        to: &Doc,
    ) -> Result<(), S3Error> {
        let account = self.account(&target.id.account);
        let client = self.client(target, true);
        let controls = |operation: &str| account.control(&target.region, true, operation, target.id.name.as_str());
        let s3 = account.bucket(&client, target).seen(setting, seen).controlled(&controls);
        let writing = settings::named(setting).wire().write(&s3, seen, to);
        let (written, _) = watched(&[], Empty::on(s3.own_store), writing).await;
        written.map_err(|error| directory::of(&target.id.name, error))?;
        if s3.deleted() {
            // On a store that does not know the sub-resource the bucket itself would be gone.
            match self.head(target).await? {
                Presence::Here(_) => {}
                _ => return Err(s3.misuse("HeadBucket", S3ErrorKind::NoSuchBucket, GONE)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::wired::{Network, cloud, target};
    use super::*;

    fn emptiness() -> Network {
        Network::that_answers(200, "")
    }

    /// moto answers nothing at all where a bucket has no notifications. That was taken for an answer
    /// on AWS, too, where it is none: a write would have replaced what nobody had seen.
    #[tokio::test]
    async fn an_answer_of_nothing_means_no_notifications_on_stores_of_ones_own_and_never_on_aws() {
        for (endpoint, own) in [
            (Some("http://127.0.0.1:9000"), true),
            (Some("https://bucket.vpce-1a.s3.us-east-1.vpce.amazonaws.com"), false),
            (None, false),
        ] {
            let network = emptiness();
            let cloud = cloud(endpoint, &network);
            let read = cloud.read(&target("data"), "notifications").await;
            match read {
                Ok(doc) => assert!(own && doc == settings::named("notifications").default_doc(), "{endpoint:?}"),
                Err(error) => {
                    assert!(!own, "{endpoint:?}: {error}");
                    assert_eq!((error.kind, error.status), (S3ErrorKind::Transport, 200), "{error}");
                }
            }
            assert_eq!(network.methods(), ["GET"]);
        }
    }

    /// The SDK takes a document that did not come for one without fields; of replication that was a
    /// bucket without rules, of which a write would have kept none.
    #[tokio::test]
    async fn of_no_setting_is_an_answer_of_nothing_taken_for_a_value_on_aws() {
        let cloud = cloud(None, &emptiness());
        for setting in settings::SETTINGS {
            let error = cloud.read(&target("data"), setting.name()).await.expect_err(setting.name());
            assert_eq!((error.kind, error.status), (S3ErrorKind::Transport, 200), "{}: {error}", setting.name());
        }
    }

    /// ACLs are read once more before they are written, for their owner.
    #[tokio::test]
    async fn what_a_write_reads_once_more_is_judged_as_a_read_is() {
        let network = emptiness();
        let cloud = cloud(None, &network);
        let of = |said: &str| settings::named("acl").parse(&serde_json::json!(said)).expect("an ACL");
        let written = cloud.write(&target("data"), "acl", &of("private"), &of("public-read")).await;
        assert_eq!(written.expect_err("nobody is its owner").kind, S3ErrorKind::Transport);
        assert_eq!(network.methods(), ["GET"], "and nothing is put");
    }

    /// A write that reads once more before it replaces (tags, ACL) must take the same answers for
    /// the same; the two were built apart, and the one of writes knew no store of one's own.
    #[tokio::test]
    async fn reads_and_writes_agree_on_whose_store_it_is() {
        for (endpoint, own) in
            [(Some("http://127.0.0.1:9000"), true), (Some("https://s3.us-east-1.amazonaws.com"), false), (None, false)]
        {
            let cloud = cloud(endpoint, &emptiness());
            let at = target("data");
            for writes in [false, true] {
                let client = cloud.client(&at, writes);
                assert_eq!(cloud.account(&at.id.account).bucket(&client, &at).own_store, own, "{endpoint:?} {writes}");
            }
        }
    }
}
