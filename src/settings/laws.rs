//! What holds for every setting whatever its values are: the body of property tests.

use crate::doc::Doc;
use crate::setting::{Overlay, Setting};

/// Holds the laws of a setting for one live value and one wanted value.
pub fn hold<S: Setting>(live: &S::Value, want: &S::Value, how: Overlay) {
    let live = S::canonical(live.clone());
    assert_eq!(S::canonical(live.clone()), live, "canonical is idempotent");
    let text = Doc::of(&live);
    assert_eq!(text.parse::<S::Value>().expect("a canonical doc is a value"), live, "a canonical doc reads back");
    let merge = |from: &S::Value| S::canonical(S::merge(from, want, how));
    let to = merge(&live);
    assert_eq!(merge(&to), to, "a merge that was applied asks for nothing more");
    assert_eq!(S::canonical(S::merge(&live, &S::Value::default(), how)), live, "who names nothing changes nothing");
}

/// Whether the schema of a setting takes what a spec says; what it takes must be a value.
pub fn schema<S: Setting>(said: &str, takes: bool) {
    let schema = schemars::schema_for!(S::Value).to_value();
    let validator = jsonschema::validator_for(&schema).expect("the schema of a setting is a schema");
    let said = serde_json::from_str(said).expect("what a spec says is JSON");
    assert_eq!(validator.is_valid(&said), takes, "{said}");
    if takes {
        serde_json::from_value::<S::Value>(said).expect("what the schema takes is a value");
    }
}
