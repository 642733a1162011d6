//! `driftless import`: takes over what is there. Live buckets, or the files of other tools, become
//! specs; whatever a person should look at becomes a comment or a line.

mod files;
mod fleet;
mod foreign;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::session::{Failed, complain, until_told_to_end};
use super::{CANNOT_TELL, ConfigArgs, DRIFT, IN_SYNC, Output, print_findings};
use crate::bucket::AccountName;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::{Config, Override};
use crate::desired::{Agent, Desired, resolve};
use crate::finding::{Finding, Severity};
use crate::import::place::Layout;
use crate::import::share::share;
use crate::import::{Draft, Matter, Written, policies, text};
use crate::observed::Observed;
use crate::plan::{Context as PlanContext, NoBrakes, plan};
use crate::spec::load::{Context, File, load};
use files::Outcome;

/// Writes specs of what is there: of live buckets, or of what the files of another tool say.
///
/// A spec says what differs from a new bucket of AWS; comments say where a person should look:
/// what could not be read or said, and what policies will change. S3 is only read, and no file
/// that is there is changed without --force.
///
/// Ends with 0 when everything was imported, with 2 when a person should look at something (a
/// comment, a file that is kept, something that was not converted), with 1 when something could
/// not be read or written.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The buckets.
    #[arg(value_name = "BUCKET", conflicts_with_all = ["all", "from"])]
    pub buckets: Vec<String>,
    /// Every bucket of the accounts.
    #[arg(long, conflicts_with = "from")]
    pub all: bool,
    /// Of all of them, only those whose name matches, such as 'ai-*'.
    #[arg(long = "match", value_name = "GLOB")]
    pub matching: Vec<String>,
    /// Only this account, as the configuration names it; with --from, the account that specs name.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// The address of an S3-compatible store, for the only account; turns path style on.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The folder that files are written to; nothing outside of it is touched.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Moves what most buckets have in common to defaults.yaml.
    #[arg(long)]
    pub as_defaults: bool,
    /// Says all that is there, so that every later change of it is drift.
    #[arg(long)]
    pub full: bool,
    /// Replaces files that are there.
    #[arg(long)]
    pub force: bool,
    /// Reads a file of another tool instead of S3: `terraform` (a state, or what `terraform show
    /// -json` prints), `cloudformation` (a template), `ack` (manifests).
    #[arg(long, num_args = 2, value_names = ["FORMAT", "FILE"])]
    pub from: Vec<String>,
    /// What a parameter of the template stands for, such as Stage=prod or AWS::Region=eu-west-1; the
    /// logical id of a bucket stands for its name.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter, requires = "from")]
    pub parameters: Vec<(String, String)>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`: write `NAME=VALUE`"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What was found, before it is written.
#[derive(Default)]
struct Found {
    /// The buckets.
    drafts: Vec<Draft>,
    /// What was seen of each of them, in the same order; none of files.
    seen: Vec<Observed>,
    /// What could not be read, and why; it has been printed.
    unreadable: Vec<String>,
    /// Buckets that no spec can name; it has been printed.
    illegal: Vec<String>,
    /// What of a file could not be converted.
    unconverted: Vec<String>,
    /// Further files, such as the document of an account.
    further: Vec<Written>,
    /// How many requests were made.
    requests: u64,
}

/// Runs the command.
pub async fn run(config: &ConfigArgs, args: &ImportArgs) -> ExitCode {
    let stop = CancellationToken::new();
    let code = until_told_to_end(&stop, import(config, args, &stop)).await;
    ExitCode::from(code.unwrap_or(CANNOT_TELL))
}

async fn import(config: &ConfigArgs, args: &ImportArgs, stop: &CancellationToken) -> Result<u8, Failed> {
    // Without a file of it, the configuration does not know which accounts there are.
    let config_file = config.config.is_some() || args.from.is_empty();
    let config = configuration(config, args)?;
    let now = SystemClock.now();
    let progress = Progress::begin("reading");
    let mut found = if args.from.is_empty() {
        fleet::read(&config, args, &progress, stop).await?
    } else {
        foreign::read(&config, args)?
    };
    progress.doing(&format!("writing {} specs", found.drafts.len()));
    if stop.is_cancelled() {
        return Err(complain("ended before its time: nothing was written", None));
    }
    let several = found.drafts.iter().any(|draft| draft.account.is_some());
    let layout = if several { Layout::ByAccount } else { Layout::Flat };
    let known = config_file.then_some(&config);
    judge(&config, known, &mut found, layout, now);
    let files = render(&config, known, &mut found.drafts, args, layout, now);
    let files: Vec<Written> = files.into_iter().chain(std::mem::take(&mut found.further)).collect();
    let (outcomes, interrupted) = files::write_all(&args.out, &files, args.force, stop);
    drop(progress);
    Ok(told(args, &found, &outcomes, interrupted))
}

/// The configuration; without a file of it, that of the one account of the environment.
fn configuration(config: &ConfigArgs, args: &ImportArgs) -> Result<Config, Failed> {
    let say = |path: &str, value: String| Override {
        path: path.split('.').map(str::to_owned).collect(),
        value,
        from: "the command line".to_owned(),
    };
    let mut defaults = Vec::new();
    if config.config.is_none() {
        defaults.push(say("source.dir", "\".\"".to_owned()));
    }
    if let Some(endpoint) = &args.endpoint {
        defaults.push(say("accounts", format!("[{{endpoint: {}, pathStyle: true}}]", json!(endpoint))));
    }
    config.load(&defaults).map_err(|findings| {
        print_findings(&findings);
        Failed
    })
}

/// The documents as the agent would read them.
fn loaded(config: &Config, known: Option<&Config>, files: &[Written], now: Timestamp) -> (Desired, Vec<Finding>) {
    let files: Vec<File<'_>> = files.iter().map(|it| File { path: &it.path, bytes: it.text.as_bytes() }).collect();
    let accounts = |config: &Config| {
        config.accounts.iter().map(|account| (account.name.clone(), account.region.clone())).collect()
    };
    let ids = config.accounts.iter().filter_map(|it| Some((it.name.clone(), it.id.clone()?)));
    let (ids, regions, own_stores) = (ids.collect(), config.own_regions(), config.own_stores());
    let context = Context { now, accounts: known.map(accounts), ids, regions, own_stores };
    let mut loaded = load(&files, &(), &context);
    config.choose_policies(&mut loaded.specs.policies);
    let agent = known.map_or_else(|| Agent::of_any_account(&loaded.specs), Config::agent);
    let (desired, joined) = resolve(&loaded.specs, &agent);
    loaded.findings.extend(joined);
    (desired, loaded.findings)
}

/// Notes what policies will change of each bucket, and leaves out what no document can say: the
/// settings at fault, and a bucket only when it is the fault itself.
fn judge(config: &Config, known: Option<&Config>, found: &mut Found, layout: Layout, now: Timestamp) {
    let (files, desired, findings) = loop {
        let files: Vec<Written> = found.drafts.iter().map(|draft| text::bucket(draft, layout)).collect();
        let (desired, findings) = loaded(config, known, &files, now);
        if !without_refused(&mut found.drafts, &files, &findings) {
            break (files, desired, findings);
        }
    };
    let faulty: Vec<&Finding> = findings.iter().filter(|it| it.severity == Severity::Error).collect();
    let first = config.accounts.first().map(|account| account.name.clone()).unwrap_or_default();
    let mut keep = vec![true; found.drafts.len()];
    for (n, (draft, file)) in found.drafts.iter_mut().zip(&files).enumerate() {
        if let Some(finding) = faulty.iter().find(|it| *it.place.file == *file.path) {
            let name = &draft.name;
            complain(format!("no spec can be made of `{name}`: {}", finding.message), finding.hint.as_deref());
            found.unreadable.push(name.to_string());
            keep[n] = false;
            continue;
        }
        let account = draft.account.clone().unwrap_or_else(|| first.clone());
        let id = crate::bucket::BucketId { account, name: draft.name.clone() };
        if let (Some(wish), Some(observed)) = (desired.buckets.get(&id), found.seen.get(n)) {
            let context = PlanContext { now, approvals: &[], brakes: &NoBrakes };
            draft.notes.extend(policies::notes(&plan(wish, observed, &context)));
        }
    }
    let mut kept = keep.iter();
    found.drafts.retain(|_| *kept.next().unwrap_or(&true));
}

/// Takes the settings out of drafts that their documents may not say, and notes why. Says whether
/// there were any.
fn without_refused(drafts: &mut [Draft], files: &[Written], findings: &[Finding]) -> bool {
    let mut any = false;
    for finding in findings.iter().filter(|it| it.severity == Severity::Error) {
        let Some(n) = files.iter().position(|file| *file.path == *finding.place.file) else { continue };
        let Some(setting) = text::setting_at(&files[n].text, finding.place.line) else { continue };
        let Some(said) = drafts[n].settings.remove(setting) else { continue };
        let why =
            format!("`{setting}` is left out, as no spec may say it: {}; it is {}", finding.message, said.value());
        drafts[n].note(Some(setting), Matter::Unsayable, why);
        any = true;
    }
    any
}

/// The files of the drafts.
fn render(
    config: &Config,
    known: Option<&Config>,
    drafts: &mut [Draft],
    args: &ImportArgs,
    layout: Layout,
    now: Timestamp,
) -> Vec<Written> {
    let plain: Vec<Written> = drafts.iter().map(|draft| text::bucket(draft, layout)).collect();
    if !args.as_defaults {
        return plain;
    }
    let common = share(drafts);
    let defaults = text::defaults(&common, layout);
    let files: Vec<Written> = defaults.into_iter().chain(drafts.iter().map(|it| text::bucket(it, layout))).collect();
    // What is wanted must not change by how it is written. Should it, it is written at length.
    if same(&loaded(config, known, &plain, now).0, &loaded(config, known, &files, now).0) {
        files
    } else {
        complain("what the buckets have in common could not be told apart; every file says all of it", None);
        plain
    }
}

/// Whether two sets of documents want the same of every bucket.
fn same(one: &Desired, other: &Desired) -> bool {
    one.buckets.len() == other.buckets.len()
        && one.buckets.iter().zip(&other.buckets).all(|((id, one), (same, other))| {
            let wants = |wish: &crate::desired::Wish| -> Vec<_> {
                wish.wants.iter().map(|want| (want.setting, want.asked.clone())).collect()
            };
            id == same && one.region == other.region && one.labels == other.labels && wants(one) == wants(other)
        })
}

/// Says what came of it, and how the command ends.
fn told(args: &ImportArgs, found: &Found, outcomes: &[(Written, Outcome)], interrupted: bool) -> u8 {
    let of = |outcome: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|(_, it)| outcome(it)).count();
    let written = of(&|it| *it == Outcome::Written);
    let same = of(&|it| *it == Outcome::Same);
    let kept = of(&|it| *it == Outcome::Kept);
    let failed = of(&|it| matches!(it, Outcome::Failed(_)));
    let comments = found.drafts.iter().filter(|draft| draft.wants_a_person()).count();
    let incomplete = found.drafts.iter().filter(|draft| draft.is_incomplete()).count();
    for (file, outcome) in outcomes {
        match outcome {
            Outcome::Failed(why) => drop(complain(format!("`{}` is not written: {why}", file.path), None)),
            Outcome::Kept => super::complain(format_args!("`{}` is there already and is kept", file.path)),
            Outcome::Written | Outcome::Same => {}
        }
    }
    if kept > 0 {
        super::complain("hint: --force replaces files that are there");
    }
    found.unconverted.iter().for_each(super::complain);
    if interrupted {
        super::complain("ended before its time: what stands in the folder is not all");
    }
    match args.output {
        Output::Json => {
            let bucket = |draft: &Draft| {
                let notes = draft
                    .notes
                    .iter()
                    .map(|note| json!({"setting": note.setting, "matter": matter(note.matter), "text": note.text}));
                json!({"bucket": draft.name, "account": draft.account, "notes": notes.collect::<Vec<_>>()})
            };
            let file = |(file, outcome): &(Written, Outcome)| json!({"path": file.path, "outcome": outcome.word()});
            super::say(format_args!(
                "{:#}",
                json!({
                    "buckets": found.drafts.iter().map(bucket).collect::<Vec<_>>(),
                    "files": outcomes.iter().map(file).collect::<Vec<_>>(),
                    "unreadable": found.unreadable,
                    "illegal": found.illegal,
                    "unconverted": found.unconverted,
                    "requests": found.requests,
                })
            ));
        }
        Output::Text => {
            let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
            let mut said = vec![format!("{} imported", count(found.drafts.len(), "bucket"))];
            let mut add = |number: usize, text: String| said.extend((number > 0).then_some(text));
            add(comments, format!("{comments} with comments"));
            add(incomplete, format!("{incomplete} not read whole"));
            add(found.unreadable.len(), format!("{} unreadable", found.unreadable.len()));
            add(found.illegal.len(), format!("{} left out for {}", found.illegal.len(), whose(found.illegal.len())));
            add(found.unconverted.len(), format!("{} not converted", count(found.unconverted.len(), "value")));
            super::say(said.join(", "));
            let mut said = vec![format!("{} written to {}", count(written, "file"), args.out.display())];
            let mut add = |number: usize, text: String| said.extend((number > 0).then_some(text));
            add(same, format!("{same} as before"));
            add(kept, format!("{kept} kept"));
            add(failed, format!("{failed} not written"));
            add(usize::try_from(found.requests).unwrap_or(usize::MAX), format!("{} requests made", found.requests));
            super::say(said.join(", "));
        }
    }
    let nothing =
        found.drafts.is_empty() && outcomes.is_empty() && found.unconverted.is_empty() && found.illegal.is_empty();
    if interrupted || failed > 0 || incomplete > 0 || !found.unreadable.is_empty() || nothing {
        CANNOT_TELL
    } else if comments > 0 || kept > 0 || !found.unconverted.is_empty() || !found.illegal.is_empty() {
        DRIFT
    } else {
        IN_SYNC
    }
}

fn whose(names: usize) -> &'static str {
    if names == 1 { "its name" } else { "their names" }
}

fn matter(matter: Matter) -> &'static str {
    match matter {
        Matter::Unreadable => "unreadable",
        Matter::Unsupported => "unsupported",
        Matter::Unsayable => "unsayable",
        Matter::UnknownFields => "unknown-fields",
        Matter::Dangling => "dangling",
        Matter::Policy => "policy",
        Matter::Unconverted => "unconverted",
    }
}

/// The account that specs have to name: where there are several.
fn said_account(config: &Config, account: &AccountName) -> Option<AccountName> {
    (config.accounts.len() > 1).then(|| account.clone())
}

/// Whether a name is one of those that were asked for.
fn is_meant(matching: &[String], name: &str) -> bool {
    matching.is_empty() || matching.iter().any(|glob| crate::spec::select::glob_matches(glob, name))
}

/// Refuses globs that are none.
fn check_globs(matching: &[String]) -> Result<(), Failed> {
    for glob in matching {
        if let Err(why) = crate::spec::select::check_glob(glob) {
            return Err(complain(format!("bad glob `{glob}`: {why}"), Some("write a glob such as 'ai-*'")));
        }
    }
    Ok(())
}

/// Counts requests, repeated ones too.
#[derive(Default)]
struct Counter(std::sync::atomic::AtomicU64);

impl crate::cloud::Observer for Counter {
    fn request(&self, _: &AccountName, _: &str, _: Option<crate::cloud::S3ErrorKind>, _: f64) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    fn concurrency(&self, _: &AccountName, _: f64) {}
}

impl Counter {
    fn shared() -> Arc<Self> {
        Arc::new(Self::default())
    }

    fn count(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}
