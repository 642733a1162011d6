//! `analytics`: values as a spec may write them, field by field.

use proptest::prelude::*;
use serde_json::Value;

use super::{fields, keyed, maybe, some_tags};

fn export() -> impl Strategy<Value = Value> {
    let bucket = prop::sample::select(vec!["arn:aws:s3:::lists", "arn:aws:s3:::more-lists"]);
    let all = (maybe(vec!["V_1"]), bucket, maybe(vec!["111122223333"]), maybe(vec!["CSV"]), maybe(vec!["", "a/"]));
    all.prop_map(|(version, bucket, account, format, prefix)| {
        let destination =
            fields([("bucket", Some(bucket.into())), ("accountId", account), ("format", format), ("prefix", prefix)]);
        fields([("outputSchemaVersion", version), ("destination", Some(destination))])
    })
}

pub fn values() -> BoxedStrategy<Value> {
    let filter = (maybe(vec!["", "raw/"]), prop::option::of(some_tags()));
    let filter = filter.prop_map(|(prefix, tags)| fields([("prefix", prefix), ("tags", tags)]));
    let one = (prop::option::of(filter), prop::option::of(export()));
    keyed("analytics", one.prop_map(|(filter, export)| fields([("filter", filter), ("dataExport", export)])))
}
