//! Answers as AWS documents them, one a setting in `tests/wire/`: each element is known, and one
//! that is not changes nothing and makes a write wait for a person.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use driftless::cloud::Cloud;
use driftless::settings::SETTINGS;
use serde_json::json;

use super::*;

/// A server that gives every request the same answer, as long as the test runs.
pub(super) fn stub(body: String) -> String {
    stub_of("200 OK", body).0
}

/// The same with a status, and the first lines of the requests that came.
pub(super) fn stub_of(status: &'static str, body: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let came = Arc::clone(&asked);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => request.extend_from_slice(&piece[..count]),
                }
            }
            let text = String::from_utf8_lossy(&request);
            came.lock().expect("no panic").push(text.lines().next().unwrap_or_default().to_owned());
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    (url, asked)
}

pub(super) fn recorded(setting: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let xml = folder.join(format!("{setting}.xml"));
    let file = if xml.exists() { xml } else { folder.join(format!("{setting}.json")) };
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What each recorded answer means, as a spec would say it.
fn meaning(setting: &str) -> serde_json::Value {
    said_beside(setting, "meaning")
}

/// A file beside the recorded answer of a setting.
pub(super) fn said_beside(setting: &str, what: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/wire/{setting}.{what}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_setting_has_an_answer_its_meaning_and_values_to_write_and_nobody_else_has() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let names = std::fs::read_dir(folder).expect("a folder").map(|it| it.expect("an entry").file_name());
    let found: std::collections::BTreeSet<String> = names.map(|it| it.into_string().expect("text")).collect();
    let of = |name: &str| {
        let answer = if name == "policy" { "json" } else { "xml" };
        [answer, "meaning.json", "there.json"].map(|end| format!("{name}.{end}"))
    };
    let expected: std::collections::BTreeSet<String> = SETTINGS.iter().flat_map(|it| of(it.name())).collect();
    assert_eq!(found, expected);
}

pub(super) async fn read(setting: &'static str, body: String) -> (Doc, Vec<String>) {
    let observer: Arc<dyn Observer> = Arc::new(Counted::default());
    let cloud = connect_to(&stub(body), &observer).await;
    let at = target("data");
    let doc = cloud.read(&at, setting).await.unwrap_or_else(|error| panic!("{setting}: {error}"));
    (doc, cloud.foreign_fields(&at, setting))
}

#[tokio::test]
async fn pain_01_every_recorded_answer_means_what_it_says_and_all_of_it_is_known() {
    for setting in SETTINGS {
        let (doc, foreign) = read(setting.name(), recorded(setting.name())).await;
        assert_eq!(doc, value(setting.name(), &meaning(setting.name())), "{}", setting.name());
        assert_eq!(foreign, [] as [String; 0], "{}", setting.name());
    }
}

#[tokio::test]
async fn pain_01_an_element_that_aws_adds_is_no_difference_and_is_not_lost_by_a_write() {
    for setting in SETTINGS.iter().filter(|it| it.name() != "policy") {
        // One in every element that holds others.
        let mut body = String::new();
        for line in recorded(setting.name()).lines() {
            if line.trim_start().starts_with("</") {
                body.push_str("<Fancy><Deeper a=\"b\">1</Deeper></Fancy>");
            }
            body.push_str(line);
            body.push('\n');
        }
        assert!(body.contains("Fancy"));
        let (doc, foreign) = read(setting.name(), body).await;
        assert_eq!(doc, value(setting.name(), &meaning(setting.name())), "{}", setting.name());
        assert_eq!(foreign, ["Fancy", "Deeper"], "{}", setting.name());
    }
}

/// `s3-servers.md` point 8: Ceph answers 200 and an empty configuration where nothing is set.
#[tokio::test]
async fn an_empty_replication_is_none() {
    let empty = "<ReplicationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Role></Role>\
                 </ReplicationConfiguration>";
    let (doc, foreign) = read("replication", empty.to_owned()).await;
    assert_eq!((doc, foreign), (value("replication", &json!({})), Vec::new()));
}
