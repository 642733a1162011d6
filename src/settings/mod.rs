//! The settings, one file each, and the table that lists them.

use crate::setting::{AnySetting, Entry};

pub mod abac;
pub mod accelerate;
pub mod acl;
pub mod analytics;
pub mod cors;
pub mod encryption;
pub mod intelligent_tiering;
pub mod inventory;
pub mod lifecycle;
pub mod logging;
pub mod metadata;
pub mod metrics;
pub mod notifications;
pub mod object_lock;
pub mod object_ownership;
pub mod policy;
pub mod public_access_block;
pub mod replication;
pub mod request_payer;
pub mod tags;
pub mod versioning;
pub mod website;

mod keyed;
#[cfg(test)]
mod laws;
mod resource;
mod words;

/// Every setting, in the order in which people think of them. Adding one is a file, its `mod`
/// line above and its line here.
pub static SETTINGS: &[&dyn AnySetting] = &[
    &Entry::<public_access_block::PublicAccessBlock>::NEW,
    &Entry::<versioning::Versioning>::NEW,
    &Entry::<encryption::Encryption>::NEW,
    &Entry::<tags::Tags>::NEW,
    &Entry::<abac::Abac>::NEW,
    &Entry::<object_ownership::ObjectOwnership>::NEW,
    &Entry::<acl::Acl>::NEW,
    &Entry::<policy::Policy>::NEW,
    &Entry::<lifecycle::Lifecycle>::NEW,
    &Entry::<logging::Logging>::NEW,
    &Entry::<website::Website>::NEW,
    &Entry::<cors::Cors>::NEW,
    &Entry::<object_lock::ObjectLock>::NEW,
    &Entry::<replication::Replication>::NEW,
    &Entry::<notifications::Notifications>::NEW,
    &Entry::<inventory::Inventory>::NEW,
    &Entry::<analytics::Analytics>::NEW,
    &Entry::<metrics::Metrics>::NEW,
    &Entry::<intelligent_tiering::IntelligentTiering>::NEW,
    &Entry::<accelerate::Accelerate>::NEW,
    &Entry::<request_payer::RequestPayer>::NEW,
    &Entry::<metadata::Metadata>::NEW,
];

/// The setting of that name.
pub fn find(name: &str) -> Option<&'static dyn AnySetting> {
    SETTINGS.iter().copied().find(|setting| setting.name() == name)
}

/// The setting of a name that is known to be one, because the table gave it.
pub fn named(name: &'static str) -> &'static dyn AnySetting {
    find(name).expect("names of settings come from the table")
}

#[cfg(test)]
mod table {
    use std::collections::BTreeSet;

    use super::*;

    fn names() -> Vec<&'static str> {
        SETTINGS.iter().map(|setting| setting.name()).collect()
    }

    #[test]
    fn names_are_unique_and_camel_case() {
        let unique: BTreeSet<&str> = names().into_iter().collect();
        assert_eq!(unique.len(), SETTINGS.len());
        for name in unique {
            assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
        }
    }

    /// Pain 22, terraform-provider-aws#7628: two settings of a bucket were written at once, and S3
    /// refused one of them; here each has its place after others.
    #[test]
    fn pain_22_settings_come_after_settings_that_are_there_and_none_waits_for_itself() {
        let mut written: BTreeSet<&str> = BTreeSet::new();
        for setting in SETTINGS {
            for before in setting.after() {
                assert!(find(before).is_some(), "{} comes after `{before}`, which is not there", setting.name());
            }
        }
        loop {
            let ready: Vec<&str> = SETTINGS
                .iter()
                .filter(|setting| !written.contains(setting.name()))
                .filter(|setting| setting.after().iter().all(|before| written.contains(before)))
                .map(|setting| setting.name())
                .collect();
            if ready.is_empty() {
                break;
            }
            written.extend(ready);
        }
        let stuck: Vec<&str> = names().into_iter().filter(|name| !written.contains(name)).collect();
        assert!(stuck.is_empty(), "these wait for one another: {stuck:?}");
    }

    #[test]
    fn every_setting_names_the_actions_of_s3_that_it_needs() {
        for setting in SETTINGS {
            assert!(!setting.reads().is_empty() && !setting.writes().is_empty(), "{}", setting.name());
            for action in setting.reads().iter().chain(setting.writes()) {
                let name = action.strip_prefix("s3:").or(action.strip_prefix("s3tables:")).unwrap_or_default();
                assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "{}: `{action}`", setting.name());
                assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{}: `{action}`", setting.name());
            }
            for action in setting.reads() {
                assert!(
                    action.starts_with("s3:Get") || action.starts_with("s3:List"),
                    "{}: `{action}`",
                    setting.name()
                );
            }
        }
    }

    #[test]
    fn every_file_of_this_folder_is_in_the_table() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/settings");
        let mut files = BTreeSet::new();
        for entry in std::fs::read_dir(folder).expect("the folder of the settings") {
            let name = entry.expect("an entry").file_name().into_string().expect("a name in UTF-8");
            let module = name.strip_suffix(".rs").unwrap_or(&name);
            // What the settings share is private to this folder.
            let shared = include_str!("mod.rs").lines().any(|line| line == format!("mod {module};"));
            if module != "mod" && !shared {
                files.insert(camel(module));
            }
        }
        assert_eq!(files, names().into_iter().map(str::to_owned).collect());
    }

    fn camel(module: &str) -> String {
        let mut parts = module.split('_');
        let mut name = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (first, rest) = part.split_at(1);
            name.push_str(&first.to_uppercase());
            name.push_str(rest);
        }
        name
    }

    #[test]
    fn the_default_is_canonical_and_stays_itself() {
        for setting in SETTINGS {
            let default = setting.default_doc();
            assert_eq!(setting.canonical(&default), default, "{}", setting.name());
            for how in [crate::setting::Overlay::Whole, crate::setting::Overlay::Within] {
                assert_eq!(setting.merge(&default, &default, how), default, "{}", setting.name());
            }
            assert_eq!(setting.risk(&default, &default), crate::setting::Risk::Safe, "{}", setting.name());
        }
    }

    #[test]
    fn every_setting_says_why_it_matters_and_gives_an_example_without_a_fault() {
        for setting in SETTINGS {
            let about = setting.about();
            assert!(about.what.ends_with('.') && about.what.len() <= 70, "{}", setting.name());
            assert!(about.why.ends_with('.'), "{}", setting.name());
            assert!(about.risk.is_empty() || about.risk.ends_with('.'), "{}", setting.name());
            let said: serde_json::Value = serde_yaml::from_str(about.example)
                .unwrap_or_else(|error| panic!("the example of {}: {error}", setting.name()));
            let doc = setting.parse(&said).unwrap_or_else(|error| panic!("the example of {}: {error}", setting.name()));
            assert_eq!(setting.check(&doc), [], "the example of {}", setting.name());
        }
    }

    #[test]
    fn every_schema_is_a_schema_and_refuses_what_nobody_can_mean() {
        for setting in SETTINGS {
            let mut generator = schemars::SchemaGenerator::default();
            let schema = setting.schema(&mut generator);
            let mut root = serde_json::to_value(&schema).expect("a schema is JSON");
            root["$defs"] = generator.take_definitions(true).into();
            let validator = jsonschema::validator_for(&root);
            let validator = validator.unwrap_or_else(|error| panic!("{}: {error}", setting.name()));
            assert!(!validator.is_valid(&serde_json::json!(7)), "{}", setting.name());
        }
    }
}
