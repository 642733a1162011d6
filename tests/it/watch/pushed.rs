//! The alerts that the agent pushes by itself are those of the rules for Prometheus: the same names,
//! severities, times and words.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use driftless::alertmanager::alerts::{Alert, Lasting, Manner, alerts_of};
use driftless::alertmanager::rule::{Rule, Scope};
use driftless::alertmanager::stand::Stand;
use driftless::alertmanager::window::Samples;
use driftless::metrics::{Counted, Counter, Detail, MetricsOptions};
use serde_json::Value;

use super::{all_rules, said};
use crate::support::fleet;

/// A rule of the file.
fn in_file(rule: Rule) -> Value {
    let found = all_rules().into_iter().find(|it| it["alert"] == rule.name());
    found.unwrap_or_else(|| panic!("{} is no alert of the file", rule.name()))
}

/// A template of Prometheus, filled in. It knows what the file uses.
fn filled(template: &str, labels: &BTreeMap<String, String>, value: f64) -> String {
    let (mut text, mut rest, mut with): (String, &str, Option<(bool, String)>) = (String::new(), template, None);
    loop {
        let (plain, action) = rest.split_once("{{").map_or((rest, None), |(plain, after)| {
            let (action, after) = after.split_once("}}").expect("a template has its end");
            rest = after;
            (plain, Some(action.trim()))
        });
        let shown = with.as_ref().is_none_or(|(shown, _)| *shown);
        if shown {
            text += plain;
        }
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let print = match action {
            None => return text,
            Some("end") => {
                with = None;
                continue;
            }
            Some("else") => {
                let (shown, of) = with.take().expect("else stands behind with");
                with = Some((!shown, of));
                continue;
            }
            Some(action) if action.starts_with("with $labels.") => {
                let of = label(&action["with $labels.".len()..]);
                with = Some((!of.is_empty(), of));
                continue;
            }
            Some(".") => with.as_ref().expect("a dot stands within with").1.clone(),
            Some("$value") => value.to_string(),
            Some("$value | printf \"%.0f\"") => format!("{value:.0}"),
            Some("$value | printf \"%.2f\"") => format!("{value:.2}"),
            Some("$value | humanizeDuration") => "1d 2h 3m 4s".to_owned(),
            Some(action) => label(action.strip_prefix("$labels.").unwrap_or_else(|| panic!("{action} is not known"))),
        };
        if shown {
            text += &print;
        }
    }
}

#[test]
fn every_alert_of_the_file_is_pushed_and_no_other() {
    let alerts = all_rules().into_iter().filter_map(|rule| Some(rule["alert"].as_str()?.to_owned()));
    let file: BTreeSet<String> = alerts.collect();
    let ours: BTreeSet<String> = Rule::ALL.iter().map(|rule| rule.name().to_owned()).collect();
    assert_eq!(ours, file);
}

#[test]
fn severities_times_and_words_are_those_of_the_file() {
    let some = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let whole = [("account", "prod"), ("bucket", "training"), ("policy", "private"), ("reason", "fighting")];
    let mut with_bucket = some(&whole);
    with_bucket.extend(some(&[("source", "default"), ("service", "slack")]));
    let without_bucket = some(&[("policy", "private")]);
    let value = 93_784.0;
    let (docs, grafana) = ("https://docs.example.com/driftless", "https://grafana.example.com");
    for rule in Rule::ALL {
        let file = in_file(rule);
        assert_eq!(file["labels"]["severity"], rule.severity(), "{}", rule.name());
        let after = file["for"].as_str().unwrap_or("0s").parse_span();
        assert_eq!(after, rule.after().as_secs(), "{}", rule.name());
        for labels in [&with_bucket, &without_bucket] {
            let of = |name: &str| filled(said(&file["annotations"], name), labels, value);
            assert_eq!(rule.summary(labels, value), of("summary"), "{}", rule.name());
            assert_eq!(rule.description(labels, value), of("description"), "{}", rule.name());
            assert_eq!(format!("{docs}/operations.md#{}", rule.section()), of("runbook_url"));
            assert_eq!(format!("{grafana}/d/{}", rule.dashboard(labels)), of("dashboard_url"));
        }
    }
}

trait Span {
    fn parse_span(&self) -> u64;
}

impl Span for str {
    fn parse_span(&self) -> u64 {
        driftless::config::span::Span::parse(self).expect("a length of time").0.as_secs()
    }
}

#[test]
fn what_a_rule_sums_over_has_no_label_of_prometheus() {
    for rule in Rule::ALL {
        let file = in_file(rule);
        let expr = said(&file, "expr");
        let scope = match expr {
            "vector(1)" => Scope::World,
            expr if expr.starts_with("sum by (job)") || expr.starts_with("sum by (job, ") => Scope::Job,
            _ => Scope::Instance,
        };
        assert_eq!(rule.scope(), scope, "{}", rule.name());
    }
}

/// What is open over the fleet, with everything counted once.
fn open(detail: Detail, wait: Option<Duration>) -> Vec<Alert> {
    let policy = |counter| ((counter, "private".to_owned()), 2.0);
    let mut samples = Samples::default();
    samples.note(
        fleet::now(),
        Counted::from([
            policy(Counter::Drift),
            policy(Counter::FailedRepairs),
            policy(Counter::Fights),
            ((Counter::Throttles, "default".to_owned()), 60.0),
            ((Counter::Sweeps, "failed".to_owned()), 3.0),
            ((Counter::FailedNotifications, "slack".to_owned()), 4.0),
            ((Counter::DroppedNotifications, "slack".to_owned()), 1.0),
            ((Counter::Panics, String::new()), 1.0),
        ]),
    );
    let metrics = MetricsOptions { detail, ..MetricsOptions::default() };
    let board = fleet::board();
    let stand = Stand { board: &board, samples: &samples, metrics: &metrics, history_degraded: true };
    let manner = Manner { wait, ..Manner::default() };
    alerts_of(&stand, &manner, &mut Lasting::default(), fleet::now()).alerts
}

/// Alerts, one in a line.
fn short(alerts: &[Alert]) -> String {
    let one = |alert: &Alert| {
        let labels = alert.labels.iter().filter(|(name, _)| !["alertname", "severity"].contains(&&***name));
        let labels: String = labels.map(|(name, value)| format!(" {name}={value}")).collect();
        let since = (fleet::now() - alert.starts_at).num_minutes();
        format!("{} {} since={since}m{labels}\n", alert.labels["alertname"], alert.labels["severity"])
    };
    alerts.iter().map(one).collect()
}

#[test]
fn a_fleet_in_every_kind_of_trouble_is_told_as_prometheus_would_tell_it() {
    let at_once = |detail| short(&open(detail, Some(Duration::zero())));
    insta::assert_snapshot!("pushed_bucket", at_once(Detail::Bucket));
    assert_eq!(at_once(Detail::Policy), at_once(Detail::Bucket));
    insta::assert_snapshot!("pushed_summary", at_once(Detail::Summary));
}

#[test]
fn what_has_not_lasted_long_enough_waits() {
    let names: BTreeSet<String> =
        open(Detail::Bucket, None).into_iter().map(|alert| alert.labels["alertname"].clone()).collect();
    let told = [
        "DriftlessBucketDrifted",
        "DriftlessBucketPublicDrift",
        "DriftlessDriftOccurred",
        "DriftlessNotificationDropped",
        "DriftlessTaskPanicked",
        "Watchdog",
    ];
    assert_eq!(names, told.map(str::to_owned).into());
}
