//! How each server is known to differ from AWS, and nothing else: a difference that is not here
//! fails the tests, and so does a line here that nothing shows any more.

use serde_json::Value;

/// What a server does not have. A setting that is not in the table yet does no harm here.
pub struct Lacks {
    pub server: &'static str,
    /// A read says so.
    pub unread: &'static [&'static str],
    /// It can be read, and a write says that it cannot be written.
    pub unwritten: &'static [&'static str],
}

/// One way in which a server differs.
pub struct Deviation {
    pub server: &'static str,
    pub setting: &'static str,
    /// For the page: a sentence.
    pub why: &'static str,
    pub how: How,
}

/// What the server does.
pub enum How {
    /// It keeps another value than it was given: the function says which.
    Keeps(fn(&mut Value)),
    /// It refuses changes of this kind, from a value to another, with this error code; where the code is
    /// empty, driftless itself does not send them.
    Refuses(fn(&Value, &Value) -> bool, &'static str),
}

pub const LACKS: &[Lacks] = &[
    Lacks {
        server: "moto",
        unread: &["requestPayer", "analytics", "metrics", "intelligentTiering", "abac", "metadata"],
        unwritten: &[],
    },
    Lacks { server: "localstack", unread: &["abac", "metadata"], unwritten: &[] },
    Lacks {
        server: "rgw",
        unread: &[
            "publicAccessBlock",
            "encryption",
            "objectOwnership",
            "accelerate",
            "inventory",
            "analytics",
            "metrics",
            "intelligentTiering",
            "abac",
            "metadata",
        ],
        unwritten: &["logging", "replication"],
    },
];

const fn keeps(server: &'static str, setting: &'static str, why: &'static str, how: fn(&mut Value)) -> Deviation {
    Deviation { server, setting, why, how: How::Keeps(how) }
}

const fn refuses(
    server: &'static str,
    setting: &'static str,
    code: &'static str,
    why: &'static str,
    which: fn(&Value, &Value) -> bool,
) -> Deviation {
    Deviation { server, setting, why, how: How::Refuses(which, code) }
}

pub const DEVIATIONS: &[Deviation] = &[
    keeps("moto", "encryption", "the blocked encryption types are dropped.", no_blocked_types),
    keeps("moto", "logging", "the format of the keys of log objects is dropped.", |value| {
        fields(value).remove("targetObjectKeyFormat");
    }),
    keeps("moto", "lifecycle", "sizes of objects and numbers of newer versions are dropped.", no_sizes_and_numbers),
    keeps("moto", "lifecycle", "the default size of objects that are too small to move is dropped.", no_default_size),
    keeps("moto", "inventory", "object versions are always `All`, and the encryption is dropped.", |value| {
        for list in value["configurations"].as_array_mut().into_iter().flatten().map(fields) {
            list.insert("includedObjectVersions".to_owned(), "All".into());
            list.get_mut("destination").map(fields).map(|destination| destination.remove("encryption"));
        }
    }),
    refuses(
        "moto",
        "inventory",
        "",
        "a configuration is never removed, as its word for one that is not there is not S3's.",
        |from, to| {
            let ids = |value: &Value| -> Vec<Value> {
                value["configurations"].as_array().into_iter().flatten().map(|it| it["id"].clone()).collect()
            };
            ids(from).iter().any(|id| !ids(to).contains(id))
        },
    ),
    keeps("moto", "objectLock", "the default event hold is dropped.", no_event_hold),
    keeps("moto", "notifications", "EventBridge is taken and not kept.", |value| {
        fields(value).remove("eventBridge");
    }),
    keeps(
        "moto",
        "replication",
        "every rule is one of the second version for all objects, without delete markers, and of its destination only the bucket and its account are kept.",
        bare_rules,
    ),
    keeps("localstack", "encryption", "the blocked encryption types are dropped.", no_blocked_types),
    keeps("localstack", "objectLock", "the default event hold is dropped.", no_event_hold),
    refuses("localstack", "encryption", "InvalidArgument", "no key can be named for `aws:kms:dsse`.", |_, value| {
        value["algorithm"] == "aws:kms:dsse" && value["kmsKeyId"].is_string()
    }),
    refuses("localstack", "objectLock", "MalformedXML", "a default event hold alone is refused.", |_, value| {
        is_hold_alone(value)
    }),
    refuses("localstack", "inventory", "MalformedXML", "the newest optional fields are not known.", |_, value| {
        let lists = value["configurations"].as_array().into_iter().flatten();
        lists.flat_map(|list| list["optionalFields"].as_array().into_iter().flatten()).any(|field| {
            field.as_str().is_some_and(|it| {
                it.starts_with("ObjectLockEventHold")
                    || ["IntelligentTieringReferenceDate", "LifecycleExpirationDate"].contains(&it)
            })
        })
    }),
    keeps("rgw", "objectLock", "the default event hold is dropped.", no_event_hold),
    refuses("rgw", "objectLock", "MalformedXML", "a default event hold alone is refused.", |_, value| {
        is_hold_alone(value)
    }),
    refuses(
        "rgw",
        "policy",
        "InvalidArgument",
        "conditions on sets that end in `IfExists` are not known.",
        |_, value| {
            // In the canonical form as in that of a spec.
            let text = value.to_string();
            text.contains("\"ForAllValues:StringNotEqualsIfExists\"")
        },
    ),
    refuses("rgw", "notifications", "MalformedXML", "it knows topics only.", |_, value| {
        value["topics"].as_array().is_none_or(Vec::is_empty)
    }),
    refuses("rgw", "notifications", "InvalidArgument", "it knows fewer events.", |_, value| {
        topics(value).any(|topic| events(topic).any(|it| it.starts_with("s3:Lifecycle")))
    }),
    refuses("rgw", "notifications", "NoSuchKey", "a topic must be one of its own.", |_, value| {
        topics(value).count() > 0
    }),
    keeps("rgw", "lifecycle", "sizes of objects and numbers of newer versions are dropped.", |value| {
        no_sizes_and_numbers(value);
        for rule in value["rules"].as_array_mut().into_iter().flatten() {
            let moves = rule.get_mut("noncurrentVersionTransitions").and_then(Value::as_array_mut);
            moves.into_iter().flatten().map(fields).for_each(|it| drop(it.remove("newerNoncurrentVersions")));
        }
    }),
    keeps("rgw", "lifecycle", "the default size of objects that are too small to move is dropped.", no_default_size),
    refuses("rgw", "acl", "InvalidArgument", "a grantee must be one of its own users.", |_, value| {
        grantees(value).any(|it| it.starts_with("id:"))
    }),
    refuses("rgw", "acl", "InvalidArgument", "it has no group for log delivery.", |_, value| {
        grantees(value).any(|it| it == "LogDelivery") && !grantees(value).any(|it| it.starts_with("id:"))
    }),
];

fn fields(value: &mut Value) -> &mut serde_json::Map<String, Value> {
    value.as_object_mut().expect("the value has fields")
}

fn no_blocked_types(value: &mut Value) {
    if value["blockedEncryptionTypes"].as_array().is_some_and(|types| !types.is_empty()) {
        value["blockedEncryptionTypes"] = serde_json::json!([]);
    }
}

fn no_event_hold(value: &mut Value) {
    if let Some(retention) = value.get_mut("defaultRetention").and_then(Value::as_object_mut) {
        retention.remove("defaultEventHold");
    }
}

fn is_hold_alone(value: &Value) -> bool {
    let retention = &value["defaultRetention"];
    retention["defaultEventHold"].is_object() && retention["days"].is_null() && retention["years"].is_null()
}

fn bare_rules(value: &mut Value) {
    for rule in value["rules"].as_array_mut().into_iter().flatten() {
        let mut to = rule["destination"].take();
        fields(&mut to).retain(|field, _| field == "bucket" || field == "account");
        *rule = serde_json::json!({
            "id": rule["id"], "status": rule["status"], "priority": rule["priority"].as_i64().unwrap_or(1),
            "filter": {}, "deleteMarkerReplication": {"status": "Disabled"},
            "destination": to,
        });
    }
}

fn topics(value: &Value) -> impl Iterator<Item = &Value> {
    value["topics"].as_array().into_iter().flatten()
}

fn events(topic: &Value) -> impl Iterator<Item = &str> {
    topic["events"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn no_sizes_and_numbers(value: &mut Value) {
    for rule in value["rules"].as_array_mut().into_iter().flatten().map(fields) {
        if let Some(filter) = rule.get_mut("filter") {
            fields(filter).retain(|field, _| !field.starts_with("objectSize"));
        }
        if let Some(expiration) = rule.get_mut("noncurrentVersionExpiration") {
            fields(expiration).remove("newerNoncurrentVersions");
        }
    }
}

fn no_default_size(value: &mut Value) {
    fields(value).remove("transitionDefaultMinimumObjectSize");
}

fn grantees(value: &Value) -> impl Iterator<Item = &str> {
    value["grants"].as_array().into_iter().flatten().filter_map(|grant| grant["grantee"].as_str())
}

/// What the server lacks.
pub fn lacks(server: &str) -> (&'static [&'static str], &'static [&'static str]) {
    LACKS.iter().find(|it| it.server == server).map_or((&[], &[]), |it| (it.unread, it.unwritten))
}

/// How the server differs in a setting.
pub fn of(server: &str, setting: &str) -> Vec<&'static Deviation> {
    DEVIATIONS.iter().filter(|it| it.server == server && it.setting == setting).collect()
}

/// What the server makes of a value, and the deviations that changed it.
pub fn kept(them: &[&'static Deviation], value: &Value) -> (Value, Vec<&'static str>) {
    let mut value = value.clone();
    let mut seen = Vec::new();
    for it in them {
        if let How::Keeps(change) = it.how {
            let was = value.clone();
            change(&mut value);
            if value != was {
                seen.push(it.why);
            }
        }
    }
    (value, seen)
}

/// The code with which the server refuses a change, and the deviation that says so.
pub fn refused(them: &[&'static Deviation], from: &Value, to: &Value) -> Option<(&'static str, &'static str)> {
    them.iter().find_map(|it| match it.how {
        How::Refuses(which, code) if which(from, to) => Some((code, it.why)),
        _ => None,
    })
}
