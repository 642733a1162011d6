//! `driftless record`: what every bucket is like, in one file, so that a plan can be made where there
//! are no credentials.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::session::{self, Failed, Silent, complain};
use super::{CANNOT_TELL, ConfigArgs, IN_SYNC, live};
use crate::account::ACCOUNT_SETTINGS;
use crate::apply::Proof;
use crate::board::Board;
use crate::bucket::{AccountName, BucketId};
use crate::clock::SystemClock;
use crate::cloud::S3ErrorKind;
use crate::cloud::read_only::ReadOnly;
use crate::config::{Config, Override};
use crate::desired::{Agent, Desired, resolve};
use crate::finding::Place;
use crate::observed::{Existence, Reading};
use crate::plan::NoBrakes;
use crate::reconcile::{FleetLimit, Gate, Hands, Loop};
use crate::report::Cause;
use crate::settings::SETTINGS;
use crate::spec::{AccountSpec, Ask, Asked, Asks, BucketSpec, Mode, Specs};

/// Records every setting of every bucket of the accounts, for `plan --live FILE`: a pull request is
/// then checked against what is there without credentials. S3 is only read.
///
/// Ends with 0, or with 1 when something could not be read: then nothing is written. What a store
/// refuses to tell, or lacks, is recorded as such.
#[derive(Debug, clap::Args)]
pub struct RecordArgs {
    /// The file. It holds the policies, tags and rules of every bucket: keep it where the specs are kept.
    #[arg(long, value_name = "FILE", default_value = "live.yaml")]
    pub out: PathBuf,
    /// Only this account, as the configuration names it.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// The address of an S3-compatible store, for the only account; turns path style on.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
}

/// Runs the command.
pub async fn run(config: &ConfigArgs, args: &RecordArgs) -> ExitCode {
    let stop = CancellationToken::new();
    let ending = tokio::spawn({
        let stop = stop.clone();
        async move {
            super::run::told_to_end().await;
            stop.cancel();
        }
    });
    let code = record(config, args, &stop).await.unwrap_or(CANNOT_TELL);
    ending.abort();
    ExitCode::from(code)
}

async fn record(config: &ConfigArgs, args: &RecordArgs, stop: &CancellationToken) -> Result<u8, Failed> {
    let config = configuration(config, args)?;
    let accounts: Vec<AccountName> = config
        .accounts
        .iter()
        .map(|it| it.name.clone())
        .filter(|name| args.account.as_ref().is_none_or(|only| name.as_str() == only))
        .collect();
    if accounts.is_empty() {
        let only = args.account.as_deref().unwrap_or_default();
        return Err(complain(format!("account `{only}` is not one of the configuration"), None));
    }
    let progress = Progress::begin("listing buckets");
    let cloud = session::connect(&config, stop).await?;
    let mut ids = BTreeSet::new();
    for account in &accounts {
        // A list that is not whole would make buckets of others look as if they had to be created.
        let listed = cloud.list(account).await.map_err(|error| complain(&error, error.hint().as_deref()))?;
        ids.extend(listed.into_iter().map(|it| BucketId { account: account.clone(), name: it.name }));
    }
    let board = Arc::new(Board::default());
    progress.sweep(&board);
    let it = Arc::new(Loop {
        cloud: Arc::new(ReadOnly(cloud)),
        clock: Arc::new(SystemClock),
        board,
        brakes: Arc::new(NoBrakes),
        witness: Arc::new(Silent),
        limit: FleetLimit { percent: 0.0, least: 0 },
        concurrency: config.limits.concurrency,
        owners: config.owners(),
        proof: Proof::default(),
        keep_plans: true,
        stop: stop.clone(),
    });
    let desired = Arc::new(looks(&config, &accounts, &ids));
    let visits = it.sweep(&desired, Cause::Demand, Hands::Bound, &Gate::Open).await.plans;
    if stop.is_cancelled() {
        return Err(complain("ended before its time: nothing was written", None));
    }
    // A bucket that is left out would look as if it had to be created, and one that was not read as if
    // nobody might read it.
    let mut missed = ids.len() + accounts.len() - visits.len();
    for it in &visits {
        if let Existence::Unknown(error) = &it.observed.existence {
            missed += 1;
            complain(format!("`{}` was not read: {error}", it.wish.id), error.hint().as_deref());
        }
        for (setting, reading) in it.observed.readings() {
            if let Reading::Unknown(error) = reading
                && error.kind != S3ErrorKind::Denied
            {
                missed += 1;
                complain(format!("`{setting}` of `{}` was not read: {error}", it.wish.id), error.hint().as_deref());
            }
        }
    }
    if missed > 0 {
        return Err(complain("nothing was written, as not everything was read", Some("try again")));
    }
    let there = visits.iter().filter(|it| matches!(it.observed.existence, Existence::Here(_)));
    let text = live::record(there.clone().map(|it| (&it.wish.id, &it.observed)));
    let buckets = there.filter(|it| !it.wish.id.is_account()).count();
    drop(progress);
    std::fs::write(&args.out, text).map_err(|error| {
        complain(
            format!("`{}` cannot be written: {}", args.out.display(), error.to_string().to_lowercase()),
            Some("name another file with --out"),
        )
    })?;
    let plural = if buckets == 1 { "" } else { "s" };
    super::say(format_args!("{buckets} bucket{plural} recorded in {}", args.out.display()));
    Ok(IN_SYNC)
}

/// The configuration; without a file of it, that of the one account of the environment.
fn configuration(config: &ConfigArgs, args: &RecordArgs) -> Result<Config, Failed> {
    let say = |path: &[&str], value: String| Override {
        path: path.iter().map(|it| (*it).to_owned()).collect(),
        value,
        from: "the command line".to_owned(),
    };
    let mut defaults = Vec::new();
    if config.config.is_none() {
        defaults.push(say(&["source", "dir"], "\".\"".to_owned()));
    }
    if let Some(endpoint) = &args.endpoint {
        let endpoint = serde_json::Value::from(endpoint.as_str());
        defaults.push(say(&["accounts"], format!("[{{endpoint: {endpoint}, pathStyle: true}}]")));
    }
    config.load(&defaults).map_err(|findings| {
        super::print_findings(&findings);
        Failed
    })
}

/// Wishes that want to see every setting of every bucket and of every account, and nothing else.
fn looks(config: &Config, accounts: &[AccountName], ids: &BTreeSet<BucketId>) -> Desired {
    let at = Place { file: "".into(), line: 1, column: 1 };
    let look = |setting: &dyn crate::setting::AnySetting| {
        (setting.name(), Ask { what: Asked::Value(setting.default_doc()), at: at.clone() })
    };
    let every: Asks = SETTINGS.iter().map(|it| look(*it)).collect();
    let of_accounts: Asks = ACCOUNT_SETTINGS.iter().map(|it| look(crate::settings::named(it.name))).collect();
    let bucket = |id: &BucketId| BucketSpec {
        name: id.name.clone(),
        account: Some(id.account.clone()),
        region: None,
        labels: Arc::default(),
        mode: Some(Mode::Observe),
        suspend: None,
        ignore: Vec::new(),
        namespace: None,
        settings: every.clone(),
        at: at.clone(),
    };
    let account = |name: &AccountName| AccountSpec {
        name: name.clone(),
        labels: Arc::default(),
        mode: Some(Mode::Observe),
        suspend: None,
        settings: of_accounts.clone(),
        at: at.clone(),
    };
    let specs = Specs {
        buckets: ids.iter().map(bucket).collect(),
        accounts: accounts.iter().map(account).collect(),
        ..Specs::default()
    };
    let accounts = config.accounts.iter().map(|it| (it.name.clone(), it.region.clone())).collect();
    let own_stores = config.own_stores();
    resolve(&specs, &Agent { mode: Mode::Observe, accounts, undeclared: false, guessed: false, own_stores }).0
}
