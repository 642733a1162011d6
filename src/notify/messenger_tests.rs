use super::super::sample::{self, drift, rules, speaker};
use super::super::sink::{Failure, Retry, Sending, Sink};
use super::*;
use crate::clock::ManualClock;
use crate::metrics::MetricsOptions;
use crate::notify::deliver::MOST_WAITING;

/// A receiver that is down.
struct Dead;

impl Sink for Dead {
    fn service(&self) -> &'static str {
        "dead"
    }

    fn send<'a>(&'a self, _: &'a Notice) -> Sending<'a> {
        Box::pin(async { Err(Failure::new("down", Retry::WhenMended)) })
    }
}

fn messenger() -> Messenger {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(sample::at(30)));
    let board = Arc::new(Board::default());
    let options = MetricsOptions { process: false, ..MetricsOptions::default() };
    Messenger {
        places: vec![Place {
            name: "it".into(),
            rules: rules(""),
            timeout: Duration::from_secs(10),
            give_up_after: Duration::from_secs(3600),
            sink: Arc::new(Dead),
        }],
        speaker: speaker(),
        interval: Duration::from_secs(60),
        letterbox: Arc::default(),
        metrics: Arc::new(Metrics::new(Arc::clone(&board), Arc::clone(&clock), options)),
        board,
        history: Arc::new(History::in_memory("a test", Arc::clone(&clock)).expect("memory")),
        clock,
        pictures: watch::channel(Arc::default()).0,
        stop: CancellationToken::new(),
    }
}

/// What the history keeps for the next start, by id.
async fn kept(it: &Messenger) -> Vec<String> {
    it.history.outbox().await.expect("memory").into_iter().map(|it| it.id).collect()
}

/// Its row stayed, and what ended while the receiver was down was told after the next start.
#[tokio::test]
async fn what_is_not_told_is_not_kept_for_the_next_start_either() {
    let it = messenger();
    let mut desk = Desk { place: it.places[0].clone(), told: Told::default(), queue: Arc::default() };
    let open = sample::picture(1, vec![drift("ai-logs")]);
    it.tell(std::slice::from_mut(&mut desk), &open).await;
    assert_eq!((kept(&it).await.len(), desk.queue.len()), (1, 1));
    it.tell(std::slice::from_mut(&mut desk), &sample::picture(2, vec![])).await;
    assert_eq!((kept(&it).await, desk.queue.len()), (Vec::<String>::new(), 0));
}

/// Rows that no queue had room for, and rows that cannot be read, stayed in the history for ever.
#[tokio::test]
async fn what_is_given_up_at_the_start_and_later_is_not_kept() {
    let it = messenger();
    let row = |n: usize| {
        let notice = Notice { id: format!("id-{n}"), key: format!("key-{n}"), ..sample::full() };
        let text = serde_json::to_string(&notice).expect("plain data");
        Outgoing { sink: "it".to_owned(), key: notice.key, id: notice.id, text }
    };
    let mut rows: Vec<Outgoing> = (0..=MOST_WAITING).map(row).collect();
    rows.push(Outgoing { id: "odd".to_owned(), key: "odd".to_owned(), text: "{".to_owned(), ..row(0) });
    it.history.keep_told("it".to_owned(), Vec::new(), rows).await.expect("memory");
    it.stop.cancel();
    let (mut desks, _) = it.open().await;
    let left = kept(&it).await;
    assert_eq!((left.len(), left[0].as_str(), left.contains(&"odd".to_owned())), (MOST_WAITING, "id-1", false));
    let text = it.metrics.render();
    assert!(text.contains("driftless_notifications_total{result=\"dropped\",service=\"dead\"} 2\n"), "{text}");

    it.tell(&mut desks, &sample::picture(1, vec![drift("ai-logs")])).await;
    let left = kept(&it).await;
    assert_eq!((left.len(), left[0].as_str()), (MOST_WAITING, "id-2"));
}
