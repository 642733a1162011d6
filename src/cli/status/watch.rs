//! `driftless status --watch`: the same picture, again whenever something is new. On a terminal it
//! is drawn in its place; elsewhere each change is a line.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::news::{self, Fact};
use super::stream::{Closed, Stream};
use super::{LISTED, get, text};
use crate::bucket::BucketId;
use crate::cli::color::{self, Look, Pen};
use crate::cli::run::Signals;
use crate::cli::{CANNOT_TELL, Output, plain};
use crate::clock::{Clock, SystemClock};

/// How often a daemon that gives no stream is asked, and one that is away is looked for.
const POLL: Duration = Duration::from_secs(2);
/// After so many polls it is asked for the stream again.
const POLLS: u32 = 30;
/// How often a terminal is drawn again, as "3 s ago" grows older.
const TICK: Duration = Duration::from_secs(1);
/// Buckets that changes are looked for among, the worst first: a page of the API.
const WATCHED: usize = 1000;

/// What is watched.
#[derive(Debug, Clone, Default)]
pub(super) enum What {
    /// All of it.
    #[default]
    Fleet,
    /// One bucket.
    Bucket(BucketId),
}

/// What the daemon answered.
struct Picture {
    facts: Vec<Fact>,
    json: Value,
    /// What `text` needs besides: the worst buckets, and the findings.
    rows: Value,
    findings: Value,
}

/// Watches until it is told to end, or until nobody reads any more.
pub(super) async fn run(address: &str, what: What, output: Output) -> ExitCode {
    let mut signals = Signals::listen();
    let mut watch =
        Watch { address: address.to_owned(), what, output, screen: Screen::new(output), ..Watch::default() };
    tokio::select! {
        ended = watch.goes_on() => match ended {
            Ended::Unread => ExitCode::SUCCESS,
            Ended::Unwritable(error) => {
                crate::cli::complain(format_args!("the output cannot be written: {}", error.to_string().to_lowercase()));
                ExitCode::from(CANNOT_TELL)
            }
        },
        _ = signals.next() => {
            watch.screen.leave();
            ExitCode::SUCCESS
        }
    }
}

/// Why it ends by itself.
enum Ended {
    /// Whoever read it has seen enough.
    Unread,
    /// It cannot be written.
    Unwritable(std::io::Error),
}

impl From<std::io::Error> for Ended {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe { Self::Unread } else { Self::Unwritable(error) }
    }
}

/// Why there is no picture.
enum Unanswered {
    /// The daemon did not answer.
    Away,
    /// It answered with a fault.
    Said(String),
}

#[derive(Default)]
struct Watch {
    address: String,
    what: What,
    output: Output,
    screen: Screen,
    picture: Option<Picture>,
    /// The version of the board at the last event: a lower one is that of another daemon.
    version: Option<u64>,
    /// Since when and why the daemon does not answer.
    away: Option<(Instant, Closed)>,
    /// What is said below the picture.
    note: String,
    /// What was said of a daemon that gives no stream.
    polls_because: String,
}

impl Watch {
    /// Goes from stream to stream.
    async fn goes_on(&mut self) -> Ended {
        loop {
            let round = match Stream::open(&self.address).await {
                Ok(stream) => self.follow(stream).await,
                Err(Closed::None(why)) => self.poll(&why).await,
                Err(closed) => self.waits(closed).await,
            };
            if let Err(ended) = round {
                return ended;
            }
        }
    }

    /// Follows one stream to its end.
    async fn follow(&mut self, mut stream: Stream) -> Result<(), Ended> {
        let mut gave = false;
        loop {
            tokio::select! {
                version = stream.next() => match version {
                    None => {
                        // A stream that ends at once is not opened again and again without a pause.
                        if !gave {
                            sleep(POLL).await;
                        }
                        return Ok(());
                    }
                    Some(version) => {
                        gave = true;
                        let restarted = self.version.is_some_and(|known| version < known);
                        self.version = Some(version);
                        self.is_back(restarted)?;
                        self.look().await?;
                    }
                },
                () = sleep(TICK), if self.screen.is_drawn() => self.draw(),
            }
        }
    }

    /// Asks again and again, for some time.
    async fn poll(&mut self, why: &str) -> Result<(), Ended> {
        self.is_back(false)?;
        let note = format!("{why}; asked every {} s instead", POLL.as_secs());
        // Kept apart from what else is said, or the two would be said in turn for ever.
        if self.polls_because != note {
            self.polls_because.clone_from(&note);
            self.note.clone_from(&note);
            self.tell(&note)?;
        }
        for _ in 0..POLLS {
            let answered = self.look().await?;
            sleep(POLL).await;
            if !answered {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The daemon is away: says so once, and waits a moment.
    async fn waits(&mut self, closed: Closed) -> Result<(), Ended> {
        let (Closed::Refused(why) | Closed::Silent(why) | Closed::None(why)) = &closed;
        self.note =
            format!("the daemon at {} does not answer: {why}; tried again every {} s", self.address, POLL.as_secs());
        // That nobody listened is remembered: then it is another daemon that answers again.
        let before = self.away.take();
        let (since, refused) = match before {
            Some((since, known)) => (since, matches!(known, Closed::Refused(_)).then_some(known)),
            None => {
                self.tell(&self.note.clone())?;
                (Instant::now(), None)
            }
        };
        self.away = Some((since, refused.unwrap_or(closed)));
        self.draw();
        sleep(POLL).await;
        Ok(())
    }

    /// The daemon answers. Says so when it did not, or is another one.
    fn is_back(&mut self, restarted: bool) -> Result<(), Ended> {
        let restarted = restarted || matches!(self.away, Some((_, Closed::Refused(_))));
        let away = self.away.take();
        if away.is_none() && !restarted {
            return Ok(());
        }
        let span = away.map(|(since, _)| format!(" after {} s", since.elapsed().as_secs())).unwrap_or_default();
        let how = if restarted { "was restarted and answers again" } else { "answers again" };
        self.note = format!("the daemon at {} {how}{span}", self.address);
        self.tell(&self.note.clone())
    }

    /// Looks, and shows what is new. `false` when there was no answer.
    async fn look(&mut self) -> Result<bool, Ended> {
        let picture = match self.ask().await {
            Ok(picture) => picture,
            // The end of the stream, or the next try, says that the daemon is away.
            Err(Unanswered::Away) => return Ok(false),
            Err(Unanswered::Said(why)) => {
                if self.note != why {
                    self.note.clone_from(&why);
                    self.tell(&why)?;
                }
                return Ok(false);
            }
        };
        let before = self.picture.replace(picture);
        let after = self.picture.as_ref().expect("it was put there");
        if self.screen.is_drawn() {
            self.draw();
            return Ok(true);
        }
        let news = match &before {
            None => news::first(&after.facts),
            Some(before) => news::since(&before.facts, &after.facts),
        };
        match self.output {
            Output::Text => news.iter().try_for_each(|line| self.tell(line))?,
            Output::Json if before.is_none() || !news.is_empty() => write(&format!("{}\n", after.json))?,
            Output::Json => {}
        }
        Ok(true)
    }

    async fn ask(&self) -> Result<Picture, Unanswered> {
        match &self.what {
            What::Fleet => {
                let json = self.answer("/api/v1/status").await?;
                let rows = self.answer(&format!("/api/v1/buckets?sort=worst&limit={WATCHED}")).await?;
                let findings = self.answer("/api/v1/findings").await?;
                let facts = news::fleet(&json, &rows, &findings);
                Ok(Picture { facts, json, rows, findings })
            }
            What::Bucket(id) => {
                let json = self.answer(&format!("/api/v1/buckets/{}/{}", id.account, id.name)).await?;
                Ok(Picture { facts: news::bucket(&json), json, rows: Value::Null, findings: Value::Null })
            }
        }
    }

    async fn answer(&self, path: &str) -> Result<Value, Unanswered> {
        let (status, body) = get(&self.address, path).await.map_err(|_| Unanswered::Away)?;
        match (status, body["error"].as_str()) {
            (200, _) => Ok(body),
            (_, Some(error)) => Err(Unanswered::Said(error.to_owned())),
            (status, None) => Err(Unanswered::Said(format!("status {status} for {path}"))),
        }
    }

    /// Says something that is no answer of the API: a line with its time, or what a machine can tell
    /// apart. A drawn picture has it at its foot.
    fn tell(&self, line: &str) -> Result<(), Ended> {
        if self.screen.is_drawn() {
            return Ok(());
        }
        let now = SystemClock.now().format("%Y-%m-%dT%H:%M:%SZ");
        match self.output {
            Output::Text => {
                let line = plain(&line.replace('\n', " "));
                let colored = color::is_on(color::Stream::Out);
                let (time, line) = if colored {
                    (Pen::Dim.ink(&now.to_string()), color::lay(Look::Status, &line))
                } else {
                    (now.to_string(), line)
                };
                write(&format!("{time} {line}\n"))
            }
            Output::Json => write(&format!("{}\n", json!({ "now": now.to_string(), "note": line }))),
        }
    }

    /// Draws the picture as it is now.
    fn draw(&mut self) {
        let now = SystemClock.now();
        let mut shown = match (&self.picture, &self.what) {
            (None, _) => String::new(),
            (Some(it), What::Fleet) => text::fleet(&it.json, &it.rows, &it.findings, now),
            (Some(it), What::Bucket(_)) => text::bucket(&it.json, now),
        };
        shown = plain(shown.trim_end());
        if color::is_on(color::Stream::Out) {
            shown = color::lay(Look::Status, &shown);
        }
        let note = if self.note.is_empty() { "watching; Ctrl-C ends it" } else { &self.note };
        self.screen.draw(&shown, &plain(note));
    }
}

/// Writes to stdout at once.
fn write(text: &str) -> Result<(), Ended> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Ended::from)
}

/// Where the picture is drawn; none where lines are written.
#[derive(Default)]
struct Screen {
    bar: Option<ProgressBar>,
}

impl Screen {
    fn new(output: Output) -> Self {
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        if output == Output::Json || dumb || !std::io::stdout().is_terminal() {
            return Self::default();
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
        bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { bar: Some(bar) }
    }

    fn is_drawn(&self) -> bool {
        self.bar.is_some()
    }

    /// Draws the picture over the one before it. What the terminal is too low for is left out.
    fn draw(&self, picture: &str, note: &str) {
        let Some(bar) = &self.bar else { return };
        let note = if color::is_on(color::Stream::Out) { Pen::Dim.ink(note) } else { note.to_owned() };
        bar.set_message(format!("{picture}\n\n{note}"));
        bar.tick();
    }

    /// Leaves the last picture standing.
    fn leave(&self) {
        let Some(bar) = &self.bar else { return };
        // The terminal has written `^C` where it stood, so nothing can be drawn over it any more.
        bar.set_draw_target(ProgressDrawTarget::hidden());
        // Nobody is left to tell of a fault.
        let _ = write("\n");
    }
}

/// So many rows are drawn; text::fleet counts the rest.
const _: () = assert!(LISTED <= WATCHED, "what is drawn is among what is watched");
