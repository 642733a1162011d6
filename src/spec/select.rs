//! Which buckets a document is for: selectors with their globs compiled, once per document.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher};

use super::{Selector, Terms};
use crate::bucket::{AccountName, BucketName, Region};

/// What a selector looks at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The bucket's name.
    pub name: &'a BucketName,
    /// Its account.
    pub account: &'a AccountName,
    /// Its region.
    pub region: &'a Region,
    /// The labels of its spec.
    pub labels: &'a BTreeMap<String, String>,
    /// The tags that are asked for.
    pub tags: &'a BTreeMap<String, String>,
}

/// A selector ready to match.
#[derive(Debug, Clone, Default)]
pub struct CompiledSelector {
    include: CompiledTerms,
    exclude: CompiledTerms,
}

#[derive(Debug, Clone, Default)]
struct CompiledTerms {
    buckets: Vec<Pattern>,
    accounts: Vec<Pattern>,
    regions: Vec<Pattern>,
    labels: Vec<(String, Pattern)>,
    tags: Vec<(String, Pattern)>,
}

/// A glob; most are a literal or match everything, which needs no automaton.
#[derive(Debug, Clone)]
enum Pattern {
    Any,
    Literal(String),
    Glob(GlobMatcher),
    // A glob that does not compile was refused when it was loaded; until then it matches nothing.
    Nothing,
}

/// Checks a glob.
///
/// # Errors
/// What is wrong with it.
pub fn check_glob(text: &str) -> Result<(), String> {
    glob(text).map(drop).map_err(|error| error.kind().to_string())
}

/// Whether a glob matches a text; one that is no glob matches nothing.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    Pattern::new(glob).matches(text)
}

fn glob(text: &str) -> Result<globset::Glob, globset::Error> {
    GlobBuilder::new(text).literal_separator(false).backslash_escape(true).build()
}

impl Pattern {
    fn new(text: &str) -> Self {
        match text {
            "*" | "**" => Self::Any,
            _ if !text.contains(['*', '?', '[', ']', '{', '}', '\\']) => Self::Literal(text.to_owned()),
            _ => glob(text).map_or(Self::Nothing, |glob| Self::Glob(glob.compile_matcher())),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => literal == text,
            Self::Glob(glob) => glob.is_match(text),
            Self::Nothing => false,
        }
    }
}

impl CompiledSelector {
    /// Compiles a selector.
    pub fn new(selector: &Selector) -> Self {
        Self { include: CompiledTerms::new(&selector.include), exclude: CompiledTerms::new(&selector.exclude) }
    }

    /// A selector on names alone.
    pub fn of_names(globs: &[String]) -> Self {
        let include = CompiledTerms { buckets: patterns(globs), ..CompiledTerms::default() };
        Self { include, exclude: CompiledTerms::default() }
    }

    /// Whether the bucket is meant: every list of `include` that is given matches, and nothing
    /// of `exclude` does.
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        self.include.all(facts) && !self.exclude.any(facts)
    }
}

/// Whether one of the globs matches a name; all names where there is none.
pub fn names_match(globs: &[String], name: &BucketName) -> bool {
    globs.is_empty() || patterns(globs).iter().any(|pattern| pattern.matches(name.as_str()))
}

fn patterns(globs: &[String]) -> Vec<Pattern> {
    globs.iter().map(|text| Pattern::new(text)).collect()
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<(String, Pattern)> {
    map.iter().map(|(key, glob)| (key.clone(), Pattern::new(glob))).collect()
}

fn has((key, pattern): &(String, Pattern), map: &BTreeMap<String, String>) -> bool {
    map.get(key).is_some_and(|value| pattern.matches(value))
}

impl CompiledTerms {
    fn new(terms: &Terms) -> Self {
        let Terms { buckets, accounts, regions, labels, tags } = terms;
        Self {
            buckets: patterns(buckets),
            accounts: patterns(accounts),
            regions: patterns(regions),
            labels: pairs(labels),
            tags: pairs(tags),
        }
    }

    fn all(&self, facts: &Facts<'_>) -> bool {
        let any = |patterns: &[Pattern], text: &str| patterns.is_empty() || patterns.iter().any(|it| it.matches(text));
        any(&self.buckets, facts.name.as_str())
            && any(&self.accounts, facts.account.as_str())
            && any(&self.regions, facts.region.as_str())
            && self.labels.iter().all(|pair| has(pair, facts.labels))
            && self.tags.iter().all(|pair| has(pair, facts.tags))
    }

    fn any(&self, facts: &Facts<'_>) -> bool {
        let any = |patterns: &[Pattern], text: &str| patterns.iter().any(|it| it.matches(text));
        any(&self.buckets, facts.name.as_str())
            || any(&self.accounts, facts.account.as_str())
            || any(&self.regions, facts.region.as_str())
            || self.labels.iter().any(|pair| has(pair, facts.labels))
            || self.tags.iter().any(|pair| has(pair, facts.tags))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(include: Terms, exclude: Terms, name: &str) -> bool {
        let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let facts = Facts {
            name: &BucketName::parse(name).expect("legal"),
            account: &AccountName::parse("prod").expect("legal"),
            region: &Region::parse("eu-west-1").expect("legal"),
            labels: &map("team", "ml-platform"),
            tags: &map("path", "a/b"),
        };
        CompiledSelector::new(&Selector { include, exclude }).matches(&facts)
    }

    fn terms(list: &str, text: &str) -> Terms {
        let mut terms = Terms::default();
        match list {
            "buckets" => terms.buckets.push(text.to_owned()),
            "accounts" => terms.accounts.push(text.to_owned()),
            "regions" => terms.regions.push(text.to_owned()),
            "team" | "owner" => drop(terms.labels.insert(list.to_owned(), text.to_owned())),
            _ => drop(terms.tags.insert(list.to_owned(), text.to_owned())),
        }
        terms
    }

    #[test]
    fn an_empty_selector_matches_all_and_an_empty_exclude_none() {
        assert!(check(Terms::default(), Terms::default(), "ai-data"));
    }

    #[test]
    fn every_kind_of_term_decides() {
        for (list, text, is) in [
            ("buckets", "ai-*", true),
            ("buckets", "{ai,ml}-data", true),
            ("buckets", "ml-*", false),
            ("accounts", "prod", true),
            ("accounts", "pro", false),
            ("regions", "eu-*", true),
            ("regions", "us-*", false),
            ("team", "ml-*", true),
            ("owner", "*", false),
            ("path", "a*", true),
        ] {
            assert_eq!(check(terms(list, text), Terms::default(), "ai-data"), is, "{list}: {text}");
            assert_eq!(check(Terms::default(), terms(list, text), "ai-data"), !is, "exclude {list}: {text}");
        }
    }

    #[test]
    fn every_list_must_match_and_any_term_of_exclude_is_enough() {
        let both = Terms { buckets: vec!["x".to_owned(), "ai-*".to_owned()], ..terms("accounts", "prod") };
        assert!(check(both.clone(), Terms::default(), "ai-data"));
        assert!(!check(both, Terms::default(), "other"));
        let either = Terms { buckets: vec!["ai-*".to_owned()], ..terms("accounts", "test") };
        assert!(!check(Terms::default(), either, "ai-data"));
    }

    #[test]
    fn a_bad_glob_is_told_with_its_reason() {
        assert_eq!(check_glob("a[b"), Err("unclosed character class; missing ']'".to_owned()));
        assert_eq!(check_glob("a-{b,c}*"), Ok(()));
    }
}
