//! What a sink is told of a revision: how it came out, when that is new (pure).

use std::collections::{BTreeMap, BTreeSet};

use super::{Cause, Group, Speaker, Told, digest, notice};
use crate::notify::notice::{Happening, Notice, Outcome, State};
use crate::notify::picture::{Item, Picture};
use crate::notify::{Rules, words};
use crate::spec::PolicySeverity;

/// How the revision came out, when that is new.
pub(super) fn news(told: &mut Told, picture: &Picture, rules: &Rules, speaker: &Speaker) -> Option<Notice> {
    let (revision, standing) =
        (picture.revision.as_ref()?, picture.standing.as_ref().filter(|_| picture.source_known)?);
    let key = digest(&[&speaker.seed, Happening::Revision.word()]);
    let known = told.causes.get(&key).map(|it| &it.notice);
    let same = known.filter(|it| it.revision.as_ref().is_some_and(|it| it.id == revision.id));
    if let Some(known) = same.and_then(|it| it.standing.as_ref())
        && (known.outcome == standing.outcome || standing.outcome == Outcome::Pending)
    {
        return None;
    }
    let severity = match standing.outcome {
        Outcome::Pending | Outcome::Good => PolicySeverity::Info,
        Outcome::Bad => PolicySeverity::Medium,
        Outcome::Refused => PolicySeverity::High,
    };
    let state = if standing.outcome == Outcome::Good { State::Resolved } else { State::Open };
    // The end of what was told concerns whoever was told of it, however little it matters by itself.
    let ends = state == State::Resolved && known.is_some_and(|it| it.state != State::Resolved);
    let wanted = rules.want_revisions(severity);
    if !wanted && !ends {
        return None;
    }
    let item = Item { severity, ..Item::about(Happening::Revision, standing.outcome.word()) };
    let group = Group { items: vec![&item], various: false };
    let mut notice = notice(&key, &group, state, picture, speaker);
    notice.title = words::revision(&revision.id, standing);
    notice.revision = Some(revision.clone());
    notice.standing = Some(standing.clone());
    let cause = Cause { notice: notice.clone(), members: BTreeMap::new(), various: false, repaired: BTreeSet::new() };
    told.put(&key, cause);
    (wanted || rules.resolved).then_some(notice)
}
