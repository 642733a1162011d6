//! What one Alertmanager was told, and what it has to be told now (pure).

use std::collections::BTreeMap;

use chrono::Duration;
use serde_json::{Value, json};

use super::Labels;
use super::alerts::Alert;
use crate::clock::Timestamp;

/// So many alerts go into one request. Alertmanager takes more; a request that fails costs less.
pub const MOST: usize = 256;

/// The alerts that an Alertmanager was told are open.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told(BTreeMap<Labels, Alert>);

/// What goes into one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Alerts that are open.
    pub open: Vec<Alert>,
    /// Alerts that it was told are open, and are no more.
    pub ended: Vec<Alert>,
}

impl Told {
    /// Takes up what was told before a restart.
    pub fn of(alerts: Vec<Alert>) -> Self {
        Self(alerts.into_iter().map(|alert| (alert.labels.clone(), alert)).collect())
    }

    /// What was told.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.0.values()
    }

    /// What has to be told, request by request. While the agent is not `settled`, as it has not
    /// looked at the fleet since it began, nothing is taken back: what was told last holds.
    pub fn next(&self, mut open: Vec<Alert>, settled: bool) -> Vec<Batch> {
        let gone = |open: &[Alert]| -> Vec<Alert> {
            let there: std::collections::BTreeSet<&Labels> = open.iter().map(|alert| &alert.labels).collect();
            self.0.values().filter(|alert| !there.contains(&alert.labels)).cloned().collect()
        };
        let mut ended = gone(&open);
        if !settled {
            open.append(&mut ended);
        }
        // What is over first: a page that nobody needs costs somebody's sleep.
        let mut batches: Vec<Batch> = Vec::new();
        for (alert, over) in ended.into_iter().map(|it| (it, true)).chain(open.into_iter().map(|it| (it, false))) {
            if batches.last().is_none_or(|batch| batch.open.len() + batch.ended.len() >= MOST) {
                batches.push(Batch::default());
            }
            let batch = batches.last_mut().expect("there is one, if only since a line ago");
            if over { batch.ended.push(alert) } else { batch.open.push(alert) }
        }
        batches
    }

    /// Notes that a request arrived. Returns whether that is news for the next life of the agent.
    pub fn delivered(&mut self, batch: Batch) -> bool {
        let mut news = false;
        for alert in batch.ended {
            news |= self.0.remove(&alert.labels).is_some();
        }
        for alert in batch.open {
            let before = self.0.insert(alert.labels.clone(), alert);
            news |= before.is_none();
        }
        news
    }
}

impl Batch {
    /// What is sent: `postableAlerts` of Alertmanager's API, version 2. What is open ends by
    /// itself after `lasts`, so that it does not outlive the agent by long.
    pub fn json(&self, now: Timestamp, lasts: Duration, page: Option<&str>) -> Value {
        let one = |alert: &Alert, ends: Timestamp| {
            let mut json = json!({
                "labels": alert.labels,
                "annotations": alert.annotations,
                "startsAt": moment(alert.starts_at),
                "endsAt": moment(ends.max(alert.starts_at)),
            });
            if let Some(page) = page {
                json["generatorURL"] = page.into();
            }
            json
        };
        let ended = self.ended.iter().map(|alert| one(alert, now));
        Value::Array(ended.chain(self.open.iter().map(|alert| one(alert, now + lasts))).collect())
    }
}

fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(1_795_348_800 + seconds, 0).expect("a moment of November 2026")
    }

    fn alert(name: &str) -> Alert {
        let labels = [("alertname".to_owned(), name.to_owned())].into();
        let annotations = [("summary".to_owned(), format!("{name} is so"))].into();
        Alert { labels, annotations, starts_at: at(0) }
    }

    fn batch(open: &[&str], ended: &[&str]) -> Batch {
        let all = |names: &[&str]| names.iter().map(|name| alert(name)).collect();
        Batch { open: all(open), ended: all(ended) }
    }

    #[test]
    fn what_is_open_ends_by_itself_and_what_is_over_ends_now() {
        let json = batch(&["A"], &["B"]).json(at(90), Duration::minutes(2), Some("https://driftless.example.com"));
        assert_eq!(
            json,
            json!([
                {
                    "labels": {"alertname": "B"},
                    "annotations": {"summary": "B is so"},
                    "startsAt": "2026-11-22T12:00:00.000Z",
                    "endsAt": "2026-11-22T12:01:30.000Z",
                    "generatorURL": "https://driftless.example.com",
                },
                {
                    "labels": {"alertname": "A"},
                    "annotations": {"summary": "A is so"},
                    "startsAt": "2026-11-22T12:00:00.000Z",
                    "endsAt": "2026-11-22T12:03:30.000Z",
                    "generatorURL": "https://driftless.example.com",
                },
            ])
        );
    }

    #[test]
    fn an_alert_is_told_as_long_as_it_is_open_and_then_once_as_over() {
        let mut told = Told::default();
        assert_eq!(told.next(vec![alert("A")], true), [batch(&["A"], &[])]);
        assert!(told.delivered(batch(&["A"], &[])), "is remembered");
        assert_eq!(told.next(vec![alert("A")], true), [batch(&["A"], &[])]);
        assert!(!told.delivered(batch(&["A"], &[])), "is remembered already");
        assert_eq!(told.next(vec![], true), [batch(&[], &["A"])]);
        assert_eq!(told.next(vec![], true), [batch(&[], &["A"])], "until it has arrived");
        assert!(told.delivered(batch(&[], &["A"])));
        assert_eq!(told.next(vec![], true), []);
    }

    #[test]
    fn what_was_told_before_a_restart_is_taken_back_after_the_first_sweep_only() {
        let told = Told::of(vec![alert("A")]);
        assert_eq!(told.next(vec![alert("B")], false), [batch(&["B", "A"], &[])]);
        assert_eq!(told.next(vec![alert("B")], true), [batch(&["B"], &["A"])]);
    }

    #[test]
    fn many_alerts_are_several_requests() {
        let many: Vec<Alert> = (0..MOST + 1).map(|number| alert(&format!("{number:04}"))).collect();
        let sizes: Vec<usize> = Told::default().next(many, true).iter().map(|batch| batch.open.len()).collect();
        assert_eq!(sizes, [MOST, 1]);
    }

    #[test]
    fn an_alert_never_ends_before_it_begins() {
        let json = batch(&[], &["A"]).json(at(-5), Duration::minutes(2), None);
        assert_eq!(json[0]["endsAt"], json[0]["startsAt"]);
    }
}
