//! The rules for Prometheus.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use super::{all_rules, groups, said, unknown_to};
use crate::docs::{root, text};

fn alerts() -> Vec<Value> {
    all_rules().into_iter().filter(|rule| rule["alert"].is_string()).collect()
}

/// Runs promtool beside the rules.
#[track_caller]
fn promtool(words: &[&str]) {
    if std::env::var_os("DRIFTLESS_WITHOUT_PROMTOOL").is_some() {
        return;
    }
    let output = Command::new("promtool")
        .args(words)
        .current_dir(root().join("deploy/prometheus"))
        .output()
        .expect("promtool is there (Debian: apt-get install prometheus), or DRIFTLESS_WITHOUT_PROMTOOL=1 is set");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("SUCCESS"), "promtool {}: {said}", words.join(" "));
}

#[test]
fn prometheus_accepts_the_rules() {
    promtool(&["check", "rules", "rules.yml"]);
}

#[test]
fn each_alert_fires_when_it_must_and_is_silent_when_it_must_not() {
    promtool(&["test", "rules", "rules_test.yml"]);
}

#[test]
fn each_alert_is_tested_both_ways() {
    let tests: Value = serde_yaml::from_str(&text("deploy/prometheus/rules_test.yml")).unwrap();
    let mut tested: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for test in tests["tests"].as_array().unwrap() {
        for check in test["alert_rule_test"].as_array().into_iter().flatten() {
            let (fires, silent) = tested.entry(said(check, "alertname").to_owned()).or_default();
            let expected = check["exp_alerts"].as_array().unwrap_or_else(|| panic!("no list of alerts in {check}"));
            *(if expected.is_empty() { silent } else { fires }) += 1;
        }
    }
    for alert in alerts() {
        let name = said(&alert, "alert");
        let (fires, silent) = tested.remove(name).unwrap_or_default();
        assert!(fires > 0, "no test has {name} fire");
        assert!(silent > 0 || name == "Watchdog", "no test has {name} silent");
    }
    assert_eq!(tested.into_keys().collect::<Vec<_>>(), Vec::<String>::new(), "tests of alerts that are not there");
}

#[test]
fn each_alert_says_what_why_how_bad_where_to_look_and_what_to_do() {
    let page = text("docs/operations.md");
    for alert in alerts() {
        let name = said(&alert, "alert");
        let severity = said(&alert["labels"], "severity");
        if name == "Watchdog" {
            assert_eq!(severity, "none");
        } else {
            assert!(["critical", "warning", "info"].contains(&severity), "{name} is {severity}");
        }
        let notes = &alert["annotations"];
        assert!(said(notes, "summary").len() > 10 && said(notes, "description").len() > 30, "{name}");
        let runbook = said(notes, "runbook_url");
        let anchor = runbook.strip_prefix("https://docs.example.com/driftless/operations.md#");
        assert_eq!(anchor, Some(&*name.to_lowercase()), "{name}");
        let (_, section) = page.split_once(&format!("\n### {name}\n")).unwrap_or_else(|| panic!("no section {name}"));
        assert!(section.split("\n#").next().unwrap().trim().len() > 40, "the section {name} says nothing");
        // One that is about a bucket leads to its dashboard where the bucket has a name, else to the fleet's.
        let link = said(notes, "dashboard_url").strip_prefix("https://grafana.example.com/d/");
        let named = link.unwrap_or_else(|| panic!("{name} has no dashboard")).split("driftless-").skip(1);
        let dashboards: Vec<&str> = named.map(|it| it.split(['?', '{']).next().unwrap_or_default()).collect();
        assert!(matches!(dashboards.as_slice(), [_] | ["bucket", "fleet"]), "{name}: {dashboards:?}");
        for dashboard in dashboards {
            assert!(root().join(format!("deploy/grafana/dashboards/{dashboard}.json")).exists(), "{name}: {dashboard}");
        }
    }
}

#[test]
fn no_section_is_about_an_alert_that_is_gone() {
    let page = text("docs/operations.md");
    let part = page.split("\n## Alerts\n").nth(1).and_then(|it| it.split("\n## ").next()).expect("a section on alerts");
    let mut described: Vec<&str> = part.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let alerts = alerts();
    let mut there: Vec<&str> = alerts.iter().map(|alert| said(alert, "alert")).collect();
    described.sort_unstable();
    there.sort_unstable();
    assert_eq!(described, there);
}

#[test]
fn every_metric_and_label_of_a_rule_is_exported() {
    for rule in all_rules() {
        let query = said(&rule, "expr");
        assert_eq!(unknown_to(query), Vec::<String>::new(), "{query}");
    }
}

#[test]
fn names_of_groups_and_rules_are_unique() {
    let groups = groups();
    let rules = all_rules();
    let group_names = groups.iter().map(|group| said(group, "name"));
    let names = rules.iter().map(|rule| rule["alert"].as_str().unwrap_or_else(|| said(rule, "record")));
    let mut all: Vec<&str> = group_names.chain(names).collect();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
}
