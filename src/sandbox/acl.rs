//! Access control lists: canned, as headers, as XML.

use sha2::{Digest, Sha256};

use super::config::{Config, Ownership, Word, Write};
use super::refusal::Refusal;
use super::xml::Node;
use crate::bucket::AccountId;

/// One entry of an ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) grantee: Grantee,
    pub(super) permission: String,
}

/// Who is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grantee {
    /// A canonical user.
    User(String),
    /// A predefined group.
    Group(String),
}

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";
const PERMISSIONS: [&str; 5] = ["FULL_CONTROL", "WRITE", "WRITE_ACP", "READ", "READ_ACP"];

/// Grants that an ACL can have (User Guide, "Access control list (ACL) overview").
const MOST: usize = 100;

/// The canonical user id of an account: 64 hexadecimal digits.
pub(super) fn canonical_id(account: &AccountId) -> String {
    hex::encode(Sha256::digest(account.as_str().as_bytes()))
}

/// The ACL that lets nobody in but the owner.
pub(super) fn private(owner: &AccountId) -> Vec<Grant> {
    vec![Grant { grantee: Grantee::User(canonical_id(owner)), permission: "FULL_CONTROL".to_owned() }]
}

/// Whether somebody beside the owner is let in.
pub(super) fn grants_others(grants: &[Grant], owner: &AccountId) -> bool {
    let owner = canonical_id(owner);
    grants.iter().any(|grant| !matches!(&grant.grantee, Grantee::User(id) if *id == owner))
}

/// Whether everybody is let in: "if it grants any permissions to members of the predefined
/// AllUsers or AuthenticatedUsers groups" (User Guide, "The meaning of public").
pub(super) fn is_public(grants: &[Grant]) -> bool {
    grants.iter().any(|grant| matches!(&grant.grantee, Grantee::Group(uri) if uri == ALL_USERS || uri == AUTHENTICATED))
}

/// What GetBucketAcl answers.
pub(super) fn document(owner: &AccountId, grants: &[Grant]) -> Node {
    let grant = |grant: &Grant| {
        let (kind, who) = match &grant.grantee {
            Grantee::User(id) => ("CanonicalUser", Node::leaf("ID", id)),
            Grantee::Group(uri) => ("Group", Node::leaf("URI", uri)),
        };
        let mut grantee = Node::of("Grantee", vec![who]);
        grantee.attributes = vec![
            ("xmlns:xsi".to_owned(), "http://www.w3.org/2001/XMLSchema-instance".to_owned()),
            ("xsi:type".to_owned(), kind.to_owned()),
        ];
        Node::of("Grant", vec![grantee, Node::leaf("Permission", &grant.permission)])
    };
    let owner = Node::of("Owner", vec![Node::leaf("ID", canonical_id(owner))]);
    let list = Node::of("AccessControlList", grants.iter().map(grant).collect());
    Node::of("AccessControlPolicy", vec![owner, list])
}

/// Every PutBucketAcl on a bucket without ACLs fails, `private` too: "Requests to set ACLs or
/// update ACLs fail" (API page PutBucketAcl).
pub(super) fn put(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let grants = match (from_headers(write)?, write.body.is_empty()) {
        (Some(grants), true) => grants,
        (Some(_), false) => {
            return Err(Refusal::new(400, "UnexpectedContent", "This request does not support content"));
        }
        (None, false) => from_xml(write)?,
        (None, true) => {
            return Err(Refusal::new(400, "MissingSecurityHeader", "Your request was missing a required header"));
        }
    };
    if config.ownership == Ownership::Enforced {
        return Err(Refusal::new(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"));
    }
    if (config.block.public_acls || write.account.public_acls) && is_public(&grants) {
        return Err(Refusal::denied());
    }
    config.grants = grants;
    config.set(Word::Acl, &document(write.owner, &config.grants));
    Ok(())
}

/// What the headers of a request grant. `None` when they say nothing.
pub(super) fn from_headers(write: &Write<'_>) -> Result<Option<Vec<Grant>>, Refusal> {
    let canned = write.header("x-amz-acl");
    let mut granted = Vec::new();
    for permission in PERMISSIONS {
        let header = format!("x-amz-grant-{}", permission.to_ascii_lowercase().replace('_', "-"));
        for who in write.header(&header).into_iter().flat_map(|list| list.split(',')) {
            let (kind, value) =
                who.split_once('=').ok_or_else(|| Refusal::argument("Argument format not recognized"))?;
            let grantee = grantee(kind.trim(), value.trim().trim_matches('"'))?;
            granted.push(Grant { grantee, permission: permission.to_owned() });
        }
    }
    match canned {
        Some(_) if !granted.is_empty() => {
            Err(Refusal::request("Specifying both Canned ACLs and Header Grants is not allowed"))
        }
        Some(name) => self::canned(name, write.owner).map(Some),
        None if granted.is_empty() => Ok(None),
        None => Ok(Some(granted)),
    }
}

fn canned(name: &str, owner: &AccountId) -> Result<Vec<Grant>, Refusal> {
    let more: &[(&str, &str)] = match name {
        "private" => &[],
        "public-read" => &[(ALL_USERS, "READ")],
        "public-read-write" => &[(ALL_USERS, "READ"), (ALL_USERS, "WRITE")],
        "authenticated-read" => &[(AUTHENTICATED, "READ")],
        "log-delivery-write" => &[(LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")],
        "aws-exec-read" => return Err(Refusal::not_implemented()),
        _ => return Err(Refusal::argument("Argument format not recognized").with("ArgumentName", "x-amz-acl")),
    };
    let mut grants = private(owner);
    grants.extend(more.iter().map(|(group, permission)| Grant {
        grantee: Grantee::Group((*group).to_owned()),
        permission: (*permission).to_owned(),
    }));
    Ok(grants)
}

fn grantee(kind: &str, value: &str) -> Result<Grantee, Refusal> {
    match kind {
        "id" if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Ok(Grantee::User(value.to_owned()))
        }
        "id" => Err(Refusal::argument("Invalid id").with("ArgumentName", "CanonicalUser/ID")),
        "uri" if [ALL_USERS, AUTHENTICATED, LOG_DELIVERY].contains(&value) => Ok(Grantee::Group(value.to_owned())),
        "uri" => Err(Refusal::argument("Invalid group uri").with("ArgumentName", "Group/URI")),
        // Since October 2025 no new grants by e-mail address (API page PutBucketAcl).
        "emailAddress" => Err(Refusal::new(405, "MethodNotAllowed", "Grants by email address are not supported")),
        _ => Err(Refusal::argument("Argument format not recognized")),
    }
}

fn from_xml(write: &Write<'_>) -> Result<Vec<Grant>, Refusal> {
    let schema = || {
        let said = "The XML you provided was not well-formed or did not validate against our published schema";
        Refusal::new(400, "MalformedACLError", said)
    };
    let sent = Node::parse(write.body).filter(|node| node.name == "AccessControlPolicy").ok_or_else(schema)?;
    let owner = sent.child("Owner").and_then(|owner| owner.get("ID")).ok_or_else(schema)?;
    if owner != canonical_id(write.owner) {
        return Err(Refusal::denied());
    }
    let list = sent.child("AccessControlList").ok_or_else(schema)?;
    if list.children.len() > MOST || list.count("Grant") != list.children.len() {
        return Err(schema());
    }
    let grant = |element: &Node| {
        let who = element.child("Grantee").ok_or_else(schema)?;
        let kind = who.attributes.iter().find(|(key, _)| key == "type" || key.ends_with(":type"));
        let grantee = match kind.map(|(_, kind)| kind.as_str()) {
            Some("CanonicalUser") => grantee("id", who.get("ID").ok_or_else(schema)?)?,
            Some("Group") => grantee("uri", who.get("URI").ok_or_else(schema)?)?,
            Some("AmazonCustomerByEmail") => grantee("emailAddress", "")?,
            _ => return Err(schema()),
        };
        let permission = element.get("Permission").filter(|name| PERMISSIONS.contains(name)).ok_or_else(schema)?;
        Ok(Grant { grantee, permission: permission.to_owned() })
    };
    list.children.iter().map(grant).collect()
}
