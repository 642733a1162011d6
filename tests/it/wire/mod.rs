//! Every setting over real HTTP, by the client that the daemon uses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use driftless::bucket::{AccountId, AccountName, Region};
use driftless::cloud::aws::{AccountOptions, AwsCloud};
use driftless::cloud::{Observer, S3ErrorKind, Target};
use driftless::doc::Doc;
use driftless::sandbox::{Options, Prepared, Running, Sandbox};
use driftless::settings;
use serde_json::Value;

use crate::support::looped::id;

mod account;
mod answers;
mod by_resource;
mod cost;
mod creation;
mod delete;
mod directory_tags;
mod events;
mod golden;
mod keyed;
mod points;
mod protect;
mod raw;
mod regions;
mod settings_there_and_back;
mod stub;
mod unseen;

const ALICE: &str = "111111111111";

fn account() -> AccountId {
    AccountId::parse(ALICE).expect("an account")
}

/// A server on which we own new buckets, `data` and `data-old`, and `access-logs` with versioning,
/// which can take copies.
async fn server() -> Running {
    let prepared = |name: &str| Prepared {
        name: name.to_owned(),
        account: account(),
        compliant: name == "access-logs",
        ..Prepared::default()
    };
    let options = Options {
        accounts: BTreeMap::from([("alice".to_owned(), account())]),
        buckets: ["data", "data-old", "access-logs"].map(prepared).to_vec(),
        ..Options::default()
    };
    Sandbox::start(options).await.expect("a free port on the loopback interface")
}

/// Counts requests by operation, with the failed ones.
#[derive(Default)]
struct Counted(Mutex<BTreeMap<(String, Option<S3ErrorKind>), usize>>);

impl Observer for Counted {
    fn request(&self, _: &AccountName, operation: &str, failed: Option<S3ErrorKind>, _: f64) {
        *self.0.lock().expect("no panic").entry((operation.to_owned(), failed)).or_default() += 1;
    }
    fn concurrency(&self, _: &AccountName, _: f64) {}
}

async fn connect_to(url: &str, observer: &Arc<dyn Observer>) -> AwsCloud {
    connect_with(options(url), observer).await
}

fn options(url: &str) -> AccountOptions {
    AccountOptions {
        name: AccountName::default(),
        id: Some(account()),
        region: Region::us_east_1(),
        endpoint: Some(url.to_owned()),
        control_endpoint: Some(url.to_owned()),
        path_style: true,
        profile: None,
        role: None,
        writer_role: None,
        external_id: None,
    }
}

async fn connect_with(options: AccountOptions, observer: &Arc<dyn Observer>) -> AwsCloud {
    let credentials = Credentials::new("alice", "secret", None, None, "test");
    let credentials = SharedCredentialsProvider::new(credentials);
    AwsCloud::connect_as(vec![options], observer, Some(credentials)).await.expect("connected")
}

async fn connect(server: &Running) -> AwsCloud {
    let observer: Arc<dyn Observer> = Arc::new(Counted::default());
    connect_to(&server.url(), &observer).await
}

fn target(name: &str) -> Target {
    Target { id: id(name), region: Region::us_east_1() }
}

/// What a spec says of a setting, whole and in canonical form.
fn value(setting: &'static str, said: &Value) -> Doc {
    let it = settings::named(setting);
    it.canonical(&it.parse(said).unwrap_or_else(|error| panic!("{setting}: {error}: {said}")))
}
