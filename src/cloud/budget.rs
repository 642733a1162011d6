//! The request budget of one account: so many requests a second, and so many under way at once.
//!
//! AWS publishes no limit for these operations, so the number under way grows by itself while
//! nothing is refused, and halves when S3 says to slow down.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Mutex as Door, Notify};
use tokio::time::Instant;

/// The bounds of a budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Requests a second, at most; unbounded when `None`.
    pub rate: Option<f64>,
    /// Requests under way at once when the daemon begins.
    pub start: usize,
    /// Requests under way at once, at most.
    pub most: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { rate: None, start: 16, most: 256 }
    }
}

/// The budget of one account.
#[derive(Debug)]
pub struct Budget {
    bounds: Bounds,
    state: Mutex<State>,
    /// The queue: whoever holds it is first, and the only one who waits for a place or for the rate.
    /// It is fair, and whoever waits at it costs no allocation.
    door: Door<()>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: f64,
    under_way: usize,
    tokens: f64,
    filled_at: Instant,
    cut_at: Option<Instant>,
}

/// Leave to make one request. Say how it ended with [`Permit::end`].
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    since: Instant,
    end: Option<End>,
}

/// How a request ended, as far as the budget cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// S3 took it.
    Taken,
    /// S3 asked to slow down.
    Refused,
}

impl Budget {
    /// A budget within bounds.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let state = State {
            limit: bounds.start.clamp(1, bounds.most.max(1)) as f64,
            under_way: 0,
            tokens: bounds.rate.unwrap_or(0.0).max(1.0),
            filled_at: Instant::now(),
            cut_at: None,
        };
        Arc::new(Self { bounds, state: Mutex::new(state), door: Door::new(()), freed: Notify::new() })
    }

    /// Waits for leave to make one request. Leave is given in the order in which it was asked for;
    /// whoever stops waiting gives nothing away but his turn.
    pub async fn enter(self: &Arc<Self>) -> Permit {
        let _first = self.door.lock().await;
        loop {
            let freed = self.freed.notified();
            match self.try_enter() {
                Ok(()) => return Permit { budget: Arc::clone(self), since: Instant::now(), end: None },
                Err(Some(wait)) => tokio::time::sleep(wait).await,
                Err(None) => freed.await,
            }
        }
    }

    /// Enters, or says how long until the rate allows it, or that too many are under way.
    fn try_enter(&self) -> Result<(), Option<Duration>> {
        let mut state = self.lock();
        if state.under_way >= (state.limit as usize).max(1) {
            return Err(None);
        }
        if let Some(rate) = self.bounds.rate {
            let now = Instant::now();
            let filled = state.tokens + now.duration_since(state.filled_at).as_secs_f64() * rate;
            state.tokens = filled.min(rate.max(1.0));
            state.filled_at = now;
            if state.tokens < 1.0 {
                return Err(Some(Duration::from_secs_f64(((1.0 - state.tokens) / rate).max(0.001))));
            }
            state.tokens -= 1.0;
        }
        state.under_way += 1;
        Ok(())
    }

    /// How many requests may be under way now.
    pub fn limit(&self) -> f64 {
        self.lock().limit
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
    }

    fn leave(&self, end: Option<End>, since: Instant) {
        let mut state = self.lock();
        let full = state.under_way >= (state.limit as usize).max(1);
        state.under_way -= 1;
        match end {
            // Grows only while it is the limit that keeps more from being under way.
            Some(End::Taken) if full => {
                state.limit = (state.limit + 1.0 / state.limit).min(self.bounds.most.max(1) as f64);
            }
            // Requests that were under way together are refused together; that is one refusal.
            Some(End::Refused) if state.cut_at.is_none_or(|cut| since > cut) => {
                state.limit = (state.limit / 2.0).max(1.0);
                state.cut_at = Some(Instant::now());
            }
            _ => {}
        }
        drop(state);
        self.freed.notify_one();
    }
}

impl Permit {
    /// Ends the request.
    pub fn end(mut self, end: End) {
        self.end = Some(end);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.leave(self.end, self.since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_grows_while_nothing_is_refused_and_halves_when_something_is() {
        let budget = Budget::new(Bounds { rate: None, start: 4, most: 8 });
        for _ in 0..200 {
            let mut permits = Vec::new();
            while budget.try_enter().is_ok() {
                permits.push(Permit { budget: Arc::clone(&budget), since: Instant::now(), end: None });
            }
            permits.into_iter().for_each(|permit| permit.end(End::Taken));
        }
        assert!((budget.limit() - 8.0).abs() < f64::EPSILON, "it grew to its bound: {}", budget.limit());

        let together: Vec<Permit> = vec![budget.enter().await, budget.enter().await, budget.enter().await];
        together.into_iter().for_each(|permit| permit.end(End::Refused));
        assert!((budget.limit() - 4.0).abs() < f64::EPSILON, "three refused together halve once: {}", budget.limit());
    }

    #[tokio::test]
    async fn a_request_that_is_given_up_frees_its_place() {
        let budget = Budget::new(Bounds { rate: None, start: 1, most: 1 });
        let permit = budget.enter().await;
        assert!(budget.try_enter().is_err());
        drop(permit);
        assert!(budget.try_enter().is_ok());
    }

    /// Asks for leave so many times at once, and tells in which order it was given and when.
    fn waiting(budget: &Arc<Budget>, many: usize) -> tokio::task::JoinSet<(usize, Duration)> {
        let begun = Instant::now();
        let mut set = tokio::task::JoinSet::new();
        for number in 0..many {
            let budget = Arc::clone(budget);
            set.spawn(async move {
                budget.enter().await.end(End::Taken);
                (number, begun.elapsed())
            });
        }
        set
    }

    /// All who waited for the rate once woke together and the quickest went first, so that one who
    /// was asked for early could wait for ever.
    #[tokio::test(start_paused = true)]
    async fn whoever_asks_first_goes_first_by_the_rate_and_by_the_number() {
        for bounds in [
            Bounds { rate: Some(1.0), start: 100, most: 100 },
            Bounds { rate: None, start: 1, most: 1 },
            Bounds { rate: Some(7.0), start: 2, most: 2 },
        ] {
            let mut set = waiting(&Budget::new(bounds), 64);
            let mut order = Vec::new();
            while let Some(done) = set.join_next().await {
                order.push(done.expect("it does not panic").0);
            }
            assert_eq!(order, (0..64).collect::<Vec<_>>(), "{bounds:?}");
        }
    }

    /// One that gave up in the queue once could take the wake-up of the next with it.
    #[tokio::test(start_paused = true)]
    async fn whoever_stops_waiting_keeps_nobody_behind_from_going() {
        let budget = Budget::new(Bounds { rate: Some(1.0), start: 1, most: 1 });
        let held = budget.enter().await;
        let mut given_up = waiting(&budget, 5);
        tokio::task::yield_now().await;
        let mut patient = waiting(&budget, 1);
        tokio::task::yield_now().await;
        given_up.shutdown().await;
        held.end(End::Taken);
        let (_, after) = patient.join_next().await.expect("one").expect("it does not panic");
        assert!(after <= Duration::from_secs(2), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_shrinks_and_grows_while_others_wait() {
        let budget = Budget::new(Bounds { rate: None, start: 4, most: 8 });
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(budget.enter().await);
        }
        let mut set = waiting(&budget, 200);
        tokio::time::advance(Duration::from_secs(1)).await;
        held.pop().expect("four").end(End::Refused);
        assert!((budget.limit() - 2.0).abs() < f64::EPSILON);
        tokio::task::yield_now().await;
        assert_eq!(set.try_join_next().map(|_| ()), None, "three are under way and two may be");
        held.clear();
        while let Some(done) = set.join_next().await {
            done.expect("it does not panic");
        }
        assert!(budget.limit() >= 2.0, "{}", budget.limit());
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept() {
        let budget = Budget::new(Bounds { rate: Some(10.0), start: 100, most: 100 });
        let begun = Instant::now();
        for _ in 0..30 {
            budget.enter().await.end(End::Taken);
        }
        let took = begun.elapsed().as_secs_f64();
        assert!((1.9..2.2).contains(&took), "ten at once, then ten a second: {took}");
    }
}
