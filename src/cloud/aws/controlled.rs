//! Requests to S3 Control: the settings of an account itself, and what a setting of a bucket writes
//! there.

use super::{Account, AwsCloud};
use crate::account;
use crate::bucket::Region;
use crate::cloud::control::{self, Control, Place};
use crate::cloud::foreign::{Empty, watched};
use crate::cloud::{S3Error, Target};
use crate::doc::Doc;

impl Account {
    /// S3 Control, where there is one that may be asked.
    pub(super) fn control(
        &self,
        region: &Region,
        writes: bool,
        operation: &str,
        object: &str,
    ) -> Result<Control, S3Error> {
        let key = (region.clone(), writes && self.writer.is_some());
        let shared = if key.1 { self.writer.as_ref().unwrap_or(&self.reader) } else { &self.reader };
        let place = Place::of(self.options.control_endpoint.as_deref(), shared.endpoint_url());
        if place == Place::Nowhere {
            return Err(control::nowhere(operation, object));
        }
        let Some(id) = &self.id else { return Err(control::nameless(operation, object)) };
        let known = self.controls.read().expect("no holder of the lock panics").get(&key).cloned();
        let client = known.unwrap_or_else(|| {
            let client = control::client(shared, region, &place, id, self.meter.clone());
            self.controls.write().expect("no holder of the lock panics").entry(key).or_insert(client).clone()
        });
        Ok(Control::new(client, id.clone(), region, object))
    }
}

impl AwsCloud {
    pub(super) async fn read_account(&self, target: &Target, setting: &'static str) -> Result<Doc, S3Error> {
        let account = self.account(&target.id.account);
        let wire = account::named(setting).wire;
        let control = account.control(&target.region, false, setting, target.id.name.as_str())?;
        let (answer, foreign) = watched(wire.elements(), Empty::on(account.is_own_store()), wire.read(&control)).await;
        self.note(target, setting, &answer, foreign, Vec::new());
        answer
    }

    pub(super) async fn write_account(&self, target: &Target, setting: &'static str, to: &Doc) -> Result<(), S3Error> {
        let account = self.account(&target.id.account);
        let control = account.control(&target.region, true, setting, target.id.name.as_str())?;
        account::named(setting).wire.write(&control, to).await
    }
}
