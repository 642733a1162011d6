//! Names of AWS resources (ARNs) inside of settings: whether they are well-formed, and where the
//! resource is.

use crate::bucket::Region;
use crate::setting::{Beside, Problem};

/// The parts of an ARN (AWS General Reference, "Amazon Resource Names").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    /// `sqs`, `kms`, …
    pub service: &'a str,
    /// The region; empty for resources that have none.
    pub region: &'a str,
    /// Everything after the account.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes an ARN apart. `None` when it is none, or that of a resource without an account.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (scheme, partition) = (parts.next()?, parts.next()?);
        let (service, region, account, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let well_formed = scheme == "arn"
            && (partition == "aws" || partition.starts_with("aws-"))
            && !service.is_empty()
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && !resource.is_empty()
            && !text.contains(char::is_whitespace);
        well_formed.then_some(Self { service, region, resource })
    }

    /// The region, when it has the form of one.
    pub(crate) fn place(&self) -> Option<Region> {
        Region::parse(self.region).ok()
    }
}

/// Whether the text is the ARN of a key of KMS (API page MetadataTableEncryptionConfiguration).
pub(crate) fn is_key(text: &str) -> bool {
    let id = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    of_kms(text).is_some_and(|arn| arn.resource.strip_prefix("key/").is_some_and(id))
}

/// Whether the text is the ARN of an alias of a key.
pub(crate) fn is_alias(text: &str) -> bool {
    of_kms(text).is_some_and(|arn| is_alias_name(arn.resource))
}

fn of_kms(text: &str) -> Option<Arn<'_>> {
    Arn::parse(text).filter(|arn| arn.service == "kms" && arn.place().is_some())
}

/// `alias/` and 1 to 250 letters, digits, `/`, `_` and `-` (KMS API page CreateAlias).
fn is_alias_name(text: &str) -> bool {
    text.strip_prefix("alias/").is_some_and(|name| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte);
        (1..=250).contains(&name.len()) && name.bytes().all(legal)
    })
}

/// Whether the text is the id of a key: that of a multi-region key begins with `mrk-` (KMS Developer
/// Guide, "Key identifiers").
fn is_key_id(text: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.strip_prefix("mrk-") {
        Some(rest) => rest.len() == 32 && hex(rest),
        None => text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(hex),
    }
}

/// What is wrong with a key of KMS, named by its id, its ARN, its alias or the ARN of that. S3 takes
/// any text (API page PutBucketEncryption), and uploads fail. A plain word is no key of AWS, but may
/// be one of another store: MinIO and Ceph have names of their own for keys.
pub(crate) fn faulty_key(pointer: &str, key: &str) -> Option<Problem> {
    if is_key_id(key) || is_key(key) || is_alias_name(key) || is_alias(key) {
        return None;
    }
    let word = |text: &str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte);
        !text.is_empty() && text.bytes().all(legal)
    };
    let hint =
        "write its id, its ARN (`arn:aws:kms:REGION:ACCOUNT:key/ID`), its alias (`alias/NAME`) or the ARN of that";
    let message = format!("`{key}` is not a key of KMS");
    let elsewhere = !key.starts_with("alias/") && word(key.strip_prefix("arn:aws:kms:").unwrap_or(key));
    Some(if elsewhere { Problem::odd(pointer, message) } else { Problem::at(pointer, message) }.hint(hint))
}

/// What is wrong with a resource that has to be in the bucket's region, when its document names
/// another one.
pub(crate) fn elsewhere(pointer: String, what: &str, arn: &str, beside: &Beside) -> Option<Problem> {
    let (here, there) = (beside.region.as_ref()?, Arn::parse(arn)?.place()?);
    (*here != there && !beside.is_elsewhere()).then(|| {
        Problem::at(pointer, format!("{what} is in {there}, the bucket in {here}"))
            .hint("S3 takes only one of the bucket's own region")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_six_parts_and_an_account() {
        let queue = Arn::parse("arn:aws-cn:sqs:cn-north-1:123456789012:jobs").expect("an ARN");
        assert_eq!((queue.service, queue.resource), ("sqs", "jobs"));
        assert_eq!(queue.place().expect("a region").as_str(), "cn-north-1");
        let function = Arn::parse("arn:aws:lambda:us-east-1:123456789012:function:index:live").expect("an ARN");
        assert_eq!(function.resource, "function:index:live");
        for text in [
            "",
            "jobs",
            "arn:aws:sqs:us-east-1:123456789012",
            "arn:aws:sqs:us-east-1:123456789012:",
            "arn:aws:sqs:us-east-1:12345678901:jobs",
            "arn:aws:sqs:us-east-1::jobs",
            "arn:google:sqs:us-east-1:123456789012:jobs",
            "arn:aws:sqs:us-east-1:123456789012:jo bs",
            "ARN:aws:sqs:us-east-1:123456789012:jobs",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    /// `not a key!!` passed `validate`, S3 took it, and every upload failed from then on.
    #[test]
    fn a_key_has_one_of_four_names() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let multi = "mrk-1234abcd12ab34cd56ef1234567890ab";
        let arn = |resource: &str| format!("arn:aws:kms:us-east-1:111122223333:{resource}");
        let keys = [id, multi, "alias/data", "alias/aws/s3"].map(str::to_owned);
        let arns = [arn(&format!("key/{id}")), arn(&format!("key/{multi}")), arn("alias/data")];
        for key in keys.into_iter().chain(arns).chain([arn("key/1").replace("aws", "aws-cn")]) {
            assert_eq!(faulty_key("", &key), None, "{key}");
        }
        let severe = |key: &str| faulty_key("/kmsKeyId", key).map(|it| (it.message.clone(), it.is_error()));
        for key in ["", "not a key!!", "alias/", "alias/a b", "arn:aws:s3:::data", "arn:aws:kms:us-east-1:1:key/1", "é"]
        {
            assert_eq!(severe(key), Some((format!("`{key}` is not a key of KMS"), true)));
        }
        for key in ["my-minio-key", "arn:aws:kms:my-minio-key", "tenant/key", "1234abcd"] {
            assert_eq!(severe(key), Some((format!("`{key}` is not a key of KMS"), false)), "another store has it");
        }
        assert!(is_key(&arn("key/1a2b")) && !is_key(id) && !is_key(&arn("alias/data")) && is_alias(&arn("alias/data")));
    }

    #[test]
    fn a_resource_without_a_region_is_nowhere_else() {
        let here = Beside { region: Region::parse("eu-west-1").ok(), ..Beside::default() };
        let problem = |arn: &str, beside: &Beside| elsewhere("/arn".to_owned(), "the queue", arn, beside);
        let queue = "arn:aws:sqs:us-east-1:123456789012:jobs";
        let said = problem(queue, &here).expect("another region");
        assert_eq!(said.message, "the queue is in us-east-1, the bucket in eu-west-1");
        assert_eq!(problem(queue, &Beside::default()), None);
        assert_eq!(problem(&queue.replace("us-east-1", "eu-west-1"), &here), None);
        assert_eq!(problem("arn:aws:iam::123456789012:role/r", &here), None);
        assert_eq!(problem(queue, &Beside { own_store: true, ..here }), None, "MinIO has queues of any name");
    }
}
