//! What a bucket is: the settings that were read so far, and how each read went.

use crate::bucket::Region;
use crate::cloud::S3Error;
use crate::doc::Doc;

/// What a read of one setting gave. A failed read is never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The value in canonical form; nothing configured is the setting's default.
    Known(Doc),
    /// The read failed or was denied.
    Unknown(S3Error),
    /// The store has no such setting.
    Unsupported(S3Error),
}

/// Whether the bucket is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existence {
    /// It is, in this region.
    Here(Region),
    /// It is not.
    Missing,
    /// Its name belongs to another account.
    Foreign,
    /// It could not be found out.
    Unknown(S3Error),
}

/// One bucket as far as it was looked at in this sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Whether it is there.
    pub existence: Existence,
    /// Whether this sweep made it. Nobody uses it yet, so no change of it is dangerous.
    pub fresh: bool,
    readings: Vec<(&'static str, Reading)>,
    /// Fields that S3 answered and this version does not know.
    foreign: Vec<(&'static str, Vec<String>)>,
    /// What S3 said of a setting beside its value.
    remarks: Vec<(&'static str, Vec<String>)>,
}

impl Observed {
    /// A bucket of which only the existence is known.
    pub fn new(existence: Existence) -> Self {
        Self { existence, fresh: false, readings: Vec::new(), foreign: Vec::new(), remarks: Vec::new() }
    }

    /// The reading of a setting, when it was read.
    pub fn reading(&self, setting: &str) -> Option<&Reading> {
        self.readings.iter().find(|(name, _)| *name == setting).map(|(_, reading)| reading)
    }

    /// The value of a setting, when it was read and is known.
    pub fn known(&self, setting: &str) -> Option<&Doc> {
        match self.reading(setting) {
            Some(Reading::Known(doc)) => Some(doc),
            _ => None,
        }
    }

    /// Notes the reading of a setting, in place of an earlier one.
    pub fn note(&mut self, setting: &'static str, reading: Reading) {
        self.forget(setting);
        self.readings.push((setting, reading));
    }

    /// Forgets the reading of a setting, because it was written.
    pub fn forget(&mut self, setting: &str) {
        self.readings.retain(|(name, _)| *name != setting);
    }

    /// Notes the fields of a setting that S3 answered and this version does not know.
    pub fn note_foreign(&mut self, setting: &'static str, fields: Vec<String>) {
        self.foreign.retain(|(name, _)| *name != setting);
        if !fields.is_empty() {
            self.foreign.push((setting, fields));
        }
    }

    /// The fields of a setting that S3 answered and this version does not know.
    pub fn foreign(&self, setting: &str) -> &[String] {
        self.foreign.iter().find(|(name, _)| *name == setting).map_or(&[], |(_, fields)| fields)
    }

    /// Notes what S3 said of a setting beside its value, such as a table that it could not make.
    pub fn note_remarks(&mut self, setting: &'static str, remarks: Vec<String>) {
        self.remarks.retain(|(name, _)| *name != setting);
        if !remarks.is_empty() {
            self.remarks.push((setting, remarks));
        }
    }

    /// What S3 said of a setting beside its value: told, and never compared.
    pub fn remarks(&self, setting: &str) -> &[String] {
        self.remarks.iter().find(|(name, _)| *name == setting).map_or(&[], |(_, remarks)| remarks)
    }

    /// All readings, in the order in which they were made.
    pub fn readings(&self) -> impl Iterator<Item = (&'static str, &Reading)> {
        self.readings.iter().map(|(name, reading)| (*name, reading))
    }
}
