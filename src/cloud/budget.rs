//! The request budget of one account: so many requests a second, and so many under way at once.
//!
//! AWS publishes no limit for these operations, so the number under way grows by itself while
//! nothing is refused, and halves when S3 says to slow down.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
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
        Arc::new(Self { bounds, state: Mutex::new(state), freed: Notify::new() })
    }

    /// Waits for leave to make one request.
    pub async fn enter(self: &Arc<Self>) -> Permit {
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
