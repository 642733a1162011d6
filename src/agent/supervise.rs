//! Parts of the daemon that the sweeps can do without: one that fails by a fault of driftless itself
//! is said, counted, and begun anew, for nobody would notice that people are not told any more.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// The pause before a part is begun anew; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Begins a part, and begins it anew whenever it ends before it is told to.
pub(super) async fn supervise<F>(
    part: &'static str,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    begin: impl Fn() -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = tokio::time::Instant::now();
        let ended = tokio::spawn(begin()).await;
        if ended.is_err() {
            metrics.panic();
            tracing::error!(part, "{part} failed by a fault of driftless itself, and is begun anew");
        }
        if begun.elapsed() > LONGEST_PAUSE * 2 {
            pause = FIRST_PAUSE;
        }
        if stop.is_cancelled() || stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::board::Board;
    use crate::clock::ManualClock;
    use crate::metrics::MetricsOptions;

    /// The messenger was gone after a fault, and nobody was told of anything any more.
    #[tokio::test(start_paused = true)]
    async fn a_part_that_fails_is_counted_and_begun_anew_until_it_is_told_to_end() {
        let clock = Arc::new(ManualClock::at("2026-11-22T21:30:00Z".parse().expect("a moment")));
        let options = MetricsOptions { process: false, ..MetricsOptions::default() };
        let metrics = Arc::new(Metrics::new(Arc::new(Board::default()), clock, options));
        let stop = CancellationToken::new();
        let lives = Arc::new(AtomicU32::new(0));
        let begin = || {
            let (lives, stop) = (Arc::clone(&lives), stop.clone());
            async move {
                match lives.fetch_add(1, Ordering::Relaxed) {
                    0 => panic!("a fault"),
                    1 => {}
                    _ => stop.cancel(),
                }
            }
        };
        supervise("it", Arc::clone(&metrics), stop.clone(), begin).await;
        assert_eq!(lives.load(Ordering::Relaxed), 3);
        let text = metrics.render();
        assert!(text.contains("driftless_task_panics_total 1\n"), "{text}");
    }
}
