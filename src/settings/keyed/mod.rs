//! What the keyed sets have in common: the settings of which a bucket holds many, each under an id
//! (`inventory`, `analytics`, `metrics`, `intelligentTiering`).
//!
//! A set has many owners: one team's report stands beside another's. So neither a spec nor a policy
//! ever names the whole set. Who names an id decides about that id; every other stays.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::sorted;

/// What every keyed set does with its list, in its `impl Setting`. `check` judges one configuration.
macro_rules! as_a_set {
    () => {
        fn canonical(value: Value) -> Value {
            Value { configurations: $crate::settings::keyed::canonical(value.configurations) }
        }

        fn merge(live: &Value, want: &Value, _how: $crate::setting::Overlay) -> Value {
            let (live, want) = (live.configurations.as_ref(), want.configurations.as_ref());
            Value { configurations: $crate::settings::keyed::merge(live, want) }
        }

        fn join(below: &Value, above: &Value) -> Value {
            let (below, above) = (below.configurations.as_ref(), above.configurations.as_ref());
            Value { configurations: $crate::settings::keyed::join(below, above) }
        }

        fn check(want: &Value) -> Vec<$crate::setting::Problem> {
            $crate::settings::keyed::check::check(want.configurations.as_ref(), Self::NAME, check)
        }
    };
}
pub(super) use as_a_set;

pub(super) mod check;
#[cfg(feature = "aws")]
pub(super) mod wire;

#[cfg(test)]
mod tests;

/// One configuration of a keyed set.
pub(super) trait Element: Ord + Clone {
    /// What tells it from the others.
    fn id(&self) -> &str;
    /// What a spec says of `absent`.
    fn absent(&self) -> Option<bool>;
    /// An element that says nothing but that there shall be none of its id.
    fn removal(id: &str) -> Self;
    /// Its one form.
    fn canonical(self) -> Self;
}

fn is_removal<E: Element>(element: &E) -> bool {
    element.absent() == Some(true)
}

/// The one form of a set: by id, without those that shall not be.
pub(super) fn canonical<E: Element>(set: Option<Vec<E>>) -> Option<Vec<E>> {
    let there = set.unwrap_or_default().into_iter().filter(|it| !is_removal(it));
    sorted(there.map(E::canonical).collect())
}

/// Lays what is wanted over what is live. An element that is named is whole: it replaces the one
/// with its id, field for field. Those that nobody names stay, whoever speaks.
pub(super) fn merge<E: Element>(live: Option<&Vec<E>>, want: Option<&Vec<E>>) -> Option<Vec<E>> {
    join(live, want).map(|set| set.into_iter().filter(|it| !is_removal(it)).collect())
}

/// The same for two specs, of which the upper wins: what is removed stays said.
pub(super) fn join<E: Element>(below: Option<&Vec<E>>, above: Option<&Vec<E>>) -> Option<Vec<E>> {
    let (Some(below), Some(above)) = (below, above) else { return above.or(below).cloned() };
    let named: BTreeSet<&str> = above.iter().map(E::id).collect();
    Some(below.iter().filter(|it| !named.contains(it.id())).chain(above).cloned().collect())
}

/// Which objects a configuration is for: those that meet all of what is said here.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "configurationFilter")]
pub struct Filter {
    /// The beginning of the objects' keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Tags that the objects have, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
}

impl Filter {
    /// A filter that leaves nothing out is none (API page PutBucketAnalyticsConfiguration: "If no
    /// filter is provided, all objects will be considered").
    pub(super) fn canonical(self) -> Option<Self> {
        let prefix = said(self.prefix);
        let tags = self.tags.filter(|tags| !tags.is_empty());
        Some(Self { prefix, tags }).filter(|filter| *filter != Self::default())
    }

    /// Whether every object of the filter `inner` is one of `outer`.
    pub(super) fn reaches(outer: Option<&Self>, inner: Option<&Self>) -> bool {
        let everything = Self::default();
        let (outer, inner) = (outer.unwrap_or(&everything), inner.unwrap_or(&everything));
        let prefix = |filter: &Self| filter.prefix.clone().unwrap_or_default();
        let tags = |filter: &Self| filter.tags.clone().unwrap_or_default();
        let inner_tags = tags(inner);
        prefix(inner).starts_with(&prefix(outer))
            && tags(outer).iter().all(|(key, value)| inner_tags.get(key) == Some(value))
    }
}

/// A text that says something.
pub(super) fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
