//! Making a planned change, and proving it: look again, write, read back.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cloud::{Cloud, S3Error, S3ErrorKind, Target};
use crate::doc::Doc;
use crate::plan::Step;
use crate::settings;

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Applied {
    /// It was read back as written; this is what S3 answers now.
    Proved(Doc),
    /// S3 took it, and this is what it reads back.
    Unproved(Doc),
    /// Between plan and write somebody changed the setting to this; nothing was written.
    Stale(Doc),
    /// It failed, and S3 kept what it had.
    Failed(S3Error),
    /// It was sent, and then something failed. What stands in S3 now is not known.
    Lost(S3Error),
    /// The daemon is to end, and it was not begun.
    Interrupted,
}

impl Applied {
    /// One word for it, for traces.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proved(_) => "proved",
            Self::Unproved(_) => "unproved",
            Self::Stale(_) => "stale",
            Self::Failed(_) | Self::Lost(_) => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How long to wait between a write and each read that is to prove it: S3 may take a moment to
/// show a change of configuration. The first read comes at once.
#[derive(Debug, Clone)]
pub struct Proof(pub Vec<Duration>);

impl Default for Proof {
    fn default() -> Self {
        Self([200, 500, 1_000, 3_000].map(Duration::from_millis).to_vec())
    }
}

/// Makes one step. A write that was begun is finished and proved even when the daemon is to end:
/// `stop` only keeps it from being begun, and shortens the waiting for the proof. `foreign` are the
/// fields unknown to this version that the plan knew of: a write removes them, so none may be there
/// that the plan did not see.
pub async fn apply(
    cloud: &dyn Cloud,
    target: &Target,
    step: &Step,
    foreign: &[String],
    proof: &Proof,
    stop: &CancellationToken,
) -> Applied {
    if stop.is_cancelled() {
        return Applied::Interrupted;
    }
    let seen = match stop.run_until_cancelled(cloud.read(target, step.setting)).await {
        None => return Applied::Interrupted,
        Some(Ok(seen)) => seen,
        Some(Err(error)) => return Applied::Failed(error),
    };
    if seen != step.from || !cloud.foreign_fields(target, step.setting).iter().all(|it| foreign.contains(it)) {
        return Applied::Stale(seen);
    }
    if stop.is_cancelled() {
        return Applied::Interrupted;
    }
    // What S3 never answers cannot be proved; it is left out on both sides.
    let shown = |doc: &Doc| settings::named(step.setting).shown(doc);
    let wanted = shown(&step.to);
    if let Err(error) = cloud.write(target, step.setting, &seen, &step.to).await {
        // It waited for its turn, and was not sent.
        if error.kind == S3ErrorKind::Forbidden && stop.is_cancelled() {
            return Applied::Interrupted;
        }
        // A refusal changed nothing. Who got no answer, or one of a fault inside S3, must look.
        if !matches!(error.kind, S3ErrorKind::Transport | S3ErrorKind::Server) {
            return Applied::Failed(error);
        }
        return match cloud.read(target, step.setting).await {
            Ok(found) if shown(&found) == wanted => Applied::Proved(found),
            Ok(found) if found == seen => Applied::Failed(error),
            _ => Applied::Lost(error),
        };
    }
    let mut waits = proof.0.iter();
    let mut read_back = None;
    loop {
        match cloud.read(target, step.setting).await {
            Ok(found) if shown(&found) == wanted => return Applied::Proved(found),
            Ok(found) => {
                let Some(wait) = waits.next() else { return Applied::Unproved(found) };
                if stop.run_until_cancelled(tokio::time::sleep(*wait)).await.is_none() {
                    return Applied::Unproved(found);
                }
                read_back = Some(found);
            }
            Err(error) => match read_back {
                // It is not read once more, and this is what it read back.
                Some(found) if error.kind == S3ErrorKind::Forbidden => return Applied::Unproved(found),
                _ => return Applied::Lost(error),
            },
        }
    }
}
