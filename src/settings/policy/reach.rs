//! What the actions and resources of a statement mean to S3: whether they are of this bucket, and
//! whether an action applies to any of the resources. S3 answers MalformedPolicy where they do not.

use std::collections::BTreeSet;

use super::spelling::{self, Kind};

/// Whether an action belongs to a service that bucket policies cannot speak of. The relatives of S3
/// (`s3express`, `s3-object-lambda`) are left to S3 to judge.
pub fn is_foreign_action(action: &str) -> bool {
    match action.split_once(':') {
        Some((service, _)) if service.contains(['*', '?']) => false,
        Some((service, _)) => !service.get(..2).is_some_and(|it| it.eq_ignore_ascii_case("s3")),
        None => action != "*",
    }
}

/// Whether a resource is not this bucket, nor anything in it. AWS takes not even `*`
/// (noobaa/noobaa-core#10058). Wildcards stand for any text, and so may policy variables; access
/// points, and buckets of a store's tenants, are left to S3 to judge.
pub fn is_foreign_resource(resource: &str, bucket: &str) -> bool {
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let ["arn", partition, service, region, account, path] = parts.as_slice() else { return true };
    let open = |text: &str| text.contains(['*', '?']);
    if !partition.starts_with("aws") && !open(partition) {
        return true;
    }
    if open(service) {
        return false;
    }
    match *service {
        "s3" if region.is_empty() && account.is_empty() => {
            let name = path.split_once('/').map_or(*path, |(name, _)| name);
            !name.contains("${") && !matches(name.as_bytes(), bucket.as_bytes())
        }
        "s3express" => path.strip_prefix("bucket/").is_some_and(|name| {
            let name = name.split_once('/').map_or(name, |(name, _)| name);
            !name.contains("${") && !matches(name.as_bytes(), bucket.as_bytes())
        }),
        other => !other.starts_with("s3"),
    }
}

/// The first action that applies to none of the resources: one of objects where only buckets are
/// named, or the other way round (versity/versitygw#645, spack/spack-infrastructure#978). An action
/// that nobody here knows may apply to anything, and so may one with a wildcard in it.
pub fn idle<'a>(actions: &'a BTreeSet<String>, resources: &BTreeSet<String>) -> Option<&'a str> {
    let kinds: Vec<Option<Kind>> = resources.iter().map(|resource| kind(resource)).collect();
    let applies = |action: Kind| action == Kind::Any || kinds.iter().any(|it| it.is_none_or(|it| it == action));
    let idle = |action: &&String| {
        let meant = spelling::meant(action);
        !meant.is_empty() && !meant.into_iter().any(applies)
    };
    actions.iter().filter(|action| !action.contains(['*', '?'])).find(idle).map(String::as_str)
}

/// What a resource of this bucket is; `None` where it can be both or cannot be told.
fn kind(resource: &str) -> Option<Kind> {
    let path = resource.split_once(":s3:::").map(|(_, path)| path)?;
    match path {
        path if path.contains("${") => None,
        path if path.contains('/') => Some(Kind::Objects),
        path if path.contains('*') => None,
        _ => Some(Kind::Bucket),
    }
}

/// In time proportional to the product of the lengths: on a mismatch only the last `*` takes more.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut place, mut retry) = (0, 0, None);
    while place < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at, place));
                at += 1;
            }
            Some(b'?') => (at, place) = (at + 1, place + 1),
            Some(same) if *same == text[place] => (at, place) = (at + 1, place + 1),
            _ => {
                let Some((star, taken)) = retry else { return false };
                retry = Some((star, taken + 1));
                (at, place) = (star + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// `ec2:*` passed `validate`, and S3 answered MalformedPolicy at night.
    #[test]
    fn an_action_of_another_service_is_foreign() {
        for action in ["ec2:*", "sts:AssumeRole", "kms:Decrypt", "é:x", "GetObject"] {
            assert!(is_foreign_action(action), "{action}");
        }
        for action in [
            "*",
            "s3:*",
            "S3:GetObject",
            "s3express:CreateSession",
            "s3-object-lambda:GetObject",
            "*:*",
            "s?:GetObject",
        ] {
            assert!(!is_foreign_action(action), "{action}");
        }
    }

    /// The ARN of another bucket passed `validate`, and S3 answered MalformedPolicy at night.
    #[test]
    fn a_resource_of_another_bucket_is_foreign() {
        for resource in [
            "*",
            "data",
            "arn:aws:s3:::other",
            "arn:aws:s3:::other/*",
            "arn:aws:s3:::dat/*",
            "arn:aws:s3:::data2/*",
            "arn:aws:s3:::d?",
            "arn:aws:sqs:us-east-1:111122223333:jobs",
            "arn:aws:s3express:us-west-2:111122223333:bucket/other--usw2-az1--x-s3",
        ] {
            assert!(is_foreign_resource(resource, "data"), "{resource}");
        }
        for resource in [
            "arn:aws:s3:::data",
            "arn:aws:s3:::data/*",
            "arn:aws:s3:::data/a/b?c",
            "arn:aws-cn:s3:::data",
            "arn:aws-us-gov:s3:::data/*",
            "arn:aws:s3:::*",
            "arn:aws:s3:::*/*",
            "arn:aws:s3:::da*",
            "arn:aws:s3:::${aws:PrincipalTag/bucket}/*",
            "arn:aws:s3:::data/${aws:username}/*",
            "arn:aws:s3:us-east-1:111122223333:accesspoint/readers",
            "arn:aws:s3::tenant:other/*",
            "arn:aws:s3-object-lambda:us-east-1:111122223333:accesspoint/readers",
        ] {
            assert!(!is_foreign_resource(resource, "data"), "{resource}");
        }
        let mine = "arn:aws:s3express:us-west-2:111122223333:bucket/data--usw2-az1--x-s3";
        assert!(!is_foreign_resource(mine, "data--usw2-az1--x-s3"));
    }

    /// `s3:GetObject` on the bare bucket, and `s3:ListBucket` on its objects only, passed `validate`.
    #[test]
    fn an_action_that_applies_to_no_resource_is_idle() {
        let (bucket, objects) = (set(&["arn:aws:s3:::data"]), set(&["arn:aws:s3:::data/*"]));
        let both = set(&["arn:aws:s3:::data", "arn:aws:s3:::data/*"]);
        let idle_of =
            |actions: &[&str], resources: &BTreeSet<String>| idle(&set(actions), resources).map(str::to_owned);
        for action in ["s3:GetObject", "S3:getobject", "s3:AbortMultipartUpload", "s3:ReplicateObject"] {
            assert_eq!(idle_of(&[action], &bucket).as_deref(), Some(action));
            assert_eq!(idle_of(&[action], &objects), None, "{action}");
        }
        for action in ["s3:ListBucket", "s3:GetBucketPolicy", "s3:PutLifecycleConfiguration"] {
            assert_eq!(idle_of(&[action], &objects).as_deref(), Some(action));
            assert_eq!(idle_of(&[action], &bucket), None, "{action}");
        }
        assert_eq!(idle_of(&["s3:GetObject", "s3:ListBucket"], &objects).as_deref(), Some("s3:ListBucket"));
        for actions in [&["s3:GetObject", "s3:ListBucket"][..], &["s3:*"], &["*"], &["s3:G*"], &["s3:BrandNew"]] {
            assert_eq!(idle_of(actions, &both), None, "{actions:?}");
        }
        for actions in [
            &["s3:*"][..],
            &["*"],
            &["s3:Get*"],
            &["s3:GetObject*"],
            &["s3:GetBucket*"],
            &["s3:*Object*"],
            &["s3:BrandNew"],
            &["s3:TagResource"],
        ] {
            assert_eq!(idle_of(actions, &bucket), None, "{actions:?}");
            assert_eq!(idle_of(actions, &objects), None, "{actions:?}");
        }
        for resource in
            ["*", "arn:aws:s3:::da*", "arn:aws:s3:::${aws:username}", "arn:aws:s3:us-east-1:1:accesspoint/a"]
        {
            assert_eq!(idle_of(&["s3:GetObject", "s3:ListBucket"], &set(&[resource])), None, "{resource}");
        }
    }

    #[test]
    fn wildcards_stand_for_any_text_and_take_no_time() {
        let matches = |pattern: &str, text: &str| super::matches(pattern.as_bytes(), text.as_bytes());
        for pattern in ["data", "*", "d*", "*a", "d*a", "d??a", "**data**", "*a*a", "????"] {
            assert!(matches(pattern, "data"), "{pattern}");
        }
        for pattern in ["", "dat", "datas", "d*s", "???", "?????", "*b*"] {
            assert!(!matches(pattern, "data"), "{pattern}");
        }
        assert!(!matches(&format!("{}b", "*a".repeat(2000)), &"a".repeat(63)));
    }
}
