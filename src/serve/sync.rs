//! Asking for a sweep: for whoever knows the token, and only where the configuration has one. The page
//! keeps no session, so nobody's browser carries a right that another site could use.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::Serve;
use super::connections::Peer;
use super::fault::Fault;

/// Wrong tokens from one address in a minute; then no token from there is looked at until it is
/// over, not even the right one: a guess that may be right is what is counted.
const GUESSES: usize = 10;
/// Addresses from which wrong tokens came within a minute; then none from another is looked at.
const GUESSERS: usize = 1024;
/// Sweeps that may be asked for in a minute. Those that come while one runs are one.
const ASKED: usize = 120;
/// The span in which both are counted.
const MINUTE: Duration = Duration::from_mins(1);

/// What lets somebody ask for a sweep. Only its digest is kept.
#[derive(Clone)]
pub struct Token {
    digest: [u8; 32],
    /// What a form must bring back: it was on a page of this process, which no other site can read.
    guard: u128,
}

impl Token {
    /// How many characters a token has at least: fewer can be guessed.
    pub const SHORTEST: usize = 16;

    /// A token as it stands in the configuration.
    pub fn new(token: &str) -> Self {
        use std::hash::{BuildHasher, RandomState};
        // The keys of the standard library's hash tables come from the system's randomness.
        let random = || u128::from(RandomState::new().hash_one(0_u8));
        Self { digest: Sha256::digest(token).into(), guard: random() << 64 | random() }
    }

    /// Every byte is looked at, whatever the first ones say; and of digests, so that the time says
    /// nothing of the token.
    fn is(&self, given: &str) -> bool {
        same(&self.digest, &Sha256::digest(given))
    }

    /// What the form carries.
    pub(super) fn guard(&self) -> String {
        format!("{:032x}", self.guard)
    }
}

/// Whether two texts of one length are the same, in a time that does not depend on where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0, |differ, (a, b)| std::hint::black_box(differ | (a ^ b)));
    one.len() == other.len() && differ == 0
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Counts what was asked within the last minute.
#[derive(Debug, Default)]
pub(super) struct Pace {
    wrong: Mutex<HashMap<IpAddr, VecDeque<Instant>>>,
    right: Mutex<VecDeque<Instant>>,
}

/// Forgets what is older than a minute, and says how many are left.
fn recent(times: &mut VecDeque<Instant>, now: Instant) -> usize {
    while times.front().is_some_and(|at| now - *at >= MINUTE) {
        times.pop_front();
    }
    times.len()
}

impl Pace {
    /// Lets whoever knows the token through.
    pub(super) fn admit(&self, token: Option<&Token>, peer: IpAddr, given: Option<&str>) -> Result<(), Fault> {
        let Some(token) = token else {
            return Err(Fault::not_found(
                "syncing on demand is not enabled",
                "set a token in the agent's configuration to enable it",
            ));
        };
        let slower = |error: &str| Fault::new(StatusCode::TOO_MANY_REQUESTS, error, "try again in a minute");
        // Whoever gives none does not guess.
        let given = given.filter(|given| !given.is_empty());
        if given.is_some() && !self.may_guess(peer) {
            return Err(slower("too many wrong tokens within a minute"));
        }
        if !given.is_some_and(|given| token.is(given)) {
            let mut wrong = self.wrong();
            if given.is_some() && (wrong.len() < GUESSERS || wrong.contains_key(&peer)) {
                wrong.entry(peer).or_default().push_back(Instant::now());
            }
            drop(wrong);
            return Err(Fault::new(
                StatusCode::UNAUTHORIZED,
                "the token is missing or wrong",
                "send `Authorization: Bearer TOKEN`, or the token in the form",
            ));
        }
        let (mut right, now) = (self.right.lock().expect("no holder of the lock panics"), Instant::now());
        if recent(&mut right, now) >= ASKED {
            return Err(slower("too many sweeps were asked for within a minute"));
        }
        right.push_back(now);
        Ok(())
    }

    /// Whether a token from there is looked at.
    fn may_guess(&self, peer: IpAddr) -> bool {
        let (mut wrong, now) = (self.wrong(), Instant::now());
        if let Some(times) = wrong.get_mut(&peer) {
            return recent(times, now) < GUESSES;
        }
        if wrong.len() >= GUESSERS {
            wrong.retain(|_, times| recent(times, now) > 0);
        }
        // Who guesses from very many addresses must not lock out those who know it.
        true
    }

    fn wrong(&self) -> MutexGuard<'_, HashMap<IpAddr, VecDeque<Instant>>> {
        self.wrong.lock().expect("no holder of the lock panics")
    }
}

/// The token of a header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, given) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| given.trim())
}

/// What the form of the page says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    token: String,
    guard: String,
    /// The page that it stands on.
    pub(super) from: Page,
}

/// The pages with the form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::serve) enum Page {
    /// The first.
    #[default]
    Fleet,
    /// The source.
    Source,
}

impl Page {
    /// The word for it in the form.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Source => "source",
        }
    }

    /// Its address.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Fleet => "/",
            Self::Source => "/source",
        }
    }
}

impl Form {
    /// Reads the pairs of a form.
    pub(super) fn of(pairs: Vec<(String, String)>) -> Self {
        let mut form = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "token" => form.token = value.trim().to_owned(),
                "guard" => form.guard = value,
                "from" if value == Page::Source.word() => form.from = Page::Source,
                _ => {}
            }
        }
        form
    }
}

/// Whether a form may be heard: it comes from a page of this server, as far as the browser says where
/// it comes from, and brings what only such a page has.
pub(super) fn heard(serve: &Serve, headers: &HeaderMap, form: &Form) -> Result<(), Fault> {
    let foreign = |error: &str| Fault::new(StatusCode::FORBIDDEN, error, "use the form on the first page");
    let said = |name: &str| headers.get(name).map(|it| it.to_str().unwrap_or("?").to_owned());
    match (said("sec-fetch-site"), said("origin"), said("host")) {
        (Some(site), ..) if site != "same-origin" => return Err(foreign("another site sent the form")),
        // A browser tells `null` where the page asks it to name no page, as ours do.
        (None, Some(origin), host) if origin != "null" => {
            let from = origin.split_once("://").map(|(_, host)| host);
            if from.is_none() || from != host.as_deref() {
                return Err(foreign("another site sent the form"));
            }
        }
        _ => {}
    }
    let Some(token) = &serve.options.token else { return Ok(()) };
    if !same(token.guard().as_bytes(), form.guard.as_bytes()) {
        return Err(Fault::new(
            StatusCode::FORBIDDEN,
            "the form is of an older page, or of no page",
            "load the page again and send it from there",
        ));
    }
    Ok(())
}

/// Takes what a form asks for.
pub(super) fn take(serve: &Serve, pace: &Pace, peer: Peer, headers: &HeaderMap, form: &Form) -> Result<(), Fault> {
    heard(serve, headers, form)?;
    pace.admit(serve.options.token.as_ref(), peer.0, Some(&form.token))?;
    (serve.wake)();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_texts_are_the_same_only_when_they_are() {
        assert!(same(b"abc", b"abc") && same(b"", b""));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab") && !same(b"", b"a"));
    }

    fn asked(pace: &Pace, last: u8, given: &str) -> u16 {
        let token = Token::new("the right token of sixteen");
        let admitted = pace.admit(Some(&token), IpAddr::from([10, 0, 0, last]), Some(given));
        admitted.map_or_else(|fault| fault.status.as_u16(), |()| 202)
    }

    /// The right guess among refused ones was once let in, so that the limit limited nothing.
    #[tokio::test(start_paused = true)]
    async fn after_ten_wrong_tokens_none_from_there_is_looked_at_for_a_minute() {
        let (pace, right) = (Pace::default(), "the right token of sixteen");
        for _ in 0..10 {
            assert_eq!(asked(&pace, 1, "a guess"), 401);
        }
        for _ in 0..100 {
            assert_eq!((asked(&pace, 1, "a guess"), asked(&pace, 1, right)), (429, 429));
        }
        assert_eq!((asked(&pace, 2, right), asked(&pace, 1, "")), (202, 401), "others go on, and none is no guess");
        tokio::time::advance(MINUTE).await;
        assert_eq!((asked(&pace, 1, right), asked(&pace, 1, "a guess")), (202, 401));
    }

    #[tokio::test(start_paused = true)]
    async fn guesses_from_everywhere_end_too_and_take_no_memory_for_ever() {
        let pace = Pace::default();
        let from = |number: u32| pace.admit(Some(&Token::new("right")), IpAddr::from(number.to_be_bytes()), Some("no"));
        for number in 0..2000 {
            assert!(from(number).is_err());
        }
        assert_eq!(pace.wrong().len(), GUESSERS);
        // Whoever knows the token is not locked out by them.
        assert_eq!(asked(&pace, 1, "the right token of sixteen"), 202);
        tokio::time::advance(MINUTE).await;
        assert_eq!(asked(&pace, 1, "the right token of sixteen"), 202);
        assert_eq!(pace.wrong().len(), 0);
    }

    #[test]
    fn each_process_has_a_guard_of_its_own() {
        let (one, other) = (Token::new("x"), Token::new("x"));
        assert!(one.is("x") && !one.is("y") && !one.is(""));
        assert_ne!(one.guard(), other.guard());
        assert_eq!(one.guard().len(), 32);
    }

    #[test]
    fn a_form_leads_back_to_one_of_two_pages_whatever_it_says() {
        let pairs = |pairs: &[(&str, &str)]| Form::of(pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect());
        assert_eq!(pairs(&[("from", "source")]).from.path(), "/source");
        assert_eq!(pairs(&[("from", "//evil.example"), ("other", "x")]).from.path(), "/");
        assert_eq!(
            pairs(&[("token", " t "), ("guard", "g")]),
            Form { token: "t".into(), guard: "g".into(), from: Page::Fleet }
        );
    }
}
