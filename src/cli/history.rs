//! `driftless history`: what was done, and whether the record of it holds. It only reads, so it
//! runs beside the daemon.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::{Duration, NaiveDate};
use clap::{Args, ValueEnum};

use super::color::{self, Look};
use super::progress::Progress;
use super::{CANNOT_TELL, ConfigArgs};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::{self, Override};
use crate::finding::{Finding, did_you_mean};
use crate::history::{Entry, Error, FILE, Filter, Hash, Store};
use crate::report::Event;
use crate::settings;
use crate::verdict::EXISTENCE;

/// Shows what was done, newest first, or verifies that the record of it holds.
///
/// Ends with 0; with 2 when --verify finds that the record does not hold; with 1 when it could
/// not be read.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Only this bucket: a name or a glob such as 'ai-*', after 'ACCOUNT/' of one account.
    pub bucket: Option<String>,
    /// The daemon's data directory. Default: what the configuration says, where one is named, or
    /// /var/lib/driftless.
    #[arg(long, value_name = "DIR", env = "DRIFTLESS_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// The file itself.
    #[arg(long, value_name = "FILE")]
    pub db: Option<PathBuf>,
    /// Not older than this: a span such as 30m, 24h, 7d or 2w, a date, or a date with a time in UTC.
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    pub since: Option<When>,
    /// Older than this.
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    pub until: Option<When>,
    /// Only what this policy asked for or found; 'spec' for what specs found.
    #[arg(long, value_name = "POLICY")]
    pub policy: Option<String>,
    /// Only what is about this setting, such as versioning or tags.
    #[arg(long, value_name = "SETTING", value_parser = setting)]
    pub setting: Option<String>,
    /// Only this kind of entry, such as repair, held, drift-detected or revision.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub kind: Option<String>,
    /// No more entries than this; 0 for all.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub limit: usize,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Verify every entry instead of listing them.
    #[arg(long)]
    pub verify: bool,
    /// Verify also that the entry with this hash, which an earlier --verify printed, is there.
    #[arg(long, value_name = "HASH", requires = "verify", value_parser = parse_hash)]
    pub expect_head: Option<Hash>,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people, by days.
    Text,
    /// One JSON document.
    Json,
}

/// A moment, or a span of time before the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So long ago.
    Ago(Duration),
    /// Then.
    At(Timestamp),
}

impl When {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time; write a span such as 24h, or a date such as 2026-11-22");
        if let Some(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|it| it.and_hms_opt(0, 0, 0)) {
            return Ok(Self::At(date.and_utc()));
        }
        if let Ok(moment) = chrono::DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(moment.to_utc()));
        }
        let unit = text.chars().last().ok_or_else(wrong)?;
        let count: i64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
        let span = match unit {
            's' => Duration::try_seconds(count),
            'm' => Duration::try_minutes(count),
            'h' => Duration::try_hours(count),
            'd' => Duration::try_days(count),
            'w' => Duration::try_weeks(count),
            _ => None,
        };
        span.filter(|span| *span >= Duration::zero()).map(Self::Ago).ok_or_else(wrong)
    }

    fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(span) => now.checked_sub_signed(span).unwrap_or(Timestamp::UNIX_EPOCH),
            Self::At(moment) => moment,
        }
    }
}

fn setting(text: &str) -> Result<String, String> {
    let names = settings::SETTINGS.iter().map(|it| it.name()).chain([EXISTENCE]);
    one_of("setting", text, names)
}

fn kind(text: &str) -> Result<String, String> {
    one_of("kind of entry", text, Event::WORDS)
}

/// A word that there is.
fn one_of<'a>(what: &str, text: &str, words: impl IntoIterator<Item = &'a str>) -> Result<String, String> {
    let words: Vec<&str> = words.into_iter().collect();
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    let near = did_you_mean(text, words.iter().copied());
    let near = near.map_or_else(|| format!("there are {}", words.join(", ")), |it| format!("did you mean `{it}`?"));
    Err(format!("there is no {what} `{text}`; {near}"))
}

fn parse_hash(text: &str) -> Result<Hash, String> {
    Hash::parse(text).ok_or_else(|| "a hash is 64 hexadecimal digits".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the history cannot be read, or the output not written.
pub fn run(config: &ConfigArgs, args: &HistoryArgs) -> anyhow::Result<ExitCode> {
    let path = match (&args.db, &args.data_dir) {
        (Some(file), _) => file.clone(),
        (None, Some(dir)) => dir.join(FILE),
        (None, None) => match data_dir(config) {
            Ok(dir) => dir.join(FILE),
            Err(findings) => {
                super::print_findings(&findings);
                return Ok(ExitCode::from(CANNOT_TELL));
            }
        },
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let code = print(&path, args, SystemClock.now(), color::is_on(color::Stream::Out), &mut out);
    match code.and_then(|code| out.flush().map(|()| code).map_err(Into::into)) {
        // Whoever read it has seen enough.
        Err(error) if broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        other => Ok(ExitCode::from(other?)),
    }
}

/// The daemon's data directory, as its configuration says.
fn data_dir(config: &ConfigArgs) -> Result<PathBuf, Vec<Finding>> {
    if !config.is_named() {
        return Ok(config::default_data_dir());
    }
    // Where the specs are is of no concern here.
    let anywhere =
        Override { path: vec!["source".to_owned()], value: "{dir: .}".to_owned(), from: "history".to_owned() };
    let defaults = if config.config.is_some() { vec![] } else { vec![anywhere] };
    Ok(config.load(&defaults)?.data_dir)
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints what was asked for; the answer is the exit code.
fn print(path: &Path, args: &HistoryArgs, now: Timestamp, colored: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let Some(store) = Store::open_read_only(path).map_err(with_hint)? else {
        anyhow::bail!(
            "there is no history at `{}`\nhint: name the daemon's folder with --data-dir, the file with --db, or its \
             configuration with --config",
            path.display()
        );
    };
    if args.verify {
        return verify(&store, args, out);
    }
    let filter = Filter {
        bucket: args.bucket.clone(),
        policy: args.policy.clone(),
        setting: args.setting.clone(),
        kind: args.kind.clone(),
        since: args.since.map(|it| it.moment(now)),
        until: args.until.map(|it| it.moment(now)),
        limit: (args.limit > 0).then_some(args.limit),
    };
    let reading = Progress::begin("reading the history");
    let entries = store.list(&filter).map_err(with_hint)?;
    drop(reading);
    if args.output == Output::Json {
        serde_json::to_writer_pretty(&mut *out, &entries)?;
        writeln!(out)?;
    } else if entries.is_empty() {
        let none_at_all = store.head().map_err(with_hint)?.0 == 0;
        writeln!(out, "{}", if none_at_all { "no history yet" } else { "nothing in the history fits" })?;
    } else {
        let table = super::plain(&table(&entries));
        let table = if colored { color::lay(Look::History, &table) } else { table };
        out.write_all(table.as_bytes())?;
    }
    Ok(0)
}

/// How wide what an entry says may be: two columns of 80 with the rest of the line. What is wider is
/// cut; `--output json` has all of it.
const WIDEST: usize = 120;

/// The entries under their days, in columns; each change of a repair on a line of its own.
fn table(entries: &[Entry]) -> String {
    let bucket = |entry: &Entry| entry.bucket.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let buckets = entries.iter().map(|it| bucket(it).chars().count()).max().unwrap_or(0).min(40);
    let kinds = entries.iter().map(|it| it.kind.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut day = None;
    for entry in entries {
        if day != Some(entry.at.date_naive()) {
            let blank = if day.is_some() { "\n" } else { "" };
            day = Some(entry.at.date_naive());
            let _ = writeln!(text, "{blank}{} (UTC)", entry.at.format("%A %Y-%m-%d"));
        }
        let time = entry.at.format("%H:%M:%S");
        let (first, more) = entry.lines();
        let line = format!("  {time}  {:kinds$}  {:buckets$}  {}", entry.kind, bucket(entry), cut(&first));
        let _ = writeln!(text, "{}", line.trim_end());
        for line in more {
            let _ = writeln!(text, "{:14}{:kinds$}{}", "", "", cut(&line));
        }
    }
    text
}

/// The beginning of a text that is too wide.
fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn verify(store: &Store, args: &HistoryArgs, out: &mut impl Write) -> anyhow::Result<u8> {
    let progress = Progress::begin("verifying the history");
    let verified = store.verify(args.expect_head.as_ref()).map_err(with_hint)?;
    drop(progress);
    let json = match (&verified, args.output) {
        (Ok(it), Output::Json) => {
            serde_json::json!({"verified": true, "entries": it.entries, "oldest": it.oldest, "head": it.head_hash})
        }
        (Err(it), Output::Json) => serde_json::json!({"verified": false, "entry": it.seq, "what": it.what}),
        (Ok(it), Output::Text) => {
            let from = it.oldest.filter(|oldest| *oldest > 1).map(|it| format!(" from {it} on")).unwrap_or_default();
            let entries = if it.entries == 1 { "entry" } else { "entries" };
            writeln!(out, "verified {} {entries}{from}; head {}", it.entries, it.head_hash)?;
            return Ok(0);
        }
        (Err(broken), Output::Text) => {
            writeln!(out, "{broken}")?;
            return Ok(2);
        }
    };
    writeln!(out, "{json}")?;
    Ok(if verified.is_ok() { 0 } else { 2 })
}

fn with_hint(error: Error) -> anyhow::Error {
    let source = std::error::Error::source(&error).map(|it| format!(": {it}")).unwrap_or_default();
    let hint = error.hint().map(|it| format!("\nhint: {it}")).unwrap_or_default();
    anyhow::anyhow!("{error}{source}{hint}")
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
