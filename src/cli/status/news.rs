//! What is new between two looks at the daemon, one line a change (pure): for pipes, where nothing
//! can be drawn again.

use serde_json::Value;

use super::text;

/// One thing that can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    /// What it is about.
    key: String,
    /// How it stands.
    said: String,
    /// What is said when it is no more; nothing where that means nothing.
    gone: Option<String>,
    /// Whether it is worth a line of its own when it is first seen.
    loud: bool,
}

/// The facts of the fleet. Of the buckets those that were asked for, which need not be all.
pub(super) fn fleet(status: &Value, rows: &Value, findings: &Value) -> Vec<Fact> {
    let fact = |key: &str, said: String, gone: Option<String>| Fact { key: key.to_owned(), said, gone, loud: true };
    let mut facts = vec![fact("fleet", text::counts(status), None)];
    facts.push(fact("source", text::source_in_short(&status["source"]), None));
    let reasons: Vec<&str> = text::list(&status["reasons"]).iter().map(text::word).collect();
    if !reasons.is_empty() {
        facts.push(fact("ready", format!("not ready: {}", reasons.join("; ")), Some("ready".to_owned())));
    }
    for breaker in text::list(&status["breakers"]) {
        let name = text::word(&breaker["name"]);
        let said = format!("breaker open: {name} ({})", text::word(&breaker["reason"]));
        facts.push(fact(&format!("breaker {name}"), said, Some(format!("breaker closed: {name}"))));
    }
    let buckets = text::list(&rows["buckets"]);
    let all = rows["total"].as_u64().is_some_and(|total| total <= buckets.len() as u64);
    for row in buckets {
        let name = text::name(&row["id"]);
        // A bucket that left a list of the worst is only one that others are worse than.
        let gone = all.then(|| format!("{name}  no longer of the fleet"));
        let in_sync = row["inSync"] == true;
        let said = if in_sync { format!("{name}  in sync") } else { text::row(row) };
        facts.push(Fact { key: format!("bucket {name}"), said, gone, loud: !in_sync });
    }
    for finding in text::list(&findings["findings"]) {
        let said = text::finding(finding);
        facts.push(fact(&format!("finding {said}"), said.clone(), Some(format!("no more: {said}"))));
    }
    facts
}

/// The facts of one bucket.
pub(super) fn bucket(report: &Value) -> Vec<Fact> {
    let fact = |key: String, said: String, gone: Option<String>| Fact { key, said, gone, loud: true };
    let mut facts = vec![fact("bucket".to_owned(), text::bucket_in_short(report), None)];
    let standing = |who: String, it: &Value| {
        let detail = it["detail"].as_str().map(|detail| format!(": {detail}")).unwrap_or_default();
        let said = format!("{who}: {}{detail}", text::word(&it["verdict"]));
        fact(who.clone(), said, Some(format!("{who}: asked for no more")))
    };
    for it in text::list(&report["policies"]) {
        facts.push(standing(format!("policy {}", text::word(&it["policy"])), it));
    }
    for it in text::list(&report["settings"]) {
        facts.push(standing(format!("spec {}", text::word(&it["setting"])), it));
    }
    for it in text::list(&report["held"]) {
        let (setting, reason) = (text::word(&it["setting"]), text::word(&it["reason"]));
        let said = format!("held ({reason}): {setting}: {}", text::word(&it["detail"]));
        facts.push(fact(format!("held {setting} {reason}"), said, Some(format!("held no more ({reason}): {setting}"))));
    }
    for it in text::list(&report["repairs"]) {
        let (at, setting) = (text::word(&it["at"]), text::word(&it["setting"]));
        let said = format!("written {at}: {setting} {}", text::word(&it["result"]));
        // Old writes fall out of the report; that is no news.
        facts.push(fact(format!("repair {at} {setting}"), said, None));
    }
    facts
}

/// What is said first.
pub(super) fn first(facts: &[Fact]) -> Vec<String> {
    facts.iter().filter(|it| it.loud).map(|it| it.said.clone()).collect()
}

/// What changed.
pub(super) fn since(before: &[Fact], after: &[Fact]) -> Vec<String> {
    let find = |facts: &[Fact]| -> std::collections::HashMap<String, String> {
        facts.iter().map(|it| (it.key.clone(), it.said.clone())).collect()
    };
    let (old, new) = (find(before), find(after));
    let changed = after.iter().filter(|it| match old.get(&it.key) {
        Some(said) => *said != it.said,
        // Into a list of the worst a bucket in sync comes only because others left it.
        None => it.loud || it.gone.is_some(),
    });
    let mut said: Vec<String> = changed.map(|it| it.said.clone()).collect();
    said.extend(before.iter().filter(|it| !new.contains_key(&it.key)).filter_map(|it| it.gone.clone()));
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(total: u64, buckets: &[(&str, bool)]) -> Value {
        let row = |(name, in_sync): &(&str, bool)| {
            json!({"id": {"account": "default", "name": name}, "inSync": in_sync,
                "verdict": if *in_sync { "compliant" } else { "drifted" }, "policies": {"versioned": "drifted"},
                "since": "2026-11-22T12:00:00Z", "held": [], "state": "managed"})
        };
        json!({"total": total, "buckets": buckets.iter().map(row).collect::<Vec<_>>()})
    }

    fn status(drifted: u64) -> Value {
        json!({"buckets": {"total": 2, "inSync": 2 - drifted, "drifted": drifted}, "reasons": [],
            "breakers": [], "source": {"state": "ready", "url": "/specs", "revision": "0123456789abcdef"}})
    }

    fn facts(drifted: u64, buckets: &[(&str, bool)]) -> Vec<Fact> {
        fleet(&status(drifted), &rows(buckets.len() as u64, buckets), &json!({"findings": []}))
    }

    #[test]
    fn first_comes_how_it_stands_without_what_is_well() {
        let said = first(&facts(1, &[("ai-a", false), ("ai-b", true)]));
        assert_eq!(
            said,
            ["2 buckets: 1 in sync, 1 drifted", "source ready: /specs at 0123456789ab", "ai-a  drifted (versioned)"]
        );
    }

    #[test]
    fn then_one_line_a_change_and_nothing_for_the_same_again() {
        let (well, ill) = (facts(0, &[("ai-a", true), ("ai-b", true)]), facts(1, &[("ai-a", false), ("ai-b", true)]));
        assert_eq!(since(&well, &well), [""; 0]);
        assert_eq!(since(&well, &ill), ["2 buckets: 1 in sync, 1 drifted", "ai-a  drifted (versioned)"]);
        assert_eq!(since(&ill, &well), ["2 buckets: 2 in sync", "ai-a  in sync"]);
    }

    #[test]
    fn a_bucket_that_comes_or_goes_is_told() {
        let (one, two) = (facts(0, &[("ai-a", true)]), facts(0, &[("ai-a", true), ("ai-b", true)]));
        assert_eq!(since(&one, &two), ["ai-b  in sync"]);
        assert_eq!(since(&two, &one), ["ai-b  no longer of the fleet"]);
    }

    #[test]
    fn a_bucket_that_falls_off_a_list_of_the_worst_is_no_news() {
        let part = |name: &str, in_sync| fleet(&status(0), &rows(5000, &[(name, in_sync)]), &json!({"findings": []}));
        assert_eq!(since(&part("ai-a", true), &part("ai-b", true)), [""; 0]);
        assert_eq!(since(&part("ai-a", true), &part("ai-b", false)), ["ai-b  drifted (versioned)"]);
    }

    #[test]
    fn a_breaker_and_a_finding_are_told_when_they_come_and_when_they_go() {
        let mut open = status(0);
        open["breakers"] = json!([{"name": "fleet", "reason": "over-limit"}]);
        open["reasons"] = json!(["no sweep yet"]);
        let place = json!({"file": "c.yaml", "line": 1, "column": 2});
        let findings = json!({"findings": [{"place": place, "severity": "error", "message": "no kind"}]});
        let (before, after) = (facts(0, &[]), fleet(&open, &rows(0, &[]), &findings));
        let came = since(&before, &after);
        assert_eq!(came, ["not ready: no sweep yet", "breaker open: fleet (over-limit)", "c.yaml:1:2: error: no kind"]);
        let went = since(&after, &before);
        assert_eq!(went, ["ready", "breaker closed: fleet", "no more: c.yaml:1:2: error: no kind"]);
    }

    #[test]
    fn of_one_bucket_every_verdict_and_every_write_is_news() {
        let report = |verdict: &str, held: Value, repairs: Value| {
            json!({"id": {"account": "prod", "name": "ai-a"}, "region": "us-east-1", "inSync": verdict == "compliant",
                "verdict": verdict, "state": "managed", "policies": [{"policy": "versioned", "verdict": verdict}],
                "settings": [], "held": held, "repairs": repairs})
        };
        let held = json!([{"setting": "versioning", "reason": "observe-only", "detail": "would be repaired"}]);
        let (well, ill) = (report("compliant", json!([]), json!([])), report("drifted", held, json!([])));
        let came = since(&bucket(&well), &bucket(&ill));
        let said = [
            "prod/ai-a in us-east-1: drifted",
            "policy versioned: drifted",
            "held (observe-only): versioning: would be repaired",
        ];
        assert_eq!(came, said);
        let repairs = json!([{"at": "2026-11-22T12:00:00Z", "setting": "versioning", "result": "applied"}]);
        let went = since(&bucket(&ill), &bucket(&report("compliant", json!([]), repairs)));
        let said = [
            "prod/ai-a in us-east-1: in sync",
            "policy versioned: compliant",
            "written 2026-11-22T12:00:00Z: versioning applied",
            "held no more (observe-only): versioning",
        ];
        assert_eq!(went, said);
    }
}
