//! The dashboards for Grafana: each panel says what it shows, in what unit, from when on it is
//! bad, and where to look further.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{said, unknown_to};
use crate::docs::{names, root, text};

const UNITS: [&str; 8] = ["short", "percentunit", "s", "bytes", "reqps", "dateTimeFromNow", "dateTimeAsIso", "none"];

fn dashboards() -> Vec<(String, Value)> {
    let folder = root().join("deploy/grafana/dashboards");
    let names = names(&folder);
    assert_eq!(names, ["agent.json", "bucket.json", "fleet.json"]);
    names
        .into_iter()
        .map(|name| {
            let text = text(&format!("deploy/grafana/dashboards/{name}"));
            let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, value)
        })
        .collect()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().unwrap_or_else(|| panic!("no list `{field}` in {value}"))
}

/// The panels that show what Prometheus knows.
fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(dashboard, "panels").iter().filter(|panel| panel["type"] != "row" && panel["type"] != "text")
}

/// Every link of a dashboard that leads to the page: those of its panels, of their cells, and in texts.
fn links_to_the_page(dashboard: &Value) -> Vec<String> {
    let text = dashboard["panels"].to_string();
    let ends = |it: char| matches!(it, '"' | ')' | ' ' | '\\');
    text.split("${page}/").skip(1).map(|link| link.split(ends).next().unwrap_or_default().to_owned()).collect()
}

/// `account` stood at `All` when somebody came from an alert, and `.*` was part of every address.
#[test]
fn a_variable_in_a_link_has_one_value() {
    for (name, it) in dashboards() {
        let links = links_to_the_page(&it).join(" ");
        for variable in list(&it["templating"], "list").iter().filter(|it| it["type"] == "query") {
            let of = said(variable, "name");
            if links.contains(&format!("${{{of}}}")) {
                assert_eq!(
                    (&variable["multi"], &variable["includeAll"]),
                    (&false.into(), &false.into()),
                    "{name}: {of}"
                );
                assert!(variable.get("allValue").is_none(), "{name}: {of}");
            }
        }
    }
    let (_, bucket) = dashboards().remove(1);
    assert!(links_to_the_page(&bucket).iter().any(|it| it == "buckets/${account}/${bucket}#timeline"));
}

/// Nothing said of a fleet that is well looks like a query that fails.
#[test]
fn what_a_panel_says_when_there_is_nothing_to_show_is_a_fact() {
    let mut said_so = 0;
    for (name, it) in dashboards() {
        for panel in panels(&it) {
            if let Some(text) = panel["fieldConfig"]["defaults"].get("noValue") {
                let text = text.as_str().unwrap_or_default();
                assert!(text.len() > 8 && text != "No data", "{name}: {}: {text:?}", panel["title"]);
                said_so += 1;
            }
        }
    }
    assert!(said_so > 20, "{said_so}");
}

#[test]
fn every_dashboard_has_the_form_that_grafana_reads() {
    let mut uids = BTreeSet::new();
    for (name, it) in dashboards() {
        assert_eq!(said(&it, "uid"), format!("driftless-{}", name.trim_end_matches(".json")));
        assert!(uids.insert(said(&it, "uid").to_owned()));
        assert!(it["schemaVersion"].as_u64() >= Some(39), "{name}");
        assert!(it.get("id").is_none_or(Value::is_null), "{name}: an id belongs to one Grafana");
        assert_eq!(it["tags"], serde_json::json!(["driftless"]));
        let (_, _, _) = (said(&it, "title"), said(&it, "description"), said(&it["time"], "from"));
        let variables: Vec<&str> = list(&it["templating"], "list").iter().map(|it| said(it, "name")).collect();
        assert_eq!(variables[..2], ["datasource", "page"], "{name}");
        assert!(list(&it, "links").iter().any(|link| link["url"] == "${page}"), "{name} has no link to the page");
        assert!(list(&it, "links").iter().any(|link| link["type"] == "dashboards"), "{name} has no link to the others");
        for known in text_of_variables(&it) {
            let name = known.strip_prefix("__").map_or(known.as_str(), |_| "datasource");
            assert!(variables.contains(&name), "`${known}` is no variable of the dashboard");
        }
    }
}

/// The names of variables that are used anywhere in a dashboard.
fn text_of_variables(dashboard: &Value) -> BTreeSet<String> {
    let text = dashboard.to_string();
    let parts = text.split('$').skip(1);
    parts
        .map(|part| part.trim_start_matches('{'))
        .map(|part| part.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_').collect())
        .collect()
}

#[test]
fn every_panel_says_what_it_shows_and_where_to_look_further() {
    for (name, it) in dashboards() {
        let mut titles = BTreeSet::new();
        for panel in panels(&it) {
            let title = said(panel, "title");
            assert!(titles.insert(title), "{name}: `{title}` twice");
            assert!(
                title.ends_with('?') || title.split(' ').count() >= 2,
                "{name}: `{title}` is no question and no fact"
            );
            assert!(title.starts_with(char::is_uppercase), "{name}: {title}");
            assert!(said(panel, "description").ends_with('.'), "{name}: {title}");
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(UNITS.contains(&said(defaults, "unit")), "{name}: {title} has the unit {}", defaults["unit"]);
            let steps = list(&defaults["thresholds"], "steps");
            assert!(steps.first().is_some_and(|step| step["value"].is_null()), "{name}: {title} has no first colour");
            let values: Vec<f64> = steps[1..].iter().map(|step| step["value"].as_f64().unwrap()).collect();
            assert!(values.is_sorted_by(|a, b| a < b), "{name}: thresholds of {title}");
            let links = list(panel, "links");
            assert!(links.iter().any(|link| said(link, "url").starts_with("${page}/")), "{name}: {title} has no link");
        }
    }
}

#[test]
fn links_lead_to_routes_that_there_are() {
    let routes = text("src/serve/routes.rs");
    for (name, it) in dashboards() {
        for link in links_to_the_page(&it) {
            let path = format!("/{}", link.split('#').next().unwrap_or_default());
            let path = path.replace("${account}", "{account}").replace("${bucket}", "{name}");
            let path = path.replace("${__data.fields.Account}", "{account}").replace("${__value.text}", "{name}");
            assert!(routes.contains(&format!("\"{path}\"")), "{name}: `{path}` is no route");
        }
    }
}

#[test]
fn no_two_panels_share_an_id_or_a_place() {
    for (name, it) in dashboards() {
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in list(&it, "panels") {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: {} twice", panel["id"]);
            let at = |field: &str| panel["gridPos"][field].as_u64().unwrap();
            assert!(at("w") > 0 && at("h") > 0 && at("x") + at("w") <= 24, "{name}: {}", panel["gridPos"]);
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(taken.insert((x, y)), "{name}: two panels at {x}, {y}");
                }
            }
        }
    }
}

#[test]
fn every_query_asks_the_chosen_datasource_for_what_is_exported() {
    for (name, it) in dashboards() {
        for panel in panels(&it) {
            let title = said(panel, "title");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {title}");
            let targets = list(panel, "targets");
            let letters: BTreeSet<&str> = targets.iter().map(|target| said(target, "refId")).collect();
            assert!(!targets.is_empty() && letters.len() == targets.len(), "{name}: queries of {title}");
            for target in targets {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{name}: {title}");
                let query = said(target, "expr");
                assert_eq!(unknown_to(query), Vec::<String>::new(), "{name}: {title}: {query}");
            }
        }
        for variable in list(&it["templating"], "list").iter().filter(|it| it["type"] == "query") {
            let query = said(variable, "definition");
            assert_eq!(variable["query"]["query"], query);
            let inner =
                query.strip_prefix("label_values(").and_then(|it| it.strip_suffix(')')).expect("a list of values");
            let (metric, label) = inner.rsplit_once(", ").expect("a metric and a label");
            assert_eq!(unknown_to(&format!("sum by ({label}) ({metric})")), Vec::<String>::new(), "{name}");
        }
    }
}

#[test]
fn grafana_is_told_where_the_dashboards_and_prometheus_are() {
    let read = |path: &str| -> Value {
        let file = text(&format!("deploy/grafana/provisioning/{path}"));
        serde_yaml::from_str(&file).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let provider = &read("dashboards/driftless.yaml")["providers"][0];
    let folder = said(&provider["options"], "path");
    assert!(text("docs/operations.md").contains(folder), "docs/operations.md does not name {folder}");
    assert_eq!(provider["type"], "file");
    let source = &read("datasources/prometheus.yaml")["datasources"][0];
    assert_eq!((said(source, "type"), said(source, "access")), ("prometheus", "proxy"));
}
