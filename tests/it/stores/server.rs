//! The server under test, and buckets on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use driftless::bucket::{AccountId, AccountName, Region};
use driftless::capability::as_a_store_means_it;
use driftless::cloud::aws::{AccountOptions, AwsCloud};
use driftless::cloud::patient::{Patience, Patient};
use driftless::cloud::{Cloud, Creation, Observer, S3Error, S3ErrorKind, Target, Unobserved};
use driftless::doc::Doc;
use driftless::sandbox::{Options, Running, Sandbox};
use driftless::settings;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::looped::id;

/// The name of the server that is built in.
pub const EMBEDDED: &str = "embedded";

/// A server, and the client that the daemon uses.
pub struct Server {
    pub name: String,
    pub cloud: Arc<Patient<AwsCloud>>,
    _embedded: Option<Running>,
    made: Mutex<BTreeSet<String>>,
    run: String,
}

impl Server {
    /// The one that the environment names, or the embedded one.
    pub async fn start() -> Self {
        let number = AccountId::parse("111111111111").expect("an account");
        let (name, url, key, secret, embedded) = match std::env::var("DRIFTLESS_STORE") {
            Ok(text) => {
                let parts: Vec<String> = text.split(' ').map(str::to_owned).collect();
                let [name, url, key, secret] = <[String; 4]>::try_from(parts).expect("NAME URL KEY SECRET");
                (name, url, key, secret, None)
            }
            Err(_) => {
                let accounts = BTreeMap::from([("alice".to_owned(), number)]);
                let options = Options { accounts, ..Options::default() };
                let running = Sandbox::start(options).await.expect("a free port on the loopback interface");
                (EMBEDDED.to_owned(), running.url(), "alice".to_owned(), "secret".to_owned(), Some(running))
            }
        };
        let account = AccountOptions {
            name: AccountName::default(),
            id: None,
            region: Region::us_east_1(),
            endpoint: Some(url),
            control_endpoint: None,
            path_style: true,
            profile: None,
            role: None,
            writer_role: None,
            external_id: None,
        };
        let credentials = SharedCredentialsProvider::new(Credentials::new(key, secret, None, None, "test"));
        let observer: Arc<dyn Observer> = Arc::new(Unobserved);
        let aws = AwsCloud::connect_as(vec![account], &observer, Some(credentials)).await.expect("connected");
        let cloud = Patient::new(aws, Patience::default(), [], observer, CancellationToken::new());
        // A name that no earlier run on the same server used.
        let run = format!("{:x}", std::process::id());
        Self { name, cloud: Arc::new(cloud), _embedded: embedded, made: Mutex::default(), run }
    }

    pub fn target(name: &str) -> Target {
        Target { id: id(name), region: Region::us_east_1() }
    }

    /// A new bucket in which a setting can take every value.
    pub async fn bucket(&self, word: &str, setting: &'static str) -> String {
        let name = format!("{word}-{}-{}", setting.to_lowercase(), self.run);
        // Ceph gives the lock to new buckets only.
        let object_lock = self.name == "rgw" && setting == "objectLock";
        let creation = Creation { object_lock, ..Creation::default() };
        self.cloud.create(&Self::target(&name), &creation).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        for (setting, said) in super::before(setting) {
            self.put(&name, setting, &said).await;
        }
        name
    }

    /// Makes the buckets that a value names: versioned, and with leave to deliver logs to them.
    pub async fn make_others(&self, value: &Value, own: &str) {
        for name in super::others(value, own) {
            if !self.made.lock().expect("no panic").insert(name.clone()) {
                continue;
            }
            let made = self.cloud.create(&Self::target(&name), &Creation::default()).await;
            if made.is_err() {
                let there = self.cloud.head(&Self::target(&name)).await;
                assert!(there.is_ok(), "{name}: {made:?}, {there:?}");
            }
            self.put(&name, "versioning", &json!({"status": "Enabled"})).await;
            let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "logs", "Effect": "Allow",
                "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject",
                "Resource": format!("arn:aws:s3:::{name}/*")}]});
            self.put(&name, "policy", &policy).await;
        }
    }

    /// Sets a setting, where the server has it and takes the value: others are under test.
    async fn put(&self, name: &str, setting: &'static str, said: &Value) {
        let at = Self::target(name);
        let Ok(seen) = self.read(name, setting).await else { return };
        let to = super::whole(settings::named(setting), &seen, said);
        if seen != to {
            let _ = self.cloud.write(&at, setting, &seen, &to).await;
        }
    }

    /// Reads as the daemon does on a store of one's own.
    pub async fn read(&self, name: &str, setting: &'static str) -> Result<Doc, S3Error> {
        self.cloud.read(&Self::target(name), setting).await.map_err(as_a_store_means_it)
    }

    /// Whether a failure says that the server lacks a setting.
    pub fn is_lack(error: &S3Error) -> bool {
        error.kind == S3ErrorKind::Unsupported
    }
}
