//! Which sink is told of what (pure): the `when` of the configuration, compiled.

use crate::config::notifications::{NotificationConfig, WhenConfig};
use crate::spec::PolicySeverity;
use crate::spec::select::{CompiledSelector, Facts, glob_matches};
use crate::spec::{Selector, Terms};

use super::notice::Happening;
use super::picture::Item;

/// What a sink is told of.
#[derive(Debug, Clone)]
pub struct Rules {
    rules: Vec<Rule>,
    /// Whether it is told when a trouble is over.
    pub resolved: bool,
    /// Whether it is told values.
    pub values: bool,
}

#[derive(Debug, Clone)]
struct Rule {
    on: Vec<Happening>,
    severity: PolicySeverity,
    policies: Vec<String>,
    /// Whether it names buckets in any way.
    picks: bool,
    selector: CompiledSelector,
}

impl Rules {
    /// The rules of a sink.
    pub fn of(sink: &NotificationConfig) -> Self {
        let all = || WhenConfig { on: sink.tells_commits().then(|| vec![Happening::Revision]), ..Default::default() };
        let rules = if sink.when.is_empty() { vec![all()] } else { sink.when.clone() };
        Self { rules: rules.iter().map(Rule::of).collect(), resolved: sink.resolved, values: sink.values }
    }

    /// Whether a sink is told of it.
    pub fn want(&self, item: &Item) -> bool {
        self.rules.iter().any(|rule| rule.fits(item))
    }

    /// Whether a sink is told how revisions come out, those that are as bad as this.
    pub fn want_revisions(&self, severity: PolicySeverity) -> bool {
        let whole = |rule: &&Rule| !rule.picks && rule.policies.is_empty() && rule.severity <= severity;
        self.rules.iter().filter(whole).any(|rule| rule.on.contains(&Happening::Revision))
    }
}

impl Rule {
    fn of(when: &WhenConfig) -> Self {
        let all = || Happening::ALL.into_iter().filter(|it| *it != Happening::Revision).collect();
        let include = Terms {
            buckets: when.buckets.clone(),
            accounts: when.accounts.clone(),
            regions: when.regions.clone(),
            labels: when.labels.clone(),
            tags: when.tags.clone(),
        };
        Self {
            on: when.on.clone().unwrap_or_else(all),
            severity: when.severity.unwrap_or(PolicySeverity::Info),
            policies: when.policies.clone(),
            picks: include != Terms::default(),
            selector: CompiledSelector::new(&Selector { include, exclude: Terms::default() }),
        }
    }

    fn fits(&self, item: &Item) -> bool {
        let policy = self.policies.is_empty()
            || item.policies.iter().any(|policy| self.policies.iter().any(|glob| glob_matches(glob, policy)));
        let bucket = !self.picks
            || item.bucket.as_ref().is_some_and(|bucket| {
                self.selector.matches(&Facts {
                    name: &bucket.name,
                    account: &bucket.account,
                    region: &item.place.region,
                    labels: &item.place.labels,
                    tags: &item.place.tags,
                })
            });
        self.on.contains(&item.happening) && item.severity >= self.severity && policy && bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::picture::Place;
    use std::sync::Arc;

    fn rules(when: &str) -> Rules {
        let text = format!("source: {{dir: .}}\nnotifications: [{{name: a, slack: {{urlEnv: U}}, when: {when}}}]");
        Rules::of(&crate::config::parse("driftless.yaml", &text, &[]).expect("good").notifications[0])
    }

    fn item() -> Item {
        Item {
            bucket: Some(crate::bucket::BucketId {
                account: crate::bucket::AccountName::default(),
                name: crate::bucket::BucketName::parse("ai-logs").expect("a name"),
            }),
            policies: vec!["private".to_owned(), "spec".to_owned()],
            severity: PolicySeverity::High,
            place: Arc::new(Place {
                labels: [("team".to_owned(), "ml".to_owned())].into(),
                tags: [("Stage".to_owned(), "prod".to_owned())].into(),
                ..Place::default()
            }),
            ..Item::about(Happening::Drift, "observe-only")
        }
    }

    #[test]
    fn everything_that_a_rule_names_must_fit_and_one_rule_is_enough() {
        for (when, fits) in [
            ("[]", true),
            ("[{severity: high}]", true),
            ("[{severity: critical}]", false),
            ("[{on: [held]}]", false),
            ("[{on: [held]}, {on: [drift]}]", true),
            ("[{policies: [\"priv*\"]}]", true),
            ("[{policies: [versioned]}]", false),
            ("[{buckets: [\"ai-*\"], labels: {team: ml}, tags: {Stage: \"*\"}}]", true),
            ("[{buckets: [\"ai-*\"], labels: {team: web}}]", false),
            ("[{accounts: [prod]}]", false),
            ("[{accounts: [default], regions: [us-east-1]}]", true),
        ] {
            assert_eq!(rules(when).want(&item()), fits, "{when}");
        }
    }

    #[test]
    fn what_has_no_bucket_fits_no_rule_that_picks_buckets() {
        let source = Item::about(Happening::Source, "held");
        assert!(rules("[]").want(&source));
        assert!(!rules("[{labels: {team: ml}}]").want(&source));
        assert!(!rules("[{policies: [private]}]").want(&source));
    }

    #[test]
    fn revisions_are_told_to_those_who_ask_for_them() {
        assert!(!rules("[]").want_revisions(PolicySeverity::Info));
        assert!(rules("[{on: [revision]}]").want_revisions(PolicySeverity::Info));
        assert!(!rules("[{on: [revision], severity: medium}]").want_revisions(PolicySeverity::Info));
    }
}
