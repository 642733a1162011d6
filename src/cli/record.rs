//! `driftless record`: what every bucket is like, in one file, so that a plan can be made where there
//! are no credentials.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::look::look;
use super::progress::Progress;
use super::session::{self, Failed, complain};
use super::{CANNOT_TELL, ConfigArgs, IN_SYNC, live};
use crate::board::Board;
use crate::bucket::{AccountName, BucketId};
use crate::cloud::S3ErrorKind;
use crate::config::{Config, Override};
use crate::observed::{Existence, Reading};

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
    let code = session::until_told_to_end(&stop, record(config, args, &stop)).await;
    ExitCode::from(code.unwrap_or(CANNOT_TELL))
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
    let visits = look(&config, cloud, &accounts, &ids, board, stop).await;
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
