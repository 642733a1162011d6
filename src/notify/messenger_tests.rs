use super::super::sample::{self, drift, rules, speaker};
use super::super::sink::{Failure, Retry, Sending, Sink};
use super::*;
use crate::clock::ManualClock;
use crate::metrics::MetricsOptions;

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
