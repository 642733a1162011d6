//! What a client of S3-compatible stores must survive: the points of `docs/s3-compatible.md` that
//! can be shown with answers alone. Those that need a real store are in `tests/outside/`.

use std::sync::atomic::{AtomicUsize, Ordering};

use driftless::capability::{Capabilities, as_a_store_means_it};
use driftless::clock::Clock;
use driftless::cloud::learned::Learned;
use driftless::cloud::memory::MemoryCloud;
use driftless::cloud::patient::{Patience, Patient};
use driftless::cloud::{Cloud, Creation, Presence, Unobserved};
use driftless::desired::Desired;
use driftless::report::RepairResult;
use driftless::settings::SETTINGS;
use driftless::verdict::Verdict;
use proptest::strategy::{Strategy, ValueTree};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::raw::{Raw, answer, answer_with, error, listing, raw};
use super::*;
use crate::support::looped::{Rig, bucket, desired};

async fn connect_raw(server: &Raw) -> driftless::cloud::aws::AwsCloud {
    let observer: Arc<dyn Observer> = Arc::new(Unobserved);
    connect_to(&server.url, &observer).await
}

/// A loop that asks the server as the daemon does.
async fn looped(server: &Raw) -> Rig {
    let mut rig = Rig::over(&MemoryCloud::default());
    let stop = CancellationToken::new();
    let patient = Patient::new(connect_raw(server).await, Patience::default(), [], Arc::new(Unobserved), stop);
    let known = Capabilities::of([(AccountName::default(), Some(server.url.clone()))]);
    let clock: Arc<dyn Clock> = Arc::new(rig.clock.clone());
    rig.wrapped = Some(Arc::new(Learned::new(Arc::new(patient), Arc::new(known), clock)));
    rig
}

fn buckets(names: &[&str]) -> Vec<u8> {
    let each: String = names.iter().map(|name| format!("<Bucket><Name>{name}</Name></Bucket>")).collect();
    answer(200, &format!("<ListAllMyBucketsResult><Buckets>{each}</Buckets></ListAllMyBucketsResult>"))
}

/// A bucket for which every setting is wanted: some value, or `absent` where that can be said.
fn everything(names: &[&str]) -> Arc<Desired> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut spec = serde_json::Map::new();
    for setting in SETTINGS {
        let said = crate::legal::values(setting.name()).new_tree(&mut runner).expect("a value").current();
        let said = if setting.removable() { json!("absent") } else { said };
        spec.insert(setting.name().to_owned(), said);
    }
    // Together with another these are findings, which is not what is asked here.
    spec.remove("acl");
    desired(&names.iter().map(|name| bucket(name, &json!(spec).to_string())).collect::<String>())
}

fn at(server: &str) -> Target {
    target(server)
}

#[tokio::test]
async fn point_01_a_bucket_that_is_gone_after_a_delete_is_said_and_no_delete_follows() {
    let server = raw(|asked| match asked.line {
        "GET /data?tagging" => {
            answer(200, "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>")
        }
        "DELETE /data?tagging" => answer(204, ""),
        _ => answer(404, ""),
    });
    let cloud = connect_raw(&server).await;
    let seen = cloud.read(&at("data"), "tags").await.expect("a tag");
    let failed = cloud.write(&at("data"), "tags", &seen, &value("tags", &json!({}))).await.expect_err("it is gone");
    assert_eq!(
        failed.to_string(),
        "HeadBucket on `data` failed: no such bucket: the bucket is gone after a DELETE of one of its settings"
    );
    assert_eq!(server.count("DELETE"), 1);
}

#[tokio::test]
async fn point_01_and_03_a_store_that_passes_words_over_is_asked_by_get_and_nothing_else() {
    let server = raw(|asked| match asked.line.split('?').next() {
        Some("GET ") => buckets(&["data", "more", "most"]),
        Some("GET /data" | "GET /more" | "GET /most") => listing(),
        _ => error(500, "InternalError"),
    });
    let rig = looped(&server).await;
    let desired = everything(&["data", "more", "most"]);
    let swept = rig.sweep(&desired).await;
    assert_eq!((swept.report.failed, swept.report.repaired, swept.report.unknown), (0, 0, 0));
    for visited in &swept.plans {
        for line in &visited.last.settings {
            let expected = if line.setting == "existence" { Verdict::Compliant } else { Verdict::Unsupported };
            assert_eq!(line.verdict, expected, "{}", line.setting);
        }
    }
    let other: Vec<String> = server.asked().into_iter().filter(|line| !line.starts_with("GET ")).collect();
    assert_eq!(other, [] as [String; 0]);
    // What is known is not asked again, of no bucket.
    let before = server.asked().len();
    let _ = rig.sweep(&desired).await;
    assert_eq!(server.asked()[before..].iter().filter(|line| !line.starts_with("GET ?")).count(), 0);
    rig.pass(chrono::Duration::days(1));
    let _ = rig.sweep(&desired).await;
    assert!(server.asked().len() > before + 2, "a day later it is");
}

#[tokio::test]
async fn point_02_a_listing_in_place_of_a_setting_is_unsupported() {
    let server = raw(|_| listing());
    let cloud = connect_raw(&server).await;
    for setting in SETTINGS {
        let failed = cloud.read(&at("data"), setting.name()).await.expect_err("no setting");
        assert_eq!(failed.kind, S3ErrorKind::Unsupported, "{failed}");
    }
}

#[tokio::test]
async fn point_04_a_store_that_keeps_less_than_it_was_given_is_told_and_not_fought() {
    let server = raw(|asked| match asked.line {
        line if line.starts_with("GET ?") => buckets(&["data"]),
        "GET /data?tagging" => {
            answer(200, "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>")
        }
        "PUT /data?tagging" => answer(200, ""),
        _ => error(400, "InvalidRequest"),
    });
    let rig = looped(&server).await;
    let desired = desired(&bucket("data", "{tags: {a: b, c: d}}"));
    let swept = rig.sweep(&desired).await;
    let detail = "the store took the write and kept what it had (c: added d)".to_owned();
    let results: Vec<&RepairResult> = swept.plans[0].repairs.iter().map(|it| &it.result).collect();
    assert!(matches!(results[..], [RepairResult::Unproved { .. }]), "{results:?}, not {detail}");
    for _ in 0..10 {
        rig.pass(chrono::Duration::minutes(1));
        let _ = rig.sweep(&desired).await;
    }
    assert_eq!(server.count("PUT"), 3, "then the loop breaker holds it");
}

#[tokio::test]
async fn point_05_a_public_access_block_that_nobody_can_read_is_unsupported() {
    let server = raw(|_| {
        answer(
            200,
            "<BlockPublicAccessBlockConfiguration><BlockPublicAcls>false</BlockPublicAcls>\
             </BlockPublicAccessBlockConfiguration>",
        )
    });
    let failed = connect_raw(&server).await.read(&at("data"), "publicAccessBlock").await.expect_err("no block");
    assert_eq!(failed.to_string(), "GetPublicAccessBlock on `data` failed: not supported by this store (status 200)");
    assert_eq!(failed.hint().as_deref(), Some("this store has no such setting; it is left out of the verdict"));
}

#[tokio::test]
async fn point_06_an_answer_framed_wrongly_costs_a_connection_and_no_request() {
    // What was left over of the first answer stands where the second should begin.
    let server = raw(|asked| match (asked.before, asked.line.starts_with("PUT")) {
        (0, false) => answer(200, "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
        (0, true) => answer(200, ""),
        _ => b"\r\n0\r\nleft over of an answer\r\n\r\n".to_vec(),
    });
    let cloud = connect_raw(&server).await;
    let on = value("versioning", &json!({"status": "Enabled"}));
    assert_eq!(cloud.read(&at("data"), "versioning").await.as_ref(), Ok(&on));
    let failed = cloud.read(&at("data"), "versioning").await.expect_err("nobody can parse it");
    assert_eq!(failed.kind, S3ErrorKind::Transport, "{failed}");

    let patience = Patience { first: std::time::Duration::from_millis(1), ..Patience::default() };
    let patient = Patient::new(cloud, patience, [], Arc::new(Unobserved), CancellationToken::new());
    let off = value("versioning", &json!({"status": "Suspended"}));
    for _ in 0..3 {
        assert_eq!(patient.read(&at("data"), "versioning").await.as_ref(), Ok(&on));
        assert_eq!(patient.write(&at("data"), "versioning", &off, &on).await, Ok(()));
    }
}

#[tokio::test]
async fn point_07_where_a_store_answers_no_encryption_none_is_taken_for_granted() {
    for empty in [answer(200, ""), error(404, "ServerSideEncryptionConfigurationNotFoundError")] {
        let server = raw(move |_| empty.clone());
        let found = connect_raw(&server).await.read(&at("data"), "encryption").await;
        assert_eq!(found.expect("an answer").value()["algorithm"], "none");
    }
}

/// How stores say that nothing is configured, besides how AWS says it.
const NOTHING: &[(&str, u16, &str)] = &[
    ("tags", 200, "<Tagging><TagSet></TagSet></Tagging>"),
    ("tags", 200, "<Tagging><TagSet/></Tagging>"),
    ("tags", 404, "NoSuchTagSet"),
    ("versioning", 200, "<VersioningConfiguration/>"),
    ("policy", 404, "NoSuchBucketPolicy"),
    ("lifecycle", 404, "NoSuchLifecycleConfiguration"),
    ("logging", 200, "<BucketLoggingStatus/>"),
    ("website", 404, "NoSuchWebsiteConfiguration"),
    ("cors", 404, "NoSuchCORSConfiguration"),
    ("replication", 404, "ReplicationConfigurationNotFoundError"),
    ("replication", 200, "<ReplicationConfiguration><Role></Role></ReplicationConfiguration>"),
    ("notifications", 200, "<NotificationConfiguration></NotificationConfiguration>"),
    ("notifications", 200, ""),
    ("accelerate", 200, "<AccelerateConfiguration/>"),
];

#[tokio::test]
async fn point_08_every_way_to_say_nothing_is_configured_is_the_default() {
    let mut seen = 0;
    for (setting, status, said) in NOTHING {
        let Some(setting) = settings::find(setting) else { continue };
        let bytes = if *status == 404 { error(404, said) } else { answer(*status, said) };
        let server = raw(move |_| bytes.clone());
        let found = connect_raw(&server).await.read(&at("data"), setting.name()).await;
        assert_eq!(found.as_ref(), Ok(&setting.default_doc()), "{}: {said:?}", setting.name());
        seen += 1;
    }
    assert!(seen >= 9, "{seen}");
}

#[tokio::test]
async fn point_09_every_word_for_unsupported_is_understood_and_no_other() {
    use S3ErrorKind::{Denied, Invalid, NoSuchBucket, Server, Unsupported};
    let answers = [
        (error(501, "NotImplemented"), Unsupported),
        (error(501, "InternalFailure"), Unsupported),
        (error(405, "MethodNotAllowed"), Unsupported),
        (error(400, "InvalidArgument"), Unsupported),
        (answer(501, "<html>no</html>"), Unsupported),
        (answer(405, ""), Unsupported),
        (error(404, "NoSuchBucket"), NoSuchBucket),
        (error(400, "MalformedXML"), Invalid),
        (answer(500, "<html><body>Internal Server Error</body></html>"), Server),
        (error(403, "AccessDenied"), Denied),
    ];
    for (bytes, kind) in answers {
        let said = String::from_utf8_lossy(&bytes).into_owned();
        let server = raw(move |_| bytes.clone());
        let cloud = connect_raw(&server).await;
        for setting in SETTINGS {
            let failed = cloud.read(&at("data"), setting.name()).await.map_err(as_a_store_means_it);
            assert_eq!(failed.expect_err("no value").kind, kind, "{}: {said}", setting.name());
        }
    }
}

#[tokio::test]
async fn point_09_a_setting_that_can_be_read_and_not_written_is_tried_once() {
    let server = raw(|asked| match asked.line {
        line if line.starts_with("GET ?") => buckets(&["data"]),
        "GET /data?versioning" => answer(200, "<VersioningConfiguration/>"),
        _ => error(405, "MethodNotAllowed"),
    });
    let rig = looped(&server).await;
    let desired = desired(&bucket("data", "{versioning: {status: Enabled}}"));
    let swept = rig.sweep(&desired).await;
    assert_eq!((swept.report.failed, server.count("PUT")), (1, 1));
    for _ in 0..5 {
        rig.pass(chrono::Duration::hours(2));
        let swept = rig.sweep(&desired).await;
        let line = swept.plans[0].last.settings.iter().find(|it| it.setting == "versioning").expect("a line");
        assert_eq!((line.verdict, swept.report.failed), (Verdict::Unsupported, 0));
    }
    assert_eq!(server.count("PUT"), 1);
}

#[tokio::test]
async fn point_10_a_store_that_names_no_region_or_one_of_its_own_is_taken_as_it_is() {
    for (header, region) in [(None, None), (Some(""), None), (Some("default"), Region::parse("default").ok())] {
        let server = raw(move |asked| match (asked.line, header) {
            (line, _) if line.starts_with("GET ?") => buckets(&["data"]),
            (_, Some(region)) => answer_with(200, &[("x-amz-bucket-region", region)], ""),
            (_, None) => answer(200, ""),
        });
        let cloud = connect_raw(&server).await;
        assert_eq!(cloud.head(&at("data")).await, Ok(Presence::Here(region)), "{header:?}");
        let listed = cloud.list(&AccountName::default()).await.expect("a list");
        assert_eq!((listed.len(), &listed[0].region), (1, &None));
        // The location is an empty element in us-east-1 and `default` on Ceph: nobody asks for it.
        assert_eq!(server.asked().iter().filter(|line| line.contains("location")).count(), 0);
    }
}

#[tokio::test]
async fn point_11_a_bucket_elsewhere_is_told_from_one_that_is_denied_or_broken() {
    let moved = "<Error><Code>PermanentRedirect</Code><Bucket>data</Bucket></Error>";
    let malformed = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
    for (status, body) in [(301, moved), (400, malformed)] {
        // It sends everybody on, wherever they come from: followed once, and then told.
        let server = raw(move |asked| {
            let header = [("x-amz-bucket-region", "eu-west-1")];
            let body = if asked.line.starts_with("HEAD") { "" } else { body };
            answer_with(status, &header, body)
        });
        let cloud = connect_raw(&server).await;
        let failed = cloud.read(&at("data"), "versioning").await.expect_err("elsewhere");
        assert_eq!(failed.kind, S3ErrorKind::WrongRegion, "{failed}");
        // A HEAD has no body: where the region is right, a 400 is no more than that.
        let failed = cloud.head(&at("data")).await.expect_err("elsewhere");
        let kind = if status == 301 { S3ErrorKind::WrongRegion } else { S3ErrorKind::Invalid };
        assert_eq!(failed.kind, kind, "{failed}");
        assert_eq!((server.count("GET"), server.count("HEAD")), (2, 2));
    }
}

#[tokio::test]
async fn point_12_credentials_that_are_not_accepted_are_told_from_missing_permission() {
    for code in ["SignatureDoesNotMatch", "InvalidAccessKeyId", "RequestTimeTooSkewed", "ExpiredToken"] {
        let server = raw(move |_| error(403, code));
        let cloud = connect_raw(&server).await;
        let failed = cloud.read(&at("data"), "versioning").await.expect_err("refused");
        assert_eq!(failed.kind, S3ErrorKind::Credentials, "{failed}");
        assert!(failed.hint().is_some_and(|hint| hint.starts_with("check the credentials")), "{failed}");
    }
}

#[tokio::test]
async fn point_13_a_head_has_no_body_and_its_status_says_all() {
    for (status, expected) in [(404, Ok(Presence::Missing)), (403, Err(S3ErrorKind::Denied))] {
        let server = raw(move |_| answer(status, ""));
        let found = connect_raw(&server).await.head(&at("data")).await;
        assert_eq!(found.map_err(|error| error.kind), expected, "{status}");
    }
}

#[tokio::test]
async fn point_14_a_bucket_that_is_ours_already_was_not_made_by_us() {
    let server = raw(|_| error(409, "BucketAlreadyOwnedByYou"));
    let failed = connect_raw(&server).await.create(&at("data"), &Creation::default()).await.expect_err("it is there");
    assert_eq!((failed.kind, failed.code.as_str()), (S3ErrorKind::Other, "BucketAlreadyOwnedByYou"));
    assert_ne!(failed.kind, S3ErrorKind::Foreign, "and it is not somebody else's");
}

#[tokio::test]
async fn point_15_a_store_that_ignores_paging_is_asked_once_and_believed() {
    let names: Vec<String> = (0..2500).map(|n| format!("data-{n:04}")).collect();
    let all = names.clone();
    let server = raw(move |_| buckets(&all.iter().map(String::as_str).collect::<Vec<_>>()));
    let listed = connect_raw(&server).await.list(&AccountName::default()).await.expect("a list");
    assert_eq!((listed.len(), server.asked().len()), (2500, 1));

    // And one that has pages is asked for all of them.
    let turn = AtomicUsize::new(0);
    let server = raw(move |_| match turn.fetch_add(1, Ordering::Relaxed) {
        0 => answer(
            200,
            "<ListAllMyBucketsResult><Buckets><Bucket><Name>one</Name></Bucket></Buckets>\
             <ContinuationToken>t</ContinuationToken></ListAllMyBucketsResult>",
        ),
        _ => buckets(&["two"]),
    });
    let listed = connect_raw(&server).await.list(&AccountName::default()).await.expect("a list");
    assert_eq!(listed.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
}

/// What stores take and AWS refuses: it has to be refused before it is sent.
#[test]
fn point_16_what_stores_take_too_lightly_is_refused_by_ourselves() {
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    for (setting, said) in [
        ("tags", json!(many)),
        ("tags", json!({"aws:mine": "no"})),
        ("lifecycle", json!({"rules": [{"id": "idle", "status": "Enabled"}]})),
        ("policy", json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]})),
    ] {
        let it = settings::named(setting);
        let refused = match it.parse(&said) {
            Ok(doc) => !it.check(&doc).is_empty(),
            Err(_) => true,
        };
        assert!(refused, "{setting}: {said}");
    }
    // What the documents show together.
    let config = crate::support::looped::configuration("policies: {builtin: []}");
    let told = |spec: &str| -> Vec<String> {
        let file = ("buckets.yaml".to_owned(), bucket("data", spec).into_bytes());
        let (_, findings) = crate::support::looped::desired_of(&[file].into(), &(), &config);
        findings.into_iter().map(|it| it.message).collect()
    };
    assert_eq!(
        told("{acl: public-read, objectOwnership: BucketOwnerEnforced}"),
        [
            "`objectOwnership` would be refused: S3 switches ACLs off only where the bucket's own lets nobody in but the owner"
        ]
    );
    assert_eq!(
        told("{acl: public-read}"),
        ["nobody asks for what `acl` needs: S3 takes no grants while `BucketOwnerEnforced` switches ACLs off"]
    );
    assert_eq!(told("{acl: public-read, objectOwnership: ObjectWriter}"), [""; 0]);
    assert_eq!(told("{acl: private, objectOwnership: BucketOwnerEnforced}"), [""; 0]);
}

/// moto and LocalStack take a public ACL under `BucketOwnerEnforced`, which lets nobody in; AWS refuses
/// it, in every sweep.
#[tokio::test]
async fn point_16_a_public_acl_where_acls_are_off_is_never_sent() {
    let server = raw(|asked| match asked.line {
        line if line.starts_with("GET ?") => buckets(&["data"]),
        "GET /data?acl" => answer(
            200,
            "<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList><Grant>\
             <Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>o</ID></Grantee>\
             <Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>",
        ),
        "GET /data?ownershipControls" => answer(
            200,
            "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>",
        ),
        _ => answer(200, ""),
    });
    let rig = looped(&server).await;
    let swept = rig.sweep(&desired(&bucket("data", "{acl: public-read}"))).await;
    assert_eq!(crate::support::looped::held(&swept), ["data acl impossible"]);
    assert_eq!(server.count("PUT"), 0);
}
