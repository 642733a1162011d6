//! Reading live buckets, and telling how far it has come.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Counter, Found, ImportArgs, check_globs, is_meant, said_account};
use crate::agent;
use crate::board::Board;
use crate::bucket::{AccountName, BucketId, BucketName};
use crate::cli::look::look;
use crate::cli::progress::Progress;
use crate::cli::session::{Failed, complain};
use crate::cloud::patient::Patience;
use crate::cloud::{Cloud, Observer};
use crate::config::Config;
use crate::import::live::{Extent, draft};
use crate::observed::Existence;
use crate::reconcile::Visited;
use crate::report::BucketState;

/// Reads the buckets that were asked for.
pub(super) async fn read(
    config: &Config,
    args: &ImportArgs,
    progress: &Progress,
    stop: &CancellationToken,
) -> Result<Found, Failed> {
    check_globs(&args.matching)?;
    if args.buckets.is_empty() && !args.all {
        let hint = "name buckets, or say --all, or --from FORMAT FILE";
        return Err(complain("nothing to import was named", Some(hint)));
    }
    let accounts = accounts(config, args)?;
    let counter = Counter::shared();
    let patience = Patience { deadline: config.limits.request_deadline.0, ..Patience::default() };
    let observer: Arc<dyn Observer> = Arc::clone(&counter) as Arc<dyn Observer>;
    let cloud = agent::cloud(config, patience, &observer, stop)
        .await
        .map_err(|error| complain(&error, error.hint.as_deref()))?;
    let mut found = Found::default();
    let ids = if args.all { listed(&*cloud, &accounts, args, &mut found).await } else { named(&accounts, args)? };
    if ids.is_empty() && found.unreadable.is_empty() && found.illegal.is_empty() {
        let said = if args.matching.is_empty() { "there is no bucket" } else { "no bucket matches" };
        return Err(complain(said, Some("check the account, and the globs of --match")));
    }
    let visits = seen(config, cloud, &ids, progress, stop).await;
    let mut visits: BTreeMap<BucketId, Visited> = visits.into_iter().map(|it| (it.wish.id.clone(), it)).collect();
    let extent = if args.full { Extent::Full } else { Extent::Different };
    for id in ids {
        let Some(visited) = visits.remove(&id) else {
            // A fault of ours in one bucket stops no other; when everything ends, that is told once.
            if !stop.is_cancelled() {
                complain(format!("`{id}` was not read"), None);
            }
            found.unreadable.push(id.to_string());
            continue;
        };
        let said = match &visited.observed.existence {
            Existence::Here(_) => {
                let account = said_account(config, &id.account);
                found.drafts.push(draft(&id.name, account.as_ref(), &visited.observed, extent));
                found.seen.push(visited.observed);
                continue;
            }
            Existence::Missing => "there is no such bucket".to_owned(),
            Existence::Foreign => "the name belongs to another account".to_owned(),
            Existence::Unknown(error) => error.to_string(),
        };
        complain(format!("`{id}` was not read: {said}"), None);
        found.unreadable.push(id.to_string());
    }
    found.requests = counter.count();
    Ok(found)
}

fn accounts(config: &Config, args: &ImportArgs) -> Result<Vec<AccountName>, Failed> {
    let known: Vec<AccountName> = config.accounts.iter().map(|account| account.name.clone()).collect();
    let Some(named) = &args.account else { return Ok(known) };
    let found: Vec<AccountName> = known.iter().filter(|name| name.as_str() == named).cloned().collect();
    if found.is_empty() {
        let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let hint = format!("accounts: {}", names.join(", "));
        return Err(complain(format!("account `{named}` is not one of the configuration"), Some(&hint)));
    }
    Ok(found)
}

async fn listed(
    cloud: &dyn Cloud,
    accounts: &[AccountName],
    args: &ImportArgs,
    found: &mut Found,
) -> BTreeSet<BucketId> {
    let mut ids = BTreeSet::new();
    for account in accounts {
        match cloud.list(account).await {
            Ok(buckets) => {
                for illegal in cloud.illegal(account).into_iter().filter(|it| is_meant(&args.matching, &it.name)) {
                    complain(format!("a bucket is left out: {}", illegal.why), None);
                    found.illegal.push(illegal.name);
                }
                let meant = buckets.into_iter().filter(|it| is_meant(&args.matching, it.name.as_str()));
                ids.extend(meant.map(|it| BucketId { account: account.clone(), name: it.name }));
            }
            Err(error) => {
                complain(&error, error.hint().as_deref());
                found.unreadable.push(format!("account {account}"));
            }
        }
    }
    ids
}

fn named(accounts: &[AccountName], args: &ImportArgs) -> Result<BTreeSet<BucketId>, Failed> {
    let [account] = accounts else {
        let names: Vec<&str> = accounts.iter().map(AccountName::as_str).collect();
        let hint = format!("say --account with one of: {}", names.join(", "));
        return Err(complain("there are several accounts", Some(&hint)));
    };
    let mut ids = BTreeSet::new();
    for name in &args.buckets {
        let name = BucketName::parse(name).map_err(|error| complain(&error.message, Some(&error.hint)))?;
        ids.insert(BucketId { account: account.clone(), name });
    }
    Ok(ids)
}

async fn seen(
    config: &Config,
    cloud: Arc<dyn Cloud>,
    ids: &BTreeSet<BucketId>,
    progress: &Progress,
    stop: &CancellationToken,
) -> Vec<Visited> {
    let board = Arc::new(Board::default());
    progress.sweep(&board);
    tokio::select! {
        visits = look(config, cloud, &[], ids, Arc::clone(&board), stop) => visits,
        never = tell_failures(&board, progress) => match never {},
    }
}

/// How often the failures are counted, at most.
const GLANCE: Duration = Duration::from_millis(200);

/// Tells how many buckets failed so far, from the first of them on.
async fn tell_failures(board: &Board, progress: &Progress) -> Infallible {
    let mut versions = board.versions();
    while versions.changed().await.is_ok() {
        if let (Some(what), Some(running)) = (looking(failures(board)), board.running()) {
            progress.doing(&what);
            progress.count(running.done as u64, running.total as u64);
        }
        tokio::time::sleep(GLANCE).await;
    }
    std::future::pending().await
}

/// Buckets that could not be reached, or not be read whole.
fn failures(board: &Board) -> u64 {
    let mut failed = 0;
    board.each_bucket(|report| {
        failed += u64::from(report.state == BucketState::Unreachable || !report.errors.is_empty());
    });
    failed
}

/// What is being done, with the failures; none as long as nothing failed.
fn looking(failed: u64) -> Option<String> {
    (failed > 0).then(|| format!("looking at buckets, {failed} failed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Region;
    use crate::cloud::{S3Error, S3ErrorKind};
    use crate::report::{BucketReport, ReadError};

    fn report(name: &str, state: BucketState, errors: Vec<ReadError>) -> BucketReport {
        let id = BucketId { account: AccountName::default(), name: BucketName::parse(name).expect("legal") };
        BucketReport {
            id,
            region: Region::us_east_1(),
            state,
            spec: None,
            checked_at: "2026-11-23T12:00:00Z".parse().expect("a time"),
            policies: Vec::new().into(),
            settings: Vec::new().into(),
            held: Box::default(),
            repairs: Box::default(),
            errors: errors.into(),
            suspended_until: None,
            wish: None,
        }
    }

    /// The line told how many were done, and an hour later how many of them had failed.
    #[test]
    fn what_failed_is_counted_while_the_rest_is_read() {
        let board = Board::default();
        board.put_bucket(report("ai-a", BucketState::Managed, Vec::new()));
        assert_eq!(looking(failures(&board)), None);
        let denied = S3Error {
            operation: "GetBucketTagging".to_owned(),
            object: "ai-b".to_owned(),
            kind: S3ErrorKind::Denied,
            code: "AccessDenied".to_owned(),
            status: 403,
            request_id: None,
            message: String::new(),
            action: None,
        };
        board.put_bucket(report(
            "ai-b",
            BucketState::Managed,
            vec![ReadError { setting: "tags", error: denied, hint: None }],
        ));
        board.put_bucket(report("ai-c", BucketState::Unreachable, Vec::new()));
        assert_eq!(looking(failures(&board)).as_deref(), Some("looking at buckets, 2 failed"));
    }
}
