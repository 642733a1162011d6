//! What the daemon's answers look like to people (pure): the fleet in a few lines, then what is
//! wrong, worst first.

use std::fmt::Write;

use serde_json::Value;

use super::LISTED;
use crate::clock::Timestamp;
use crate::doc::Change;
use crate::verdict::Origin;

/// The fleet.
pub(super) fn fleet(status: &Value, worst: &Value, findings: &Value, now: Timestamp) -> String {
    let mut out = String::new();
    let count = |name: &str| status["buckets"][name].as_u64().unwrap_or(0);
    let total = count("total");
    let _ = writeln!(out, "{}", counts(status));
    source(&mut out, &status["source"], now);
    sweep(&mut out, &status["sweep"], now);
    for reason in list(&status["reasons"]) {
        let _ = writeln!(out, "not ready: {}", word(reason));
    }
    for breaker in list(&status["breakers"]) {
        let _ = writeln!(out, "breaker open: {} ({})", word(&breaker["name"]), word(&breaker["reason"]));
    }
    let wrong: Vec<&Value> = list(&worst["buckets"]).iter().filter(|row| row["inSync"] != true).take(LISTED).collect();
    if !wrong.is_empty() {
        out.push('\n');
    }
    for row in &wrong {
        line(&mut out, row, Some(now));
    }
    let more = total.saturating_sub(count("inSync")).saturating_sub(wrong.len() as u64);
    if more > 0 {
        let _ = writeln!(out, "and {more} more");
    }
    let faults = list(&findings["findings"]);
    if !faults.is_empty() {
        out.push('\n');
    }
    for it in faults {
        let _ = writeln!(out, "{}", finding(it));
        hint(&mut out, "", &it["hint"]);
    }
    out
}

/// How many buckets stand how.
pub(super) fn counts(status: &Value) -> String {
    let count = |name: &str| status["buckets"][name].as_u64().unwrap_or(0);
    let total = count("total");
    let states = [
        ("inSync", "in sync"),
        ("drifted", "drifted"),
        ("unknown", "unknown"),
        ("held", "held"),
        ("suspended", "suspended"),
        ("exempt", "exempt"),
        ("undeclared", "undeclared"),
        ("invalid", "with a faulty spec"),
        ("unreachable", "unreachable"),
        ("unsupported", "unsupported"),
    ];
    let said: Vec<String> = states
        .iter()
        .filter(|(name, _)| count(name) > 0)
        .map(|(name, word)| format!("{} {word}", count(name)))
        .collect();
    let colon = if said.is_empty() { "" } else { ": " };
    format!("{total} bucket{}{colon}{}", if total == 1 { "" } else { "s" }, said.join(", "))
}

/// A finding in one line.
pub(super) fn finding(it: &Value) -> String {
    let place = &it["place"];
    let (file, severity, message) = (word(&place["file"]), word(&it["severity"]), word(&it["message"]));
    format!("{file}:{}:{}: {severity}: {message}", place["line"], place["column"])
}

/// The source without what changes by itself.
pub(super) fn source_in_short(source: &Value) -> String {
    let mut out = format!("source {}: {}", word(&source["state"]), word(&source["url"]));
    if let Some(revision) = source["revision"].as_str() {
        let _ = write!(out, " at {}", crate::source::short(revision));
    }
    if let Some(detail) = source["detail"].as_str() {
        let _ = write!(out, ": {detail}");
    }
    out
}

fn source(out: &mut String, source: &Value, now: Timestamp) {
    let _ = write!(out, "source {}: {}", word(&source["state"]), word(&source["url"]));
    if !word(&source["reference"]).is_empty() {
        let _ = write!(out, " {}", word(&source["reference"]));
    }
    if let Some(revision) = source["revision"].as_str() {
        let _ = write!(out, " at {}", crate::source::short(revision));
    }
    if let Some(subject) = source["subject"].as_str() {
        let _ = write!(out, " \"{subject}\"");
    }
    if let Some(author) = source["author"].as_str() {
        let _ = write!(out, " by {author}");
    }
    if let Some(at) = moment(&source["lastSuccess"]) {
        let _ = write!(out, "; it answered {} ago", span(now - at));
    }
    out.push('\n');
    if let Some(detail) = source["detail"].as_str() {
        let _ = writeln!(out, "  {detail}");
        hint(out, "  ", &source["hint"]);
    }
}

fn sweep(out: &mut String, sweep: &Value, now: Timestamp) {
    let mut parts = Vec::new();
    if let Some(begun) = moment(&sweep["running"]["startedAt"]) {
        let running = &sweep["running"];
        parts.push(format!("under way for {}, {} of {} buckets", span(now - begun), running["done"], running["total"]));
    }
    if let (Some(begun), Some(took)) = (moment(&sweep["last"]["startedAt"]), sweep["last"]["seconds"].as_f64()) {
        parts.push(format!("last one {} ago, took {took:.1} s", span(now - begun)));
        for error in list(&sweep["last"]["errors"]) {
            parts.push(format!("{} failed on `{}`", word(&error["operation"]), word(&error["object"])));
        }
    }
    if let Some(next) = moment(&sweep["next"]) {
        parts.push(format!("next in {}", span(next - now)));
    }
    let said = if parts.is_empty() { "none yet".to_owned() } else { parts.join("; ") };
    let _ = writeln!(out, "sweep: {said}");
}

/// One bucket of the list, without what changes by itself.
pub(super) fn row(row: &Value) -> String {
    let mut out = String::new();
    line(&mut out, row, None);
    out.trim_end().to_owned()
}

/// One bucket of the list; with `now`, since when.
fn line(out: &mut String, row: &Value, now: Option<Timestamp>) {
    let _ = write!(out, "{}  {}", name(&row["id"]), word(&row["verdict"]));
    let bad = |verdict: &str| matches!(verdict, "drifted" | "unknown" | "suspended");
    let mut who: Vec<&str> = Vec::new();
    if bad(word(&row["spec"])) {
        who.push("spec");
    }
    let policies = row["policies"].as_object().into_iter().flatten();
    who.extend(policies.filter(|(_, verdict)| bad(word(verdict))).map(|(policy, _)| policy.as_str()));
    if !who.is_empty() {
        let _ = write!(out, " ({})", who.join(", "));
    }
    if let (Some(since), Some(now)) = (moment(&row["since"]), now) {
        let _ = write!(out, " for {}", span(now - since));
    }
    let mut held: Vec<&str> = list(&row["held"]).iter().map(word).collect();
    held.dedup();
    if !held.is_empty() {
        let _ = write!(out, "; held: {}", held.join(", "));
    }
    if word(&row["state"]) == "invalid" {
        out.push_str("; its spec is at fault, the last good one is in force");
    }
    out.push('\n');
}

/// One bucket in one line, without what changes by itself.
pub(super) fn bucket_in_short(report: &Value) -> String {
    let verdict = if report["inSync"] == true { "in sync" } else { word(&report["verdict"]) };
    let mut out = format!("{} in {}: {verdict}", name(&report["id"]), word(&report["region"]));
    if word(&report["state"]) != "managed" {
        let _ = write!(out, ", {}", word(&report["state"]));
    }
    out
}

/// All of one bucket.
pub(super) fn bucket(report: &Value, now: Timestamp) -> String {
    let mut out = bucket_in_short(report);
    if let Some(at) = moment(&report["checkedAt"]) {
        let _ = write!(out, "; checked {} ago", span(now - at));
    }
    out.push('\n');
    if !report["spec"].is_null() {
        let _ = writeln!(out, "spec: {}:{}", word(&report["spec"]["file"]), report["spec"]["line"]);
    }
    if let Some(until) = moment(&report["suspendedUntil"]) {
        let _ = writeln!(out, "suspended until {}", until.format("%Y-%m-%dT%H:%M:%SZ"));
    }
    for it in list(&report["policies"]) {
        standing(&mut out, &format!("policy {} ({})", word(&it["policy"]), word(&it["severity"])), it, now);
    }
    for it in list(&report["settings"]) {
        standing(&mut out, &format!("spec {}", word(&it["setting"])), it, now);
    }
    for held in list(&report["held"]) {
        let _ = writeln!(
            out,
            "held ({}): {}: {}{}",
            word(&held["reason"]),
            word(&held["setting"]),
            word(&held["detail"]),
            asked(&held["origins"])
        );
        changes(&mut out, &held["changes"]);
        if let Some(approval) = held["approval"].as_str() {
            out.push_str("  to let it happen, commit this to the source:\n");
            for line in approval.lines() {
                let _ = writeln!(out, "    {line}");
            }
        }
    }
    for it in list(&report["errors"]) {
        let error = &it["error"];
        let _ = writeln!(
            out,
            "not read: {}: {} was answered with {}",
            word(&it["setting"]),
            word(&error["operation"]),
            word(&error["kind"])
        );
        hint(&mut out, "  ", &it["hint"]);
    }
    for repair in list(&report["repairs"]) {
        let at = moment(&repair["at"]).map_or_else(String::new, |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        let (setting, result) = (word(&repair["setting"]), word(&repair["result"]));
        let _ = writeln!(out, "written {at}: {setting} {result}{}", asked(&repair["origins"]));
        changes(&mut out, &repair["changes"]);
    }
    out
}

fn standing(out: &mut String, who: &str, it: &Value, now: Timestamp) {
    let _ = write!(out, "{who}: {}", word(&it["verdict"]));
    if let Some(since) = moment(&it["since"]) {
        let _ = write!(out, " for {}", span(now - since));
    }
    if let Some(detail) = it["detail"].as_str() {
        let _ = write!(out, ": {detail}");
    }
    out.push('\n');
}

fn changes(out: &mut String, changes: &Value) {
    let changes: Vec<Change> = serde_json::from_value(changes.clone()).unwrap_or_default();
    for change in changes {
        let _ = writeln!(out, "  {change}");
    }
}

fn asked(origins: &Value) -> String {
    let one = |origin: &Value| match origin["policy"].as_str() {
        Some(policy) => Origin::Policy(policy.into()).to_string(),
        None => format!("{}:{}", word(&origin["spec"]["file"]), origin["spec"]["line"]),
    };
    let names: Vec<String> = list(origins).iter().map(one).collect();
    if names.is_empty() { String::new() } else { format!(", asked for by {}", names.join(" and ")) }
}

fn hint(out: &mut String, pad: &str, hint: &Value) {
    if let Some(hint) = hint.as_str() {
        let _ = writeln!(out, "{pad}hint: {hint}");
    }
}

pub(super) fn name(id: &Value) -> String {
    match (word(&id["account"]), word(&id["name"])) {
        ("default", name) => name.to_owned(),
        (account, name) => format!("{account}/{name}"),
    }
}

pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn moment(value: &Value) -> Option<Timestamp> {
    Some(chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok()?.to_utc())
}

/// A length of time in its largest unit.
fn span(span: chrono::Duration) -> String {
    let seconds = span.num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
