//! Patience, with the time in the tests' hands.

use super::*;
use crate::bucket::{BucketId, BucketName};
use crate::cloud::Unobserved;
use crate::cloud::memory::{Effect, Fault, MemoryCloud};

fn target() -> Target {
    let name = BucketName::parse("ai-data").expect("legal");
    Target { id: BucketId { account: AccountName::default(), name }, region: Region::us_east_1() }
}

fn patient(cloud: &MemoryCloud) -> Patient<MemoryCloud> {
    cloud.put(&target().id, "us-east-1", &[]);
    let stop = CancellationToken::new();
    Patient::new(cloud.clone(), Patience::default(), [], Arc::new(Unobserved), stop)
}

fn doc(status: &str) -> Doc {
    Doc::of(&serde_json::json!({ "status": status }))
}

fn fault(effect: Effect, times: usize) -> Fault {
    Fault { verb: "read", bucket: String::new(), setting: "", times, effect }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_is_waited_out() {
    for kind in [S3ErrorKind::Throttled, S3ErrorKind::Conflict, S3ErrorKind::Server, S3ErrorKind::Transport] {
        let cloud = MemoryCloud::default();
        cloud.fail(fault(Effect::Fail(kind), 3));
        assert!(patient(&cloud).read(&target(), "versioning").await.is_ok(), "{kind:?}");
        assert_eq!(cloud.count("read"), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn access_denied_is_not_asked_again() {
    let cloud = MemoryCloud::default();
    cloud.fail(fault(Effect::Fail(S3ErrorKind::Denied), 9));
    let error = patient(&cloud).read(&target(), "versioning").await.expect_err("denied");
    assert_eq!((error.kind, cloud.count("read")), (S3ErrorKind::Denied, 1));
}

#[tokio::test(start_paused = true)]
async fn a_write_is_not_repeated_over_a_change_of_somebody_else() {
    let write = |effect| Fault { verb: "write", ..fault(effect, 1) };
    let never = Doc::of(&serde_json::json!({}));
    let cloud = MemoryCloud::default();
    let patient = patient(&cloud);
    cloud.fail(write(Effect::Fail(S3ErrorKind::Server)));
    cloud.fail(fault(Effect::Change(doc("Suspended")), 1));
    let error = patient.write(&target(), "versioning", &never, &doc("Enabled")).await.expect_err("overtaken");
    assert_eq!(
        error.to_string(),
        "versioning on `ai-data` failed: unexpected answer: somebody changed it while the write was repeated; \
         it is planned anew"
    );
    assert_eq!(cloud.get(&target().id, "versioning"), Some(doc("Suspended")));

    // An attempt that was stored and whose answer was lost is not made again.
    let before = cloud.count("write");
    cloud.fail(write(Effect::Fail(S3ErrorKind::Transport)));
    cloud.fail(fault(Effect::Change(doc("Enabled")), 1));
    patient.write(&target(), "versioning", &doc("Suspended"), &doc("Enabled")).await.expect("it is there");
    assert_eq!(cloud.count("write"), before + 1);
}

/// The last failure alone was told: a write that was stored, and whose repetition was refused, counted
/// as one that had changed nothing, and nobody looked.
#[tokio::test(start_paused = true)]
async fn of_a_write_that_may_have_been_stored_that_is_told_and_why_it_was_not_repeated_beside_it() {
    let write = |effect| Fault { verb: "write", ..fault(effect, 1) };
    let never = Doc::of(&serde_json::json!({}));
    for first in [Effect::Fail(S3ErrorKind::Transport), Effect::Hang] {
        let cloud = MemoryCloud::default();
        let patient = patient(&cloud);
        cloud.fail(write(first.clone()));
        cloud.fail(fault(Effect::Fail(S3ErrorKind::Denied), 1));
        let error = patient.write(&target(), "versioning", &never, &doc("Enabled")).await.expect_err("not repeated");
        assert_eq!(error.kind, S3ErrorKind::Transport, "{first:?}");
        assert!(error.message.contains("; the next attempt was refused: "), "{error}");
    }
    // S3 has refusals of no kind of their own; they were taken for one that somebody overtook.
    let cloud = MemoryCloud::default();
    for kind in [S3ErrorKind::Server, S3ErrorKind::Other] {
        cloud.fail(write(Effect::Fail(kind)));
    }
    let error = patient(&cloud).write(&target(), "versioning", &never, &doc("Enabled")).await.expect_err("refused");
    assert_eq!(error.kind, S3ErrorKind::Server);
    // A refusal alone changed nothing.
    let cloud = MemoryCloud::default();
    cloud.fail(write(Effect::Fail(S3ErrorKind::Denied)));
    let error = patient(&cloud).write(&target(), "versioning", &never, &doc("Enabled")).await.expect_err("refused");
    assert_eq!(error.kind, S3ErrorKind::Denied);
}

/// Soon: when every task has gone as far as it can.
async fn soon() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_is_to_end_waits_for_no_answer_longer_than_the_grace() {
    let cloud = MemoryCloud::default();
    cloud.fail(fault(Effect::Hang, 99));
    let patient = Arc::new(patient(&cloud));
    let reading = tokio::spawn({
        let patient = Arc::clone(&patient);
        async move { patient.read(&target(), "versioning").await }
    });
    soon().await;
    patient.stop.cancel();
    let begun = Instant::now();
    let error = reading.await.expect("it does not panic").expect_err("hangs");
    assert_eq!(error.to_string(), "versioning on `ai-data` failed: no usable answer: nothing came within 10 s");
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn nothing_new_is_begun_once_the_daemon_is_to_end() {
    let cloud = MemoryCloud::default();
    let patient = patient(&cloud);
    patient.stop.cancel();
    let (off, on) = (doc("Suspended"), doc("Enabled"));
    let refused = [
        patient.read(&target(), "versioning").await.map(|_| ()),
        patient.write(&target(), "versioning", &off, &on).await,
        patient.create(&target(), &Creation::default()).await,
        patient.head(&target()).await.map(|_| ()),
        patient.list(&AccountName::default()).await.map(|_| ()),
    ];
    for refused in refused {
        let said = refused.expect_err("it is not begun").to_string();
        assert!(said.ends_with(" failed: not sent: the daemon is to end"), "{said}");
    }
    assert_eq!(cloud.asked(), []);
}

/// A patient with a budget, over a cloud with the one bucket.
fn within(cloud: &MemoryCloud, bounds: Bounds) -> Arc<Patient<MemoryCloud>> {
    cloud.put(&target().id, "us-east-1", &[]);
    let bounds = [(AccountName::default(), bounds)];
    Arc::new(Patient::new(cloud.clone(), Patience::default(), bounds, Arc::new(Unobserved), CancellationToken::new()))
}

/// Reads so many settings at once; the answers with their numbers, in the order in which they come.
fn reads(patient: &Arc<Patient<MemoryCloud>>, many: usize) -> tokio::task::JoinSet<(usize, Result<Doc, S3Error>)> {
    let mut set = tokio::task::JoinSet::new();
    for number in 0..many {
        let patient = Arc::clone(patient);
        set.spawn(async move { (number, patient.read(&target(), "versioning").await) });
    }
    set
}

/// The wait for our own turn was once counted as S3's silence: with 3 requests a second and 120
/// buckets, one read in nine failed although S3 answered each at once.
#[tokio::test(start_paused = true)]
async fn waiting_for_ones_turn_is_no_failure_however_long_it_is() {
    let cloud = MemoryCloud::default();
    let patient = within(&cloud, Bounds { rate: Some(1.0), start: 64, most: 64 });
    let begun = Instant::now();
    let mut set = reads(&patient, 64);
    let mut order = Vec::new();
    while let Some(done) = set.join_next().await {
        let (number, answer) = done.expect("it does not panic");
        answer.expect("S3 answers each at once");
        order.push(number);
    }
    assert_eq!(order, (0..64).collect::<Vec<_>>());
    assert_eq!(begun.elapsed().as_secs(), 63);
}

/// The same happened without a configured rate, when S3 said SlowDown until one request at a time
/// was left.
#[tokio::test(start_paused = true)]
async fn a_number_that_s3_brought_down_to_one_is_no_failure() {
    let cloud = MemoryCloud::default();
    let patient = within(&cloud, Bounds { rate: None, start: 64, most: 64 });
    for _ in 0..7 {
        soon().await;
        patient.budgets[&AccountName::default()].enter().await.end(End::Refused);
    }
    assert!((patient.budgets[&AccountName::default()].limit() - 1.0).abs() < f64::EPSILON);
    // The first takes its whole deadline; the others wait behind it.
    cloud.fail(Fault { bucket: "ai-stuck".into(), ..fault(Effect::Hang, 99) });
    let stuck = tokio::spawn({
        let patient = Arc::clone(&patient);
        let mut target = target();
        target.id.name = BucketName::parse("ai-stuck").expect("legal");
        async move { patient.read(&target, "versioning").await }
    });
    tokio::task::yield_now().await;
    let mut set = reads(&patient, 64);
    while let Some(done) = set.join_next().await {
        done.expect("it does not panic").1.expect("S3 answers");
    }
    stuck.await.expect("it does not panic").expect_err("it hangs");
}

/// A write that waited for its turn was once begun when the daemon was told to end, and dropped.
#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_turn_when_the_daemon_is_to_end_is_not_begun() {
    let cloud = MemoryCloud::default();
    let patient = within(&cloud, Bounds { rate: Some(1.0), start: 1, most: 1 });
    let mut set = reads(&patient, 8);
    let writing = tokio::spawn({
        let patient = Arc::clone(&patient);
        async move { patient.write(&target(), "versioning", &doc("Suspended"), &doc("Enabled")).await }
    });
    soon().await;
    let begun = Instant::now();
    patient.stop.cancel();
    let error = writing.await.expect("it does not panic").expect_err("it is not begun");
    assert_eq!(
        (error.kind, error.to_string()),
        (S3ErrorKind::Forbidden, "versioning on `ai-data` failed: not sent: the daemon is to end".to_owned())
    );
    let mut done = 0;
    while let Some(read) = set.join_next().await {
        done += usize::from(read.expect("it does not panic").1.is_ok());
    }
    assert_eq!((done, cloud.count("read"), cloud.count("write")), (1, 1, 0));
    assert!(begun.elapsed() < Duration::from_millis(10), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_was_written_is_proved_although_the_daemon_is_to_end_meanwhile() {
    let cloud = MemoryCloud::default();
    let patient = within(&cloud, Bounds { rate: Some(1.0), start: 4, most: 4 });
    patient.create(&target(), &Creation::default()).await.expect("made");
    patient.write(&target(), "versioning", &doc("Suspended"), &doc("Enabled")).await.expect("written");
    patient.stop.cancel();
    // Both wait for their turn, a second each.
    assert_eq!(patient.read(&target(), "versioning").await, Ok(doc("Enabled")));
    assert_eq!(patient.head(&target()).await, Ok(Presence::Here(Some(Region::us_east_1()))));
    assert!(patient.read(&target(), "versioning").await.is_err(), "it was proved, and this is another question");
    assert!(patient.unproved.lock().expect("nobody panics").is_empty());

    // And the proof waits no longer than the grace.
    let slow = within(&cloud, Bounds { rate: Some(0.01), start: 4, most: 4 });
    slow.write(&target(), "versioning", &doc("Enabled"), &doc("Suspended")).await.expect("written");
    slow.stop.cancel();
    let begun = Instant::now();
    slow.read(&target(), "versioning").await.expect_err("its turn does not come");
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
}

/// A cloud with so many buckets on pages of `size`, each of which takes 300 ms.
fn large(buckets: usize, size: usize) -> MemoryCloud {
    let cloud = MemoryCloud::default();
    for number in 0..buckets {
        let mut id = target().id;
        id.name = BucketName::parse(&format!("ai-{number:05}")).expect("legal");
        cloud.put(&id, "us-east-1", &[]);
    }
    cloud.page_by(size, Duration::from_millis(300));
    cloud
}

fn over(cloud: &MemoryCloud) -> Patient<MemoryCloud> {
    Patient::new(cloud.clone(), Patience::default(), [], Arc::new(Unobserved), CancellationToken::new())
}

/// All pages were once one request of 20 s: from 67 pages of 300 ms on no list ever came to its end,
/// and every bucket of the account was unknown.
#[tokio::test(start_paused = true)]
async fn a_list_may_take_longer_than_any_one_request() {
    let cloud = large(1000, 5);
    let begun = Instant::now();
    let listed = over(&cloud).list(&AccountName::default()).await.expect("all of them");
    assert_eq!((listed.len(), cloud.count("list"), begun.elapsed().as_secs()), (1000, 200, 60));
}

/// Every repetition once began with the first page.
#[tokio::test(start_paused = true)]
async fn a_page_that_fails_once_is_asked_again_and_no_other() {
    let cloud = large(50, 5);
    cloud.fail(Fault { verb: "list", bucket: "ai-00024".into(), ..fault(Effect::Fail(S3ErrorKind::Server), 1) });
    cloud.fail(Fault { verb: "list", bucket: "ai-00034".into(), ..fault(Effect::Hang, 1) });
    let listed = over(&cloud).list(&AccountName::default()).await.expect("all of them");
    assert_eq!(listed.len(), 50);
    let asked: Vec<String> = cloud.asked().into_iter().map(|ask| ask.object).collect();
    let pages = ["default", "ai-00004", "ai-00009", "ai-00014", "ai-00019", "ai-00024", "ai-00024", "ai-00029"];
    assert_eq!(asked[..8], pages);
    assert_eq!(asked[8..], ["ai-00034", "ai-00034", "ai-00039", "ai-00044"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_for_good_fails_the_list_which_is_never_shorter() {
    for kind in [S3ErrorKind::Denied, S3ErrorKind::Server] {
        let cloud = large(50, 5);
        cloud.fail(Fault { verb: "list", bucket: "ai-00044".into(), ..fault(Effect::Fail(kind), 999) });
        let error = over(&cloud).list(&AccountName::default()).await.expect_err("the last page is missing");
        assert_eq!((error.kind, error.operation.as_str()), (kind, "ListAllMyBuckets"));
    }
}

/// Each page costs a turn, so that lists stay within the account's requests a second.
#[tokio::test(start_paused = true)]
async fn each_page_costs_a_turn_of_the_budget() {
    let cloud = large(50, 5);
    let patient = within(&cloud, Bounds { rate: Some(1.0), start: 4, most: 4 });
    let begun = Instant::now();
    assert_eq!(patient.list(&AccountName::default()).await.expect("all of them").len(), 51);
    assert_eq!(begun.elapsed().as_secs(), 10, "eleven pages");
}

#[tokio::test(start_paused = true)]
async fn directory_buckets_are_listed_page_by_page_too() {
    let cloud = MemoryCloud::default();
    for number in 0..40 {
        let mut id = target().id;
        id.name = BucketName::parse(&format!("ai-{number:02}--use1-az4--x-s3")).expect("legal");
        cloud.put(&id, "us-east-1", &[]);
    }
    cloud.page_by(1, Duration::from_secs(1));
    let again = "ai-20--use1-az4--x-s3";
    cloud.fail(Fault {
        verb: "list-directories",
        bucket: again.into(),
        ..fault(Effect::Fail(S3ErrorKind::Transport), 1)
    });
    let region = Region::us_east_1();
    let listed = over(&cloud).list_directories(&AccountName::default(), &region).await.expect("all of them");
    assert_eq!((listed.len(), cloud.count("list-directories")), (40, 41));
}

#[tokio::test(start_paused = true)]
async fn no_attempt_takes_longer_than_all_attempts_together_may() {
    let cloud = MemoryCloud::default();
    cloud.fail(fault(Effect::Hang, 99));
    let patient =
        Patient { patience: Patience { deadline: Duration::from_secs(2), ..Patience::default() }, ..patient(&cloud) };
    let begun = Instant::now();
    let error = patient.read(&target(), "versioning").await.expect_err("hangs");
    assert_eq!(error.to_string(), "versioning on `ai-data` failed: no usable answer: nothing came within 2 s");
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn nothing_at_all_for_a_minute_ends_with_a_failure_that_says_so() {
    let cloud = MemoryCloud::default();
    cloud.fail(fault(Effect::Hang, 99));
    let begun = Instant::now();
    let error = patient(&cloud).read(&target(), "versioning").await.expect_err("hangs").to_string();
    assert!(error.starts_with("versioning on `ai-data` failed: no usable answer: nothing came within "), "{error}");
    assert_eq!(begun.elapsed(), Duration::from_secs(60), "the last attempt takes what is left");
}
