//! Which revision passed the fleet breaker last: it alone says whether a sweep is gated, and since
//! what. The history keeps its name over a restart, so that drift is told from a revision that is
//! held, and what it asked for is read from the source again.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::assemble;
use super::follow::InForce;
use super::remember::PASSED;
use crate::bucket::BucketId;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::desired::Desired;
use crate::history::History;
use crate::reconcile::{Before, Gate, Unweighed};
use crate::settings;
use crate::source::short;
use crate::verdict::EXISTENCE;

/// What the history keeps of the last revision that passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Mark {
    revision: String,
    /// What decides, beside the revision, what is asked of the fleet.
    beside: String,
    /// Whether all of it was in force: no older form stood in for a file with a fault.
    whole: bool,
    /// What it was not weighed by.
    unweighed: Vec<(BucketId, Vec<String>)>,
}

/// The last revision that passed.
pub(super) struct Passed {
    beside: String,
    mark: Option<Mark>,
    /// What has passed. After a restart it is known as soon as a sweep needs it.
    before: Option<Before>,
    /// Whether the source was asked for it.
    asked: bool,
    /// Whether the history has the mark.
    kept: bool,
}

impl Passed {
    /// The one of an earlier life. Nothing, where the history does not know: then the revision in
    /// force has to pass.
    pub(super) async fn remembered(config: &Config, history: &History) -> Self {
        let kept = history.cached(PASSED).await.unwrap_or_else(|error| {
            tracing::warn!("which revision passed the fleet breaker is not remembered: {error}");
            None
        });
        let mark: Option<Mark> = kept.and_then(|text| serde_json::from_str(&text).ok());
        Self { beside: beside(config), kept: mark.is_some(), mark, before: None, asked: false }
    }

    /// How a sweep is gated while this is in force.
    pub(super) async fn gate(&mut self, in_force: &InForce, config: &Config, now: Timestamp) -> Gate {
        let Some(mark) = &self.mark else { return Gate::Whole };
        if self.is_of(in_force) {
            let unweighed = mark.unweighed();
            if unweighed.is_empty() {
                self.before = Some(Before::all(Arc::clone(&in_force.desired)));
                return Gate::Open;
            }
            let before = self.before.get_or_insert_with(|| Before::but(&in_force.desired, unweighed, None));
            return Gate::Since(before.clone());
        }
        if self.before.is_none() && !self.asked {
            self.asked = true;
            match recalled(mark, &self.beside, config, now).await {
                Ok(desired) => self.before = Some(Before::but(&Arc::new(desired), mark.unweighed(), None)),
                Err(why) => tracing::info!(
                    "what revision {} asked for, which passed the fleet breaker last, is not known any more: {why}; \
                     until {} passes, no drift is told from what it asks anew",
                    short(&mark.revision),
                    short(&in_force.revision)
                ),
            }
        }
        self.before.clone().map_or(Gate::Whole, Gate::Since)
    }

    /// It has passed, without what the sweep could not weigh it by.
    pub(super) async fn note(&mut self, in_force: &InForce, unweighed: Unweighed, history: &History) {
        let again = self.is_of(in_force);
        let unweighed = match &self.before {
            Some(before) if again => before.still_unweighed(&unweighed),
            _ => unweighed,
        };
        let declared = |(id, _): &(BucketId, BTreeSet<&str>)| in_force.desired.buckets.contains_key(id);
        let unweighed: Unweighed = unweighed.into_iter().filter(declared).collect();
        let mark = Mark {
            revision: in_force.revision.to_string(),
            beside: self.beside.clone(),
            whole: in_force.faulty.is_empty(),
            unweighed: unweighed
                .iter()
                .map(|(id, it)| (id.clone(), it.iter().map(ToString::to_string).collect()))
                .collect(),
        };
        if self.kept && self.mark.as_ref() == Some(&mark) {
            return;
        }
        self.before = Some(Before::but(&in_force.desired, unweighed, self.before.as_ref()));
        let text = serde_json::to_string(&mark).expect("a mark is plain data");
        let kept = history.put_cached(PASSED, text).await;
        if let Err(error) = &kept {
            tracing::debug!("that a revision passed the fleet breaker is not kept: {error}");
        }
        self.kept = kept.is_ok();
        self.mark = Some(mark);
    }

    fn is_of(&self, in_force: &InForce) -> bool {
        self.mark.as_ref().is_some_and(|it| *it.revision == *in_force.revision && it.beside == self.beside)
    }
}

impl Mark {
    fn unweighed(&self) -> Unweighed {
        // A name that this version does not know stands for all of the bucket.
        let named = |name: &String| settings::find(name).map_or(EXISTENCE, |setting| setting.name());
        self.unweighed.iter().map(|(id, names)| (id.clone(), names.iter().map(named).collect())).collect()
    }
}

/// What an earlier revision asked for, read again; or why that cannot be told.
async fn recalled(mark: &Mark, beside: &str, config: &Config, now: Timestamp) -> Result<Desired, String> {
    /// An older form that stood in for a file is not kept once the file is good again, and one that
    /// came later would let the revision that is held pass for the one before.
    const AT_FAULT: &str = "a file of it was at fault";
    if mark.beside != beside {
        return Err("it passed under another configuration or version".to_owned());
    }
    if !mark.whole {
        return Err(AT_FAULT.to_owned());
    }
    let source = assemble::source(config).map_err(|error| error.to_string())?;
    let tree = source.load(&mark.revision).await.map_err(|error| error.to_string())?;
    let tree = tree.ok_or("the source does not have it")?;
    let config = config.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let (mut desired, loaded) = assemble::load_files(&config, &tree, &(), now);
        desired.revision = Some(Arc::new(tree.revision));
        (desired, loaded)
    });
    let (desired, loaded) = reading.await.map_err(|error| error.to_string())?;
    if loaded.faulty.is_empty() { Ok(desired) } else { Err(AT_FAULT.to_owned()) }
}

/// A configuration or a version of driftless that asks for something else is as a new revision.
fn beside(config: &Config) -> String {
    let places: Vec<_> = config.accounts.iter().map(|it| (&it.name, &it.id, &it.endpoint)).collect();
    let source = (config.source.git.as_ref().map(|it| (&it.url, &it.path)), &config.source.dir);
    let all = format!("{:?} {:?} {places:?} {source:?} {}", config.agent(), config.policies, env!("CARGO_PKG_VERSION"));
    hex::encode(&Sha256::digest(all)[..8])
}
