//! Which revision passed the fleet breaker last: it alone says whether a sweep is gated, and since
//! what. The history keeps its name over a restart, so that drift is told from a revision that is
//! held.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::follow::InForce;
use super::remember::PASSED;
use crate::config::Config;
use crate::desired::Desired;
use crate::history::History;
use crate::reconcile::Gate;

/// The last revision that passed.
pub(super) struct Passed {
    /// What decides, beside the revision, what is asked of the fleet.
    beside: String,
    mark: Option<String>,
    /// What it asks for. After a restart it is known when it is in force, and not before.
    desired: Option<Arc<Desired>>,
    /// Whether the history has the mark.
    kept: bool,
}

impl Passed {
    /// The one of an earlier life. Nothing, where the history does not know: then the revision in
    /// force has to pass.
    pub(super) async fn remembered(config: &Config, history: &History) -> Self {
        let mark = history.cached(PASSED).await.unwrap_or_else(|error| {
            tracing::warn!("which revision passed the fleet breaker is not remembered: {error}");
            None
        });
        Self { beside: beside(config), kept: mark.is_some(), mark, desired: None }
    }

    /// How a sweep is gated while this is in force.
    pub(super) fn gate(&mut self, in_force: &InForce) -> Gate {
        if self.mark.as_ref() == Some(&self.mark_of(in_force)) {
            self.desired = Some(Arc::clone(&in_force.desired));
            return Gate::Open;
        }
        self.desired.clone().map_or(Gate::Whole, Gate::Since)
    }

    /// It has passed.
    pub(super) async fn note(&mut self, in_force: &InForce, history: &History) {
        let mark = self.mark_of(in_force);
        if self.kept && self.mark.as_ref() == Some(&mark) {
            return;
        }
        self.desired = Some(Arc::clone(&in_force.desired));
        let kept = history.put_cached(PASSED, mark.clone()).await;
        if let Err(error) = &kept {
            tracing::debug!("that a revision passed the fleet breaker is not kept: {error}");
        }
        self.kept = kept.is_ok();
        self.mark = Some(mark);
    }

    fn mark_of(&self, in_force: &InForce) -> String {
        format!("{} {}", in_force.revision, self.beside)
    }
}

/// A configuration or a version of driftless that asks for something else is as a new revision.
fn beside(config: &Config) -> String {
    let places: Vec<_> = config.accounts.iter().map(|it| (&it.name, &it.id, &it.endpoint)).collect();
    let source = (config.source.git.as_ref().map(|it| (&it.url, &it.path)), &config.source.dir);
    let all = format!("{:?} {:?} {places:?} {source:?} {}", config.agent(), config.policies, env!("CARGO_PKG_VERSION"));
    hex::encode(&Sha256::digest(all)[..8])
}
