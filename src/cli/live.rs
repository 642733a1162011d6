//! `live.yaml`: recorded live values, so that a plan can be shown and tested with no S3 at all.

use std::sync::Arc;

use crate::bucket::{AccountName, BucketId, BucketName, IllegalName};
use crate::cloud::S3ErrorKind;
use crate::cloud::memory::{Effect, Fault, MemoryCloud};
use crate::doc::Doc;
use crate::finding::{Finding, Place, did_you_mean};
use crate::settings::{self, SETTINGS};
use crate::spec::yaml::{self, Node};

/// Reads recorded values into S3 in memory. The form is
///
/// ```yaml
/// buckets:
///   ai-model-data:
///     region: us-east-1            # and `account`, when there are several
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
                        let id = BucketName::parse(&bucket.key)
                            .map(|name| BucketId { account: AccountName::default(), name });
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
        cloud.fail(Fault { verb: "read", bucket: name.to_string(), setting, times: usize::MAX, effect });
    }
    cloud.put(&BucketId { account, name }, &region, &docs);
    Ok(())
}

/// The live values of a bucket as `live.yaml` would hold them.
pub fn recorded(doc: &Doc) -> serde_json::Value {
    doc.value()
}
