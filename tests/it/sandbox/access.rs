//! Who is let in: public access block, ownership, ACL, policy, and how one refuses another.

use super::*;
use aws_sdk_s3::types::{BucketCannedAcl, ObjectOwnership, OwnershipControls, OwnershipControlsRule};
use aws_sdk_s3::types::{Permission, PublicAccessBlockConfiguration, Type};

const OPEN: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#;
const CLOSED: &str = r#"{ "Statement": [{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"s3:*","Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"]}] }"#;

async fn own(client: &Client, ownership: ObjectOwnership) -> Result<(), (u16, String)> {
    let rule = OwnershipControlsRule::builder().object_ownership(ownership).build().expect("a rule");
    let controls = OwnershipControls::builder().rules(rule).build().expect("controls");
    let sent = client.put_bucket_ownership_controls().bucket("data").ownership_controls(controls).send().await;
    if sent.is_ok() { Ok(()) } else { Err(refusal(sent)) }
}

async fn unblock(client: &Client) {
    client.delete_public_access_block().bucket("data").send().await.expect("deleted");
}

#[tokio::test]
async fn a_fresh_bucket_is_private_as_aws_makes_it() {
    let server = server().await;
    let client = alice(&server);
    let block = client.get_public_access_block().bucket("data").send().await.expect("a block");
    let all = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true)
        .build();
    assert_eq!(block.public_access_block_configuration(), Some(&all));
    let owner = client.get_bucket_ownership_controls().bucket("data").send().await.expect("controls");
    let rules = owner.ownership_controls().expect("controls").rules();
    assert_eq!(rules[0].object_ownership(), &ObjectOwnership::BucketOwnerEnforced);
    let acl = client.get_bucket_acl().bucket("data").send().await.expect("an ACL");
    let [grant] = acl.grants() else { panic!("{acl:?}") };
    assert_eq!(grant.permission(), Some(&Permission::FullControl));
    let grantee = grant.grantee().expect("a grantee");
    assert_eq!((grantee.r#type(), grantee.id()), (&Type::CanonicalUser, acl.owner().and_then(|owner| owner.id())));
    assert_eq!(refusal(client.get_bucket_policy().bucket("data").send().await), code(404, "NoSuchBucketPolicy"));
    assert_eq!(refusal(client.get_bucket_policy_status().bucket("data").send().await), code(404, "NoSuchBucketPolicy"));
}

#[tokio::test]
async fn the_public_access_block_says_all_four_flags_and_can_be_removed() {
    let server = server().await;
    let one = "<PublicAccessBlockConfiguration><BlockPublicAcls>TRUE</BlockPublicAcls><New>x</New></PublicAccessBlockConfiguration>";
    assert_eq!(put(&server, "publicAccessBlock", one).await.0, 200);
    assert_eq!(
        get(&server, "publicAccessBlock").await,
        "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls>\
         <BlockPublicPolicy>false</BlockPublicPolicy><RestrictPublicBuckets>false</RestrictPublicBuckets><New>x</New>\
         </PublicAccessBlockConfiguration>"
    );
    let bad = one.replace("TRUE", "yes");
    assert_eq!(put(&server, "publicAccessBlock", &bad).await, code(400, "MalformedXML"));
    let client = alice(&server);
    unblock(&client).await;
    let gone = client.get_public_access_block().bucket("data").send().await;
    assert_eq!(refusal(gone), code(404, "NoSuchPublicAccessBlockConfiguration"));
}

#[tokio::test]
async fn without_acls_every_acl_is_refused_and_reading_shows_the_owner() {
    let server = server().await;
    let client = alice(&server);
    for acl in [BucketCannedAcl::Private, BucketCannedAcl::PublicRead] {
        let sent = client.put_bucket_acl().bucket("data").acl(acl).send().await;
        assert_eq!(refusal(sent), code(400, "AccessControlListNotSupported"));
    }
    let granted = client.put_bucket_acl().bucket("data").grant_read(format!("id={}", "a".repeat(64))).send().await;
    assert_eq!(refusal(granted), code(400, "AccessControlListNotSupported"));
}

#[tokio::test]
async fn acls_can_be_canned_headers_or_xml() {
    let server = server().await;
    let client = alice(&server);
    own(&client, ObjectOwnership::BucketOwnerPreferred).await.expect("owned");
    let blocked = client.put_bucket_acl().bucket("data").acl(BucketCannedAcl::PublicRead).send().await;
    assert_eq!(refusal(blocked), code(403, "AccessDenied"));
    unblock(&client).await;
    client.put_bucket_acl().bucket("data").acl(BucketCannedAcl::PublicReadWrite).send().await.expect("set");
    let acl = client.get_bucket_acl().bucket("data").send().await.expect("an ACL");
    let uri = |n: usize| acl.grants()[n].grantee().and_then(|grantee| grantee.uri());
    assert_eq!((acl.grants().len(), uri(1)), (3, Some("http://acs.amazonaws.com/groups/global/AllUsers")));

    let friend = "a".repeat(64);
    let logs = "uri=\"http://acs.amazonaws.com/groups/s3/LogDelivery\"";
    client
        .put_bucket_acl()
        .bucket("data")
        .grant_full_control(format!("id=\"{friend}\""))
        .grant_write(format!("{logs}, id=\"{friend}\""))
        .send()
        .await
        .expect("set");
    let acl = client.get_bucket_acl().bucket("data").send().await.expect("an ACL");
    assert_eq!(acl.grants().len(), 3);

    // What was read can be written, and reads the same.
    let document = server.body("data", "acl").expect("an ACL");
    assert_eq!(raw(&server, "PUT /data?acl", "", &document).await.status, 200);
    assert_eq!(server.body("data", "acl").as_deref(), Some(document.as_str()));

    let foreign = document.replacen("<ID>", "<ID>0", 1);
    assert_eq!(put(&server, "acl", &foreign).await, code(403, "AccessDenied"));
    let strange = document.replace("FULL_CONTROL", "EVERYTHING");
    assert_eq!(put(&server, "acl", &strange).await, code(400, "MalformedACLError"));
    let mail = document.replace("CanonicalUser", "AmazonCustomerByEmail");
    assert_eq!(put(&server, "acl", &mail).await, code(405, "MethodNotAllowed"));
    assert_eq!(put(&server, "acl", "<acl").await, code(400, "MalformedACLError"));
    assert_eq!(put(&server, "acl", "").await, code(400, "MissingSecurityHeader"));
    let by = |headers: &'static str, body: &'static str| raw(&server, "PUT /data?acl", headers, body);
    let both =
        by("x-amz-acl: private\r\nx-amz-grant-read: uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"\r\n", "");
    assert_eq!(both.await.refusal(), code(400, "InvalidRequest"));
    assert_eq!(by("x-amz-acl: private\r\n", "<x/>").await.refusal(), code(400, "UnexpectedContent"));
    assert_eq!(by("x-amz-acl: open\r\n", "").await.refusal(), code(400, "InvalidArgument"));
    assert_eq!(by("x-amz-acl: aws-exec-read\r\n", "").await.refusal(), code(501, "NotImplemented"));
    assert_eq!(by("x-amz-grant-read: id=\"bob\"\r\n", "").await.refusal(), code(400, "InvalidArgument"));
    assert_eq!(by("x-amz-grant-read: uri=\"http://x\"\r\n", "").await.refusal(), code(400, "InvalidArgument"));
    assert_eq!(by("x-amz-grant-read: bob\r\n", "").await.refusal(), code(400, "InvalidArgument"));
    assert_eq!(server.body("data", "acl").as_deref(), Some(document.as_str()));
}

#[tokio::test]
async fn acls_cannot_be_switched_off_while_they_let_others_in() {
    let server = server().await;
    let client = alice(&server);
    own(&client, ObjectOwnership::ObjectWriter).await.expect("owned");
    let logs = client.put_bucket_acl().bucket("data").acl(BucketCannedAcl::from("log-delivery-write")).send().await;
    logs.expect("set");
    let refused = own(&client, ObjectOwnership::BucketOwnerEnforced).await;
    assert_eq!(refused, Err(code(400, "InvalidBucketAclWithObjectOwnership")));
    client.put_bucket_acl().bucket("data").acl(BucketCannedAcl::Private).send().await.expect("set");
    own(&client, ObjectOwnership::BucketOwnerEnforced).await.expect("owned");

    client.delete_bucket_ownership_controls().bucket("data").send().await.expect("deleted");
    let gone = client.get_bucket_ownership_controls().bucket("data").send().await;
    assert_eq!(refusal(gone), code(404, "OwnershipControlsNotFoundError"));
    // Without controls the writer owns, and ACLs work.
    client.put_bucket_acl().bucket("data").acl(BucketCannedAcl::Private).send().await.expect("set");
    for bad in [
        "<OwnershipControls/>",
        "<OwnershipControls><Rule/></OwnershipControls>",
        "<OwnershipControls><Rule><ObjectOwnership>Me</ObjectOwnership></Rule></OwnershipControls>",
        "<Wrong><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></Wrong>",
    ] {
        assert_eq!(put(&server, "ownershipControls", bad).await, code(400, "MalformedXML"), "{bad}");
    }
}

#[tokio::test]
async fn a_public_policy_is_refused_while_it_is_blocked() {
    let server = server().await;
    let client = alice(&server);
    let write = |policy: &str| client.put_bucket_policy().bucket("data").policy(policy).send();
    assert_eq!(refusal(write(OPEN).await), code(403, "AccessDenied"));
    write(CLOSED).await.expect("set");
    let status = client.get_bucket_policy_status().bucket("data").send().await.expect("a status");
    assert_eq!(status.policy_status().and_then(|status| status.is_public()), Some(false));
    unblock(&client).await;
    write(OPEN).await.expect("set");
    let status = client.get_bucket_policy_status().bucket("data").send().await.expect("a status");
    assert_eq!(status.policy_status().and_then(|status| status.is_public()), Some(true));
    // The block, put back, does not touch a policy that is there.
    let block = PublicAccessBlockConfiguration::builder().block_public_policy(true).build();
    let put = client.put_public_access_block().bucket("data").public_access_block_configuration(block).send().await;
    put.expect("set");
    assert!(client.get_bucket_policy().bucket("data").send().await.is_ok());
    assert_eq!(refusal(write(OPEN).await), code(403, "AccessDenied"));
}

#[tokio::test]
async fn a_policy_is_returned_as_it_was_written() {
    let server = server().await;
    let client = alice(&server);
    let answer = raw(&server, "PUT /data?policy", "", CLOSED).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    let answer = raw(&server, "GET /data?policy", "", "").await;
    assert_eq!((answer.header("content-type"), answer.body.as_str()), (Some("application/json"), CLOSED));
    assert_eq!(client.get_bucket_policy().bucket("data").send().await.expect("a policy").policy(), Some(CLOSED));
    let of_another = CLOSED.replace(":::data", ":::other");
    for bad in ["", "{", "{}", of_another.as_str()] {
        assert_eq!(put(&server, "policy", bad).await, code(400, "MalformedPolicy"), "{bad}");
    }
    client.delete_bucket_policy().bucket("data").send().await.expect("deleted");
    client.delete_bucket_policy().bucket("data").send().await.expect("deleted again");
    assert_eq!(refusal(client.get_bucket_policy().bucket("data").send().await), code(404, "NoSuchBucketPolicy"));
}
