//! A page to look at with a browser: `tests/outside/test_page.py` starts it, and the screenshots are
//! made of it.

use std::sync::Arc;

use driftless::board::Board;
use driftless::bucket::BucketId;
use driftless::finding::Place;
use driftless::history::{Entry, Hash};
use driftless::report::BucketReport;
use driftless::report::compared::{Compared, Setting};
use driftless::serve::deeper::{Deeper, WhoChanged};
use driftless::serve::{Options, Token};
use driftless::verdict::{Origin, Verdict};
use futures_util::future::{BoxFuture, ready};
use serde_json::{Value, json};

use super::beside;
use super::hostile::{self, CORPUS};
use super::story::Story;
use crate::support::fleet;
use crate::support::http::get;

/// Live values and a past in which a text from elsewhere stands everywhere; it makes no sense otherwise.
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
                verdict: Verdict::Drifted,
                asked: vec![spec(8, json!({"status": "Enabled"})), policy("versioned", json!({"status": "Enabled"}))],
                live: Ok(json!({"mfaDelete": "Disabled", "status": "Suspended"})),
                wanted: Some(json!({"mfaDelete": "Disabled", "status": "Enabled"})),
            },
            Setting {
                name: "website",
                verdict: Verdict::Unsupported,
                asked: vec![spec(20, json!("absent"))],
                live: Err(self.0.clone()),
                wanted: None,
            },
            Setting {
                name: "encryption",
                verdict: Verdict::Compliant,
                asked: vec![spec(9, json!({"algorithm": "AES256"}))],
                live: Ok(json!({"algorithm": "AES256", "bucketKeyEnabled": false})),
                wanted: None,
            },
            Setting {
                name: "tags",
                verdict: Verdict::Compliant,
                asked: vec![spec(12, json!({"Name": self.0.clone()}))],
                live: Ok(json!({"Name": self.0.clone(), "Purpose": "Distributed AI Model Training"})),
                wanted: None,
            },
        ];
        Box::pin(ready(Ok(Arc::new(Compared { read_at: fleet::ago(1), settings }))))
    }

    fn who_changed<'a>(&'a self, places: &'a [Place]) -> BoxFuture<'a, WhoChanged> {
        let made = Arc::new(fleet::commit(&self.0, &self.0));
        let found = places.iter().map(|place| {
            let found = match place.file.starts_with("built-in/") {
                true => Err(Arc::from(driftless::serve::deeper::BUILT_IN)),
                false => Ok(Arc::clone(&made)),
            };
            ((Arc::clone(&place.file), place.line), found)
        });
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
            entry(
                0,
                9,
                "drift-detected",
                json!({
                    "policy": text, "setting": "", "severity": "low", "detail": text,
                    "causedBy": {"cause": "revision", "revision": text, "subject": text, "author": text},
                }),
            ),
        ];
        Box::pin(ready(Ok(entries)))
    }
}

/// A board by its name, whether somebody may ask for a sweep, and what is read for its pages.
fn named(said: &str) -> (Arc<Board>, Options, Arc<dyn Deeper>) {
    let usual = Options::default;
    match said {
        "usual" => (fleet::board(), usual(), Arc::new(Story)),
        "token" => {
            let options = Options { token: Some(Token::new(TOKEN)), ..usual() };
            (fleet::board(), options, Arc::new(Story))
        }
        "held" => {
            let board = fleet::board();
            board.put_source(fleet::held_source());
            (board, usual(), Arc::new(Story))
        }
        "empty" => (Arc::default(), usual(), Arc::new(Story)),
        said => match said.split_once('-') {
            Some(("large", number)) => {
                (fleet::large(number.parse().expect("how many buckets")), usual(), Arc::new(Story))
            }
            _ => {
                let number = said.parse::<usize>().expect("a name of a board, or the number of a hostile text");
                (hostile::board(CORPUS[number]), usual(), Arc::new(Told::of(CORPUS[number])))
            }
        },
    }
}

/// What lets somebody ask for a sweep of the board `token`.
const TOKEN: &str = "correct horse battery staple";

/// Without `DRIFTLESS_STAND` it looks at the first page and ends. With it, it serves the board of that
/// name until its input ends; a line of input with a name puts up a bucket of that name that has drifted, and one
/// with `-` before it takes one down.
#[tokio::test]
async fn a_board_for_a_browser() {
    let said = std::env::var("DRIFTLESS_STAND").ok();
    let (board, options, deeper) = named(said.as_deref().unwrap_or("usual"));
    if board.version() > 0 {
        board.put_endpoints(fleet::endpoints());
    }
    let server = beside(board, options, false, deeper).await;
    let first = get(server.at, "/").await;
    assert_eq!(first.status, 200);
    assert!(first.body.contains("<h1>Fleet</h1>"), "{}", first.body);
    if said.is_none() {
        return;
    }
    println!("at http://{}", server.at);
    let (put, mut names) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|name| put.send(name)));
    while let Some(name) = names.recv().await {
        if let Some(gone) = name.strip_prefix('-') {
            server.board.keep_buckets(|id| id.name.as_str() != gone);
            continue;
        }
        let mut report = fleet::bucket("default", &name);
        fleet::policy(&mut report, "versioned").verdict = Verdict::Drifted;
        server.board.put_bucket(report);
    }
}
