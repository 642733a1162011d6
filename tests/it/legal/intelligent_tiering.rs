//! `intelligentTiering`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

pub fn values() -> BoxedStrategy<Value> {
    super::keyed(vec![
        json!({"status": "Enabled", "tierings": [{"accessTier": "ARCHIVE_ACCESS", "days": 90}]}),
        json!({"status": "Disabled", "tierings": [{"accessTier": "ARCHIVE_ACCESS", "days": 120}]}),
        json!({"status": "Enabled", "filter": {"prefix": "raw/"}, "tierings": [
            {"accessTier": "DEEP_ARCHIVE_ACCESS", "days": 365}, {"accessTier": "ARCHIVE_ACCESS", "days": 180}]}),
    ])
}
