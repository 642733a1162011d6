//! What a setting of a bucket is: the trait that authors write, and the erased twin that lets
//! one table hold all settings.

use std::fmt::Debug;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bucket::{BucketName, Region};
use crate::doc::Doc;
use crate::finding::{Finding, Place, Severity};

/// One setting of an S3 bucket: what it may be and how two values compare. Pure.
pub trait Setting: Send + Sync + 'static {
    /// What a spec may say and what S3 may answer. Fields that a spec may leave out are `Option`s
    /// or collections, skipped when empty; `Default` is how a bucket behaves when S3 holds nothing
    /// for this setting, so absence is a value.
    type Value: Serialize + DeserializeOwned + JsonSchema + Default + Clone + PartialEq + Debug + Send + Sync;

    /// The key in specs, the metric label, the row of the page: S3's own term in camelCase.
    const NAME: &'static str;
    /// What the page of settings says beside the fields.
    const ABOUT: About;
    /// The IAM actions that reading needs.
    const READS: &'static [&'static str];
    /// The IAM actions that writing needs.
    const WRITES: &'static [&'static str];
    /// The settings of the same bucket that are written before this one.
    const AFTER: &'static [&'static str] = &[];
    /// The settings of the same bucket that decide whether S3 takes a value of this one
    /// ([`Setting::hindrance`]), read before a change of this one is planned.
    const BESIDE: &'static [&'static str] = &[];
    /// Whether a spec may say `absent`: S3 can go back to holding nothing.
    const REMOVABLE: bool = false;
    /// What becomes of it on a directory bucket: most settings are lacking there (S3 User Guide,
    /// "Differences for directory buckets").
    const ON_DIRECTORY_BUCKETS: OnDirectoryBuckets = OnDirectoryBuckets::Lacking;

    /// The value that every directory bucket has by nature, where it is
    /// [`OnDirectoryBuckets::Given`].
    fn given_on_directory_buckets() -> Self::Value {
        Self::Value::default()
    }

    /// The limits of directory buckets, beside those of [`Setting::check`].
    fn check_on_directory_buckets(_want: &Self::Value) -> Vec<Problem> {
        Vec::new()
    }

    /// Rewrites values that mean the same to one form. Idempotent. Called on whole values: what
    /// S3 answered, and what a merge made; never on what a spec says alone, which may be partial.
    fn canonical(value: Self::Value) -> Self::Value {
        value
    }

    /// Overlays what is wanted on what is live (canonical); fields that nobody declared stay.
    fn merge(live: &Self::Value, want: &Self::Value, _how: Overlay) -> Self::Value {
        overlay(live, want)
    }

    /// Overlays what a bucket's own spec says on what its defaults say; both may be partial.
    fn join(below: &Self::Value, above: &Self::Value) -> Self::Value {
        overlay(below, above)
    }

    /// Judges a change between two canonical values before anyone makes it.
    fn risk(_from: &Self::Value, _to: &Self::Value) -> Risk {
        Risk::Safe
    }

    /// How AWS makes a new bucket, where that is not "S3 holds nothing".
    fn fresh() -> Self::Value {
        Self::Value::default()
    }

    /// How a spec writes a (partial) value, in its long form: read again, it is the same value.
    fn written(value: &Self::Value) -> Value {
        serde_json::to_value(value).expect("the values of settings are plain data")
    }

    /// The limits that S3 documents for what a spec says, so that a commit is refused in its pull
    /// request and not by S3 at night. Form and types are checked before, by the JSON Schema.
    fn check(_want: &Self::Value) -> Vec<Problem> {
        Vec::new()
    }

    /// The limits that depend on the bucket: its name, its region. Only what the same document
    /// says of it is known here.
    fn check_beside(_want: &Self::Value, _beside: &Beside) -> Vec<Problem> {
        Vec::new()
    }

    /// What a read can show of a value that was written: S3 takes some fields that it never
    /// answers. A write is proved by what is left.
    fn shown(value: Self::Value) -> Self::Value {
        value
    }

    /// Of [`Setting::AFTER`], those without whose write this value would do harm: while one of them is
    /// held, or failed, this is not written either. Of the other pairs S3 refuses the second by itself,
    /// or nothing is lost, and a difference in one keeps no other from being repaired.
    fn waits_for(_to: &Self::Value) -> &'static [&'static str] {
        &[]
    }

    /// Why S3 refuses a whole value on a bucket whose other settings are as they are. `others`
    /// gives the canonical values of those that are known.
    fn hindrance(_to: &Self::Value, _others: &Others<'_>) -> Option<Hindrance> {
        None
    }
}

/// What a document says of its bucket beside a setting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// The bucket, in a document about one.
    pub bucket: Option<BucketName>,
    /// The region that it names.
    pub region: Option<Region>,
    /// Whether the account that it is for is known to be on a store of one's own.
    pub own_store: bool,
}

impl Beside {
    /// Whether the bucket is on a store of one's own, which has rules of its own: its account says so,
    /// or its region has a name that AWS has not. The default region of MinIO has a name of AWS.
    pub fn is_elsewhere(&self) -> bool {
        self.own_store || self.region.as_ref().is_some_and(|region| !region.is_of_aws())
    }
}

/// The other settings of a bucket by their names, as far as they are known.
pub type Others<'a> = dyn Fn(&str) -> Option<Doc> + 'a;

/// What keeps S3 from taking a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hindrance {
    /// The rule of S3, in words that go on from "held:".
    pub why: &'static str,
    /// What to commit.
    pub advice: &'static str,
}

/// What becomes of a setting on a directory bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDirectoryBuckets {
    /// It is there and can be set.
    There,
    /// It has one value, always, and no request for it.
    Given,
    /// There is none.
    Lacking,
}

/// What `docs/settings.md` says of a setting beside what its types say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// What it is, in a few words: its line in lists.
    pub what: &'static str,
    /// Why it matters: one or two sentences.
    pub why: &'static str,
    /// Which changes wait for an approval, and which S3 has none of; empty when every change
    /// repairs itself.
    pub risk: &'static str,
    /// What a spec may say of it, as YAML.
    pub example: &'static str,
}

/// Who speaks: it decides what a list means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overlay {
    /// A spec speaks: a list that it names is the whole list.
    Whole,
    /// A policy speaks: the elements that it names must be there, others stay.
    Within,
}

/// What a change may do to those who use the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Risk {
    /// It repairs itself.
    Safe,
    /// It could destroy data, lock people out or let them in: held until an approval names it.
    Guarded(&'static str),
    /// S3 has no such transition: neither done nor failed.
    Impossible(&'static str),
}

/// A fault in what a spec says of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where inside the setting, as a JSON pointer (`/rules/0/id`); empty for the whole.
    pub pointer: String,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Whether it is known that S3 refuses the value, or only that it is odd.
    pub severity: Severity,
}

impl Problem {
    /// A fault at a JSON pointer inside the setting.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), hint: None, severity: Severity::Error }
    }

    /// Something odd that S3 may take, now or in a later version: a person should look at it.
    pub fn odd(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::at(pointer, message) }
    }

    /// Whether S3 refuses the value for it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The finding of it at a place in the documents.
    pub fn finding(self, place: Place) -> Finding {
        Finding { place, severity: self.severity, message: self.message, hint: self.hint }
    }

    /// Says what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Overlays one value on another field by field: objects are merged, everything else replaced.
pub fn overlay<T: Serialize + DeserializeOwned>(live: &T, want: &T) -> T {
    let tree = |value: &T| serde_json::to_value(value).expect("the values of settings are plain data");
    let mut merged = tree(live);
    overlay_tree(&mut merged, tree(want));
    serde_json::from_value(merged).expect("an overlay of two values of a type is one of that type")
}

fn overlay_tree(live: &mut Value, want: Value) {
    match (live, want) {
        (Value::Object(live), Value::Object(want)) => {
            for (key, value) in want {
                overlay_tree(live.entry(key).or_insert(Value::Null), value);
            }
        }
        (live, want) => *live = want,
    }
}

/// A setting without its type, for the table. All docs that go in and come out are of this
/// setting; one of another is a fault of the caller and panics.
pub trait AnySetting: Send + Sync {
    /// [`Setting::NAME`].
    fn name(&self) -> &'static str;
    /// [`Setting::ABOUT`].
    fn about(&self) -> About;
    /// [`Setting::READS`].
    fn reads(&self) -> &'static [&'static str];
    /// [`Setting::WRITES`].
    fn writes(&self) -> &'static [&'static str];
    /// [`Setting::AFTER`].
    fn after(&self) -> &'static [&'static str];
    /// [`Setting::waits_for`].
    fn waits_for(&self, to: &Doc) -> &'static [&'static str];
    /// [`Setting::BESIDE`].
    fn beside(&self) -> &'static [&'static str];
    /// [`Setting::REMOVABLE`].
    fn removable(&self) -> bool;
    /// How a bucket behaves when S3 holds nothing, in canonical form.
    fn default_doc(&self) -> Doc;
    /// [`Setting::fresh`], in canonical form.
    fn fresh_doc(&self) -> Doc;
    /// [`Setting::written`].
    fn written(&self, doc: &Doc) -> Value;
    /// The JSON Schema of what a spec may say, without `absent`.
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema;
    /// What a spec says, as a (partial) doc, or the reason why it is none.
    ///
    /// # Errors
    /// When the value has not the setting's form.
    fn parse(&self, said: &Value) -> Result<Doc, serde_json::Error>;
    /// [`Setting::canonical`].
    fn canonical(&self, whole: &Doc) -> Doc;
    /// [`Setting::join`].
    fn join(&self, below: &Doc, above: &Doc) -> Doc;
    /// [`Setting::merge`], in canonical form.
    fn merge(&self, live: &Doc, want: &Doc, how: Overlay) -> Doc;
    /// [`Setting::risk`].
    fn risk(&self, from: &Doc, to: &Doc) -> Risk;
    /// [`Setting::check`].
    fn check(&self, want: &Doc) -> Vec<Problem>;
    /// [`Setting::check_beside`].
    fn check_beside(&self, want: &Doc, beside: &Beside) -> Vec<Problem>;
    /// [`Setting::shown`].
    fn shown(&self, whole: &Doc) -> Doc;
    /// [`Setting::hindrance`].
    fn hindrance(&self, to: &Doc, others: &Others<'_>) -> Option<Hindrance>;
    /// [`Setting::ON_DIRECTORY_BUCKETS`].
    fn on_directory_buckets(&self) -> OnDirectoryBuckets;
    /// [`Setting::given_on_directory_buckets`], in canonical form.
    fn given_on_directory_buckets(&self) -> Doc;
    /// [`Setting::check_on_directory_buckets`].
    fn check_on_directory_buckets(&self, want: &Doc) -> Vec<Problem>;
    /// The wire half.
    #[cfg(feature = "aws")]
    fn wire(&self) -> &dyn crate::cloud::wire::AnyWire;
}

/// The entry of one setting in the table.
pub struct Entry<S>(PhantomData<S>);

impl<S> Entry<S> {
    /// The entry.
    pub const NEW: Self = Self(PhantomData);
}

fn typed<S: Setting>(doc: &Doc) -> S::Value {
    match doc.parse() {
        Ok(value) => value,
        Err(error) => panic!("a doc of `{}` is one of another setting: {error}: {doc:?}", S::NAME),
    }
}

macro_rules! erase {
    ($($bound:tt)*) => {
        impl<S: $($bound)*> AnySetting for Entry<S> {
            fn name(&self) -> &'static str {
                S::NAME
            }
            fn about(&self) -> About {
                S::ABOUT
            }
            fn reads(&self) -> &'static [&'static str] {
                S::READS
            }
            fn writes(&self) -> &'static [&'static str] {
                S::WRITES
            }
            fn after(&self) -> &'static [&'static str] {
                S::AFTER
            }
            fn waits_for(&self, to: &Doc) -> &'static [&'static str] {
                S::waits_for(&typed::<S>(to))
            }
            fn beside(&self) -> &'static [&'static str] {
                S::BESIDE
            }
            fn removable(&self) -> bool {
                S::REMOVABLE
            }
            fn default_doc(&self) -> Doc {
                Doc::of(&S::canonical(S::Value::default()))
            }
            fn fresh_doc(&self) -> Doc {
                Doc::of(&S::canonical(S::fresh()))
            }
            fn written(&self, doc: &Doc) -> Value {
                S::written(&typed::<S>(doc))
            }
            fn schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                generator.subschema_for::<S::Value>()
            }
            fn parse(&self, said: &Value) -> Result<Doc, serde_json::Error> {
                use serde::Deserialize;
                Ok(Doc::of(&S::Value::deserialize(said)?))
            }
            fn canonical(&self, whole: &Doc) -> Doc {
                Doc::of(&S::canonical(typed::<S>(whole)))
            }
            fn join(&self, below: &Doc, above: &Doc) -> Doc {
                Doc::of(&S::join(&typed::<S>(below), &typed::<S>(above)))
            }
            fn merge(&self, live: &Doc, want: &Doc, how: Overlay) -> Doc {
                Doc::of(&S::canonical(S::merge(&typed::<S>(live), &typed::<S>(want), how)))
            }
            fn risk(&self, from: &Doc, to: &Doc) -> Risk {
                S::risk(&typed::<S>(from), &typed::<S>(to))
            }
            fn check(&self, want: &Doc) -> Vec<Problem> {
                S::check(&typed::<S>(want))
            }
            fn check_beside(&self, want: &Doc, beside: &Beside) -> Vec<Problem> {
                S::check_beside(&typed::<S>(want), beside)
            }
            fn shown(&self, whole: &Doc) -> Doc {
                Doc::of(&S::canonical(S::shown(typed::<S>(whole))))
            }
            fn hindrance(&self, to: &Doc, others: &Others<'_>) -> Option<Hindrance> {
                S::hindrance(&typed::<S>(to), others)
            }
            fn on_directory_buckets(&self) -> OnDirectoryBuckets {
                S::ON_DIRECTORY_BUCKETS
            }
            fn given_on_directory_buckets(&self) -> Doc {
                Doc::of(&S::canonical(S::given_on_directory_buckets()))
            }
            fn check_on_directory_buckets(&self, want: &Doc) -> Vec<Problem> {
                S::check_on_directory_buckets(&typed::<S>(want))
            }
            #[cfg(feature = "aws")]
            fn wire(&self) -> &dyn crate::cloud::wire::AnyWire {
                self
            }
        }
    };
}

#[cfg(not(feature = "aws"))]
erase!(Setting);
#[cfg(feature = "aws")]
erase!(Setting + crate::cloud::wire::Wire);
