//! How far a command is, for whoever waits: one line on stderr, on a terminal only, and only once a
//! second has passed. Pipes and CI get nothing.

use std::io::IsTerminal;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::board::Board;

/// Whatever ends sooner is never shown: a line that comes and goes is a flicker.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line moves.
const GLANCE: Duration = Duration::from_millis(100);

/// What is on the screen, so that what is printed meanwhile does not tear it.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Prints something while a line may be shown: the line steps aside for it.
pub fn aside<T>(print: impl FnOnce() -> T) -> T {
    match &*shown() {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

fn shown() -> MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Whether somebody looks: decided by what stderr is and by the environment.
fn is_wanted(variable: &dyn Fn(&str) -> Option<String>, terminal: bool) -> bool {
    let said = |name: &str| variable(name).filter(|it| !it.is_empty());
    let ci = said("CI").is_some_and(|it| !it.eq_ignore_ascii_case("false") && it != "0");
    terminal && !ci && said("TERM").is_none_or(|it| it != "dumb")
}

/// Shows how far it is until it is dropped.
pub struct Progress(Option<Shown>);

struct Shown {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    doing: Mutex<Doing>,
    ended: Mutex<bool>,
    end: Condvar,
}

/// What is being done.
#[derive(Clone)]
struct Doing {
    what: String,
    count: Count,
}

/// How far it is.
#[derive(Clone)]
enum Count {
    /// Nobody knows.
    Unknown,
    /// So much of so much.
    Of(u64, u64),
    /// As the sweep on a board.
    Sweep(Arc<Board>),
}

impl Progress {
    /// Begins: `what` is a few words such as `fetching the source`.
    pub fn begin(what: &str) -> Self {
        let wanted = is_wanted(&|name| std::env::var(name).ok(), std::io::stderr().is_terminal());
        Self::begin_if(wanted, what)
    }

    fn begin_if(wanted: bool, what: &str) -> Self {
        if !wanted {
            return Self(None);
        }
        let doing = Doing { what: what.to_owned(), count: Count::Unknown };
        let state = Arc::new(State { doing: Mutex::new(doing), ended: Mutex::new(false), end: Condvar::new() });
        let theirs = Arc::clone(&state);
        // A thread of its own: some of what takes long keeps its thread busy.
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || show(&theirs)).ok();
        Self(Some(Shown { state, thread }))
    }

    /// Something else is done from now on.
    pub fn doing(&self, what: &str) {
        self.put(Some(what), Count::Unknown);
    }

    /// So much of it is done.
    pub fn count(&self, done: u64, total: u64) {
        self.put(None, Count::Of(done, total));
    }

    /// A sweep is made, which tells a board how far it is.
    pub fn sweep(&self, board: &Arc<Board>) {
        self.put(Some("looking at buckets"), Count::Sweep(Arc::clone(board)));
    }

    fn put(&self, what: Option<&str>, count: Count) {
        let Some(shown) = &self.0 else { return };
        let mut doing = shown.state.doing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(what) = what {
            what.clone_into(&mut doing.what);
        }
        doing.count = count;
    }
}

impl Drop for Progress {
    /// Ends it, and leaves nothing on the screen.
    fn drop(&mut self) {
        let Some(shown) = &mut self.0 else { return };
        *shown.state.ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = true;
        shown.state.end.notify_all();
        if let Some(thread) = shown.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread: waits a second, then shows the line until the end.
fn show(state: &State) {
    let begun = Instant::now();
    if state.ends_within(PATIENCE) {
        return;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
    *shown() = Some(bar.clone());
    loop {
        let doing = state.doing.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let (what, count) = match doing.count.now() {
            // All were looked at: what is left is to write, and to read back.
            Some((done, total)) if done >= total && matches!(doing.count, Count::Sweep(_)) => ("finishing", None),
            count => (&*doing.what, count),
        };
        bar.set_message(line(what, count, begun.elapsed()));
        bar.tick();
        if state.ends_within(GLANCE) {
            break;
        }
    }
    *shown() = None;
    bar.finish_and_clear();
}

impl State {
    /// Waits for the end, so long and no longer.
    fn ends_within(&self, wait: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let waited = self.end.wait_timeout_while(ended, wait, |ended| !*ended);
        *waited.unwrap_or_else(std::sync::PoisonError::into_inner).0
    }
}

impl Count {
    fn now(&self) -> Option<(u64, u64)> {
        match self {
            Self::Unknown => None,
            Self::Of(done, total) => Some((*done, *total)),
            Self::Sweep(board) => board.running().map(|it| (it.done as u64, it.total as u64)),
        }
    }
}

/// Cells of the bar.
const CELLS: u64 = 20;

/// The line, without its spinner.
fn line(what: &str, count: Option<(u64, u64)>, since: Duration) -> String {
    let seconds = since.as_secs();
    let clock = format!("{}:{:02}", seconds / 60, seconds % 60);
    match count.filter(|(_, total)| *total > 0) {
        Some((done, total)) => {
            let full = usize::try_from(done.min(total) * CELLS / total).unwrap_or_default();
            let rest = usize::try_from(CELLS).unwrap_or_default() - full;
            format!("{what} [{}{}] {done} of {total}, {clock}", "#".repeat(full), "-".repeat(rest))
        }
        None => format!("{what}, {clock}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(variables: &[(&str, &str)], terminal: bool) -> bool {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        is_wanted(&find, terminal)
    }

    #[test]
    fn only_a_terminal_that_somebody_looks_at_gets_it() {
        assert!(wanted(&[("TERM", "xterm-256color")], true));
        assert!(wanted(&[("CI", "false")], true));
        assert!(!wanted(&[], false));
        assert!(!wanted(&[("CI", "true")], true));
        assert!(!wanted(&[("TERM", "dumb")], true));
    }

    #[test]
    fn a_line_says_what_is_done_how_far_it_is_and_how_long_it_took() {
        let second = Duration::from_secs;
        assert_eq!(line("fetching the source", None, second(2)), "fetching the source, 0:02");
        assert_eq!(
            line("looking at buckets", Some((500, 1000)), second(65)),
            "looking at buckets [##########----------] 500 of 1000, 1:05"
        );
        assert_eq!(line("reading", Some((0, 0)), second(1)), "reading, 0:01");
        assert_eq!(line("reading", Some((3, 2)), second(1)), "reading [####################] 3 of 2, 0:01");
    }

    #[test]
    fn what_ends_at_once_is_never_shown_and_holds_nothing_up() {
        let begun = Instant::now();
        let progress = Progress::begin_if(true, "reading");
        progress.count(1, 2);
        progress.sweep(&Arc::new(Board::default()));
        drop(progress);
        assert!(begun.elapsed() < PATIENCE, "it waits for nothing");
    }
}
