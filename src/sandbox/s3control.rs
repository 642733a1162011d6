//! What the sandbox has of S3 Control: the public access block of an account, and the tags of a
//! bucket one by one.

use axum::http::Method;

use super::Shared;
use super::buckets;
use super::config::Block;
use super::directory;
use super::http::{Call, Reply};
use super::operation::Operation;
use super::refusal::Refusal;
use super::xml::Node;
use super::{small, tagging};
use crate::bucket::AccountId;

/// How every path of S3 Control begins.
pub(super) const VERSION: &str = "v20180820/";

const FLAGS: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

/// The operation that a path means, and the bucket that it concerns.
pub(super) fn route(method: &Method, path: &str, query: &[(String, String)]) -> (Operation, String) {
    let mut words = query.iter().map(|(key, _)| key.as_str()).filter(|key| *key != "x-id");
    let bare = words.clone().next().is_none();
    if path == "configuration/publicAccessBlock" && bare {
        let operation = match method.as_str() {
            "GET" => Operation::GetAccountPublicAccessBlock,
            "PUT" => Operation::PutAccountPublicAccessBlock,
            "DELETE" => Operation::DeleteAccountPublicAccessBlock,
            _ => Operation::Unknown,
        };
        return (operation, String::new());
    }
    let Some(bucket) = path.strip_prefix("tags/").and_then(named) else {
        return (Operation::Unknown, String::new());
    };
    let operation = match method.as_str() {
        "GET" if bare => Operation::ListTagsForResource,
        "POST" if bare => Operation::TagResource,
        "DELETE" if !bare && words.all(|word| word == "tagKeys") => Operation::UntagResource,
        _ => Operation::Unknown,
    };
    (operation, bucket.to_owned())
}

/// The bucket that an ARN names: a directory bucket has one with region, account and kind.
fn named(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let bucket = match parts[..] {
        ["arn", _, "s3", "", "", bucket] if !directory::is_one(bucket) => bucket,
        ["arn", _, "s3express", _, _, bucket] => bucket.strip_prefix("bucket/").filter(|it| directory::is_one(it))?,
        _ => return None,
    };
    (!bucket.contains('/')).then_some(bucket)
}

/// Whether an operation is one of S3 Control.
pub(super) fn owns(operation: Operation) -> bool {
    use Operation::{
        DeleteAccountPublicAccessBlock, GetAccountPublicAccessBlock, ListTagsForResource, PutAccountPublicAccessBlock,
        TagResource, UntagResource,
    };
    matches!(
        operation,
        GetAccountPublicAccessBlock
            | PutAccountPublicAccessBlock
            | DeleteAccountPublicAccessBlock
            | ListTagsForResource
            | TagResource
            | UntagResource
    )
}

/// An error as S3 Control sends it: in one element more than S3 does.
pub(super) fn wrapped(error: &str) -> String {
    let (head, error) = error.split_once("?>\n").map_or(("", error), |(head, error)| (head, error));
    format!("{head}?>\n<ErrorResponse>{error}</ErrorResponse>")
}

/// Does what the call says. Without `commit` it judges and answers, and stores nothing.
pub(super) fn perform(shared: &Shared, call: &Call, body: &[u8], commit: bool) -> Result<Reply, Refusal> {
    let named = call.headers.get("x-amz-account-id").and_then(|value| value.to_str().ok());
    if named.is_none() {
        return Err(Refusal::request("Missing required header for this request: x-amz-account-id"));
    }
    if named != Some(call.account.as_str()) {
        return Err(Refusal::denied());
    }
    let sent = |root: &str| Node::parse(body).filter(|node| node.name == root).ok_or_else(Refusal::malformed);
    match call.operation {
        Operation::GetAccountPublicAccessBlock => {
            let blocks = shared.blocks.read().expect("no holder of the lock panics");
            let said = "The public access block configuration was not found";
            let none = || {
                Refusal::new(404, "NoSuchPublicAccessBlockConfiguration", said).with("AccountId", call.account.as_str())
            };
            blocks.get(&call.account).map(|block| Reply::xml(block.document())).ok_or_else(none)
        }
        Operation::PutAccountPublicAccessBlock => {
            let (shown, _) = small::public_access_block(sent("PublicAccessBlockConfiguration")?)?;
            if commit {
                shared.blocks.write().expect("no holder of the lock panics").insert(call.account.clone(), shown);
            }
            Ok(Reply::empty(201))
        }
        Operation::DeleteAccountPublicAccessBlock => {
            if commit {
                shared.blocks.write().expect("no holder of the lock panics").remove(&call.account);
            }
            Ok(Reply::empty(204))
        }
        Operation::ListTagsForResource => {
            let all = shared.read();
            let tag = |(key, value): &(String, String)| {
                Node::of("Tag", vec![Node::leaf("Key", key), Node::leaf("Value", value)])
            };
            let tags = buckets::find(&all, call)?.config.tags.iter().map(tag).collect();
            Ok(Reply::xml(Node::of("ListTagsForResourceResult", vec![Node::of("Tags", tags)]).document()))
        }
        _ => {
            let mut all = shared.write();
            let mut config = (*buckets::find(&all, call)?.config).clone();
            if call.operation == Operation::TagResource {
                let request = sent("TagResourceRequest")?;
                tagging::add(&mut config, request.child("Tags").ok_or_else(Refusal::malformed)?)?;
            } else {
                tagging::remove(&mut config, &call.queries("tagKeys"))?;
            }
            if let Some(bucket) = all.get_mut(&*call.bucket).filter(|_| commit) {
                bucket.config = std::sync::Arc::new(config);
            }
            Ok(Reply::empty(204))
        }
    }
}

impl Shared {
    /// What an account's block refuses of every bucket.
    pub(super) fn block_of(&self, account: &AccountId) -> Block {
        let [public_acls, _, public_policy, _] = self.account_block(account).unwrap_or_default();
        Block { public_acls, public_policy }
    }

    pub(super) fn account_block(&self, account: &AccountId) -> Option<[bool; 4]> {
        let blocks = self.blocks.read().expect("no holder of the lock panics");
        blocks.get(account).map(|block| FLAGS.map(|flag| block.get(flag) == Some("true")))
    }

    pub(super) fn put_account_block(&self, account: &AccountId, on: Option<[bool; 4]>) {
        let mut blocks = self.blocks.write().expect("no holder of the lock panics");
        match on {
            None => drop(blocks.remove(account)),
            Some(on) => {
                let flag = |(flag, on): (&&str, bool)| Node::leaf(flag, on.to_string());
                let fields = FLAGS.iter().zip(on).map(flag).collect();
                blocks.insert(account.clone(), Node::of("PublicAccessBlockConfiguration", fields));
            }
        }
    }
}
