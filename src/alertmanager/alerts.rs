//! The alerts that are open now: what has been wrong for as long as its rule wants (pure).

use std::collections::BTreeMap;

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::Labels;
use super::stand::{Condition, Stand, conditions};
use crate::clock::Timestamp;

/// An alert, as Alertmanager is told of it and as it is remembered over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Its identity.
    pub labels: Labels,
    /// What it says.
    pub annotations: BTreeMap<String, String>,
    /// Since when it is so.
    pub starts_at: Timestamp,
}

/// What the configuration decides about alerts.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// Labels of every alert; its own win.
    pub labels: Labels,
    /// Where Grafana is, without a slash at the end.
    pub grafana: Option<String>,
    /// Where a copy of `docs/` is, without a slash at the end.
    pub docs: Option<String>,
    /// How long something must have been so, in place of what each rule says.
    pub wait: Option<Duration>,
}

/// Since when each condition has been there without a break, for those that do not know it
/// themselves.
#[derive(Debug, Default)]
pub struct Lasting(BTreeMap<Labels, Timestamp>);

impl Lasting {
    /// Takes up what was told before a restart.
    pub fn of<'a>(alerts: impl IntoIterator<Item = &'a Alert>) -> Self {
        Self(alerts.into_iter().map(|alert| (alert.labels.clone(), alert.starts_at)).collect())
    }
}

/// The alerts that are open now.
#[derive(Debug, Default, PartialEq)]
pub struct Open {
    /// In the order of their labels.
    pub alerts: Vec<Alert>,
    /// When the next of those that are not old enough will be.
    pub next: Option<Timestamp>,
    /// Whether the fleet was looked at since the agent began. Until then nothing is known of any
    /// bucket, and what was told before still holds.
    pub settled: bool,
}

/// The alerts that are open now. `lasting` is what the call before left.
pub fn alerts_of(stand: &Stand<'_>, manner: &Manner, lasting: &mut Lasting, now: Timestamp) -> Open {
    let mut before = std::mem::take(lasting);
    let mut open = Open { settled: stand.settled(), ..Open::default() };
    for condition in conditions(stand, now) {
        let labels = labels_of(&condition, manner);
        // The clock may have been put back.
        let since = condition.since.or_else(|| before.0.remove(&labels)).unwrap_or(now).min(now);
        let after = manner.wait.unwrap_or_else(|| Duration::from_std(condition.rule.after()).unwrap_or_default());
        if now - since < after {
            let ripe = since + after;
            open.next = Some(open.next.map_or(ripe, |next| next.min(ripe)));
        } else {
            let annotations = annotations_of(&condition, manner);
            open.alerts.push(Alert { labels: labels.clone(), annotations, starts_at: since });
        }
        lasting.0.insert(labels, since);
    }
    if !open.settled {
        lasting.0.extend(before.0);
    }
    open.alerts.sort_by(|a, b| a.labels.cmp(&b.labels));
    open
}

fn labels_of(condition: &Condition, manner: &Manner) -> Labels {
    let scope = condition.rule.scope();
    let more = manner.labels.iter().filter(|(name, _)| scope.has(name));
    let mut labels: Labels = more.map(|(name, value)| (name.clone(), value.clone())).collect();
    labels.extend(condition.labels.clone());
    labels.insert("alertname".to_owned(), condition.rule.name().to_owned());
    labels.insert("severity".to_owned(), condition.rule.severity().to_owned());
    labels
}

fn annotations_of(condition: &Condition, manner: &Manner) -> BTreeMap<String, String> {
    let Condition { rule, labels, value, .. } = condition;
    let runbook = manner.docs.as_ref().map(|docs| format!("{docs}/operations.md#{}", rule.section()));
    let dashboard = manner.grafana.as_ref().map(|grafana| format!("{grafana}/d/{}", rule.dashboard(labels)));
    [
        ("summary", Some(rule.summary(labels, *value))),
        ("description", Some(rule.description(labels, *value))),
        ("runbook_url", runbook),
        ("dashboard_url", dashboard),
    ]
    .into_iter()
    .filter_map(|(name, text)| Some((name.to_owned(), text?)))
    .collect()
}

#[cfg(test)]
mod tests;
