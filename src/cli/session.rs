//! One sweep for a command: the same parts as the daemon's, for `plan`, `apply` and `scan`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::run::told_to_end;
use super::{ConfigArgs, live};
use crate::agent;
use crate::apply::Proof;
use crate::board::Board;
use crate::bucket::BucketId;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::cloud::learned::Learned;
use crate::cloud::patient::Patience;
use crate::cloud::read_only::ReadOnly;
use crate::cloud::{Cloud, Unobserved};
use crate::config::{Config, Override};
use crate::desired::Desired;
use crate::doc::Doc;
use crate::finding::Finding;
use crate::plan::NoBrakes;
use crate::reconcile::{FleetLimit, Gate, Hands, Loop, Swept, Witness};
use crate::report::tell::DriftChange;
use crate::report::{Cause, Event, Repair};
use crate::source::{Fetched, Tree, dir};

/// What to look at.
#[derive(Debug, Clone, clap::Args)]
pub struct WhatArgs {
    /// A folder of specs, instead of the source that the configuration names.
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// A commit of the configured repository, in full, instead of its branch or tag.
    #[arg(long, value_name = "COMMIT", conflicts_with = "dir")]
    pub revision: Option<String>,
    /// Only these buckets: names or globs.
    #[arg(long = "bucket", value_name = "GLOB")]
    pub buckets: Vec<String>,
    /// The address of an S3-compatible store, for the only account; turns path style on.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
}

/// Everything that is needed for one sweep.
pub struct Session {
    /// The configuration.
    pub config: Config,
    /// What every bucket shall be.
    pub desired: Desired,
    /// Faults in the documents.
    pub findings: Vec<Finding>,
    /// S3, or what was recorded of it.
    pub cloud: Arc<dyn Cloud>,
    /// The present moment.
    pub now: Timestamp,
    stop: CancellationToken,
    progress: Progress,
}

/// Why a command cannot go on; it has been printed.
#[derive(Debug)]
pub struct Failed;

/// Prints a fault with its hint.
pub fn complain(message: impl std::fmt::Display, hint: Option<&str>) -> Failed {
    super::complain(message);
    if let Some(hint) = hint {
        super::complain(format_args!("hint: {hint}"));
    }
    Failed
}

impl Session {
    /// Reads configuration and documents, and connects.
    ///
    /// # Errors
    /// When there is nothing to go on; the reason has been printed.
    pub async fn open(args: &ConfigArgs, what: &WhatArgs, recorded: Option<&PathBuf>) -> Result<Self, Failed> {
        let config = configuration(args, what)?;
        let progress = Progress::begin("reading the source");
        let tree = match &what.dir {
            Some(dir) => dir::read(dir, crate::source::Limits::default())
                .map_err(|error| complain(&error, error.hint.as_deref()))?,
            None => fetch(&config).await?,
        };
        let now = SystemClock.now();
        progress.doing(&format!("checking {} files", tree.files.len()));
        let (desired, loaded) = agent::load_files(&config, &tree, &(), now);
        let stop = CancellationToken::new();
        progress.doing("connecting");
        let cloud = match recorded {
            Some(file) => recorded_cloud(file)?,
            None => connect(&config, &stop).await?,
        };
        Ok(Self { config, desired, findings: loaded.findings, cloud, now, stop, progress })
    }

    /// A session over what is at hand.
    pub fn of(
        config: Config,
        desired: Desired,
        cloud: Arc<dyn Cloud>,
        now: Timestamp,
        stop: CancellationToken,
        progress: Progress,
    ) -> Self {
        Self { config, desired, findings: Vec::new(), cloud, now, stop, progress }
    }

    /// Leaves only the buckets that were asked for.
    ///
    /// # Errors
    /// When a pattern matches no bucket; it has been printed.
    pub fn choose(&mut self, patterns: &[String]) -> Result<(), Failed> {
        if patterns.is_empty() {
            return Ok(());
        }
        let selector = crate::spec::select::CompiledSelector::of_names(patterns);
        let none = std::collections::BTreeMap::new();
        self.desired.buckets.retain(|id, wish| {
            selector.matches(&crate::spec::select::Facts {
                name: &id.name,
                account: &id.account,
                region: &wish.region,
                labels: &none,
                tags: &none,
            })
        });
        if self.desired.buckets.is_empty() {
            let hint = "name a bucket of the specs, or a glob such as 'ai-*'";
            return Err(complain(format!("no declared bucket matches {}", patterns.join(", ")), Some(hint)));
        }
        Ok(())
    }

    /// Makes one sweep; what is left of it stands in the plans.
    pub async fn sweep(self, hands: Hands) -> Swept {
        let limits = &self.config.limits;
        let cloud = match hands {
            Hands::Free => self.cloud,
            Hands::Bound => Arc::new(ReadOnly(self.cloud)),
        };
        let board = Arc::new(Board::default());
        self.progress.sweep(&board);
        let it = Arc::new(Loop {
            cloud,
            clock: Arc::new(SystemClock),
            board,
            brakes: Arc::new(NoBrakes),
            witness: Arc::new(Silent),
            limit: FleetLimit { percent: limits.changed_percent, least: limits.changed_least },
            concurrency: limits.concurrency,
            owners: self.config.owners(),
            proof: Proof::default(),
            keep_plans: true,
            stop: self.stop.clone(),
        });
        let desired = Arc::new(self.desired);
        until_told_to_end(&self.stop, it.sweep(&desired, Cause::Demand, hands, &Gate::Whole)).await
    }
}

/// Does the work, and cancels `stop` when the process is told to end meanwhile.
pub async fn until_told_to_end<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> T {
    let stop = stop.clone();
    let ending = tokio::spawn(async move {
        told_to_end().await;
        stop.cancel();
    });
    let done = work.await;
    ending.abort();
    done
}

/// The configuration with what the command line says of it.
fn configuration(args: &ConfigArgs, what: &WhatArgs) -> Result<Config, Failed> {
    let say = |path: &[&str], value: String| Override {
        path: path.iter().map(|step| (*step).to_owned()).collect(),
        value,
        from: "the command line".to_owned(),
    };
    let mut defaults = Vec::new();
    if let Some(dir) = &what.dir {
        let text = serde_json::to_string(&dir.display().to_string()).expect("a path is text");
        defaults.push(say(&["source"], format!("{{dir: {text}}}")));
    }
    if let Some(revision) = &what.revision {
        for other in ["branch", "tag"] {
            defaults.push(say(&["source", "git", other], "null".to_owned()));
        }
        defaults.push(say(&["source", "git", "commit"], format!("\"{revision}\"")));
    }
    if let Some(endpoint) = &what.endpoint {
        let text = serde_json::to_string(endpoint).expect("an address is text");
        defaults.push(say(&["accounts"], format!("[{{endpoint: {text}, pathStyle: true}}]")));
    }
    args.load(&defaults).map_err(|findings| {
        super::print_findings(&findings);
        Failed
    })
}

async fn fetch(config: &Config) -> Result<Tree, Failed> {
    // A copy of one's own, so that a command never disturbs the daemon's.
    let scratch =
        tempdir().map_err(|error| complain(format!("no folder for the copy of the repository: {error}"), None))?;
    let mut config = config.clone();
    config.data_dir.clone_from(&scratch.0);
    let mut source = agent::source(&config).map_err(|error| complain(&error, error.hint.as_deref()))?;
    let deadline = config.source.timeout.0.max(Duration::from_secs(5));
    match source.fetch(None, deadline).await {
        Ok(Fetched::New { tree, .. }) => Ok(tree),
        Ok(Fetched::Held { reason, .. }) => Err(complain(&reason, Some(&reason.hint()))),
        Ok(Fetched::Unchanged | Fetched::StillHeld) => {
            Err(complain("the source says that nothing changed since nothing", None))
        }
        Err(error) => Err(complain(&error, error.hint.as_deref())),
    }
}

/// A folder that goes with its owner.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn tempdir() -> std::io::Result<Scratch> {
    use std::os::unix::fs::DirBuilderExt;
    let name = format!("driftless-{}-{:08x}", std::process::id(), fastrand::u32(..));
    let path = std::env::temp_dir().join(name);
    std::fs::DirBuilder::new().mode(0o700).create(&path)?;
    Ok(Scratch(path))
}

fn recorded_cloud(file: &PathBuf) -> Result<Arc<dyn Cloud>, Failed> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let said = error.to_string().to_lowercase();
        complain(
            format!("`{}` cannot be read: {said}", file.display()),
            Some("name a file that `driftless record` wrote"),
        )
    })?;
    match live::parse(&file.display().to_string(), &text) {
        Ok(cloud) => Ok(Arc::new(cloud)),
        Err(findings) => {
            super::print_findings(&findings);
            Err(Failed)
        }
    }
}

/// S3 as the configuration names it.
///
/// # Errors
/// When an account's credentials are another's; the reason has been printed.
pub async fn connect(config: &Config, stop: &CancellationToken) -> Result<Arc<dyn Cloud>, Failed> {
    let cloud = connect_unlearned(config, stop).await?;
    Ok(Arc::new(Learned::new(cloud, Arc::new(agent::capabilities(config)), Arc::new(SystemClock))))
}

/// The same, but every question reaches the store.
///
/// # Errors
/// As [`connect`].
pub async fn connect_unlearned(config: &Config, stop: &CancellationToken) -> Result<Arc<dyn Cloud>, Failed> {
    let patience = Patience { deadline: config.limits.request_deadline.0, ..Patience::default() };
    let observer: Arc<dyn crate::cloud::Observer> = Arc::new(Unobserved);
    agent::cloud(config, patience, &observer, stop).await.map_err(|error| complain(&error, error.hint.as_deref()))
}

/// Nobody is told: the command prints what is left.
pub(super) struct Silent;

impl Witness for Silent {
    fn events(&self, _: Timestamp, _: Vec<Event>) {}
    fn drift(&self, _: Timestamp, _: &[DriftChange]) {}
    fn repaired(&self, _: &BucketId, _: &Repair, _: &Doc, _: f64) {}
    fn panicked(&self) {
        super::complain("the check of a bucket failed by a fault of driftless itself; the others go on");
    }
}
