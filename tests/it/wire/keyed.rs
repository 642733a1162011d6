//! The settings of which a bucket holds many: lists of several pages, writes id by id, and stores
//! that know no such lists.

use std::io::{Read, Write};
use std::net::TcpListener;

use driftless::cloud::Cloud;
use driftless::cloud::memory::MemoryCloud;
use driftless::verdict::Verdict;
use serde_json::json;

use super::delete::one;
use super::*;
use crate::support::looped::{Rig, bucket, desired};

const KEYED: [&str; 4] = ["inventory", "analytics", "metrics", "intelligentTiering"];

/// A set of configurations of these ids.
fn set(setting: &'static str, ids: impl Iterator<Item = String>) -> Doc {
    let each: Vec<Value> = ids.map(|id| one(setting, &id)["configurations"][0].clone()).collect();
    value(setting, &json!({"configurations": each}))
}

/// The names of what was asked, how often each.
fn asked(server: &Running) -> Vec<(String, u64)> {
    server.requests().into_iter().map(|(name, count)| (name.replace("Configuration", ""), count)).collect()
}

/// aws-controllers-k8s/s3-controller reads the first page of these lists and no more: what stands on
/// the second is written again in every round, or never seen.
#[tokio::test]
async fn pain_07_a_set_of_several_pages_is_read_whole_and_written_id_by_id() {
    let server = server().await;
    let cloud = connect(&server).await;
    let at = target("data");
    for (setting, short) in KEYED.iter().zip(["Inventory", "Analytics", "Metrics", "IntelligentTiering"]) {
        let empty = settings::named(setting).default_doc();
        let ids = |numbers: std::ops::Range<usize>| numbers.map(|n| format!("n{n:03}"));
        let live = set(setting, ids(0..101));
        cloud.write(&at, setting, &empty, &live).await.expect("taken");
        server.forget_requests();
        assert_eq!(cloud.read(&at, setting).await.expect("a set"), live, "{setting}");
        assert_eq!(asked(&server), [(format!("ListBucket{short}s"), 2)]);

        let mut to = set(setting, ids(1..102)).value();
        to["configurations"][100]["filter"] = json!({"prefix": "changed/"});
        let to = settings::named(setting).canonical(&Doc::of(&to));
        server.forget_requests();
        cloud.write(&at, setting, &live, &to).await.expect("taken");
        assert_eq!(
            asked(&server),
            [
                (format!("DeleteBucket{short}"), 1),
                (format!("GetBucket{short}"), 1),
                ("HeadBucket".to_owned(), 1),
                (format!("PutBucket{short}"), 1)
            ],
            "one goes, one comes, and nothing is sent for the others"
        );
        assert_eq!(cloud.read(&at, setting).await.expect("a set"), to, "{setting}");
    }
    assert_eq!(server.bucket_names(), ["access-logs", "data", "data-old"]);
}

/// What a server answers to a request line: a status and a body.
type Script = dyn Fn(&str) -> (u16, String) + Send + Sync;

/// A server that answers by a script, and what it was asked.
fn scripted(script: Box<Script>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&lines);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let (mut request, mut piece) = (Vec::new(), [0; 4096]);
            let whole = |request: &[u8]| {
                let text = String::from_utf8_lossy(request).into_owned();
                let (head, body) = text.split_once("\r\n\r\n")?;
                let length = head
                    .lines()
                    .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                (body.len() >= length.map_or(0, |it| it.parse().expect("a length"))).then(|| head.to_owned())
            };
            let head = loop {
                if let Some(head) = whole(&request) {
                    break head;
                }
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => break String::new(),
                    Ok(count) => request.extend_from_slice(&piece[..count]),
                }
            };
            let line = head.lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
            let (status, body) = script(&line);
            log.lock().expect("no panic").push(line);
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    (url, lines)
}

async fn cloud_of(script: Box<Script>) -> (driftless::cloud::aws::AwsCloud, Arc<Mutex<Vec<String>>>) {
    let (url, lines) = scripted(script);
    let observer: Arc<dyn Observer> = Arc::new(Counted::default());
    (connect_to(&url, &observer).await, lines)
}

/// A page of request metrics with these ids.
fn page(ids: &[&str], end: &str) -> String {
    let each: String =
        ids.iter().map(|id| format!("<MetricsConfiguration><Id>{id}</Id></MetricsConfiguration>")).collect();
    format!("<ListMetricsConfigurationsResult>{each}{end}</ListMetricsConfigurationsResult>")
}

const MORE: &str = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>";

/// Half a set would make everything else look foreign, or not there.
#[tokio::test]
async fn a_list_that_does_not_end_well_is_no_answer() {
    for (pages, said) in [
        ([page(&["a"], MORE), page(&["a"], MORE)], "`a` is listed twice"),
        ([page(&["a"], MORE), page(&[], MORE)], "an empty page says that there is more"),
        ([page(&["a"], "<IsTruncated>true</IsTruncated>"), String::new()], "the list goes on and does not say where"),
        ([page(&["a", "a"], ""), String::new()], "`a` is listed twice"),
    ] {
        let script = move |line: &str| (200, pages[usize::from(line.contains("continuation-token=t"))].clone());
        let (cloud, _) = cloud_of(Box::new(script)).await;
        let error = cloud.read(&target("data"), "metrics").await.expect_err("no set");
        let told = format!("ListBucketMetricsConfigurations on `data` failed: no usable answer: {said}");
        assert_eq!(error.to_string(), told);
    }
    let whole = [page(&["a"], MORE), page(&["b"], "<IsTruncated>false</IsTruncated>")];
    let script = move |line: &str| (200, whole[usize::from(line.contains("continuation-token=t"))].clone());
    let (cloud, _) = cloud_of(Box::new(script)).await;
    let set = cloud.read(&target("data"), "metrics").await.expect("a set");
    assert_eq!(set.as_str(), r#"{"configurations":[{"id":"a"},{"id":"b"}]}"#);
}

/// A page that fails, the second as the first, is a failed read; that a bucket is gone or a role may
/// not is not hidden by what was read before.
#[tokio::test]
async fn a_later_page_that_fails_fails_the_read() {
    let script = |line: &str| {
        if line.contains("continuation-token") {
            (403, "<Error><Code>AccessDenied</Code></Error>".to_owned())
        } else {
            (200, page(&["a"], MORE))
        }
    };
    let (cloud, _) = cloud_of(Box::new(script)).await;
    let error = cloud.read(&target("data"), "metrics").await.expect_err("denied");
    assert_eq!((error.kind, error.action.as_deref()), (S3ErrorKind::Denied, Some("s3:GetMetricsConfiguration")));
}

#[tokio::test]
async fn pain_01_an_element_that_aws_adds_on_a_later_page_is_seen() {
    let script = |line: &str| {
        let end = "<IsTruncated>false</IsTruncated>";
        let last = page(&["b"], end).replace("<Id>b</Id>", "<Id>b</Id><Fancy>1</Fancy>");
        (200, if line.contains("continuation-token") { last } else { page(&["a"], MORE) })
    };
    let (cloud, _) = cloud_of(Box::new(script)).await;
    let at = target("data");
    cloud.read(&at, "metrics").await.expect("a set");
    assert_eq!(cloud.foreign_fields(&at, "metrics"), ["Fancy"]);
}

/// The roots of two of these lists begin as that of a list of objects does. Half of one, or one that
/// the SDK cannot read, does not say that the store has none.
#[tokio::test]
async fn a_list_that_cannot_be_read_is_not_taken_for_a_store_without_it() {
    for (setting, body) in [
        (
            "analytics",
            "<ListBucketAnalyticsConfigurationResult><AnalyticsConfiguration><Id>a</Id><Filter/>\
             </AnalyticsConfiguration></ListBucketAnalyticsConfigurationResult>",
        ),
        (
            "intelligentTiering",
            "<ListBucketIntelligentTieringConfigurationsOutput><IntelligentTieringConfiguration><Tiering><Days>x</Days>\
             </Tiering></IntelligentTieringConfiguration></ListBucketIntelligentTieringConfigurationsOutput>",
        ),
    ] {
        let (cloud, _) = cloud_of(Box::new(move |_| (200, body.to_owned()))).await;
        let error = cloud.read(&target("data"), setting).await.expect_err("not readable");
        assert_eq!(error.kind, S3ErrorKind::Transport, "{setting}: {error}");
    }
}

const LISTING: &str = "<ListBucketResult><Name>data</Name><IsTruncated>false</IsTruncated></ListBucketResult>";

/// Ceph 16 and moto: such a store lists objects when it is asked for a set, takes the
/// PUT of one for CreateBucket, and the DELETE for DeleteBucket.
#[tokio::test]
async fn to_a_store_that_lacks_them_nothing_is_ever_written() {
    let script = |line: &str| {
        let buckets = "<ListAllMyBucketsResult><Buckets><Bucket><Name>data</Name></Bucket></Buckets>\
                       </ListAllMyBucketsResult>";
        let listed = line.starts_with("GET /?");
        (200, if listed { buckets.to_owned() } else { LISTING.to_owned() })
    };
    let (cloud, lines) = cloud_of(Box::new(script)).await;
    let mut rig = Rig::over(&MemoryCloud::default());
    rig.wrapped = Some(Arc::new(cloud));
    let spec: Value = KEYED.iter().map(|setting| ((*setting).to_owned(), one(setting, "a"))).collect();
    let absent: Value = KEYED.iter().map(|setting| ((*setting).to_owned(), json!("absent"))).collect();
    for spec in [spec, absent] {
        let swept = rig.sweep(&desired(&bucket("data", &spec.to_string()))).await;
        let settings = swept.plans[0].last.settings.iter().filter(|it| it.setting != "existence");
        let verdicts: Vec<(&str, Verdict)> = settings.map(|it| (it.setting, it.verdict)).collect();
        assert_eq!(verdicts, KEYED.map(|setting| (setting, Verdict::Unsupported)));
    }
    let lines = lines.lock().expect("no panic");
    assert_eq!(
        lines.iter().filter(|line| !line.starts_with("GET ") && !line.starts_with("HEAD ")).count(),
        0,
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("GET /data?inventory") || line.starts_with("GET /data/?inventory")),
        "{lines:?}"
    );
}

const NOBODY: &str = "<Error><Code>NoSuchConfiguration</Code></Error>";

fn verbs(lines: &Mutex<Vec<String>>) -> Vec<String> {
    let lines = lines.lock().expect("no panic");
    lines.iter().map(|line| line.split(['?', ' ']).next().unwrap_or_default().to_owned()).collect()
}

/// moto lists inventories and takes the DELETE of one for that of the bucket. It gives itself away:
/// of an inventory that is not there it does not say what S3 says.
#[tokio::test]
async fn a_store_that_does_not_tell_ids_apart_is_sent_no_delete() {
    for (setting, word) in KEYED.iter().zip(["inventory", "analytics", "metrics", "intelligent-tiering"]) {
        let root = format!("{}{}Configuration", setting[..1].to_uppercase(), &setting[1..]);
        let any = format!("<{root}><Id>a</Id></{root}>");
        for (status, body) in [
            (404, "<Error><Code>NoSuchInventoryConfig</Code></Error>"),
            (404, "<Error><Code>NoSuchBucket</Code></Error>"),
            (400, NOBODY),
            (200, LISTING),
            (200, any.as_str()),
        ] {
            let answer = body.to_owned();
            let (cloud, lines) = cloud_of(Box::new(move |_| (status, answer.clone()))).await;
            let seen = set(setting, ["a", "b"].into_iter().map(str::to_owned));
            let to = set(setting, ["b", "c"].into_iter().map(str::to_owned));
            let error = cloud.write(&target("data"), setting, &seen, &to).await.expect_err("not sent");
            let told = format!(
                "DELETE ?{word} on `data` failed: not sent: of an id that is not there the store does not say \
                 NoSuchConfiguration, so a DELETE might take the bucket"
            );
            assert_eq!(error.to_string(), told);
            assert_eq!(verbs(&lines), ["GET"], "{body}");
        }
    }
}

/// Should the bucket go all the same, it is told after the first DELETE, and nothing more is sent
/// that could make or delete a bucket.
#[tokio::test]
async fn a_bucket_that_goes_with_one_configuration_ends_the_write_at_once() {
    let script = |line: &str| match line.split(' ').next() {
        Some("GET") => (404, NOBODY.to_owned()),
        Some("DELETE") => (204, String::new()),
        Some("HEAD") => (404, String::new()),
        _ => (200, String::new()),
    };
    let (cloud, lines) = cloud_of(Box::new(script)).await;
    let seen = set("metrics", ["a", "b", "c"].into_iter().map(str::to_owned));
    let to = set("metrics", ["c", "d"].into_iter().map(str::to_owned));
    let error = cloud.write(&target("data"), "metrics", &seen, &to).await.expect_err("the bucket is gone");
    assert_eq!(error.kind, S3ErrorKind::NoSuchBucket, "{error}");
    assert_eq!(error.message, "the bucket is gone after a DELETE of one of its settings");
    assert_eq!(verbs(&lines), ["GET", "PUT", "DELETE", "HEAD"]);
}
