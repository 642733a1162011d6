//! The hash chain over the history (pure): each entry carries the hash of the one before it.
//!
//! What it proves: from any hash that was noted elsewhere, that the entry with this hash and all
//! entries before it, back to the oldest that is kept, are those that were recorded, in their
//! order. Without such a hash it shows every change that does not rewrite all that follows.
//!
//! What it cannot prove: whoever may write the file and knows this format can write another
//! history, or cut off the newest entries, and compute all hashes anew. Only a head hash kept
//! where they cannot write it (the log, a ticket, another machine) shows that: `--expect-head`.
//! Nor does it prove that what was recorded is true, or that everything was recorded.

use std::fmt;

use sha2::{Digest, Sha256};

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub(super) [u8; 32]);

/// What the first entry of all has before it.
pub(super) const GENESIS: Hash = Hash([0; 32]);

impl Hash {
    /// Reads 64 hexadecimal digits.
    pub fn parse(hex: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl serde::Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The fields of an entry that its hash covers: all of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    pub seq: i64,
    pub at: &'a str,
    pub kind: &'a str,
    pub account: Option<&'a str>,
    pub bucket: Option<&'a str>,
    pub json: &'a str,
}

/// The hash of an entry. Every field has its length before it, so that no text can move from one
/// field into the next; nothing at all is told apart from an empty text.
pub(super) fn hash(prev: &Hash, fields: &Fields<'_>) -> Hash {
    let mut hash = Sha256::new();
    hash.update(prev.0);
    hash.update(fields.seq.to_be_bytes());
    for field in [Some(fields.at), Some(fields.kind), fields.account, fields.bucket, Some(fields.json)] {
        match field {
            Some(text) => {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
            None => hash.update(u64::MAX.to_be_bytes()),
        }
    }
    Hash(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_and_every_border_between_fields_counts() {
        let base = Fields { seq: 1, at: "t", kind: "ab", account: Some("c"), bucket: Some("d"), json: "{}" };
        let variants = [
            base,
            Fields { seq: 2, ..base },
            Fields { at: "u", ..base },
            Fields { kind: "a", account: Some("bc"), ..base },
            Fields { account: None, ..base },
            Fields { account: Some(""), ..base },
            Fields { bucket: None, ..base },
            Fields { json: "[]", ..base },
        ];
        let mut hashes: Vec<String> = variants.iter().map(|it| hash(&GENESIS, it).to_string()).collect();
        hashes.push(hash(&Hash([1; 32]), &base).to_string());
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), variants.len() + 1);
        assert_eq!(Hash::parse(&hashes[0]).map(|it| it.to_string()).as_ref(), Some(&hashes[0]));
        assert_eq!(Hash::parse("+1"), None);
    }
}
