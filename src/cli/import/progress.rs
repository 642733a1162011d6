//! How far the reading is, for whoever waits: a bar on a terminal, a line now and then elsewhere.
//! Always on stderr, so that what is piped stays clean.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::board::Board;

/// How often the bar moves.
const GLANCE: Duration = Duration::from_millis(100);
/// How often a line is written where there is no terminal: a log of a pipeline stays short.
const LINES: Duration = Duration::from_secs(10);

/// Shows how far it is, until it ends.
pub(super) struct Shown {
    task: JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Shown {
    /// Begins to show how far the sweep on a board is.
    pub(super) fn begin(total: usize, board: Arc<Board>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:40} {pos} of {len} buckets read, {eta} left");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let shown = bar.clone();
        let task = tokio::spawn(async move {
            let mut ticks = interval(GLANCE);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut told = Instant::now();
            loop {
                ticks.tick().await;
                let Some(running) = board.running() else { continue };
                match &shown {
                    Some(bar) => bar.set_position(running.done as u64),
                    None if told.elapsed() >= LINES => {
                        told = Instant::now();
                        crate::cli::complain(line(running.done, running.total));
                    }
                    None => {}
                }
            }
        });
        Self { task, bar }
    }

    /// Ends it, and leaves nothing on the screen.
    pub(super) async fn end(self) {
        self.task.abort();
        // It is cancelled, and that is meant.
        let _ = self.task.await;
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn line(done: usize, total: usize) -> String {
    format!("{done} of {total} buckets read")
}
