//! `live.yaml`: recorded live values, so that a plan can be shown and tested with no S3 at all.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::bucket::{AccountName, BucketId, BucketName, IllegalName};
use crate::cloud::S3ErrorKind;
use crate::cloud::memory::{Effect, Fault, MemoryCloud};
use crate::finding::{Finding, Place, did_you_mean};
use crate::observed::{Existence, Observed, Reading};
use crate::settings::{self, SETTINGS};
use crate::spec::yaml::{self, Node};

/// Reads recorded values into S3 in memory. The form is
///
/// ```yaml
/// buckets:
///   ai-model-data:                 # `prod/ai-model-data` where the account is not `default`
///     region: us-east-1
///     versioning: {status: Suspended}
///     tags: denied                 # reading it is refused; `unsupported`: the store lacks it
/// accounts:
///   default: {publicAccessBlock: all}   # the account's own settings
/// foreign: [somebody-elses-name]
/// ```
///
/// # Errors
/// Every fault, at its place.
pub fn parse(file: &str, text: &str) -> Result<MemoryCloud, Vec<Finding>> {
    let name: Arc<str> = file.into();
    let place = |line, column| Place { file: Arc::clone(&name), line, column };
    let parsed = yaml::parse(text, &place);
    let mut findings = parsed.findings;
    let cloud = MemoryCloud::default();
    for document in &parsed.documents {
        for entry in document.entries() {
            match &*entry.key {
                "buckets" => {
                    for bucket in entry.node.entries() {
                        let id = match bucket.key.split_once('/') {
                            None => Ok((AccountName::default(), &*bucket.key)),
                            Some((account, name)) => AccountName::parse(account).map(|account| (account, name)),
                        };
                        let id = id
                            .and_then(|(account, name)| BucketName::parse(name).map(|name| BucketId { account, name }));
                        if let Err(faults) = put(&cloud, id, &bucket.at, &bucket.node) {
                            findings.extend(faults);
                        }
                    }
                }
                "accounts" => {
                    for it in entry.node.entries() {
                        let id = AccountName::parse(&it.key).map(BucketId::of_account);
                        if let Err(faults) = put(&cloud, id, &it.at, &it.node) {
                            findings.extend(faults);
                        }
                    }
                }
                "foreign" => {
                    if let Some(names) = entry.node.to_json().as_array() {
                        names.iter().filter_map(|name| name.as_str()).for_each(|name| cloud.put_foreign(name));
                    }
                }
                other => findings.push(unknown(&entry.at, other, &["buckets", "accounts", "foreign"])),
            }
        }
    }
    if findings.is_empty() { Ok(cloud) } else { Err(findings) }
}

fn unknown(at: &Place, word: &str, known: &[&str]) -> Finding {
    let finding = Finding::error(at.clone(), format!("unknown field `{word}`"));
    match did_you_mean(word, known.iter().copied()) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None => finding.hint(format!("there are: {}", known.join(", "))),
    }
}

fn put(cloud: &MemoryCloud, id: Result<BucketId, IllegalName>, at: &Place, node: &Node) -> Result<(), Vec<Finding>> {
    let BucketId { mut account, name } =
        id.map_err(|error| vec![Finding::error(at.clone(), error.message).hint(error.hint)])?;
    let mut region = name.region().map_or_else(|| "us-east-1".to_owned(), String::from);
    let mut docs = Vec::new();
    let mut faults: Vec<(&'static str, S3ErrorKind)> = Vec::new();
    let mut findings = Vec::new();
    for entry in node.entries() {
        let said = entry.node.to_json();
        match (&*entry.key, said.as_str()) {
            ("region", Some(text)) => region = text.to_owned(),
            ("account", Some(text)) => match AccountName::parse(text) {
                Ok(name) => account = name,
                Err(error) => findings.push(Finding::error(entry.at.clone(), error.message).hint(error.hint)),
            },
            (key, word) => match (settings::find(key), word) {
                (None, _) => {
                    let known: Vec<&str> =
                        ["region", "account"].into_iter().chain(SETTINGS.iter().map(|it| it.name())).collect();
                    findings.push(unknown(&entry.at, key, &known));
                }
                (Some(setting), Some("denied")) => faults.push((setting.name(), S3ErrorKind::Denied)),
                (Some(setting), Some("unsupported")) => faults.push((setting.name(), S3ErrorKind::Unsupported)),
                (Some(setting), _) => match setting.parse(&said) {
                    Ok(doc) => docs.push((setting.name(), doc.value())),
                    Err(error) => findings.push(Finding::error(entry.at.clone(), format!("`{key}`: {error}"))),
                },
            },
        }
    }
    if let Err(error) = crate::bucket::Region::parse(&region) {
        findings.push(Finding::error(at.clone(), error.message).hint(error.hint));
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    for (setting, kind) in faults {
        let effect = Effect::Fail(kind);
        // Of two accounts each has one of that name.
        let bucket = format!("{account}/{name}");
        cloud.fail(Fault { verb: "read", bucket, setting, times: usize::MAX, effect });
    }
    cloud.put(&BucketId { account, name }, &region, &docs);
    Ok(())
}

/// What was observed, as [`parse`] reads it: every setting, whole.
pub fn record<'a>(seen: impl IntoIterator<Item = (&'a BucketId, &'a Observed)>) -> String {
    let (mut buckets, mut accounts) = (Map::new(), Map::new());
    for (id, observed) in seen {
        let mut entry = Map::new();
        if let (Existence::Here(region), false) = (&observed.existence, id.is_account()) {
            entry.insert("region".to_owned(), region.as_str().into());
        }
        for (setting, reading) in observed.readings() {
            let said = match reading {
                // A part of it is unknown to this version, and a plan would not see what it removes.
                Reading::Known(_) if !observed.foreign(setting).is_empty() => "denied".into(),
                Reading::Known(doc) => doc.value(),
                Reading::Unsupported(_) => "unsupported".into(),
                Reading::Unknown(_) => "denied".into(),
            };
            entry.insert(setting.to_owned(), said);
        }
        let into = if id.is_account() { &mut accounts } else { &mut buckets };
        let name = if id.is_account() { id.account.to_string() } else { id.to_string() };
        into.insert(name, Value::Object(entry));
    }
    let whole = serde_json::json!({ "buckets": buckets, "accounts": accounts });
    serde_yaml::to_string(&whole).expect("a tree of JSON is YAML")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Region;
    use crate::cloud::{Cloud, S3Error, Target};

    fn failed(kind: S3ErrorKind) -> S3Error {
        S3Error {
            operation: "GetBucketPolicy".to_owned(),
            object: "old".to_owned(),
            kind,
            code: String::new(),
            status: 403,
            request_id: None,
            message: String::new(),
            action: None,
        }
    }

    #[tokio::test]
    async fn what_is_recorded_is_read_back_as_it_was() {
        let id = |account: &str, name: &str| BucketId {
            account: AccountName::parse(account).expect("legal"),
            name: BucketName::parse(name).expect("legal"),
        };
        let of = |setting: &'static str, said: Value| settings::named(setting).parse(&said).expect("legal");
        let mut one = Observed::new(Existence::Here(Region::parse("eu-west-1").expect("a region")));
        one.note("tags", Reading::Known(of("tags", serde_json::json!({"Name": "it: is", "n": "01"}))));
        one.note("policy", Reading::Unknown(failed(S3ErrorKind::Denied)));
        one.note("abac", Reading::Unsupported(failed(S3ErrorKind::Unsupported)));
        let mut two = Observed::new(Existence::Here(Region::us_east_1()));
        two.note("versioning", Reading::Known(of("versioning", serde_json::json!({"status": "Suspended"}))));
        let (first, second) = (id("default", "ai-logs"), id("prod", "ai-model-data"));
        let text = record([(&first, &one), (&second, &two)]);
        let cloud = parse("live.yaml", &text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
        let ask = async |id: &BucketId, setting: &'static str| {
            cloud.read(&Target { id: id.clone(), region: Region::us_east_1() }, setting).await
        };
        assert_eq!(ask(&first, "tags").await.as_ref().ok(), one.known("tags"));
        assert_eq!(ask(&second, "versioning").await.as_ref().ok(), two.known("versioning"));
        assert_eq!(ask(&first, "policy").await.expect_err("denied").kind, S3ErrorKind::Denied);
        assert_eq!(ask(&first, "abac").await.expect_err("lacking").kind, S3ErrorKind::Unsupported);
        let listed = cloud.list(&first.account).await.expect("listed");
        assert_eq!(listed[0].region.as_ref().map(Region::as_str), Some("eu-west-1"));
    }
}
