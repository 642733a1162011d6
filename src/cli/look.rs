//! Looking at live buckets: the loop's own sweep, with wishes that want a look at every setting, so
//! that regions, budgets, patience and failures are those of the daemon. Nothing is written.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::session::Silent;
use crate::account::ACCOUNT_SETTINGS;
use crate::apply::Proof;
use crate::board::Board;
use crate::bucket::{AccountName, BucketId};
use crate::clock::SystemClock;
use crate::cloud::Cloud;
use crate::cloud::read_only::ReadOnly;
use crate::config::Config;
use crate::desired::{Agent, Desired, resolve};
use crate::finding::Place;
use crate::plan::NoBrakes;
use crate::reconcile::{FleetLimit, Gate, Hands, Loop, Visited};
use crate::report::Cause;
use crate::settings::SETTINGS;
use crate::spec::{AccountSpec, Ask, Asked, Asks, BucketSpec, Mode, Specs};

/// Looks at every setting of these buckets, and of these accounts themselves. A bucket that was not
/// looked at is left out.
pub async fn look(
    config: &Config,
    cloud: Arc<dyn Cloud>,
    accounts: &[AccountName],
    ids: &BTreeSet<BucketId>,
    board: Arc<Board>,
    stop: &CancellationToken,
) -> Vec<Visited> {
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
    it.sweep(&Arc::new(wishes(config, accounts, ids)), Cause::Demand, Hands::Bound, &Gate::Open).await.plans
}

/// Wishes that want to see every setting of every bucket and of every account, and nothing else.
fn wishes(config: &Config, accounts: &[AccountName], ids: &BTreeSet<BucketId>) -> Desired {
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
