//! What most buckets have in common, moved to `BucketDefaults`, so that each bucket's file says only
//! in what it differs. What is wanted of each bucket stays exactly the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Draft, Said, form};
use crate::bucket::{AccountName, BucketName, Region};
use crate::settings;

/// A `BucketDefaults` to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
    /// Its name.
    pub name: String,
    /// The account whose buckets it is for, where there are several.
    pub account: Option<AccountName>,
    /// The buckets that it is not for: defaults cannot be taken back, only overruled.
    pub except: BTreeSet<BucketName>,
    /// The region for buckets that name none.
    pub region: Option<Region>,
    /// What is said of each setting.
    pub settings: BTreeMap<&'static str, Said>,
}

/// What may be shared: the whole value of a setting, or one field where the fields are the users'
/// own, as with tags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Unit {
    setting: &'static str,
    field: Option<String>,
    /// JSON text, which has an order.
    value: String,
}

/// Takes out of the drafts what most of those of an account have in common.
pub fn share(drafts: &mut [Draft]) -> Vec<Common> {
    let accounts: BTreeSet<Option<AccountName>> = drafts.iter().map(|draft| draft.account.clone()).collect();
    let mut all = Vec::new();
    for account in accounts {
        let mut mine: Vec<&mut Draft> = drafts.iter_mut().filter(|draft| draft.account == account).collect();
        let name = account.as_ref().map_or_else(|| "imported".to_owned(), |account| format!("imported-{account}"));
        all.extend(of_account(&mut mine, account.as_ref(), &name));
    }
    all
}

fn of_account(drafts: &mut [&mut Draft], account: Option<&AccountName>, name: &str) -> Vec<Common> {
    // One bucket has nothing in common with itself.
    if drafts.len() < 2 {
        return Vec::new();
    }
    let most = |count: usize| count * 2 > drafts.len();
    let mut counts: BTreeMap<Unit, usize> = BTreeMap::new();
    for draft in drafts.iter() {
        units(draft).into_iter().for_each(|unit| *counts.entry(unit).or_default() += 1);
    }
    let mut groups: BTreeMap<BTreeSet<BucketName>, Vec<Unit>> = BTreeMap::new();
    for (unit, _) in counts.into_iter().filter(|(_, count)| most(*count)) {
        let except = drafts.iter().filter(|draft| !unit.leaves(draft)).map(|draft| draft.name.clone());
        groups.entry(except.collect()).or_default().push(unit);
    }

    let mut regions: BTreeMap<&Region, usize> = BTreeMap::new();
    let whole = drafts.iter().all(|draft| draft.region.is_some());
    drafts.iter().filter_map(|draft| draft.region.as_ref()).for_each(|region| *regions.entry(region).or_default() += 1);
    // A bucket that names no region must not get one.
    let region = regions.into_iter().find(|(_, count)| whole && most(*count)).map(|(region, _)| region.clone());
    if region.is_some() {
        groups.entry(BTreeSet::new()).or_default();
    }

    let mut all = Vec::new();
    for (except, units) in groups {
        let name = if all.is_empty() { name.to_owned() } else { format!("{name}-{}", all.len() + 1) };
        let region = region.clone().filter(|_| except.is_empty());
        for draft in drafts.iter_mut().filter(|draft| !except.contains(&draft.name)) {
            if region.is_some() && draft.region == region {
                draft.region = None;
            }
            units.iter().for_each(|unit| unit.take_from(draft));
        }
        let settings = joined(&units);
        all.push(Common { name, account: account.cloned(), except, region, settings });
    }
    all
}

/// Everything of a draft that may be shared.
fn units(draft: &Draft) -> Vec<Unit> {
    let mut units = Vec::new();
    for (setting, said) in &draft.settings {
        match said {
            Said::Value(Value::Object(fields)) if form::is_free(settings::named(setting)) => {
                units.extend(fields.iter().map(|(field, value)| Unit {
                    setting,
                    field: Some(field.clone()),
                    value: value.to_string(),
                }));
            }
            said => units.push(Unit { setting, field: None, value: said.value().to_string() }),
        }
    }
    units
}

impl Unit {
    fn value(&self) -> Value {
        serde_json::from_str(&self.value).expect("the unit is JSON")
    }

    fn said(&self) -> Said {
        match (&self.field, self.value()) {
            (None, Value::String(word)) if word == "absent" => Said::Absent,
            (None, value) => Said::Value(value),
            (Some(field), value) => Said::Value(Value::Object(Map::from_iter([(field.clone(), value)]))),
        }
    }

    /// Whether a bucket stays as it is when this is among its defaults: it says the same itself, or
    /// what it says stands when it is said on top.
    fn leaves(&self, draft: &Draft) -> bool {
        let setting = settings::named(self.setting);
        match (self.said(), draft.settings.get(self.setting)) {
            (_, None) => false,
            (below, Some(above)) if below == *above => true,
            // What S3 shall not hold has no fields that could shine through.
            (Said::Absent, Some(_)) | (_, Some(Said::Absent)) => true,
            (Said::Value(below), Some(Said::Value(above))) => match (setting.parse(&below), setting.parse(above)) {
                (Ok(below), Ok(above)) => setting.join(&below, &above) == above,
                _ => false,
            },
        }
    }

    /// Takes it out of a draft that says the same.
    fn take_from(&self, draft: &mut Draft) {
        let Some(said) = draft.settings.get_mut(self.setting) else { return };
        match (&self.field, said) {
            (None, said) if *said == self.said() => drop(draft.settings.remove(self.setting)),
            (Some(field), Said::Value(Value::Object(fields))) if fields.get(field) == Some(&self.value()) => {
                fields.remove(field);
                if fields.is_empty() {
                    draft.settings.remove(self.setting);
                }
            }
            _ => {}
        }
    }
}

fn joined(units: &[Unit]) -> BTreeMap<&'static str, Said> {
    let mut settings: BTreeMap<&'static str, Said> = BTreeMap::new();
    for unit in units {
        match (settings.get_mut(unit.setting), unit.said()) {
            (Some(Said::Value(Value::Object(fields))), Said::Value(Value::Object(more))) => fields.extend(more),
            (_, said) => drop(settings.insert(unit.setting, said)),
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn drafts(all: &[(&str, &str, Value)]) -> Vec<Draft> {
        let draft = |(name, region, settings): &(&str, &str, Value)| {
            let mut draft = Draft::new(BucketName::parse(name).expect("legal"));
            draft.region = Some(Region::parse(region).expect("legal"));
            for (key, value) in settings.as_object().expect("settings") {
                let name = settings::find(key).expect("a setting").name();
                let said = if value == "absent" { Said::Absent } else { Said::Value(value.clone()) };
                draft.settings.insert(name, said);
            }
            draft
        };
        all.iter().map(draft).collect()
    }

    #[test]
    fn what_most_have_is_said_once_and_the_others_are_left_out_of_it() {
        let on = json!({"status": "Enabled"});
        let mut drafts = drafts(&[
            ("aaa", "us-east-1", json!({"versioning": on, "tags": {"team": "ml", "Name": "a"}})),
            ("bbb", "us-east-1", json!({"versioning": on, "tags": {"team": "ml", "Name": "b"}})),
            ("ccc", "eu-west-1", json!({"versioning": {"status": "Suspended"}, "tags": {"team": "web"}})),
            ("ddd", "us-east-1", json!({"versioning": on})),
        ]);
        let common = share(&mut drafts);
        // `ccc` overrules the versioning; the region, too.
        assert_eq!(common.len(), 1, "{common:?}");
        assert_eq!(
            (common[0].name.as_str(), common[0].region.as_ref().map(Region::as_str)),
            ("imported", Some("us-east-1"))
        );
        assert_eq!(common[0].settings, BTreeMap::from([("versioning", Said::Value(on))]));
        assert_eq!(drafts[0].settings, BTreeMap::from([("tags", Said::Value(json!({"team": "ml", "Name": "a"})))]));
        assert_eq!(drafts[2].region.as_ref().map(Region::as_str), Some("eu-west-1"));
        assert_eq!(drafts[3].settings.len(), 0);
    }

    #[test]
    fn a_bucket_that_does_not_have_it_is_named() {
        let mut drafts = drafts(&[
            ("aaa", "us-east-1", json!({"tags": {"team": "ml", "Name": "a"}})),
            ("bbb", "us-east-1", json!({"tags": {"team": "ml", "Name": "b"}})),
            ("ccc", "us-east-1", json!({"tags": {"Name": "c"}})),
        ]);
        let common = share(&mut drafts);
        assert_eq!(common.len(), 2, "{common:?}");
        assert_eq!(common[1].name, "imported-2");
        assert_eq!(common[1].except.iter().map(BucketName::as_str).collect::<Vec<_>>(), ["ccc"]);
        assert_eq!(common[1].settings, BTreeMap::from([("tags", Said::Value(json!({"team": "ml"})))]));
        assert_eq!(drafts[0].settings, BTreeMap::from([("tags", Said::Value(json!({"Name": "a"})))]));
    }

    #[test]
    fn one_bucket_alone_keeps_what_it_says() {
        let mut drafts = drafts(&[("aaa", "us-east-1", json!({"versioning": {"status": "Enabled"}}))]);
        assert_eq!(share(&mut drafts), []);
        assert_eq!(drafts[0].settings.len(), 1);
    }
}
