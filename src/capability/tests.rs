use super::*;
use crate::bucket::{BucketId, BucketName};

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().expect("a moment")
}

fn hours(count: i64) -> Timestamp {
    now() + Duration::hours(count)
}

fn target(account: &str, bucket: &str, region: &str) -> Target {
    let name = BucketName::parse(bucket).expect("legal");
    let account = AccountName::parse(account).expect("legal");
    Target { id: BucketId { account, name }, region: Region::parse(region).expect("legal") }
}

fn at(bucket: &str) -> Target {
    target("store", bucket, "us-east-1")
}

fn failed(kind: S3ErrorKind, status: u16, code: &str) -> S3Error {
    S3Error {
        operation: "GetBucketCors".to_owned(),
        object: "any".to_owned(),
        kind,
        code: code.to_owned(),
        status,
        request_id: None,
        message: String::new(),
        action: None,
    }
}

fn lacks() -> Result<(), S3Error> {
    Err(failed(S3ErrorKind::Unsupported, 501, "NotImplemented"))
}

fn accounts() -> Vec<(AccountName, Option<String>)> {
    let name = |name: &str| AccountName::parse(name).expect("legal");
    vec![(name("store"), Some("http://127.0.0.1:9000".to_owned())), (name("aws"), None)]
}

fn capabilities() -> Capabilities {
    Capabilities::of(accounts())
}

fn ability(of: &Capabilities, account: &str, region: &str, now: Timestamp) -> Ability {
    let cards = of.cards(now);
    let card = cards.iter().find(|card| card.account.as_str() == account && card.region.as_str() == region);
    let card = card.expect("something is known of the endpoint");
    assert_eq!(card.settings.len(), SETTINGS.len());
    card.settings.iter().find(|it| it.setting == "cors").expect("every setting has a card").ability
}

#[test]
fn one_bucket_that_refuses_blinds_itself_and_nobody_else() {
    let it = capabilities();
    it.note_read(&at("one"), "cors", &lacks(), now());
    let spared = it.spared_read(&at("one"), "cors", hours(1)).expect("it is not asked again");
    assert_eq!(
        spared.to_string(),
        "GetBucketCors on `one` failed: not supported by this store (NotImplemented, status 501): known from `one` \
         since 2026-11-22 12:00 UTC; asked again after 2026-11-23 12:00 UTC"
    );
    assert_eq!(it.spared_read(&at("two"), "cors", hours(1)), None);
    assert_eq!(it.spared_read(&at("one"), "tags", hours(1)), None);
    assert_eq!(ability(&it, "store", "us-east-1", hours(1)), Ability::NotYetKnown);
}

#[test]
fn two_buckets_that_refuse_within_a_day_speak_for_their_endpoint() {
    let it = capabilities();
    it.note_read(&at("one"), "cors", &lacks(), now());
    it.note_read(&at("one"), "cors", &lacks(), now());
    assert_eq!(it.spared_read(&at("three"), "cors", now()), None, "one bucket twice is one bucket");
    it.note_read(&at("two"), "cors", &lacks(), hours(5));
    assert!(it.spared_read(&at("three"), "cors", hours(6)).is_some());
    assert_eq!(ability(&it, "store", "us-east-1", hours(6)), Ability::Unsupported);
    assert_eq!(it.spared_read(&target("store", "three", "eu-west-1"), "cors", hours(6)), None, "another region");
    // As long as both are younger than a day, and no longer.
    assert!(it.spared_read(&at("three"), "cors", hours(23)).is_some());
    assert_eq!(it.spared_read(&at("three"), "cors", hours(24)), None);
    let cards = it.cards(hours(6));
    let card = cards[0].settings.iter().find(|it| it.setting == "cors").expect("a card");
    assert_eq!(card.answer.as_deref(), Some("`one` answered GetBucketCors: NotImplemented (status 501)"));
    assert_eq!((card.learned_at, card.asked_again_at), (Some(now()), Some(hours(24))));
}

#[test]
fn two_refusals_more_than_a_day_apart_prove_nothing() {
    let it = capabilities();
    it.note_read(&at("one"), "cors", &lacks(), now());
    it.note_read(&at("two"), "cors", &lacks(), hours(25));
    assert_eq!(it.spared_read(&at("three"), "cors", hours(25)), None);
}

#[test]
fn a_right_answer_outweighs_every_refusal_for_a_day() {
    let it = capabilities();
    for bucket in ["one", "two", "three"] {
        it.note_read(&at(bucket), "cors", &lacks(), now());
    }
    it.note_read(&at("four"), "cors", &Ok(()), now());
    assert_eq!(ability(&it, "store", "us-east-1", now()), Ability::Supported);
    assert_eq!(it.spared_read(&at("five"), "cors", now()), None);
    assert!(it.spared_read(&at("one"), "cors", now()).is_some(), "who refused is still not asked");
    // A store from which the setting was taken away: a day later it is believed.
    for bucket in ["one", "two"] {
        it.note_read(&at(bucket), "cors", &lacks(), hours(24));
    }
    assert_eq!(ability(&it, "store", "us-east-1", hours(24)), Ability::Unsupported);
}

#[test]
fn a_bucket_that_answers_rightly_again_is_believed_at_once() {
    let it = capabilities();
    it.note_read(&at("one"), "cors", &lacks(), now());
    it.note_read(&at("one"), "cors", &Ok(()), hours(24));
    assert_eq!(it.spared_read(&at("one"), "cors", hours(24)), None);
    assert_eq!(ability(&it, "store", "us-east-1", hours(24)), Ability::Supported);
}

#[test]
fn aws_has_every_setting_so_there_a_refusal_is_the_buckets_own_matter() {
    let it = capabilities();
    for bucket in ["one", "two", "three"] {
        it.note_read(&target("aws", bucket, "us-east-1"), "cors", &lacks(), now());
    }
    assert_eq!(it.spared_read(&target("aws", "four", "us-east-1"), "cors", now()), None);
    assert!(it.spared_read(&target("aws", "one", "us-east-1"), "cors", now()).is_some());
    assert_eq!(ability(&it, "aws", "us-east-1", now()), Ability::NotYetKnown);
}

/// An address of AWS in one's own network counted as a store of one's own: two buckets that a
/// gateway on the way answered for could have blinded it to everybody's policy for a day.
#[test]
fn an_address_of_aws_in_ones_own_network_is_aws() {
    let vpc = "https://bucket.vpce-1a.s3.us-east-1.vpce.amazonaws.com".to_owned();
    let it = Capabilities::of([(AccountName::parse("vpc").expect("legal"), Some(vpc))]);
    let at = |bucket| target("vpc", bucket, "us-east-1");
    for bucket in ["one", "two", "three"] {
        it.note_read(&at(bucket), "policy", &lacks(), now());
        it.note_read(&at(bucket), "cors", &lacks(), now());
    }
    assert_eq!(it.spared_read(&at("one"), "policy", now()), None);
    assert_eq!(it.spared_read(&at("four"), "cors", now()), None);
}

#[test]
fn failures_that_say_nothing_of_the_setting_teach_nothing() {
    use S3ErrorKind::{Conflict, Denied, Invalid, NoSuchBucket, Server, Throttled, Transport, WrongRegion};
    let it = capabilities();
    for kind in [Denied, Throttled, NoSuchBucket, Transport, Server, Conflict, WrongRegion, Invalid] {
        for bucket in ["one", "two", "three"] {
            it.note_read(&at(bucket), "cors", &Err::<(), _>(failed(kind, 400, "X")), now());
        }
        assert_eq!(it.spared_read(&at("one"), "cors", now()), None, "{kind:?}");
    }
    assert_eq!(it.cards(now()), []);
    assert_eq!(it.save("1"), None);
}

#[test]
fn a_clock_that_is_put_back_makes_everything_asked_again_and_nothing_believed_for_long() {
    let it = capabilities();
    for bucket in ["one", "two"] {
        it.note_read(&at(bucket), "cors", &lacks(), hours(1000));
    }
    assert!(it.spared_read(&at("three"), "cors", hours(1001)).is_some());
    assert_eq!(it.spared_read(&at("three"), "cors", now()), None);
    assert_eq!(it.spared_read(&at("one"), "cors", now()), None);
}

#[test]
fn what_is_kept_comes_back_for_the_same_version_and_address_only() {
    let it = capabilities();
    for bucket in ["one", "two"] {
        it.note_read(&at(bucket), "cors", &lacks(), now());
    }
    it.note_read(&at("one"), "tags", &Ok(()), now());
    let saved = it.save("1.0.0").expect("there is news");
    assert_eq!(it.save("1.0.0"), None, "and then none");

    let again = capabilities();
    again.restore(&saved, "1.0.0");
    assert_eq!(again.cards(hours(1)), it.cards(hours(1)));
    assert!(again.spared_read(&at("three"), "cors", hours(1)).is_some());

    let other = capabilities();
    other.restore(&saved, "1.0.1");
    assert_eq!(other.cards(now()), [], "another version asks for itself");
    other.restore("no JSON", "1.0.0");
    assert_eq!(other.cards(now()), []);
    let moved = accounts().into_iter().map(|(name, at)| (name, at.map(|_| "http://127.0.0.1:9001".to_owned())));
    let moved = Capabilities::of(moved);
    moved.restore(&saved, "1.0.0");
    assert_eq!(moved.cards(now()), [], "another store");
}

#[test]
fn everything_is_asked_again_on_demand() {
    let it = capabilities();
    it.note_read(&at("one"), "cors", &lacks(), now());
    it.save("1");
    it.forget();
    assert_eq!(it.spared_read(&at("one"), "cors", now()), None);
    assert_eq!(it.save("1").as_deref(), Some("{\"version\":\"1\",\"endpoints\":[]}"));
}

#[test]
fn an_invalid_argument_of_a_read_that_has_none_means_that_the_store_does_not_know_it() {
    let store = as_a_store_means_it(failed(S3ErrorKind::Invalid, 400, "InvalidArgument"));
    assert_eq!(store.kind, S3ErrorKind::Unsupported);
    for other in [
        failed(S3ErrorKind::Invalid, 400, "InvalidRequest"),
        failed(S3ErrorKind::Denied, 403, "AccessDenied"),
        failed(S3ErrorKind::Server, 500, "InternalError"),
    ] {
        assert_eq!(as_a_store_means_it(other.clone()), other);
    }
}

#[test]
fn answers_are_told_in_words() {
    let said =
        |status, code: &str| Said { operation: "GetBucketCors".to_owned(), code: code.to_owned(), status }.to_string();
    assert_eq!(said(200, ""), "GetBucketCors: another document in place of the setting");
    assert_eq!(said(405, "MethodNotAllowed"), "GetBucketCors: MethodNotAllowed (status 405)");
    assert_eq!(said(501, ""), "GetBucketCors: status 501");
}

#[test]
fn what_cannot_be_written_is_judged_apart_from_what_can_be_read() {
    let it = capabilities();
    it.note_read(&at("one"), "cors", &Ok(()), now());
    it.note_write(&at("one"), "cors", &lacks(), now());
    assert_eq!(it.spared_read(&at("one"), "cors", now()), None, "it can be read");
    assert!(it.spared_write(&at("one"), "cors", now()).is_some());
    assert_eq!(it.spared_write(&at("two"), "cors", now()), None);
    assert_eq!(ability(&it, "store", "us-east-1", now()), Ability::Supported);
    it.note_write(&at("two"), "cors", &lacks(), now());
    assert!(it.spared_write(&at("three"), "cors", now()).is_some());
    assert_eq!(ability(&it, "store", "us-east-1", now()), Ability::Unsupported);
    it.note_read(&at("one"), "cors", &Ok(()), hours(1));
    assert!(it.spared_write(&at("three"), "cors", hours(1)).is_some(), "reading proves nothing of writing");
    it.note_write(&at("four"), "cors", &Ok(()), hours(1));
    assert_eq!(it.spared_write(&at("three"), "cors", hours(1)), None);
    assert_eq!(ability(&it, "store", "us-east-1", hours(1)), Ability::Supported);
}

/// A store refused a write for what was in it, in words that mean that it has no such setting; the
/// commit that corrected the value was not tried for a day.
#[test]
fn a_new_revision_lets_what_was_refused_be_written_again_and_what_cannot_be_read_stays_known() {
    let it = capabilities();
    for bucket in ["one", "two"] {
        it.note_write(&at(bucket), "cors", &lacks(), now());
        it.note_read(&at(bucket), "tags", &lacks(), now());
    }
    it.save("1");
    assert!(it.spared_write(&at("one"), "cors", now()).is_some());
    assert!(it.spared_write(&at("three"), "cors", now()).is_some(), "two speak for the endpoint");

    it.on_revision();
    for bucket in ["one", "two", "three"] {
        assert_eq!(it.spared_write(&at(bucket), "cors", now()), None, "{bucket}");
        assert!(it.spared_read(&at(bucket), "tags", now()).is_some(), "{bucket}: reading takes no value");
    }
    assert!(it.save("1").is_some_and(|saved| !saved.contains("cors\":{\"read\":{},\"write\":{\"")), "and is kept so");
    // Who refuses again is believed again.
    it.note_write(&at("one"), "cors", &lacks(), hours(1));
    assert!(it.spared_write(&at("one"), "cors", hours(2)).is_some());
    assert_eq!(it.spared_write(&at("three"), "cors", hours(2)), None, "one alone speaks for itself");
}
