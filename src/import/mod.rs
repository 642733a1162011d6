//! Taking over what is there: live buckets, and what other tools wrote down, as specs (pure).
//!
//! [`live`] drafts a spec from what was read of a bucket, [`convert`] from the files of other tools.
//! [`share`] moves what most drafts have in common to a `BucketDefaults`, and [`text`] writes it
//! all down in the house form. Nothing here asks S3 or opens a file.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::bucket::{AccountName, BucketName, Region};

pub mod convert;
pub mod form;
pub mod live;
pub mod place;
pub mod policies;
pub mod share;
pub mod text;
mod yaml;

/// One bucket as its spec will say it.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its name.
    pub name: BucketName,
    /// Its account, where specs have to name one.
    pub account: Option<AccountName>,
    /// Its region, where it is known.
    pub region: Option<Region>,
    /// What is said of each setting.
    pub settings: BTreeMap<&'static str, Said>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// What is said of a setting, as a spec writes it.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A (partial) value in the house form.
    Value(Value),
    /// S3 shall hold nothing.
    Absent,
}

impl Said {
    /// As it stands in a spec.
    pub fn value(&self) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Absent => "absent".into(),
        }
    }
}

/// Something that a person should know of a bucket; a comment in its file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The setting; `None` for the bucket itself.
    pub setting: Option<&'static str>,
    /// What it is about.
    pub matter: Matter,
    /// One sentence: lower case, no full stop.
    pub text: String,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// A setting could not be read, so the spec does not name it.
    Unreadable,
    /// The store has no such setting.
    Unsupported,
    /// S3 holds what no spec can say.
    Unsayable,
    /// S3 answers fields that this version does not know.
    UnknownFields,
    /// A policy names users or roles that are no more.
    Dangling,
    /// A policy is not fulfilled, or will change something.
    Policy,
    /// A file of another tool says what cannot be converted.
    Unconverted,
}

impl Draft {
    /// A bucket of which nothing is said yet.
    pub fn new(name: BucketName) -> Self {
        Self { name, account: None, region: None, settings: BTreeMap::new(), notes: Vec::new() }
    }

    /// Adds a note.
    pub fn note(&mut self, setting: Option<&'static str>, matter: Matter, text: impl Into<String>) {
        self.notes.push(Note { setting, matter, text: text.into() });
    }

    /// Whether a person should look at it. A store that lacks a setting lacks it for good.
    pub fn wants_a_person(&self) -> bool {
        self.notes.iter().any(|note| note.matter != Matter::Unsupported)
    }

    /// Whether something of it could not be read.
    pub fn is_incomplete(&self) -> bool {
        self.notes.iter().any(|note| note.matter == Matter::Unreadable)
    }
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its path below the folder, with `/`: legal by construction.
    pub path: String,
    /// What it holds.
    pub text: String,
}
