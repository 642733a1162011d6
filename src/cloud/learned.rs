//! S3 as far as it is known: a setting that an endpoint lacks is not asked for again and again.

use std::sync::Arc;

use super::{BoxFuture, Cloud, Creation, Listed, Presence, S3Error, Target};
use crate::bucket::{AccountName, Region};
use crate::capability::{Capabilities, as_a_store_means_it};
use crate::clock::Clock;
use crate::doc::Doc;
use crate::settings;

/// A cloud whose answers are remembered as far as they show what its endpoints can do.
pub struct Learned {
    cloud: Arc<dyn Cloud>,
    known: Arc<Capabilities>,
    clock: Arc<dyn Clock>,
}

impl Learned {
    /// Asks `cloud` for what `known` does not answer.
    pub fn new(cloud: Arc<dyn Cloud>, known: Arc<Capabilities>, clock: Arc<dyn Clock>) -> Self {
        Self { cloud, known, clock }
    }
}

impl Cloud for Learned {
    fn list<'a>(&'a self, account: &'a AccountName) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        self.cloud.list(account)
    }

    fn list_directories<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
    ) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        self.cloud.list_directories(account, region)
    }

    fn found_at(&self, target: &Target) -> Option<Region> {
        self.cloud.found_at(target)
    }

    fn illegal(&self, account: &crate::bucket::AccountName) -> Vec<super::Illegal> {
        self.cloud.illegal(account)
    }

    fn remarks(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.cloud.remarks(target, setting)
    }

    fn head<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Presence, S3Error>> {
        self.cloud.head(target)
    }

    fn create<'a>(&'a self, target: &'a Target, creation: &'a Creation) -> BoxFuture<'a, Result<(), S3Error>> {
        self.cloud.create(target, creation)
    }

    fn read<'a>(&'a self, target: &'a Target, setting: &'static str) -> BoxFuture<'a, Result<Doc, S3Error>> {
        // S3 Control is another endpoint, and says nothing of this one.
        if target.id.is_account() {
            return self.cloud.read(target, setting);
        }
        Box::pin(async move {
            let now = self.clock.now();
            if let Some(known) = self.known.spared_read(target, setting, now) {
                return Err(known);
            }
            let mut answer = self.cloud.read(target, setting).await;
            if self.known.is_own_store(&target.id.account) {
                answer = answer.map_err(as_a_store_means_it);
            }
            self.known.note_read(target, setting, &answer, self.clock.now());
            match answer {
                // Nothing is there, and nothing can be put there.
                Ok(doc) if doc == settings::named(setting).default_doc() => {
                    self.known.spared_write(target, setting, now).map_or(Ok(doc), Err)
                }
                answer => answer,
            }
        })
    }

    fn write<'a>(
        &'a self,
        target: &'a Target,
        setting: &'static str,
        seen: &'a Doc,
        to: &'a Doc,
    ) -> BoxFuture<'a, Result<(), S3Error>> {
        if target.id.is_account() {
            return self.cloud.write(target, setting, seen, to);
        }
        Box::pin(async move {
            if let Some(known) = self.known.spared_write(target, setting, self.clock.now()) {
                return Err(known);
            }
            let answer = self.cloud.write(target, setting, seen, to).await;
            self.known.note_write(target, setting, &answer, self.clock.now());
            answer
        })
    }

    fn foreign_fields(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.cloud.foreign_fields(target, setting)
    }
}
