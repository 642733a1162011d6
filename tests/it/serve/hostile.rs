//! Everything from git and from S3 is hostile, and so is every request.

use std::sync::Arc;

use driftless::board::{Board, ExemptionCard};
use driftless::cloud::{S3Error, S3ErrorKind};
use driftless::finding::{Finding, Place};
use driftless::report::{HeldReport, ReadError, Repair, RepairResult, SourceReport, SourceState};
use driftless::serve::Options;
use driftless::source::signature::SignatureKind;
use driftless::source::{Revision, Signature};
use driftless::spec::{Mode, PolicySeverity, Written};
use driftless::verdict::{Hold, Origin, Verdict};
use serde_json::{Value, json};

use super::stand::Told;
use super::{Running, beside, over, usual};
use crate::support::fleet;
use crate::support::http::{get, raw, send};

/// Texts that become markup, attributes, styles, links or another text where they are not escaped.
pub(super) const CORPUS: [&str; 12] = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "\" autofocus onfocus=\"alert(1)",
    "<svg/onload=alert(1)>",
    "</pre></code></td></table><iframe src=javascript:alert(1)>",
    "</title><script>alert(1)</script>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<!--<img src=x onerror=alert(1)>-->",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u{202e}<b>gpj.exe\u{0}",
];

/// A board on which every text that anybody but us writes is `text`.
pub(super) fn board(text: &str) -> Arc<Board> {
    let board = Board::default();
    let place = || Place { file: text.into(), line: 1, column: 1 };
    let origins = || vec![Origin::Spec(place()), Origin::Policy(text.into())];
    let changes = || {
        vec![
            fleet::change(text, json!(text), json!({ text: [text] })),
            fleet::change("tags", Value::Null, json!([text])),
        ]
    };
    let error = || S3Error {
        operation: text.to_owned(),
        object: text.to_owned(),
        kind: S3ErrorKind::Other,
        code: text.to_owned(),
        status: 418,
        request_id: Some(text.to_owned()),
        message: text.to_owned(),
        action: Some(text.to_owned()),
    };
    let mut report = fleet::bucket("default", "victim");
    report.spec = Some(place());
    let policy = &mut Arc::make_mut(&mut report.policies)[0];
    (policy.policy, policy.verdict, policy.detail) = (text.into(), Verdict::Drifted, Some(text.into()));
    let setting = &mut Arc::make_mut(&mut report.settings)[0];
    (setting.verdict, setting.detail) = (Verdict::Drifted, Some(text.into()));
    report.held = Box::new([HeldReport {
        setting: "tags",
        reason: Hold::NeedsApproval,
        detail: text.to_owned(),
        origins: origins(),
        changes: changes(),
        digest: Some(text.to_owned()),
        approval: Some(text.to_owned()),
    }]);
    let repair =
        |result| Repair { setting: "tags", at: fleet::now(), changes: changes(), origins: origins(), to: None, result };
    report.repairs = Box::new([
        repair(RepairResult::Unproved { detail: text.to_owned() }),
        repair(RepairResult::Failed { error: error() }),
    ]);
    report.errors = Box::new([ReadError { setting: "tags", error: error(), hint: Some(text.to_owned()) }]);
    board.put_bucket(report);
    let mut cards = fleet::cards();
    (cards[0].name, cards[0].title, cards[0].file) = (text.into(), Some(text.to_owned()), text.into());
    (cards[0].severity, cards[0].mode) = (PolicySeverity::High, Mode::Enforce);
    // Twice: what somebody wrote, and what it changes.
    cards[0].written = Arc::new([0, 1].map(|_| Written { at: place(), text: text.into() }));
    cards[0].parameters = json!({ text: text }).as_object().expect("a mapping").clone();
    cards[0].exemptions = vec![ExemptionCard {
        name: text.into(),
        buckets: vec!["victim".to_owned(), text.replace(['{', '['], "")],
        reason: text.to_owned(),
        owner: text.to_owned(),
        expires: fleet::now() + chrono::Duration::days(3),
        at: place(),
    }];
    board.put_policies(cards);
    board.put_source(SourceReport {
        state: SourceState::Held,
        url: format!("ssh://git@git.example.com/{text}"),
        reference: text.to_owned(),
        revision: Some(text.to_owned()),
        subject: Some(text.to_owned()),
        author: Some(text.to_owned()),
        committed_at: None,
        last_success: None,
        detail: Some(text.to_owned()),
        hint: Some(text.to_owned()),
        signature: Some(Signature { kind: SignatureKind::OpenPgp, key: Some(text.to_owned()) }),
        held_revision: Some(text.to_owned()),
        held_commit: Some(Revision { id: text.to_owned(), ..fleet::commit(text, text) }),
        release: Some(text.to_owned()),
        findings: vec![Finding::error(place(), text).hint(text)],
    });
    let mut sweep = fleet::sweep();
    sweep.errors = vec![error()];
    board.put_sweep(sweep, fleet::now());
    Arc::new(board)
}

/// The tags of a page as a browser reads them, each with its attributes, without the values of
/// those that are text.
fn skeleton(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let mut quoted = false;
        let end = after
            .char_indices()
            .find(|(_, c)| {
                quoted ^= *c == '"';
                *c == '>' && !quoted
            })
            .map_or(after.len(), |(end, _)| end);
        let tag = &after[..end];
        let shape: String = tag.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
        tags.push(shape);
        rest = &after[end..];
    }
    tags
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A server on which live values and the past hold a text, too.
async fn deep(board: Arc<Board>, text: &str) -> Running {
    beside(board, Options::default(), false, Arc::new(Told::of(text))).await
}

#[tokio::test]
async fn no_text_changes_the_structure_of_a_page() {
    let harmless = deep(board("harmless"), "harmless").await;
    for text in CORPUS {
        let hostile = deep(board(text), text).await;
        for path in ["/", "/buckets/default/victim", "/policies", "/source", "/held", "/policies/{}"] {
            let (good, bad) = (path.replace("{}", "harmless"), path.replace("{}", &encoded(text)));
            let (good, bad) = (get(harmless.at, &good).await, get(hostile.at, &bad).await);
            assert_eq!((good.status, bad.status), (200, 200), "{path} with {text}");
            assert_eq!(skeleton(&good.body), skeleton(&bad.body), "{path} with {text}");
            // The value of a form's option must come back as it is; nobody reads it.
            let read: String = bad.body.split('"').step_by(2).collect();
            assert!(!read.contains('\u{202e}') && !read.contains('\0'), "{path} with {text}");
            assert!(!bad.body.contains("href=\"javascript:"), "{path} with {text}");
        }
    }
}

#[tokio::test]
async fn no_request_changes_the_structure_of_a_page() {
    let server = usual().await;
    let good = get(server.at, "/?q=harmless&policy=harmless").await;
    let lost = get(server.at, "/policies/harmless").await;
    let refused = get(server.at, "/?state=harmless").await;
    for text in CORPUS {
        let text = encoded(text);
        let bad = get(server.at, &format!("/?q={text}&policy={text}")).await;
        assert_eq!((bad.status, skeleton(&bad.body)), (200, skeleton(&good.body)), "{text}");
        let bad = get(server.at, &format!("/policies/{text}")).await;
        assert_eq!((bad.status, skeleton(&bad.body)), (404, skeleton(&lost.body)), "{text}");
        let bad = get(server.at, &format!("/?state={text}")).await;
        assert_eq!((bad.status, skeleton(&bad.body)), (400, skeleton(&refused.body)), "{text}");
    }
}

#[tokio::test]
async fn only_an_https_source_without_credentials_becomes_a_link() {
    for (url, is_link) in [
        ("https://git.example.com/buckets.git", true),
        ("https://token@git.example.com/buckets.git", false),
        ("http://git.example.com/buckets.git", false),
        ("ssh://git@git.example.com/buckets.git", false),
        ("https://git.example.com/\u{202e}evil", false),
        ("javascript:alert(1)//https://", false),
        ("/srv/git/buckets.git", false),
    ] {
        let board = fleet::board();
        board.put_source(SourceReport { url: url.to_owned(), ..fleet::source() });
        let server = over(board, Options::default()).await;
        let html = get(server.at, "/").await.body;
        assert_eq!(html.contains(&format!("href=\"{url}\"")), is_link, "{url}");
        assert!(html.contains(&url.replace('\u{202e}', "\\u{202e}")), "{url}");
    }
}

#[tokio::test]
async fn every_answer_forbids_foreign_scripts_frames_and_guesses_of_its_type() {
    let server = usual().await;
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/buckets/default/checkpoints"),
        ("GET", "/style.css"),
        ("GET", "/assets/page.js"),
        ("GET", "/metrics"),
        ("GET", "/readyz"),
        ("GET", "/api/v1/buckets"),
        ("GET", "/nothing"),
        ("GET", "/?page=0"),
        ("DELETE", "/"),
    ] {
        let answer = send(server.at, method, path, &[]).await;
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

/// A foreign site whose name leads to our address once read the page, the API and the guard of the form.
#[tokio::test]
async fn by_a_foreign_name_only_health_and_metrics_are_answered() {
    let token = Some(driftless::serve::Token::new("correct horse battery"));
    let server = over(fleet::board(), Options { token, ..Options::default() }).await;
    let ask = async |host: &str, path: &str| {
        raw(server.at, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await
    };
    for path in ["/", "/source", "/api/v1/status", "/api/v1/events", "/style.css", "/nothing"] {
        let answer = ask("evil.example:9464", path).await;
        assert_eq!(answer.status, 421, "{path}");
        assert!(!answer.body.contains("guard") && !answer.body.contains("checkpoints"), "{path}");
    }
    let told = ask("evil.example", "/api/v1/status").await.json();
    assert_eq!(told["error"], "`evil.example` is no name of this server");
    assert_eq!(told["hint"], "ask at `localhost` or 127.0.0.1, or set `http.publicUrl` to the address that people use");
    assert!(ask("evil.example", "/").await.body.contains("is no name of this server"));
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ask("driftless.monitoring.svc:9464", path).await.status, 200, "{path}");
    }
    for host in ["localhost:9464", "127.0.0.1", "[::1]:1"] {
        assert_eq!(ask(host, "/").await.status, 200, "{host}");
    }
    // Elsewhere than on the loopback interface.
    let hosts = driftless::serve::Hosts::of(([0, 0, 0, 0], 9464).into(), Some("https://driftless.example.com/"));
    let server = over(fleet::board(), Options { hosts, ..Options::default() }).await;
    for (host, status) in [("driftless.example.com", 200), ("10.1.2.3:9464", 200), ("evil.example", 421)] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(raw(server.at, &request).await.status, status, "{host}");
    }
}
