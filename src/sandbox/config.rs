//! What the sandbox holds of one bucket: an answer ready to send for every sub-resource, and the
//! facts by which one setting refuses another.

use axum::body::Bytes;
use axum::http::HeaderMap;

use super::acl::{self, Grant};
use super::refusal::Refusal;
use super::xml::Node;
use super::{events, keyed, metadata, policy, replication, rules, small, tagging, web};
use crate::bucket::AccountId;

macro_rules! words {
    ($($name:ident $query:literal;)*) => {
        /// A sub-resource of a bucket, by the word in the query.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum Word {
            $($name,)*
        }

        impl Word {
            const COUNT: usize = [$(Self::$name,)*].len();

            /// The sub-resource that a word of a query names.
            pub(super) fn parse(query: &str) -> Option<Self> {
                match query {
                    $($query => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    Location "location";
    Tagging "tagging";
    Versioning "versioning";
    Encryption "encryption";
    PublicAccessBlock "publicAccessBlock";
    OwnershipControls "ownershipControls";
    Acl "acl";
    Policy "policy";
    PolicyStatus "policyStatus";
    Lifecycle "lifecycle";
    Logging "logging";
    Website "website";
    Cors "cors";
    Accelerate "accelerate";
    RequestPayment "requestPayment";
    ObjectLock "object-lock";
    Inventory "inventory";
    Analytics "analytics";
    Metrics "metrics";
    IntelligentTiering "intelligent-tiering";
    Notification "notification";
    MetadataConfiguration "metadataConfiguration";
    MetadataJournalTable "metadataJournalTable";
    MetadataInventoryTable "metadataInventoryTable";
    MetadataAnnotationTable "metadataAnnotationTable";
    Replication "replication";
    Abac "abac";
}

/// The state of versioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Versioning {
    #[default]
    Never,
    Enabled,
    Suspended,
}

/// Those flags of the public access block by which it refuses a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Block {
    pub(super) public_acls: bool,
    pub(super) public_policy: bool,
}

/// Who owns the objects. Without ownership controls it is the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    Enforced,
    Other,
}

/// One bucket's configuration. Buckets that were prepared alike share one.
#[derive(Debug, Clone)]
pub(super) struct Config {
    bodies: [Option<Bytes>; Word::COUNT],
    pub(super) tags: Vec<(String, String)>,
    pub(super) versioning: Versioning,
    pub(super) mfa_delete: Option<bool>,
    pub(super) block: Block,
    pub(super) ownership: Ownership,
    pub(super) grants: Vec<Grant>,
    pub(super) object_lock: bool,
    /// Tags decide access, and are taken by S3 Control only.
    pub(super) abac: bool,
    /// The header of lifecycle answers.
    pub(super) minimum_size: &'static str,
    pub(super) sets: keyed::Sets,
    /// The metadata tables that were ever made: they outlive their configuration.
    pub(super) metadata_tables: Vec<&'static str>,
}

/// A request to change a sub-resource, and what it may have to be judged by.
pub(super) struct Write<'a> {
    pub(super) bucket: &'a str,
    /// Which one, of a sub-resource that holds many.
    pub(super) id: Option<&'a str>,
    pub(super) owner: &'a AccountId,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    /// Different for every request: generated ids come from it.
    pub(super) number: u64,
    /// What the account's own public access block refuses, whatever the bucket's says.
    pub(super) account: Block,
    /// Whether a bucket can take this one's logs: same owner, same region.
    pub(super) takes_logs: &'a dyn Fn(&str) -> bool,
    /// Whether a bucket has its versioning on; `None` when there is no such bucket.
    pub(super) keeps_versions: &'a dyn Fn(&str) -> Option<bool>,
}

impl Write<'_> {
    /// The body, when its root is this element.
    pub(super) fn xml(&self, root: &str) -> Result<Node, Refusal> {
        Node::parse(self.body).filter(|node| node.name == root).ok_or_else(Refusal::malformed)
    }

    /// The text of a header; an empty one when it is no text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap_or_default())
    }
}

impl Config {
    /// A bucket as AWS creates it: AES256, all four flags of the public access block, ACLs off
    /// (User Guide, "Default encryption FAQ" and "Default settings for new S3 buckets FAQ").
    pub(super) fn fresh(owner: &AccountId) -> Self {
        let mut config = Self {
            bodies: Default::default(),
            tags: Vec::new(),
            versioning: Versioning::Never,
            mfa_delete: None,
            block: Block { public_acls: true, public_policy: true },
            ownership: Ownership::Enforced,
            grants: acl::private(owner),
            object_lock: false,
            abac: false,
            minimum_size: rules::MINIMUM_SIZE,
            sets: keyed::Sets::default(),
            metadata_tables: Vec::new(),
        };
        config.set(Word::Encryption, &small::default_encryption());
        config.set(Word::PublicAccessBlock, &small::all_blocked());
        config.set(Word::OwnershipControls, &small::ownership_controls("BucketOwnerEnforced"));
        config.set(Word::RequestPayment, &small::request_payment("BucketOwner"));
        config.show_acl(owner);
        config
    }

    /// What GET answers with 200.
    ///
    /// # Errors
    /// The refusal by which S3 says that nothing is configured.
    pub(super) fn get(&self, word: Word, bucket: &str) -> Result<Bytes, Refusal> {
        if keyed::is_keyed(word) {
            return keyed::get(self, word, None, None);
        }
        if let Some(body) = &self.bodies[word as usize] {
            return Ok(body.clone());
        }
        let (code, said) = match word {
            Word::Versioning => return Ok(Node::of("VersioningConfiguration", Vec::new()).document()),
            Word::Logging => return Ok(Node::of("BucketLoggingStatus", Vec::new()).document()),
            Word::Accelerate => return Ok(Node::of("AccelerateConfiguration", Vec::new()).document()),
            Word::Notification => return Ok(events::none().document()),
            Word::MetadataConfiguration => return Err(metadata::not_found(bucket)),
            Word::Abac => return Ok(small::abac_status("Disabled").document()),
            Word::Tagging => ("NoSuchTagSet", "The TagSet does not exist"),
            Word::PublicAccessBlock => {
                ("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
            }
            Word::OwnershipControls => {
                ("OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
            }
            Word::Policy | Word::PolicyStatus => ("NoSuchBucketPolicy", "The bucket policy does not exist"),
            Word::Lifecycle => ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
            Word::Website => {
                ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")
            }
            Word::Cors => ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
            Word::ObjectLock => {
                ("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")
            }
            Word::Replication => {
                ("ReplicationConfigurationNotFoundError", "The replication configuration was not found")
            }
            Word::MetadataJournalTable | Word::MetadataInventoryTable | Word::MetadataAnnotationTable => {
                // They are changed on their own and read with the whole.
                return Err(Refusal::not_implemented());
            }
            _ => return Err(Refusal::internal()),
        };
        Err(Refusal::new(404, code, said).with("BucketName", bucket))
    }

    /// Replaces a sub-resource.
    ///
    /// # Errors
    /// The refusal by which S3 protects the bucket from this content.
    pub(super) fn put(&mut self, word: Word, write: &Write<'_>) -> Result<(), Refusal> {
        match word {
            Word::Tagging => tagging::put(self, write),
            Word::Versioning => small::put_versioning(self, write),
            Word::Encryption => small::put_encryption(self, write),
            Word::PublicAccessBlock => small::put_public_access_block(self, write),
            Word::OwnershipControls => small::put_ownership_controls(self, write),
            Word::Acl => acl::put(self, write),
            Word::Policy => policy::put(self, write),
            Word::Lifecycle => rules::put(self, write),
            Word::Logging => web::put_logging(self, write),
            Word::Website => web::put_website(self, write),
            Word::Cors => web::put_cors(self, write),
            Word::Accelerate => small::put_accelerate(self, write),
            Word::RequestPayment => small::put_request_payment(self, write),
            Word::ObjectLock => small::put_object_lock(self, write),
            Word::Inventory | Word::Analytics | Word::Metrics | Word::IntelligentTiering => {
                keyed::put(self, word, write)
            }
            Word::Notification => events::put(self, write),
            Word::MetadataConfiguration => metadata::create(self, write),
            Word::MetadataJournalTable | Word::MetadataInventoryTable | Word::MetadataAnnotationTable => {
                metadata::update(self, word, write)
            }
            Word::Replication => replication::put(self, write),
            Word::Abac => small::put_abac(self, write),
            Word::PolicyStatus | Word::Location => Err(Refusal::not_implemented()),
        }
    }

    /// Removes a sub-resource. Of what is not there too: S3 answers 204.
    ///
    /// # Errors
    /// The refusal by which S3 protects the bucket.
    pub(super) fn delete(&mut self, word: Word, owner: &AccountId) -> Result<(), Refusal> {
        match word {
            Word::Tagging => return tagging::delete(self),
            Word::Encryption => self.set(Word::Encryption, &small::default_encryption()),
            Word::PublicAccessBlock => {
                self.block = Block::default();
                self.clear(word);
            }
            Word::OwnershipControls => {
                self.ownership = Ownership::Other;
                self.clear(word);
                self.show_acl(owner);
            }
            Word::Policy => {
                self.clear(Word::Policy);
                self.clear(Word::PolicyStatus);
            }
            Word::Lifecycle => {
                self.minimum_size = rules::MINIMUM_SIZE;
                self.clear(word);
            }
            Word::Website | Word::Cors | Word::MetadataConfiguration | Word::Replication => self.clear(word),
            _ => return Err(Refusal::not_implemented()),
        }
        Ok(())
    }

    /// Whether something is configured.
    pub(super) fn has(&self, word: Word) -> bool {
        self.bodies[word as usize].is_some()
    }

    /// Stores what GET answers from now on.
    pub(super) fn set(&mut self, word: Word, root: &Node) {
        self.set_body(word, root.document());
    }

    /// Stores what GET answers from now on, when it is no XML.
    pub(super) fn set_body(&mut self, word: Word, body: Bytes) {
        self.bodies[word as usize] = Some(body);
    }

    /// Back to nothing configured.
    pub(super) fn clear(&mut self, word: Word) {
        self.bodies[word as usize] = None;
    }

    /// Renders the ACL anew. Without ACLs it "always returns a response that shows full control
    /// for the bucket owner" (User Guide, "Troubleshooting", AccessControlListNotSupported).
    pub(super) fn show_acl(&mut self, owner: &AccountId) {
        let body = match self.ownership {
            Ownership::Enforced => acl::document(owner, &acl::private(owner)),
            Ownership::Other => acl::document(owner, &self.grants),
        };
        self.set(Word::Acl, &body);
    }
}
