//! S3 that is only looked at: `plan` and `scan` get it, so that no fault of the loop can write.

use std::sync::Arc;

use super::{BoxFuture, Cloud, Creation, Listed, Presence, S3Error, S3ErrorKind, Target};
use crate::bucket::{AccountName, Region};
use crate::doc::Doc;

/// A cloud that refuses every write before it is sent.
pub struct ReadOnly(pub Arc<dyn Cloud>);

fn refused(operation: &str, target: &Target) -> S3Error {
    S3Error {
        operation: operation.to_owned(),
        object: target.id.name.to_string(),
        kind: S3ErrorKind::Forbidden,
        code: String::new(),
        status: 0,
        request_id: None,
        message: "this command only looks".to_owned(),
        action: None,
    }
}

impl Cloud for ReadOnly {
    fn list<'a>(&'a self, account: &'a AccountName) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        self.0.list(account)
    }

    fn list_directories<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
    ) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        self.0.list_directories(account, region)
    }

    fn head<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Presence, S3Error>> {
        self.0.head(target)
    }

    fn create<'a>(&'a self, target: &'a Target, _: &'a Creation) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(async move { Err(refused("CreateBucket", target)) })
    }

    fn read<'a>(&'a self, target: &'a Target, setting: &'static str) -> BoxFuture<'a, Result<Doc, S3Error>> {
        self.0.read(target, setting)
    }

    fn write<'a>(
        &'a self,
        target: &'a Target,
        setting: &'static str,
        _: &'a Doc,
        _: &'a Doc,
    ) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(async move { Err(refused(setting, target)) })
    }

    fn found_at(&self, target: &Target) -> Option<Region> {
        self.0.found_at(target)
    }

    fn foreign_fields(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.0.foreign_fields(target, setting)
    }

    fn illegal(&self, account: &crate::bucket::AccountName) -> Vec<super::Illegal> {
        self.0.illegal(account)
    }

    fn remarks(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.0.remarks(target, setting)
    }
}
