//! Requests to one bucket, made where it lives: at its target's region, and once more where the
//! bucket then says that it is.

use super::AwsCloud;
use crate::bucket::Region;
use crate::cloud::foreign::watched;
use crate::cloud::region::{Places, told, was_refused};
use crate::cloud::wire::{GONE, S3, fault};
use crate::cloud::{BoxFuture, Cloud, Presence, S3Error, S3ErrorKind, Target, directory};
use crate::doc::Doc;
use crate::settings;

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
        let client = account.client(&account.options.region, false);
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
        let client = self.client(target, false);
        let own_store = account.options.endpoint.is_some();
        let s3 = S3::new(&client, &target.id.name, account.id.as_ref()).at_own_store(own_store);
        let wire = settings::named(setting).wire();
        let (answer, foreign) = watched(wire.elements(), wire.read(&s3)).await;
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
        let s3 = S3::new(&client, &target.id.name, account.id.as_ref()).seen(setting, seen).controlled(&controls);
        let written = settings::named(setting).wire().write(&s3, seen, to).await;
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
