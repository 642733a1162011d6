//! What can be looked up of the small fleet: live values, who asked for others, and what happened, as
//! the reports of the same buckets have it. The screenshots are made of it.

use std::sync::Arc;

use driftless::bucket::BucketId;
use driftless::finding::Place;
use driftless::history::{Entry, Hash};
use driftless::report::BucketReport;
use driftless::report::compared::{Compared, Setting};
use driftless::serve::deeper::{BUILT_IN, Deeper, WhoChanged};
use driftless::verdict::{Origin, Verdict};
use futures_util::future::{BoxFuture, ready};
use serde_json::{Value, json};

use crate::support::fleet;

/// The story of the bucket that somebody opens again and again, and of a quiet one.
pub(super) struct Story;

fn block(open: bool) -> Value {
    json!({"blockPublicAcls": true, "blockPublicPolicy": !open, "ignorePublicAcls": true, "restrictPublicBuckets": !open})
}

fn expiry(days: u32) -> Value {
    json!({"rules": [{"expiration": {"days": days}, "filter": {"prefix": "raw/"}, "id": "raw", "status": "Enabled"}]})
}

impl Deeper for Story {
    fn compared<'a>(&'a self, report: &'a BucketReport) -> BoxFuture<'a, Result<Arc<Compared>, String>> {
        let file = format!("buckets/{}.yaml", report.id.name);
        let spec = |line, value: Value| (Origin::Spec(fleet::place(&file, line)), value);
        let policy = |name: &str, value: Value| (Origin::Policy(name.into()), value);
        let well = |name, asked, live: Value| Setting {
            name,
            verdict: Verdict::Compliant,
            asked,
            live: Ok(live),
            wanted: None,
        };
        let differs = |name, asked, live: Value, wanted: Value| Setting {
            wanted: Some(wanted),
            verdict: Verdict::Drifted,
            ..well(name, asked, live)
        };
        let tags = json!({"Name": "Raw training data", "Purpose": "Distributed AI Model Training"});
        let mut settings = vec![
            well(
                "encryption",
                vec![spec(10, json!({"algorithm": "AES256"}))],
                json!({"algorithm": "AES256", "bucketKeyEnabled": false}),
            ),
            well("tags", vec![spec(12, tags.clone())], tags),
            well(
                "versioning",
                vec![spec(8, json!({"status": "Enabled"})), policy("versioned", json!({"status": "Enabled"}))],
                json!({"mfaDelete": "Disabled", "status": "Enabled"}),
            ),
        ];
        if report.id.name.as_str() == "ai-training-raw" {
            let own = vec![spec(16, expiry(30))];
            settings.insert(0, differs("lifecycle", own, expiry(365), expiry(30)));
            let private = vec![policy("private", json!("all"))];
            settings.insert(1, differs("publicAccessBlock", private, block(true), block(false)));
        }
        Box::pin(ready(Ok(Arc::new(Compared { read_at: fleet::ago(1), settings }))))
    }

    fn who_changed<'a>(&'a self, places: &'a [Place]) -> BoxFuture<'a, WhoChanged> {
        let of = |place: &Place| match (place.file.starts_with("built-in/"), place.line) {
            (true, _) => Err(Arc::from(BUILT_IN)),
            (false, 16) => Ok(Arc::new(fleet::commit("Keep raw data for 30 days", "Grace Hopper <grace@example.com>"))),
            (false, _) => {
                Ok(Arc::new(fleet::commit("Keep every version of the training data", "Ada Lovelace <ada@example.com>")))
            }
        };
        let found = places.iter().map(|place| ((Arc::clone(&place.file), place.line), of(place)));
        Box::pin(ready(found.collect()))
    }

    fn past<'a>(&'a self, id: &'a BucketId) -> BoxFuture<'a, Result<Vec<Entry>, String>> {
        let hash = Hash::parse(&"0".repeat(64)).expect("a hash");
        let entry = |seq: u64, minutes, kind: &str, event: Value| Entry {
            seq,
            at: fleet::ago(minutes),
            kind: kind.to_owned(),
            bucket: Some(id.clone()),
            event,
            prev: hash,
            hash,
        };
        let opened = json!({
            "policy": "private", "setting": "", "severity": "critical",
            "detail": "the public access block leaves public policies in force",
        });
        let mut entries = vec![
            entry(
                12,
                4,
                "held",
                json!({
                    "setting": "publicAccessBlock", "reason": "fighting", "origins": [{"policy": "private"}],
                    "detail": "repaired 3 times in 20 minutes, and something writes it back",
                }),
            ),
            entry(11, 4, "drift-detected", opened.clone()),
        ];
        for (number, minutes) in [(3, 9), (2, 14), (1, 19)] {
            let closed = json!({"policy": "private", "setting": "", "since": fleet::ago(minutes)});
            entries.push(entry(number * 3 + 1, minutes, "drift-closed", closed));
            let changes = json!([
                {"path": "blockPublicPolicy", "from": false, "to": true},
                {"path": "restrictPublicBuckets", "from": false, "to": true},
            ]);
            let repair = json!({
                "setting": "publicAccessBlock", "changes": changes, "origins": [{"policy": "private"}], "result": "applied",
            });
            entries.push(entry(number * 3, minutes, "repair", json!({"repair": repair})));
            entries.push(entry(number * 3 - 1, minutes, "drift-detected", opened.clone()));
        }
        let commit = fleet::commit("Keep raw data for 30 days", "Grace Hopper <grace@example.com>");
        entries.push(entry(
            1,
            1500,
            "drift-detected",
            json!({
                "policy": "spec", "setting": "lifecycle", "severity": "medium",
                "detail": "rules[raw].expiration.days: 365 -> 30",
                "causedBy": {"cause": "revision", "revision": commit.id, "subject": commit.message, "author": commit.author},
            }),
        ));
        if id.name.as_str() != "ai-training-raw" {
            entries.drain(..entries.len() - 4);
            entries.pop();
        }
        Box::pin(ready(Ok(entries)))
    }
}
