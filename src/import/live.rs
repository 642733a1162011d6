//! From what was read of a bucket to the draft of its spec.

use super::{Draft, Matter, Said, form};
use crate::bucket::{AccountName, BucketName};
use crate::cloud::{S3Error, S3ErrorKind};
use crate::doc::Doc;
use crate::observed::{Existence, Observed, Reading};
use crate::setting::AnySetting;
use crate::settings::{self, SETTINGS};

/// How much a spec says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// What differs from a new bucket of AWS.
    #[default]
    Different,
    /// All that is there, so that every later change of it is drift.
    Full,
}

/// Drafts the spec of a bucket that is there.
pub fn draft(name: &BucketName, account: Option<&AccountName>, observed: &Observed, extent: Extent) -> Draft {
    let mut draft = Draft { account: account.cloned(), ..Draft::new(name.clone()) };
    if let Existence::Here(region) = &observed.existence {
        draft.region = Some(region.clone());
    }
    let mut unsupported = Vec::new();
    for setting in SETTINGS {
        let name = setting.name();
        match observed.reading(name) {
            None => {}
            Some(Reading::Unsupported(_)) => unsupported.push(format!("`{name}`")),
            Some(Reading::Unknown(error)) => draft.note(Some(name), Matter::Unreadable, unread(name, error)),
            Some(Reading::Known(live)) => {
                known(*setting, live, extent, &mut draft);
                let foreign = observed.foreign(name);
                if !foreign.is_empty() {
                    let fields: Vec<String> = foreign.iter().map(|field| format!("`{field}`")).collect();
                    let text = format!(
                        "S3 also answers {} of `{name}`, which this version does not know; a write of it would wait \
                         for an approval",
                        fields.join(", ")
                    );
                    draft.note(Some(name), Matter::UnknownFields, text);
                }
            }
        }
    }
    if !unsupported.is_empty() {
        draft.note(None, Matter::Unsupported, format!("this store does not have {}", unsupported.join(", ")));
    }
    draft
}

fn unread(name: &str, error: &S3Error) -> String {
    let kind = error.kind.word();
    match (&error.action, error.kind) {
        (Some(action), S3ErrorKind::Denied) => {
            format!("`{name}` could not be read ({kind}): the role needs `{action}`")
        }
        _ => format!("`{name}` could not be read ({kind})"),
    }
}

fn known(setting: &'static dyn AnySetting, live: &Doc, extent: Extent, draft: &mut Draft) {
    let name = setting.name();
    if extent == Extent::Different && *live == setting.fresh_doc() {
        return;
    }
    let said = match extent {
        Extent::Full if setting.removable() && *live == setting.default_doc() => Ok(Said::Absent),
        Extent::Full => form::whole(setting, live).map(Said::Value),
        Extent::Different => form::least(setting, live).map(Said::Value),
    };
    match said {
        // It names nothing, such as versioning that was never on.
        Ok(Said::Value(serde_json::Value::Object(fields))) if fields.is_empty() => {}
        Ok(said) => {
            draft.settings.insert(name, said);
        }
        Err(why) => {
            let text = format!("`{name}` holds what no spec can say, and is left out: {why}");
            draft.note(Some(name), Matter::Unsayable, text);
        }
    }
    note_dangling(setting, live, draft);
}

/// Notes the principals of a policy that are no more.
pub(super) fn note_dangling(setting: &dyn AnySetting, doc: &Doc, draft: &mut Draft) {
    let name = setting.name();
    if name == "policy"
        && let Ok(value) = doc.parse::<settings::policy::Value>()
    {
        let dangling = settings::policy::dangling(&value);
        if !dangling.is_empty() {
            let ids: Vec<String> = dangling.iter().map(|id| format!("`{id}`")).collect();
            let text = format!(
                "the policy names users or roles that were deleted ({}): they let nobody in, and S3 refuses to store \
                 them again; take them out",
                ids.join(", ")
            );
            draft.note(Some(name), Matter::Dangling, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Region;
    use serde_json::{Value, json};

    fn observed(values: &[(&'static str, Value)]) -> Observed {
        let mut observed = Observed::new(Existence::Here(Region::us_east_1()));
        for setting in SETTINGS {
            let said = values.iter().find(|(name, _)| *name == setting.name());
            let doc = match said {
                Some((_, value)) => setting.canonical(&setting.parse(value).expect("a value")),
                None => setting.fresh_doc(),
            };
            observed.note(setting.name(), Reading::Known(doc));
        }
        observed
    }

    fn name() -> BucketName {
        BucketName::parse("ai-data").expect("legal")
    }

    fn failed(kind: S3ErrorKind) -> S3Error {
        S3Error {
            operation: "GetBucketTagging".to_owned(),
            object: "ai-data".to_owned(),
            kind,
            code: "AccessDenied".to_owned(),
            status: 403,
            request_id: Some("4442587FB7D0A2F9".to_owned()),
            message: String::new(),
            action: Some("s3:GetBucketTagging".to_owned()),
        }
    }

    #[test]
    fn of_a_new_bucket_nothing_is_said_but_its_region() {
        let draft = draft(&name(), None, &observed(&[]), Extent::Different);
        assert_eq!((draft.settings.len(), draft.notes.len()), (0, 0));
        assert_eq!(draft.region, Some(Region::us_east_1()));
    }

    #[test]
    fn in_full_all_is_said_that_can_be() {
        let draft = draft(&name(), None, &observed(&[]), Extent::Full);
        let said = |name: &str| draft.settings.get(name).map(Said::value);
        assert_eq!(said("publicAccessBlock"), Some(json!("all")));
        assert_eq!(said("objectOwnership"), Some(json!("BucketOwnerEnforced")));
        assert_eq!(said("acl"), Some(json!("private")));
        assert_eq!(said("website"), Some(json!("absent")));
        assert_eq!(said("versioning"), None, "that it was never on cannot be said");
    }

    #[test]
    fn what_could_not_be_read_is_told_with_the_action_and_hides_nothing_else() {
        let mut observed = observed(&[("versioning", json!({"status": "Enabled"}))]);
        observed.note("tags", Reading::Unknown(failed(S3ErrorKind::Denied)));
        observed.note("cors", Reading::Unknown(failed(S3ErrorKind::Server)));
        observed.note("website", Reading::Unsupported(failed(S3ErrorKind::Unsupported)));
        observed.note_foreign("versioning", vec!["Flavour".to_owned()]);
        let draft = draft(&name(), None, &observed, Extent::Different);
        assert_eq!(draft.settings.keys().copied().collect::<Vec<_>>(), ["versioning"]);
        let told: Vec<&str> = draft.notes.iter().map(|note| note.text.as_str()).collect();
        assert_eq!(
            told,
            [
                "S3 also answers `Flavour` of `versioning`, which this version does not know; a write of it would wait for an approval",
                "`tags` could not be read (denied): the role needs `s3:GetBucketTagging`",
                "`cors` could not be read (server)",
                "this store does not have `website`",
            ]
        );
        assert!(draft.is_incomplete() && draft.wants_a_person());
    }

    #[test]
    fn principals_that_are_no_more_are_told() {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "old", "Effect": "Allow",
            "Principal": {"AWS": "AIDACKCEVSQ6C2EXAMPLE"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::ai-data/*"}]});
        let draft = draft(&name(), None, &observed(&[("policy", policy)]), Extent::Different);
        let told: Vec<Matter> = draft.notes.iter().map(|note| note.matter).collect();
        assert!(told.contains(&Matter::Dangling), "{:?}", draft.notes);
        assert!(draft.notes.iter().any(|note| note.text.contains("`AIDACKCEVSQ6C2EXAMPLE`")));
    }
}
