//! S3 over HTTP: AWS and the stores that speak its language. One client per account and region,
//! never one per bucket: that alone would cost five times the CPU.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::create::{create, may_take_it_bare};
use super::delete::Guard;
use super::directory::OwnEndpoint;
use super::foreign::Onlooker;
use super::pages::{self, Page, Paged};
use super::region::{Compass, Places};
use super::{BoxFuture, Cloud, Creation, Illegal, Listed, Observer, Presence, S3Error, S3ErrorKind, Target};
use crate::bucket::{AccountId, AccountName, BucketId, Region};
use crate::doc::Doc;

mod ask;
mod controlled;
mod direct;
mod follow;
mod list;
mod meter;
#[cfg(test)]
mod wired;

pub use ask::Ask;
pub(super) use direct::Direct;
use direct::Keeper;
use meter::Meter;

/// An account as the configuration describes it.
#[derive(Debug, Clone)]
pub struct AccountOptions {
    /// Its name.
    pub name: AccountName,
    /// Its number, where the user says it. AWS is asked for it otherwise.
    pub id: Option<AccountId>,
    /// The region of buckets that name none, and of requests about all buckets.
    pub region: Region,
    /// The endpoint of an S3-compatible store; AWS when nothing is said.
    pub endpoint: Option<String>,
    /// Where S3 Control is, when it is not AWS's.
    pub control_endpoint: Option<String>,
    /// Whether the bucket stands in the path and not in the host name.
    pub path_style: bool,
    /// A profile of the shared AWS configuration files.
    pub profile: Option<String>,
    /// The role that reads, and writes when there is no other for that.
    pub role: Option<String>,
    /// The role that writes, used for the seconds of a write only.
    pub writer_role: Option<String>,
    /// The external id that the roles' trust policies ask for.
    pub external_id: Option<String>,
}

/// S3 over HTTP.
pub struct AwsCloud {
    accounts: HashMap<AccountName, Account>,
    /// Few: what the last read of a setting answered and this version does not know.
    foreign: Mutex<HashMap<(BucketId, &'static str), Vec<String>>>,
    /// Few: what the last read of a setting said beside its value.
    remarks: Mutex<HashMap<(BucketId, &'static str), Vec<String>>>,
    /// Hardly any: what the last list of an account showed and no spec can name.
    illegal: Mutex<HashMap<AccountName, Vec<Illegal>>>,
    /// Fewer: the buckets that live elsewhere than their targets say.
    places: Mutex<Places>,
}

struct Account {
    options: AccountOptions,
    id: Option<AccountId>,
    reader: aws_config::SdkConfig,
    writer: Option<aws_config::SdkConfig>,
    meter: Meter,
    clients: RwLock<HashMap<(Region, bool), Client>>,
    /// The store does not know tags in the request that makes a bucket.
    makes_bare: AtomicBool,
    /// Few are ever made: those who write tags by attributes, or an account's own settings, ask.
    controls: RwLock<HashMap<(Region, bool), aws_sdk_s3control::Client>>,
}

/// A client of the SDK, and what its requests are made with.
#[derive(Clone)]
struct Client {
    sdk: aws_sdk_s3::Client,
    direct: Arc<Direct>,
}

/// What cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS does not say who we are.
    #[error("cannot find out the id of account `{account}`: {message}")]
    Identity {
        /// The account.
        account: AccountName,
        /// What AWS, or the SDK, said.
        message: String,
    },
    /// The credentials belong to another account than the configuration says.
    #[error("the credentials of account `{account}` belong to {found}, not to {expected}")]
    WrongAccount {
        /// The account.
        account: AccountName,
        /// Whose they are.
        found: AccountId,
        /// Whose they shall be.
        expected: AccountId,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Identity { .. } => {
                "give the agent credentials (environment, profile, web identity, instance role), or write the account's `id`"
            }
            Self::WrongAccount { .. } => "correct `id`, `profile` or `role` of the account in the configuration",
        }
    }
}

impl AwsCloud {
    /// Sets up every account. On AWS the account's id is asked for once, so that every later
    /// request can name the owner it expects; a failure there is not fatal, as the id only adds
    /// safety and the account may answer later.
    ///
    /// # Errors
    /// When the credentials belong to another account than the configuration says.
    pub async fn connect(accounts: Vec<AccountOptions>, observer: &Arc<dyn Observer>) -> Result<Self, Error> {
        Self::connect_as(accounts, observer, None).await
    }

    /// The same with credentials from the caller, and not from where AWS looks for them.
    ///
    /// # Errors
    /// As [`AwsCloud::connect`].
    pub async fn connect_as(
        accounts: Vec<AccountOptions>,
        observer: &Arc<dyn Observer>,
        credentials: Option<SharedCredentialsProvider>,
    ) -> Result<Self, Error> {
        let http = https();
        let mut set_up = HashMap::new();
        for options in accounts {
            let account = Account::connect(options, &http, observer, credentials.as_ref()).await?;
            set_up.insert(account.options.name.clone(), account);
        }
        Ok(Self {
            accounts: set_up,
            foreign: Mutex::default(),
            remarks: Mutex::default(),
            illegal: Mutex::default(),
            places: Mutex::default(),
        })
    }

    fn account(&self, name: &AccountName) -> &Account {
        self.accounts.get(name).expect("buckets are resolved to configured accounts")
    }

    /// How many clients there are: one for each account and region.
    #[doc(hidden)]
    pub fn clients(&self) -> usize {
        let of = |account: &Account| account.clients.read().expect("no holder of the lock panics").len();
        self.accounts.values().map(of).sum()
    }

    /// The same for S3 Control, which the configuration of the tests names.
    #[doc(hidden)]
    pub fn control_client(&self, target: &Target) -> aws_sdk_s3control::Client {
        let account = self.account(&target.id.account);
        account.control(&target.region, true, "", "").expect("the test names S3 Control").client
    }

    /// The client of an account and region, with the guard in it: for the tests that try to get
    /// around the guard.
    #[doc(hidden)]
    pub fn client(&self, target: &Target, writes: bool) -> aws_sdk_s3::Client {
        self.account(&target.id.account).client(&target.region, writes).sdk
    }
}

impl Account {
    async fn connect(
        options: AccountOptions,
        http: &SharedHttpClient,
        observer: &Arc<dyn Observer>,
        credentials: Option<&SharedCredentialsProvider>,
    ) -> Result<Self, Error> {
        let base = base(&options, http, credentials).await;
        let reader = match &options.role {
            Some(role) => assume(&base, role, &options).await,
            None => base.clone(),
        };
        let writer = match &options.writer_role {
            Some(role) => Some(assume(&base, role, &options).await),
            None => None,
        };
        let id = match (&options.id, &options.endpoint) {
            (expected, None) => identity(&reader, &options, expected.as_ref()).await?,
            (id, Some(_)) => id.clone(),
        };
        let meter = Meter { account: options.name.clone(), observer: Arc::clone(observer) };
        Ok(Self {
            options,
            id,
            reader,
            writer,
            meter,
            clients: RwLock::default(),
            makes_bare: false.into(),
            controls: RwLock::default(),
        })
    }

    fn client(&self, region: &Region, writes: bool) -> Client {
        let key = (region.clone(), writes && self.writer.is_some());
        if let Some(client) = self.clients.read().expect("no holder of the lock panics").get(&key) {
            return client.clone();
        }
        let shared = if key.1 { self.writer.as_ref().unwrap_or(&self.reader) } else { &self.reader };
        let mut config = aws_sdk_s3::config::Builder::from(shared)
            .region(aws_config::Region::new(region.to_string()))
            .force_path_style(self.options.path_style)
            // A session is for objects, and none is ever touched.
            .disable_s3_express_session_auth(true);
        let direct = Arc::new(Direct::new(self.meter.clone()));
        // Permanent: nothing can switch them off, and no request asks whether something did.
        config
            .push_interceptor(SharedInterceptor::permanent(Guard))
            .push_interceptor(SharedInterceptor::permanent(Onlooker))
            .push_interceptor(SharedInterceptor::permanent(Compass))
            .push_interceptor(SharedInterceptor::permanent(self.meter.clone()))
            .push_interceptor(SharedInterceptor::permanent(Keeper(Arc::clone(&direct))));
        let config = match self.options.endpoint {
            Some(_) => config.endpoint_resolver(OwnEndpoint::new()),
            None => config,
        };
        let client = Client { sdk: aws_sdk_s3::Client::from_conf(config.build()), direct };
        self.clients.write().expect("no holder of the lock panics").entry(key).or_insert(client).clone()
    }
}

/// Who speaks, before any role is assumed.
async fn base(
    options: &AccountOptions,
    http: &SharedHttpClient,
    credentials: Option<&SharedCredentialsProvider>,
) -> aws_config::SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http.clone())
        .region(aws_config::Region::new(options.region.to_string()))
        // We retry ourselves, so that every attempt is counted and budgeted.
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).build())
        // These answers are small; the check costs a twentieth of the CPU of a read.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(credentials) = credentials {
        loader = loader.credentials_provider(credentials.clone());
    }
    if let Some(profile) = &options.profile {
        // Named alone, a profile yields to the keys of the environment, which are one account's.
        let provider = ProviderConfig::without_region()
            .with_http_client(http.clone())
            .with_region(Some(aws_config::Region::new(options.region.to_string())));
        let keys = ProfileFileCredentialsProvider::builder().configure(&provider).profile_name(profile).build();
        loader = loader.profile_name(profile).credentials_provider(keys);
    }
    if let Some(endpoint) = &options.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

/// The configuration of another service's client that signs in as an account does.
pub(crate) async fn sign_in(options: &AccountOptions) -> aws_config::SdkConfig {
    let base = base(options, &https(), None).await;
    match &options.role {
        Some(role) => assume(&base, role, options).await,
        None => base,
    }
}

/// The client of every request to AWS.
fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https()
}

async fn assume(base: &aws_config::SdkConfig, role: &str, options: &AccountOptions) -> aws_config::SdkConfig {
    let mut provider = AssumeRoleProvider::builder(role).session_name("driftless").configure(base);
    if let Some(external_id) = &options.external_id {
        provider = provider.external_id(external_id);
    }
    let provider = SharedCredentialsProvider::new(provider.build().await);
    base.to_builder().credentials_provider(provider).build()
}

async fn identity(
    config: &aws_config::SdkConfig,
    options: &AccountOptions,
    expected: Option<&AccountId>,
) -> Result<Option<AccountId>, Error> {
    let asking = aws_sdk_sts::Client::new(config).get_caller_identity().send();
    let asked = tokio::time::timeout(Duration::from_secs(20), asking).await;
    let found = asked.ok().and_then(Result::ok).and_then(|it| it.account).and_then(|id| AccountId::parse(&id).ok());
    match (found, expected) {
        (Some(found), Some(expected)) if found != *expected => {
            Err(Error::WrongAccount { account: options.name.clone(), found, expected: expected.clone() })
        }
        (Some(found), _) => Ok(Some(found)),
        (None, expected) => {
            tracing::warn!(account = %options.name, "AWS does not say whose the credentials are; requests name no expected owner");
            Ok(expected.cloned())
        }
    }
}

impl Cloud for AwsCloud {
    fn list<'a>(&'a self, account: &'a AccountName) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        Box::pin(async move {
            let Page { listed, illegal, .. } =
                pages::all("ListBuckets", account, |token| self.list_page(account, token)).await?;
            self.illegal.lock().expect("no holder of the lock panics").insert(account.clone(), illegal);
            Ok(listed)
        })
    }

    fn illegal(&self, account: &AccountName) -> Vec<Illegal> {
        self.illegal.lock().expect("no holder of the lock panics").get(account).cloned().unwrap_or_default()
    }

    fn list_directories<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
    ) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        Box::pin(async move {
            let page = |token| self.list_directories_page(account, region, token);
            Ok(pages::all("ListDirectoryBuckets", account, page).await?.listed)
        })
    }

    fn head<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Presence, S3Error>> {
        Box::pin(async move {
            if target.id.is_account() {
                return Ok(Presence::Here(None));
            }
            if target.id.name.is_directory() {
                // HeadBucket of a directory bucket takes leave to open a session with its objects.
                let listed = self.list_directories(&target.id.account, &target.region).await?;
                let mut mine = listed.into_iter().filter(|it| it.name == target.id.name);
                return Ok(mine.next().map_or(Presence::Missing, |it| Presence::Here(it.region)));
            }
            let answer = self.followed(target, |at| Box::pin(async move { self.head_at(&at, &target.region).await }));
            match answer.await {
                Err(error) if error.status == 404 => Ok(Presence::Missing),
                other => other,
            }
        })
    }

    fn create<'a>(&'a self, target: &'a Target, creation: &'a Creation) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(async move {
            let client = self.client(target, true);
            let account = self.account(&target.id.account);
            let tagged = !creation.tags.is_empty() && !account.makes_bare.load(Ordering::Relaxed);
            self.places().forget(&target.id);
            let refused = match create(&client, target, creation, tagged).await {
                Err(error) if tagged && may_take_it_bare(&error) => error,
                other => return other,
            };
            // A refused request made nothing.
            match create(&client, target, creation, false).await {
                Ok(()) => {
                    tracing::info!(bucket.name = %target.id, "made without its tags, which follow: {refused}");
                    if refused.kind != S3ErrorKind::Denied {
                        account.makes_bare.store(true, Ordering::Relaxed);
                    }
                    Ok(())
                }
                // Where both are denied, the one with the tags is the one to let through.
                Err(error) if error.kind == S3ErrorKind::Denied && refused.kind == error.kind => Err(refused),
                Err(error) => Err(error),
            }
        })
    }

    fn read<'a>(&'a self, target: &'a Target, setting: &'static str) -> BoxFuture<'a, Result<Doc, S3Error>> {
        Box::pin(async move {
            if target.id.is_account() {
                // In a box, so that no read of a bucket carries what it needs.
                return Box::pin(self.read_account(target, setting)).await;
            }
            self.followed(target, |at| Box::pin(async move { self.read_at(&at, setting).await })).await
        })
    }

    fn found_at(&self, target: &Target) -> Option<Region> {
        self.places().of(&target.id).filter(|region| **region != target.region).cloned()
    }

    fn foreign_fields(&self, target: &Target, setting: &'static str) -> Vec<String> {
        let known = self.foreign.lock().expect("no holder of the lock panics");
        known.get(&(target.id.clone(), setting)).cloned().unwrap_or_default()
    }

    fn remarks(&self, target: &Target, setting: &'static str) -> Vec<String> {
        let known = self.remarks.lock().expect("no holder of the lock panics");
        known.get(&(target.id.clone(), setting)).cloned().unwrap_or_default()
    }

    fn write<'a>(
        &'a self,
        target: &'a Target,
        setting: &'static str,
        seen: &'a Doc,
        to: &'a Doc,
    ) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(async move {
            if target.id.is_account() {
                return Box::pin(self.write_account(target, setting, to)).await;
            }
            self.followed(target, |at| Box::pin(async move { self.write_at(&at, setting, seen, to).await })).await
        })
    }
}
