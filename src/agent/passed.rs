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
    /// Why it is not known, where the source was asked for it.
    lost: Option<Lost>,
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
        Self { beside: beside(config), kept: mark.is_some(), mark, before: None, lost: None }
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
        if self.before.is_none() && !matches!(self.lost, Some(Lost::ForEver(_))) {
            match recalled(mark, &self.beside, config, now).await {
                Ok(desired) => self.before = Some(Before::but(&Arc::new(desired), mark.unweighed(), None)),
                Err(lost) => {
                    lost.say_after(self.lost.as_ref(), &mark.revision, &in_force.revision);
                    self.lost = Some(lost);
                }
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

/// Why it cannot be told what an earlier revision asked for.
#[derive(Debug)]
enum Lost {
    /// Nothing will bring it back.
    ForEver(&'static str),
    /// The next sweep may be told: the local copy may be in other hands at this moment.
    ForNow(String),
}

impl Lost {
    /// Says it, once each.
    fn say_after(&self, before: Option<&Self>, revision: &str, in_force: &str) {
        let (revision, in_force) = (short(revision), short(in_force));
        match (self, before) {
            (Self::ForEver(why), _) => tracing::warn!(
                "what revision {revision} asked for, which passed the fleet breaker last, is not known any more: {why}; \
                 until {in_force} passes, no drift is told from what it asks anew"
            ),
            (Self::ForNow(why), None) => tracing::warn!(
                "what revision {revision} asked for, which passed the fleet breaker last, cannot be read: {why}; \
                 every sweep tries again, and until then no drift is told from what {in_force} asks anew"
            ),
            (Self::ForNow(_), Some(_)) => {}
        }
    }

    fn for_now(error: impl std::fmt::Display) -> Self {
        Self::ForNow(error.to_string())
    }
}

/// What an earlier revision asked for, read again; or why that cannot be told.
async fn recalled(mark: &Mark, beside: &str, config: &Config, now: Timestamp) -> Result<Desired, Lost> {
    /// An older form that stood in for a file is not kept once the file is good again, and one that
    /// came later would let the revision that is held pass for the one before.
    const AT_FAULT: Lost = Lost::ForEver("a file of it was at fault");
    if mark.beside != beside {
        return Err(Lost::ForEver("it passed under another configuration or version"));
    }
    if !mark.whole {
        return Err(AT_FAULT);
    }
    if config.source.git.is_none() {
        return Err(Lost::ForEver("the source is a folder, which keeps no older state"));
    }
    let source = assemble::source(config).map_err(Lost::for_now)?;
    let tree = source.load(&mark.revision).await.map_err(Lost::for_now)?;
    let tree = tree.ok_or_else(|| Lost::for_now("the local copy of the source does not have it"))?;
    let config = config.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let (mut desired, loaded) = assemble::load_files(&config, &tree, &(), now);
        desired.revision = Some(Arc::new(tree.revision));
        (desired, loaded)
    });
    let (desired, loaded) = reading.await.map_err(Lost::for_now)?;
    if loaded.faulty.is_empty() { Ok(desired) } else { Err(AT_FAULT) }
}

/// A configuration or a version of driftless that asks for something else is as a new revision.
fn beside(config: &Config) -> String {
    let places: Vec<_> = config.accounts.iter().map(|it| (&it.name, &it.id, &it.endpoint)).collect();
    let source = (config.source.git.as_ref().map(|it| (&it.url, &it.path)), &config.source.dir);
    let all = format!("{:?} {:?} {places:?} {source:?} {}", config.agent(), config.policies, env!("CARGO_PKG_VERSION"));
    hex::encode(&Sha256::digest(all)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Reference;
    use crate::telemetry;

    /// A daemon that was started anew while the local copy was made anew never again told drift from
    /// what a held revision asks.
    #[tokio::test]
    async fn what_passed_is_asked_for_again_until_the_local_copy_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (aside, data) = (folder.path().join("aside"), folder.path().join("data"));
        let repository = git2::Repository::init_bare(&aside).expect("a repository");
        let tree = repository.treebuilder(None).and_then(|tree| tree.write()).expect("a tree");
        let tree = repository.find_tree(tree).expect("it is there");
        let author = git2::Signature::now("Ada", "ada@example.com").expect("an author");
        let commit =
            repository.commit(Some("HEAD"), &author, &author, "one", &tree, &[]).expect("a commit").to_string();

        let url = "https://git.example.com/specs.git";
        let text = format!("source: {{git: {{url: \"{url}\"}}}}\ndataDir: {data:?}\n");
        let config = crate::config::parse("config.yaml", &text, &[]).expect("a good configuration");
        let now = "2026-11-22T12:00:00Z".parse().expect("a moment");
        let mark = |whole| Mark { revision: commit.clone(), beside: beside(&config), whole, unweighed: Vec::new() };
        let passed =
            |whole| Passed { beside: beside(&config), mark: Some(mark(whole)), before: None, lost: None, kept: true };
        let in_force = InForce {
            desired: Arc::default(),
            revision: "another".into(),
            faulty: Arc::default(),
            mark: telemetry::Mark::default(),
        };
        let (mut asks, mut never) = (passed(true), passed(false));
        for _ in 0..2 {
            assert!(matches!(asks.gate(&in_force, &config, now).await, Gate::Whole));
            assert!(matches!(never.gate(&in_force, &config, now).await, Gate::Whole));
        }
        // Where the source keeps its copy.
        let reference = Reference::branch("main").expect("a branch");
        let store = data.join(format!("git-{}", hex::encode(&Sha256::digest(format!("{url}\n{reference}"))[..8])));
        std::fs::create_dir_all(&store).expect("a folder");
        std::fs::rename(&aside, store.join("repository.git")).expect("it is moved");
        assert!(matches!(asks.gate(&in_force, &config, now).await, Gate::Since(_)));
        // What nothing brings back is not asked for again.
        never.mark = Some(mark(true));
        assert!(matches!(never.gate(&in_force, &config, now).await, Gate::Whole));
    }
}
