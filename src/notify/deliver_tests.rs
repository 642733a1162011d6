use super::super::sample;
use super::super::sink::{Sending, Sink};
use super::*;
use crate::board::Board;
use crate::clock::ManualClock;
use crate::metrics::MetricsOptions;

/// A receiver that answers as it is told, and then takes everything.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<Option<Failure>>>,
    /// What was tried, and when.
    tried: Mutex<Vec<(String, tokio::time::Instant)>>,
}

impl Sink for Arc<Scripted> {
    fn service(&self) -> &'static str {
        "scripted"
    }

    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            self.tried.lock().unwrap().push((notice.id.clone(), tokio::time::Instant::now()));
            let answer = self.answers.lock().unwrap().pop_front();
            let slow = matches!(&answer, Some(Some(failure)) if failure.message == "slow");
            match answer {
                Some(Some(failure)) if failure.message == "panic" => panic!("a fault of driftless"),
                Some(Some(Failure { retry: Retry::After(so_long), .. })) if slow => {
                    tokio::time::sleep(so_long).await;
                    Ok(())
                }
                // It hangs for ever.
                Some(None) => std::future::pending().await,
                Some(Some(failure)) => Err(failure),
                None => Ok(()),
            }
        })
    }
}

struct Bench {
    sink: Arc<Scripted>,
    queue: Arc<Queue>,
    metrics: Arc<Metrics>,
    clock: ManualClock,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn bench(answers: Vec<Option<Failure>>) -> Bench {
    let sink = Arc::new(Scripted { answers: Mutex::new(answers.into()), ..Scripted::default() });
    let clock = ManualClock::at(sample::at(30));
    let place = Place {
        name: "it".into(),
        rules: sample::rules(""),
        timeout: Duration::from_secs(10),
        give_up_after: Duration::from_secs(3600),
        sink: Arc::new(Arc::clone(&sink)),
    };
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let options = MetricsOptions { process: false, ..MetricsOptions::default() };
    let metrics = Arc::new(Metrics::new(Arc::new(Board::default()), Arc::clone(&shared), options));
    let history = Arc::new(History::in_memory("a test", Arc::clone(&shared)).expect("memory"));
    let (queue, stop) = (Arc::new(Queue::default()), CancellationToken::new());
    let delivery = Delivery {
        place,
        queue: Arc::clone(&queue),
        history,
        metrics: Arc::clone(&metrics),
        clock: shared,
        stop: stop.clone(),
    };
    let task = tokio::spawn(delivery.run());
    Bench { sink, queue, metrics, clock, stop, task }
}

fn notice(n: usize) -> Notice {
    Notice { id: format!("id-{n}"), key: format!("key-{n}"), ..sample::full() }
}

impl Bench {
    /// Waits, on the paused clock, until nothing waits any more.
    async fn drained(&self) {
        tokio::time::timeout(Duration::from_secs(100_000), async {
            while !self.queue.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .expect("the queue is emptied");
    }

    fn tried(&self) -> Vec<String> {
        self.sink.tried.lock().unwrap().iter().map(|(id, _)| id.clone()).collect()
    }

    fn count(&self, result: &str) -> u64 {
        let name = format!("driftless_notifications_total{{service=\"scripted\",result=\"{result}\"}} ");
        let other = format!("driftless_notifications_total{{result=\"{result}\",service=\"scripted\"}} ");
        let text = self.metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(&name).or_else(|| line.strip_prefix(&other)));
        line.map_or(0, |it| it.parse().expect("a number"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_tried_again_until_it_arrives() {
    let later = || Some(Failure::new("down", Retry::Later));
    let it = bench(vec![later(), None, later()]);
    it.queue.put(notice(1));
    it.queue.put(notice(2));
    it.drained().await;
    assert_eq!(it.tried(), ["id-1", "id-2", "id-1", "id-2", "id-1"]);
    assert_eq!((it.count("ok"), it.count("failed"), it.count("dropped")), (2, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_receiver_asks_for_is_kept() {
    let asked = Duration::from_secs(120);
    let it = bench(vec![Some(Failure::new("slow down", Retry::After(asked)))]);
    it.queue.put(notice(1));
    it.drained().await;
    let tried = it.sink.tried.lock().unwrap();
    let waited = tried[1].1 - tried[0].1;
    assert!(waited >= asked && waited < asked * 2, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_stands_in_nobodys_way() {
    let it = bench(vec![Some(Failure::new("no", Retry::Never))]);
    it.queue.put(notice(1));
    it.queue.put(notice(2));
    it.drained().await;
    assert_eq!(it.tried(), ["id-1", "id-2"]);
    assert_eq!((it.count("ok"), it.count("failed"), it.count("dropped")), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_old_is_given_up_at_its_next_failure() {
    let later = || Some(Failure::new("down", Retry::Later));
    let it = bench(vec![later(), later()]);
    tokio::task::yield_now().await;
    it.clock.set(sample::at(30) + chrono::Duration::hours(2));
    it.queue.put(notice(1));
    it.drained().await;
    assert_eq!((it.tried().len(), it.count("dropped")), (1, 1));
}

/// All that was too old was given up back to back, without a pause, at the first failure of each.
#[tokio::test(start_paused = true)]
async fn messages_that_are_too_old_are_given_up_with_a_pause_between_them() {
    let asked = Duration::from_secs(120);
    let it = bench((0..3).map(|_| Some(Failure::new("slow down", Retry::After(asked)))).collect());
    tokio::task::yield_now().await;
    it.clock.set(sample::at(30) + chrono::Duration::hours(2));
    (1..=3).for_each(|n| drop(it.queue.put(notice(n))));
    it.drained().await;
    assert_eq!((it.tried().len(), it.count("dropped")), (3, 3));
    assert_eq!(it.queue.take_given_up(), ["id-1", "id-2", "id-3"]);
    let tried = it.sink.tried.lock().unwrap();
    for pair in tried.windows(2) {
        assert!(pair[1].1 - pair[0].1 >= asked, "{tried:?}");
    }
}

/// What waited for two days while driftless was off was given up at its first failure.
#[tokio::test(start_paused = true)]
async fn the_age_of_a_message_from_before_the_start_counts_from_the_start() {
    let it = bench(vec![Some(Failure::new("down", Retry::Later)), Some(Failure::new("down", Retry::Later))]);
    it.clock.set(sample::at(30) + chrono::Duration::hours(48));
    it.queue.put(notice(1));
    it.drained().await;
    assert_eq!((it.tried().len(), it.count("ok"), it.count("dropped")), (3, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_newest_word_on_a_cause_takes_the_place_of_the_older() {
    let queue = Queue::default();
    queue.put(notice(1));
    queue.put(notice(2));
    queue.put(Notice { id: "newer".to_owned(), ..notice(1) });
    let ids: Vec<String> = queue.inside().waiting.iter().map(|it| it.notice.id.clone()).collect();
    assert_eq!(ids, ["id-2", "newer"]);
    // The older one was under way, and arrives: the newer still waits.
    queue.done("id-1");
    assert_eq!(queue.len(), 2);
}

#[test]
fn a_queue_is_bounded_and_says_what_it_gave_up() {
    let queue = Queue::default();
    for n in 0..MOST_WAITING {
        assert_eq!(queue.put(notice(n)), Put::Waits);
    }
    assert_eq!(queue.put(notice(MOST_WAITING)), Put::Overflow(Arc::new(notice(0))));
    assert_eq!(queue.len(), MOST_WAITING);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_does_not_hold_up_the_end() {
    let it = bench(vec![None]);
    it.queue.put(notice(1));
    while it.tried().is_empty() {
        tokio::task::yield_now().await;
    }
    it.stop.cancel();
    let told = tokio::time::Instant::now();
    it.task.await.expect("it ended");
    let took = told.elapsed();
    assert!(took >= FAREWELL && took < FAREWELL + Duration::from_millis(100), "{took:?}");
    assert_eq!(it.queue.len(), 1, "it waits for the next start");
}

/// A receiver that answered a second after the end had the message, and got it again after the start.
#[tokio::test(start_paused = true)]
async fn an_attempt_under_way_is_finished_at_the_end_and_no_other_is_begun() {
    let it = bench(vec![Some(Failure::new("slow", Retry::After(Duration::from_secs(2))))]);
    it.queue.put(notice(1));
    it.queue.put(notice(2));
    while it.tried().is_empty() {
        tokio::task::yield_now().await;
    }
    it.stop.cancel();
    it.task.await.expect("it ended");
    assert_eq!(it.sink.tried.lock().unwrap().len(), 1);
    assert_eq!(it.queue.first().expect("one waits").id, "id-2", "the first arrived, and is done with");
}

#[test]
fn pauses_grow_and_are_bounded() {
    let seconds = |failures| pause(Retry::Later, failures, 0.0).as_secs();
    assert_eq!([1, 2, 3, 5, 9, 10, 1000].map(seconds), [1, 2, 4, 16, 256, 300, 300]);
    assert!(pause(Retry::Later, 5, 1.0) >= Duration::from_millis(12_800), "jitter takes a fifth at most");
    assert_eq!(pause(Retry::WhenMended, 1, 0.0), LONGEST_PAUSE);
}

/// An end arrived of which nobody had heard the beginning.
#[test]
fn what_began_and_ended_before_anything_was_tried_is_not_told() {
    let queue = Queue::default();
    let as_state = |state, id: &str| Notice { state, id: id.to_owned(), ..notice(1) };
    queue.put(notice(1));
    queue.put(as_state(State::Changed, "changed"));
    assert_eq!(queue.put(as_state(State::Resolved, "over")), Put::Needless);
    assert!(queue.is_empty());

    // One that was tried may have arrived, so that its end is told, and only then forgotten.
    queue.put(notice(1));
    let tried = queue.first().expect("it waits");
    assert_eq!(queue.put(as_state(State::Resolved, "over")), Put::Waits);
    queue.done(&tried.id);
    assert_eq!(queue.put(as_state(State::Open, "again")), Put::Waits);
    assert_eq!(queue.put(as_state(State::Resolved, "over again")), Put::Waits, "the receiver believes it is open");
    assert_eq!(queue.len(), 1);

    // One that waited before a restart may have been tried then.
    let queue = Queue::default();
    queue.restore(notice(1));
    assert_eq!(queue.put(as_state(State::Resolved, "over")), Put::Waits);

    // How a revision came out is told in any case.
    let queue = Queue::default();
    let revision = |state| Notice { happening: Happening::Revision, ..as_state(state, state.word()) };
    queue.put(revision(State::Open));
    assert_eq!(queue.put(revision(State::Resolved)), Put::Waits);
}

/// The task of the sink was gone, and nothing said so: no message arrived any more.
#[tokio::test(start_paused = true)]
async fn a_sink_with_a_fault_is_counted_and_tried_again() {
    let it = bench(vec![Some(Failure::new("panic", Retry::Never))]);
    it.queue.put(notice(1));
    it.drained().await;
    assert_eq!((it.tried().len(), it.count("ok"), it.count("failed")), (2, 1, 1));
    assert!(it.metrics.render().contains("driftless_task_panics_total 1\n"));
}
