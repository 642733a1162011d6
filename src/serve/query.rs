//! Which buckets somebody wants to see, in which order (pure). The page and the API ask alike.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::http::StatusCode;
use serde::Serialize;

use crate::board::Board;
use crate::clock::Timestamp;
use crate::finding::did_you_mean;
use crate::report::{BucketReport, BucketState};
use crate::verdict::{SPEC, Verdict, rank, worst};

use super::fault::Fault;

/// Buckets on one page.
pub const PAGE: usize = 200;
/// Buckets that the API gives at most at once.
pub const MOST: usize = 1000;

/// A trait of a bucket that one can ask for. A bucket may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Everything is known and as wanted.
    InSync,
    /// Some difference stays.
    Drifted,
    /// Something is not known.
    Unknown,
    /// Some difference is held.
    Held,
    /// Writing is paused.
    Suspended,
    /// A policy does not apply for now.
    Exempt,
    /// The store has no such setting.
    Unsupported,
    /// No spec declares it.
    Undeclared,
    /// Its newest spec is at fault.
    Invalid,
    /// It could not be reached.
    Unreachable,
}

impl Standing {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 10] = [
        Self::InSync,
        Self::Drifted,
        Self::Unknown,
        Self::Held,
        Self::Suspended,
        Self::Exempt,
        Self::Undeclared,
        Self::Invalid,
        Self::Unreachable,
        Self::Unsupported,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::InSync => "in-sync",
            Self::Drifted => "drifted",
            Self::Unknown => "unknown",
            Self::Held => "held",
            Self::Suspended => "suspended",
            Self::Exempt => "exempt",
            Self::Unsupported => "unsupported",
            Self::Undeclared => "undeclared",
            Self::Invalid => "invalid",
            Self::Unreachable => "unreachable",
        }
    }

    /// The verdict that it asks for, when it is one.
    fn verdict(self) -> Option<Verdict> {
        match self {
            Self::InSync => Some(Verdict::Compliant),
            Self::Drifted => Some(Verdict::Drifted),
            Self::Unknown => Some(Verdict::Unknown),
            Self::Suspended => Some(Verdict::Suspended),
            Self::Exempt => Some(Verdict::Exempt),
            Self::Unsupported => Some(Verdict::Unsupported),
            Self::Held | Self::Undeclared | Self::Invalid | Self::Unreachable => None,
        }
    }

    /// Whether a bucket has it.
    pub fn of(self, report: &BucketReport, now: Timestamp) -> bool {
        let some = |verdict| {
            report.policies.iter().any(|it| it.verdict == verdict)
                || report.settings.iter().any(|it| it.verdict == verdict)
        };
        match self {
            Self::InSync => in_sync(report),
            Self::Drifted => some(Verdict::Drifted),
            Self::Unknown => {
                some(Verdict::Unknown) || !report.errors.is_empty() || report.state == BucketState::Unreachable
            }
            Self::Held => !report.held.is_empty(),
            Self::Suspended => some(Verdict::Suspended) || report.suspended_until.is_some_and(|until| until > now),
            Self::Exempt => some(Verdict::Exempt),
            Self::Unsupported => some(Verdict::Unsupported),
            Self::Undeclared => report.state == BucketState::Undeclared,
            Self::Invalid => report.state == BucketState::Invalid,
            Self::Unreachable => report.state == BucketState::Unreachable,
        }
    }
}

/// Whether everything is known and as wanted. A bucket that was not reached is not known.
pub fn in_sync(report: &BucketReport) -> bool {
    report.in_sync() && report.state != BucketState::Unreachable
}

/// How a bucket stands to what its own spec says, where it says something.
pub fn spec_verdict(report: &BucketReport) -> Option<Verdict> {
    (!report.settings.is_empty()).then(|| worst(report.settings.iter().map(|it| it.verdict)))
}

/// How a bucket stands to a policy, or to `spec`.
pub fn verdict(report: &BucketReport, policy: &str) -> Option<Verdict> {
    if policy == SPEC {
        return spec_verdict(report);
    }
    report.policies.iter().find(|it| &*it.policy == policy).map(|it| it.verdict)
}

/// When the oldest difference that is still open was first seen.
pub fn since(report: &BucketReport) -> Option<Timestamp> {
    let policies = report.policies.iter().filter_map(|it| it.since);
    policies.chain(report.settings.iter().filter_map(|it| it.since)).min()
}

/// How many buckets have each trait.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // Each is the standing of that name.
pub struct Summary {
    pub total: usize,
    pub in_sync: usize,
    pub drifted: usize,
    pub unknown: usize,
    pub held: usize,
    pub suspended: usize,
    pub exempt: usize,
    pub undeclared: usize,
    pub invalid: usize,
    pub unreachable: usize,
    pub unsupported: usize,
}

impl Summary {
    /// Counts the fleet.
    pub fn of(board: &Board, now: Timestamp) -> Self {
        let mut summary = Self::default();
        board.each_bucket(|report| {
            summary.total += 1;
            for standing in Standing::ALL {
                if standing.of(report, now) {
                    *summary.count_mut(standing) += 1;
                }
            }
        });
        summary
    }

    fn count_mut(&mut self, standing: Standing) -> &mut usize {
        match standing {
            Standing::InSync => &mut self.in_sync,
            Standing::Drifted => &mut self.drifted,
            Standing::Unknown => &mut self.unknown,
            Standing::Held => &mut self.held,
            Standing::Suspended => &mut self.suspended,
            Standing::Exempt => &mut self.exempt,
            Standing::Unsupported => &mut self.unsupported,
            Standing::Undeclared => &mut self.undeclared,
            Standing::Invalid => &mut self.invalid,
            Standing::Unreachable => &mut self.unreachable,
        }
    }

    /// How many have it.
    pub fn count(&self, standing: Standing) -> usize {
        *self.clone().count_mut(standing)
    }
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The worst first, then by name.
    #[default]
    Worst,
    /// By account and name.
    Name,
    /// The oldest drift first.
    Since,
    /// The one that was checked longest ago first.
    Checked,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Worst, Self::Name, Self::Since, Self::Checked];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Worst => "worst",
            Self::Name => "name",
            Self::Since => "since",
            Self::Checked => "checked",
        }
    }
}

/// Which buckets, in which order, and how many of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Those with this trait; under `policy` when it is given as well.
    pub state: Option<Standing>,
    /// Those whose account, name or region holds this text, or a label or a tag of their spec as
    /// `key=value`, in whatever case.
    pub text: String,
    /// Those under this policy; `spec` is their own.
    pub policy: Option<String>,
    /// The order.
    pub sort: Sort,
    /// The other way round.
    pub reversed: bool,
    /// So many are left out first.
    pub offset: usize,
    /// At most so many; [`PAGE`] when nothing is said.
    pub limit: Option<usize>,
}

/// What a filter lets through.
#[derive(Debug, Clone)]
pub struct Found {
    /// How many in all.
    pub total: usize,
    /// Those that were asked for.
    pub buckets: Vec<Arc<BucketReport>>,
}

impl Filter {
    /// Reads a query string's pairs. Empty values are as if not there, as a form sends them.
    ///
    /// # Errors
    /// For an unknown parameter or value, with what to write instead.
    pub fn parse(pairs: &[(String, String)]) -> Result<Self, Fault> {
        const KNOWN: [&str; 8] = ["state", "q", "policy", "sort", "order", "page", "limit", "offset"];
        let mut filter = Self::default();
        for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "state" => {
                    filter.state = Some(word("state", value, &Standing::ALL, Standing::word)?);
                }
                "q" => filter.text = value.trim().chars().take(200).collect::<String>().to_lowercase(),
                "policy" => filter.policy = Some(value.clone()),
                "sort" => {
                    let (turned, sort) = value.strip_prefix('-').map_or((false, value.as_str()), |sort| (true, sort));
                    filter.sort = word("sort", sort, &Sort::ALL, Sort::word)?;
                    filter.reversed |= turned;
                }
                "order" => {
                    let orders = [false, true];
                    filter.reversed = word("order", value, &orders, |it| if it { "reverse" } else { "usual" })?;
                }
                "page" => filter.offset = (number("page", value, 1)? - 1).saturating_mul(PAGE),
                "limit" => filter.limit = Some(number("limit", value, 1)?.min(MOST)),
                "offset" => filter.offset = number("offset", value, 0)?,
                other => {
                    let known = KNOWN.map(|known| format!("`{known}`")).join(", ");
                    let hint = did_you_mean(other, KNOWN)
                        .map_or_else(|| format!("known are {known}"), |near| format!("did you mean `{near}`?"));
                    return Err(Fault::new(StatusCode::BAD_REQUEST, format!("unknown parameter `{other}`"), hint));
                }
            }
        }
        Ok(filter)
    }

    /// Counts what it lets through, each state as if that were asked for: a number for each link that
    /// asks for it.
    pub fn count(&self, board: &Board, now: Timestamp) -> Summary {
        let of = |state| Self { state, ..self.clone() };
        let (all, by_state) = (of(None), Standing::ALL.map(|standing| (standing, of(Some(standing)))));
        let mut summary = Summary::default();
        board.each_bucket(|report| {
            if all.lets(report, now) {
                summary.total += 1;
                for (standing, filter) in &by_state {
                    *summary.count_mut(*standing) += usize::from(filter.lets_state(report, now));
                }
            }
        });
        summary
    }

    fn lets(&self, report: &BucketReport, now: Timestamp) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(&self.text);
        let named = |(key, value): (&String, &String)| holds(&format!("{key}={value}"));
        let id = &report.id;
        let text = self.text.is_empty()
            || holds(id.name.as_str())
            || holds(&format!("{}/{}", id.account, id.name))
            || holds(report.region.as_str())
            || report.wish.as_ref().is_some_and(|it| it.labels.iter().any(named) || it.tags().iter().any(named));
        text && self.lets_state(report, now)
    }

    fn lets_state(&self, report: &BucketReport, now: Timestamp) -> bool {
        match (&self.policy, self.state) {
            (None, None) => true,
            (None, Some(state)) => state.of(report, now),
            (Some(policy), state) => verdict(report, policy).is_some_and(|it| {
                state.is_none_or(|state| match state.verdict() {
                    Some(wanted) => it == wanted,
                    None => state.of(report, now),
                })
            }),
        }
    }

    /// The buckets that it lets through.
    pub fn find(&self, board: &Board, now: Timestamp) -> Found {
        let mut found: Vec<Arc<BucketReport>> =
            board.buckets().into_iter().filter(|report| self.lets(report, now)).collect();
        // The board gives them by account and name, and both sorts keep that among equals.
        match self.sort {
            Sort::Worst => found.sort_by_cached_key(|it| Reverse((!in_sync(it), rank(it.worst())))),
            Sort::Name => {}
            Sort::Since => found.sort_by_cached_key(|it| since(it).map_or((true, None), |at| (false, Some(at)))),
            Sort::Checked => found.sort_by_key(|it| it.checked_at),
        }
        if self.reversed {
            found.reverse();
        }
        let total = found.len();
        let buckets = found.into_iter().skip(self.offset).take(self.limit.unwrap_or(PAGE)).collect();
        Found { total, buckets }
    }
}

fn word<T: Copy>(name: &str, value: &str, all: &[T], word: impl Fn(T) -> &'static str) -> Result<T, Fault> {
    all.iter().copied().find(|it| word(*it) == value).ok_or_else(|| {
        let words: Vec<String> = all.iter().map(|it| format!("`{}`", word(*it))).collect();
        Fault::new(
            StatusCode::BAD_REQUEST,
            format!("unknown {name} `{}`", value.chars().take(100).collect::<String>()),
            format!("write one of {}", words.join(", ")),
        )
    })
}

fn number(name: &str, value: &str, least: usize) -> Result<usize, Fault> {
    value.parse().ok().filter(|number| *number >= least).ok_or_else(|| {
        let shown: String = value.chars().take(100).collect();
        Fault::new(
            StatusCode::BAD_REQUEST,
            format!("`{shown}` is no {name}"),
            format!("write a whole number from {least} on"),
        )
    })
}
