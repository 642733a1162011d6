//! A page to look at with a browser: `tests/outside/test_page.py` starts it, and the screenshots are
//! made of it.

use std::sync::Arc;

use driftless::bucket::BucketId;
use driftless::history::{Entry, Hash};
use driftless::report::BucketReport;
use driftless::report::compared::{Compared, Setting};
use driftless::serve::Options;
use driftless::serve::deeper::Deeper;
use driftless::verdict::Origin;
use futures_util::future::{BoxFuture, ready};
use serde_json::{Value, json};

use super::beside;
use super::hostile::{self, CORPUS};
use crate::support::fleet;

/// Live values and a past in which a text from elsewhere stands.
pub(super) struct Told(String);

impl Told {
    pub(super) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Deeper for Told {
    fn compared<'a>(&'a self, report: &'a BucketReport) -> BoxFuture<'a, Result<Arc<Compared>, String>> {
        let spec =
            |line, value: Value| (Origin::Spec(fleet::place(&format!("buckets/{}.yaml", report.id.name), line)), value);
        let policy = |name: &str, value: Value| (Origin::Policy(name.into()), value);
        let settings = vec![
            Setting {
                name: "versioning",
                asked: vec![spec(8, json!({"status": "Enabled"})), policy("versioned", json!({"status": "Enabled"}))],
                live: Ok(json!({"mfaDelete": "Disabled", "status": "Suspended"})),
                wanted: Some(json!({"mfaDelete": "Disabled", "status": "Enabled"})),
            },
            Setting {
                name: "website",
                asked: vec![spec(20, json!("absent"))],
                live: Err(self.0.clone()),
                wanted: None,
            },
            Setting {
                name: "encryption",
                asked: vec![spec(9, json!({"algorithm": "AES256"}))],
                live: Ok(json!({"algorithm": "AES256", "bucketKeyEnabled": false})),
                wanted: None,
            },
            Setting {
                name: "tags",
                asked: vec![spec(12, json!({"Name": self.0.clone()}))],
                live: Ok(json!({"Name": self.0.clone(), "Purpose": "Distributed AI Model Training"})),
                wanted: None,
            },
        ];
        Box::pin(ready(Ok(Arc::new(Compared { read_at: fleet::ago(1), settings }))))
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
        let text = self.0.clone();
        let entries = vec![
            entry(
                4,
                5,
                "held",
                json!({"setting": "tags", "reason": "needs-approval", "detail": text, "origins": [{"policy": text}]}),
            ),
            entry(3, 7, "drift-closed", json!({"policy": "versioned", "setting": "", "since": fleet::ago(9)})),
            entry(
                2,
                7,
                "repair",
                json!({"repair": {
                    "setting": "versioning",
                    "changes": [{"path": "status", "from": "Suspended", "to": "Enabled"}, {"path": text, "from": text}],
                    "origins": [{"policy": "versioned"}],
                    "result": "applied",
                }}),
            ),
            entry(
                1,
                9,
                "drift-detected",
                json!({"policy": "versioned", "setting": "", "severity": "low", "detail": "status: Suspended -> Enabled"}),
            ),
        ];
        Box::pin(ready(Ok(entries)))
    }
}

/// Serves the board that `DRIFTLESS_STAND` names until its input ends. A line of input with a name
/// puts up a bucket of that name that has drifted.
#[tokio::test]
#[ignore = "for a browser: tests/outside/test_page.py starts it"]
async fn a_board_for_a_browser() {
    let said = std::env::var("DRIFTLESS_STAND").expect("DRIFTLESS_STAND says which board");
    let (board, text) = match said.as_str() {
        "usual" => (fleet::board(), "AI Model Data Storage".to_owned()),
        "large" => (fleet::large(10_000), "Data".to_owned()),
        number => {
            let text = CORPUS[number.parse::<usize>().expect("usual, large, or the number of a hostile text")];
            (hostile::board(text), text.to_owned())
        }
    };
    let server = beside(board, Options::default(), false, Arc::new(Told(text))).await;
    println!("at http://{}", server.at);
    let (put, mut names) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|name| put.send(name)));
    while let Some(name) = names.recv().await {
        let mut report = fleet::bucket("default", &name);
        fleet::policy(&mut report, "versioned").verdict = driftless::verdict::Verdict::Drifted;
        server.board.put_bucket(report);
    }
}
