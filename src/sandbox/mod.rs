//! The embedded S3 server: the demo's, the tests' and the benchmarks' endpoint.
//!
//! It holds the configuration of buckets, and of S3 Control the public access block of accounts and
//! the tags of buckets (under `/v20180820/`, on every host), and nothing else, and answers as AWS
//! *documents*: defaults of a fresh bucket, "not configured" codes, refusals, region redirects,
//! paging. What it does not implement (objects, listings of objects, every sub-resource that
//! [`Operation`] does not name) it refuses with 501 NotImplemented and touches nothing.
//!
//! Directory buckets are made, listed and configured as documented, all at the one address: there
//! are no zones and no control endpoint apart, and a list of them is told from one of buckets by its
//! parameter `max-directory-buckets`.
//!
//! Where it is simpler than AWS: signatures are not verified, the access key only chooses the
//! account and the credential scope the region; a policy never grants or denies a request, only
//! the owner of a bucket gets in; a change is seen at once; checksums of requests are not
//! demanded. It listens without TLS and is meant for the loopback interface.
//!
//! Faults and counts are at hand in process ([`Sandbox`]) and over HTTP under `/_sandbox/`:
//!
//! | request | body | answer |
//! | --- | --- | --- |
//! | `GET /_sandbox/health` | | `{"buckets": 3}` |
//! | `GET /_sandbox/requests` | | `{"counts": {"GetBucketTagging": 2}, "log": [{"operation", "bucket", "account"}]}` |
//! | `DELETE /_sandbox/requests` | | forgets counts and log |
//! | `POST /_sandbox/faults` | a [`Fault`], or a list of them | adds them |
//! | `GET`, `DELETE /_sandbox/faults` | | those still to come; clears them |
//! | `GET`, `PUT /_sandbox/weather` | [`Weather`] | replaces it |
//! | `POST /_sandbox/buckets` | [`Prepared`] | prepares buckets |
//! | `POST /_sandbox/tags` | `{"bucket": "b", "tags": {"aws:x": "1"}}` | plants tags of AWS itself |
//! | `POST /_sandbox/reset` | | requests, faults and weather as at the start; buckets stay |

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::bucket::{AccountId, Region};
use crate::clock::Clock;

mod access;
mod acl;
mod buckets;
mod config;
mod control;
mod directory;
mod events;
mod faults;
mod http;
mod keyed;
mod ledger;
mod metadata;
mod operation;
mod options;
mod policy;
mod refusal;
mod replication;
mod rules;
mod s3control;
mod small;
mod tagging;
mod web;
mod xml;

pub use faults::{Answer, Fault, Weather};
pub use ledger::Received;
pub use operation::Operation;
pub use options::{Options, Prepared};

use buckets::{Bucket, Buckets};
use config::{Config, Versioning, Word};
use faults::Faults;
use ledger::Ledger;

/// How long the answers under way have when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// The state of a sandbox. Clones share it.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

/// What all requests share.
struct Shared {
    region: Region,
    accounts: BTreeMap<String, AccountId>,
    anonymous: AccountId,
    clock: Arc<dyn Clock>,
    buckets: RwLock<Buckets>,
    /// The public access blocks of accounts; an account that never had one has none.
    blocks: RwLock<BTreeMap<AccountId, xml::Node>>,
    faults: Faults,
    weather: Weather,
    ledger: Ledger,
    requests: AtomicU64,
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, Buckets> {
        self.buckets.read().expect("no holder of the lock panics")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Buckets> {
        self.buckets.write().expect("no holder of the lock panics")
    }

    fn account(&self, access_key: Option<&str>) -> AccountId {
        access_key.and_then(|key| self.accounts.get(key)).unwrap_or(&self.anonymous).clone()
    }

    fn next_request_id(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn prepare(&self, prepared: &Prepared) {
        let mut config = Config::fresh(&prepared.account);
        if prepared.compliant {
            config.versioning = Versioning::Enabled;
            small::show_versioning(&mut config);
            config.tags = prepared.tags.clone().into_iter().collect();
            tagging::show(&mut config);
        }
        let bucket = Bucket {
            owner: prepared.account.clone(),
            region: prepared.region.clone().unwrap_or_else(|| self.region.clone()),
            eu: false,
            created: self.clock.now(),
            config: Arc::new(config),
        };
        let mut buckets = self.write();
        for n in 0..prepared.count {
            buckets.insert(prepared.bucket_name(n).into(), bucket.clone());
        }
    }

    fn plant_system_tags(&self, bucket: &str, tags: &BTreeMap<String, String>) -> bool {
        let mut buckets = self.write();
        let Some(bucket) = buckets.get_mut(bucket) else { return false };
        let config = Arc::make_mut(&mut bucket.config);
        config.tags.retain(|(key, _)| !tags.contains_key(key));
        config.tags.extend(tags.clone());
        tagging::show(config);
        true
    }

    fn reset(&self) {
        self.ledger.forget();
        self.faults.clear();
        self.faults.set_weather(self.weather);
    }
}

impl Sandbox {
    /// A sandbox with its prepared buckets, not yet listening.
    pub fn new(options: Options) -> Self {
        let shared = Shared {
            region: options.region,
            accounts: options.accounts,
            anonymous: options::default_account(),
            clock: options.clock,
            buckets: RwLock::default(),
            blocks: RwLock::default(),
            faults: Faults::new(options.seed, options.weather),
            weather: options.weather,
            ledger: Ledger::new(options.log),
            requests: AtomicU64::new(0),
        };
        options.buckets.iter().for_each(|prepared| shared.prepare(prepared));
        Self { shared: Arc::new(shared) }
    }

    /// Serves until `shutdown` is ready and the answers under way are sent, for which they have
    /// ten seconds.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let stop = CancellationToken::new();
        let router = http::router(http::Server { shared: self.shared, stop: stop.clone() });
        // Without it each answer in two packets waits for an acknowledgement of the first.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let stopped = stop.clone();
        let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
            shutdown.await;
            stop.cancel();
        });
        // A client that sent half a request and no more would hold the server for ever.
        let overdue = async move {
            stopped.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            outcome = serving.into_future() => outcome,
            () = overdue => Ok(()),
        }
    }

    /// Binds the address of the options and serves in a task of the current runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(options: Options) -> io::Result<Running> {
        let listener = TcpListener::bind(options.address).await?;
        let address = listener.local_addr()?;
        let sandbox = Self::new(options);
        let stop = CancellationToken::new();
        let task = tokio::spawn(sandbox.clone().serve(listener, stop.clone().cancelled_owned()));
        Ok(Running { sandbox, address, stop, task: Some(task) })
    }

    /// How often each operation was asked for; those that never were are left out.
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        self.shared.ledger.counts()
    }

    /// How often one operation was asked for.
    pub fn count(&self, operation: Operation) -> u64 {
        self.shared.ledger.count(operation)
    }

    /// The latest requests, oldest first; as many as [`Options::log`] keeps.
    pub fn log(&self) -> Vec<Received> {
        self.shared.ledger.log()
    }

    /// Forgets counts and log only.
    pub fn forget_requests(&self) {
        self.shared.ledger.forget();
    }

    /// Requests, faults and weather are as at the start. Buckets stay.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Asks for an answer to coming requests. Of several that match, the first asked for is given.
    pub fn inject(&self, fault: Fault) {
        self.shared.faults.inject(fault);
    }

    /// The faults that are still to come.
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.faults.remaining()
    }

    /// No more faults. The weather stays.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// What every request suffers from now on. Rates lie between 0 and 1.
    pub fn set_weather(&self, weather: Weather) {
        self.shared.faults.set_weather(weather);
    }

    /// Adds buckets, replacing those of the same names.
    pub fn prepare(&self, prepared: &Prepared) {
        self.shared.prepare(prepared);
    }

    /// Gives a bucket tags that only AWS itself can set, such as `aws:cloudformation:stack-name`;
    /// false when there is no such bucket.
    pub fn plant_system_tags(&self, bucket: &str, tags: &BTreeMap<String, String>) -> bool {
        self.shared.plant_system_tags(bucket, tags)
    }

    /// Gives an account a public access block, as somebody else would: `BlockPublicAcls`,
    /// `IgnorePublicAcls`, `BlockPublicPolicy`, `RestrictPublicBuckets`. `None` takes it away.
    pub fn put_account_block(&self, account: &AccountId, on: Option<[bool; 4]>) {
        self.shared.put_account_block(account, on);
    }

    /// The four switches of an account's public access block; `None` when it has none.
    pub fn account_block(&self, account: &AccountId) -> Option<[bool; 4]> {
        self.shared.account_block(account)
    }

    /// The names of all buckets of all accounts, sorted.
    pub fn bucket_names(&self) -> Vec<String> {
        self.shared.read().keys().map(ToString::to_string).collect()
    }

    /// What a GET of a sub-resource (`tagging`, `publicAccessBlock`) would answer; `None` when it
    /// would be an error. Not counted and not struck by faults.
    pub fn body(&self, bucket: &str, sub_resource: &str) -> Option<String> {
        let word = Word::parse(sub_resource)?;
        let buckets = self.shared.read();
        let body = buckets.get(bucket)?.config.get(word, bucket).ok()?;
        String::from_utf8(body.to_vec()).ok()
    }
}

/// A sandbox that listens. It stops when this is dropped.
pub struct Running {
    sandbox: Sandbox,
    address: SocketAddr,
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<io::Result<()>>>,
}

impl Running {
    /// The endpoint, such as `http://127.0.0.1:34567`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The state.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Stops, and returns when the port is free.
    ///
    /// # Errors
    /// When the server failed before.
    pub async fn stop(mut self) -> io::Result<()> {
        self.stop.cancel();
        match self.task.take() {
            Some(task) => task.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl std::ops::Deref for Running {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}
