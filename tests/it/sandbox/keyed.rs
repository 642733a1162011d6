//! The settings of which a bucket holds many, each under an id.

use super::*;
use driftless::sandbox::Operation;

const TO: &str = "<Destination><S3BucketDestination><Format>CSV</Format><Bucket>arn:aws:s3:::lists</Bucket>\
                  </S3BucketDestination></Destination>";

fn inventory(id: &str, fields: &str) -> String {
    format!(
        "<InventoryConfiguration><Id>{id}</Id><IsEnabled>true</IsEnabled><Schedule><Frequency>Daily</Frequency>\
         </Schedule><IncludedObjectVersions>All</IncludedObjectVersions>{fields}</InventoryConfiguration>"
    )
}

fn analytics(fields: &str) -> String {
    format!("<AnalyticsConfiguration><Id>a</Id>{fields}</AnalyticsConfiguration>")
}

fn metrics(id: &str, fields: &str) -> String {
    format!("<MetricsConfiguration><Id>{id}</Id>{fields}</MetricsConfiguration>")
}

fn tiering(fields: &str) -> String {
    format!(
        "<IntelligentTieringConfiguration><Id>a</Id><Status>Enabled</Status>{fields}</IntelligentTieringConfiguration>"
    )
}

fn tier(tier: &str, days: &str) -> String {
    format!("<Tiering><AccessTier>{tier}</AccessTier><Days>{days}</Days></Tiering>")
}

#[tokio::test]
async fn one_is_put_got_listed_and_deleted_by_its_id() {
    let server = server().await;
    let missing = code(404, "NoSuchConfiguration");
    for (word, one, root) in [
        ("inventory", inventory("a", TO), "ListInventoryConfigurationsResult"),
        ("analytics", analytics("<StorageClassAnalysis/>"), "ListBucketAnalyticsConfigurationResult"),
        ("metrics", metrics("a", ""), "ListMetricsConfigurationsResult"),
        (
            "intelligent-tiering",
            tiering(&tier("ARCHIVE_ACCESS", "90")),
            "ListBucketIntelligentTieringConfigurationsOutput",
        ),
    ] {
        let none = format!("<{root}><IsTruncated>false</IsTruncated></{root}>");
        assert_eq!(get(&server, word).await, none);
        let it = format!("{word}&id=a");
        assert_eq!(get(&server, &it).await, r#"(404, "NoSuchConfiguration")"#);
        assert_eq!(raw(&server, &format!("DELETE /data?{it}"), "", "").await.refusal(), missing);
        assert_eq!(put(&server, &it, &one).await.0, 200, "{one}");
        assert_eq!(get(&server, &it).await, one);
        assert_eq!(get(&server, word).await, none.replacen('>', &format!(">{one}"), 1));
        assert!(server.body("data", word).is_some_and(|body| body.contains(&one)));
        assert_eq!(raw(&server, &format!("DELETE /data?{word}&id=b"), "", "").await.refusal(), missing);
        assert_eq!(raw(&server, &format!("DELETE /data?{it}"), "", "").await.status, 204);
        assert_eq!(get(&server, word).await, none);
    }
    assert_eq!(server.count(Operation::GetBucketInventoryConfiguration), 2);
    assert_eq!(server.count(Operation::ListBucketInventoryConfigurations), 3);
    assert_eq!(server.bucket_names(), ["data"]);
}

#[tokio::test]
async fn a_list_has_a_hundred_on_a_page_and_a_bucket_a_thousand() {
    let server = server().await;
    for n in 0..1000 {
        let id = format!("n{n:04}");
        assert_eq!(put(&server, &format!("metrics&id={id}"), &metrics(&id, "")).await.0, 200);
    }
    let (mut token, mut pages) = (String::new(), 0);
    loop {
        let page = get(&server, &format!("metrics{token}")).await;
        assert_eq!(page.matches("<Id>").count(), 100);
        assert!(page.contains(&format!("<Id>n{:04}</Id>", pages * 100)));
        pages += 1;
        let Some((_, rest)) = page.split_once("<NextContinuationToken>") else {
            assert!(page.contains("<IsTruncated>false</IsTruncated>"));
            break;
        };
        assert!(page.contains("<IsTruncated>true</IsTruncated>"));
        token = format!("&continuation-token={}", rest.split_once('<').expect("an end").0);
    }
    assert_eq!(pages, 10);
    assert_eq!(put(&server, "metrics&id=more", &metrics("more", "")).await, code(400, "TooManyConfigurations"));
    assert_eq!(put(&server, "metrics&id=n0000", &metrics("n0000", "")).await.0, 200, "one that is there is replaced");
    assert_eq!(get(&server, "metrics&continuation-token=!").await, r#"(400, "InvalidArgument")"#);
}

#[tokio::test]
async fn what_aws_refuses_is_refused() {
    let server = server().await;
    let malformed = code(400, "MalformedXML");
    let analysis = |export: &str| analytics(&format!("<StorageClassAnalysis>{export}</StorageClassAnalysis>"));
    let export = |rest: &str| analysis(&format!("<DataExport>{rest}</DataExport>"));
    for (word, bad) in [
        ("inventory", String::new()),
        ("inventory", metrics("a", "")),
        ("inventory", inventory("a", "")),
        ("inventory", inventory("a", TO).replace("Daily", "Monthly")),
        ("inventory", inventory("a", TO).replace("All", "Some")),
        ("inventory", inventory("a", TO).replace("true", "yes")),
        ("inventory", inventory("a", TO).replace("CSV", "XLS")),
        ("inventory", inventory("a", &format!("{TO}<OptionalFields><Field>Colour</Field></OptionalFields>"))),
        ("inventory", inventory("a", &format!("{TO}<Filter><Tag><Key>a</Key><Value/></Tag></Filter>"))),
        ("inventory", inventory("a", TO).replace("</S3B", "<Encryption><SSE-KMS/></Encryption></S3B")),
        ("analytics", analytics("")),
        ("analytics", export(TO)),
        ("analytics", export(&format!("<OutputSchemaVersion>V_1</OutputSchemaVersion>{}", TO.replace("CSV", "ORC")))),
        ("metrics", metrics("a", "<Filter/>")),
        ("metrics", metrics("a", "<Filter><Prefix>a</Prefix><Prefix>b</Prefix></Filter>")),
        ("metrics", metrics("a", "<Filter><And><Prefix>a</Prefix></And></Filter>")),
        ("metrics", metrics("a", "<Filter><And><Prefix>a</Prefix><Prefix>b</Prefix></And></Filter>")),
        ("metrics", metrics("a", "<Filter><Tag><Key>a</Key></Tag></Filter>")),
        ("analytics", analytics("<StorageClassAnalysis/><Filter><AccessPointArn>a</AccessPointArn></Filter>")),
        ("intelligent-tiering", tiering("")),
        ("intelligent-tiering", tiering(&tier("ATTIC", "90"))),
        ("intelligent-tiering", tiering(&tier("ARCHIVE_ACCESS", "soon"))),
        ("intelligent-tiering", tiering(&tier("ARCHIVE_ACCESS", "90")).replace("Enabled", "On")),
    ] {
        assert_eq!(put(&server, &format!("{word}&id=a"), &bad).await, malformed, "{bad}");
    }
    for (tiers, days) in [("ARCHIVE_ACCESS", "89"), ("ARCHIVE_ACCESS", "731"), ("DEEP_ARCHIVE_ACCESS", "179")] {
        let bad = tiering(&tier(tiers, days));
        assert_eq!(put(&server, "intelligent-tiering&id=a", &bad).await, code(400, "InvalidArgument"), "{bad}");
    }
    let twice = tiering(&tier("ARCHIVE_ACCESS", "90").repeat(2));
    assert_eq!(put(&server, "intelligent-tiering&id=a", &twice).await, code(400, "InvalidArgument"));
    let name = inventory("a", TO).replace("arn:aws:s3:::lists", "lists");
    assert_eq!(put(&server, "inventory&id=a", &name).await, code(400, "InvalidS3DestinationBucket"));
    assert_eq!(put(&server, "metrics&id=b", &metrics("a", "")).await, code(400, "IdMismatch"));
    let long = "x".repeat(65);
    let id = format!("metrics&id={long}");
    assert_eq!(put(&server, &id, &metrics(&long, "")).await, code(400, "InvalidArgument"));
    assert_eq!(put(&server, "metrics&id=a%20b", &metrics("a b", "")).await, code(400, "InvalidArgument"));
    for good in [
        metrics("a", "<Filter><Prefix>a</Prefix></Filter>"),
        metrics("a", "<Filter><And><Prefix>a</Prefix><AccessPointArn>b</AccessPointArn></And></Filter>"),
    ] {
        assert_eq!(put(&server, "metrics&id=a", &good).await.0, 200, "{good}");
        assert_eq!(get(&server, "metrics&id=a").await, good);
    }
}
