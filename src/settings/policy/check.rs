//! What S3 refuses in a policy (IAM User Guide, "IAM JSON policy elements reference"), told before
//! S3 is asked.

use std::collections::BTreeSet;

use super::{Statement, Value, reach, said, spelling};
use crate::bucket::Region;
use crate::finding::did_you_mean;
use crate::setting::{Beside, Problem};

/// What S3 takes at most (S3 User Guide, "Bucket policies for Amazon S3").
const MOST_BYTES: usize = 20 * 1024;

const VERSIONS: [&str; 2] = ["2012-10-17", "2008-10-17"];

const KINDS: [&str; 4] = ["AWS", "Service", "Federated", "CanonicalUser"];

pub(super) fn check(want: &Value) -> Vec<Problem> {
    if let Some(file) = &want.file {
        return vec![
            Problem::at("/file", format!("`{file}` was not read"))
                .hint("name a file beside the spec; a file cannot name another one"),
        ];
    }
    let mut problems = Vec::new();
    let Some(statements) = want.statements.as_ref().filter(|statements| !statements.is_empty()) else {
        return vec![
            Problem::at("", "a policy without statements").hint("to have no policy at all, write `policy: absent`"),
        ];
    };
    if let Some(version) = want.version.as_ref().filter(|version| !VERSIONS.contains(&version.as_str())) {
        problems.push(
            Problem::at("/Version", format!("`{version}` is no version of the policy language"))
                .hint("write `Version: \"2012-10-17\"`; it is no date of yours"),
        );
    }
    if want.version.is_none() && statements.iter().any(Statement::has_variable) {
        problems.push(
            Problem::at("", "a policy variable without `Version`")
                .hint("write `Version: \"2012-10-17\"`; without it S3 takes `${…}` for plain text"),
        );
    }
    let mut sids = BTreeSet::new();
    for (place, statement) in statements.iter().enumerate() {
        let at = format!("/Statement/{place}");
        if let Some(sid) = statement.sid.as_ref().filter(|sid| !sid.is_empty() && !sids.insert(sid.as_str())) {
            problems.push(
                Problem::at(format!("{at}/Sid"), format!("two statements have the `Sid` `{sid}`"))
                    .hint("give each its own, or leave it out"),
            );
        }
        faults(&at, statement, &mut problems);
    }
    let bytes = said::render(want).to_string().len();
    if bytes > MOST_BYTES {
        problems.push(
            Problem::at("", format!("the policy has {bytes} bytes"))
                .hint(format!("S3 takes at most {MOST_BYTES}; name prefixes and wildcards rather than each one")),
        );
    }
    problems
}

/// The only action that counts there (API page PutBucketPolicy, "Directory buckets").
const SESSION: &str = "s3express:CreateSession";

/// What the policy of a directory bucket cannot speak of.
pub(super) fn on_directory_buckets(want: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, statement) in want.statements.iter().flatten().enumerate() {
        for (element, actions) in [("Action", &statement.actions), ("NotAction", &statement.not_actions)] {
            let known = |action: &&String| {
                action.eq_ignore_ascii_case(SESSION) || matches!(action.as_str(), "*" | "s3express:*")
            };
            for action in actions.iter().flatten().filter(|action| !known(action)) {
                problems.push(
                    Problem::at(
                        format!("/Statement/{place}/{element}"),
                        format!("`{action}` has no meaning in the policy of a directory bucket"),
                    )
                    .hint(format!("the only action there is `{SESSION}`")),
                );
            }
        }
    }
    problems
}

/// What S3 refuses in a policy of this bucket. Stores of one's own have other actions, and other
/// names for their buckets.
pub(super) fn beside(want: &Value, beside: &Beside) -> Vec<Problem> {
    let mut problems = Vec::new();
    if beside.is_elsewhere() {
        return problems;
    }
    let partition = beside.region.as_ref().map_or("aws", Region::partition);
    for (place, statement) in want.statements.iter().flatten().enumerate() {
        let at = format!("/Statement/{place}");
        actions(&at, statement, &mut problems);
        if let Some(region) = &beside.region {
            partitions(&at, statement, region, &mut problems);
        }
        // What a statement leaves out may be anything.
        let Some(resources) = &statement.resources else { continue };
        let bucket = beside.bucket.as_ref();
        let known = |resource: &&String| *resource == "*" || resource.starts_with("arn:");
        let mut foreign = false;
        for resource in resources.iter().filter(known) {
            if bucket.map_or(resource == "*", |bucket| reach::is_foreign_resource(resource, bucket.as_str())) {
                foreign = true;
                let hint = match bucket {
                    Some(bucket) if !bucket.is_directory() => format!(
                        "S3 takes only `arn:{partition}:s3:::{bucket}` for the bucket, and `arn:{partition}:s3:::{bucket}/*` for its objects"
                    ),
                    _ => "S3 takes only the ARNs of the bucket and of its objects".to_owned(),
                };
                problems.push(
                    Problem::at(format!("{at}/Resource"), format!("`{resource}` is not this bucket nor in it"))
                        .hint(hint),
                );
            }
        }
        if let Some(action) = statement.actions.as_ref().filter(|_| !foreign).and_then(|it| reach::idle(it, resources))
        {
            problems.push(
                Problem::at(format!("{at}/Action"), format!("`{action}` applies to none of the statement's resources"))
                    .hint(format!("name `arn:{partition}:s3:::<bucket>` for actions on the bucket, `arn:{partition}:s3:::<bucket>/*` for those on objects")),
            );
        }
    }
    problems
}

/// Resources and principals of another partition than the region's. S3 answers MalformedPolicy: `aws` does
/// not stand for the others (AWS General Reference, "Amazon Resource Names"; IAM User Guide, "AWS JSON
/// policy elements: Principal").
fn partitions(at: &str, statement: &Statement, region: &Region, problems: &mut Vec<Problem>) {
    let here = region.partition();
    let named = |(field, arns): (&str, Option<&BTreeSet<String>>)| {
        let arns = arns.into_iter().flatten().map(|arn| (field.to_owned(), arn.clone()));
        arns.collect::<Vec<_>>()
    };
    let fields = [("Resource", statement.resources.as_ref()), ("NotResource", statement.not_resources.as_ref())];
    let of = |principals: &'static str, who: &Option<super::Principals>| {
        let arns = who.as_ref().and_then(|who| who.get("AWS").cloned()).unwrap_or_default();
        arns.into_iter().map(|arn| (format!("{principals}/AWS"), arn)).collect::<Vec<_>>()
    };
    let arns = fields.into_iter().flat_map(named);
    let arns = arns.chain(of("Principal", &statement.principal)).chain(of("NotPrincipal", &statement.not_principal));
    for (field, arn) in arns {
        let Some((partition, rest)) = arn.strip_prefix("arn:").and_then(|arn| arn.split_once(':')) else { continue };
        // What is no partition at all was told, and a wildcard reaches this one, too.
        if partition == here || !partition.starts_with("aws") || partition.contains(['*', '?', '$']) {
            continue;
        }
        problems.push(
            Problem::at(
                format!("{at}/{field}"),
                format!("`{arn}` is of the partition `{partition}`, and {region} of `{here}`"),
            )
            .hint(format!("write `arn:{here}:{rest}`")),
        );
    }
}

/// Actions that are not of S3, or that nobody here knows.
fn actions(at: &str, statement: &Statement, problems: &mut Vec<Problem>) {
    for action in statement.actions.iter().flatten().filter(|action| action.contains(':')) {
        if reach::is_foreign_action(action) {
            problems.push(
                Problem::at(format!("{at}/Action"), format!("`{action}` is not an action of S3"))
                    .hint("a bucket policy speaks of S3 alone: write for example `s3:GetObject`"),
            );
        }
    }
    for (element, names) in [("Action", &statement.actions), ("NotAction", &statement.not_actions)] {
        for action in names.iter().flatten().filter(|action| spelling::is_unknown(action)) {
            let hint = match spelling::nearest(action) {
                Some(meant) => format!("did you mean `s3:{meant}`?"),
                None => "S3 refuses a policy with an action that it does not know; look its name up".to_owned(),
            };
            let message = format!("`{action}` is no action of S3 that this version knows");
            problems.push(Problem::odd(format!("{at}/{element}"), message).hint(hint));
        }
    }
}

fn faults(at: &str, statement: &Statement, problems: &mut Vec<Problem>) {
    match statement.effect.as_deref() {
        Some("Allow" | "Deny") => {}
        None => problems
            .push(Problem::at(at, "a statement without `Effect`").hint("write `Effect: Allow` or `Effect: Deny`")),
        Some(other) => problems.push(
            Problem::at(format!("{at}/Effect"), format!("`{other}` is no effect"))
                .hint("write `Allow` or `Deny`, capitals included"),
        ),
    }
    let mut either = |element: &str, has: bool, has_not: bool, hint: &str| match (has, has_not) {
        (false, false) => {
            problems.push(Problem::at(at, format!("a statement without `{element}`")).hint(hint));
        }
        (true, true) => problems.push(
            Problem::at(format!("{at}/Not{element}"), format!("`{element}` and `Not{element}` in one statement"))
                .hint("write one of them, or two statements"),
        ),
        _ => {}
    };
    let some = |set: &Option<BTreeSet<String>>| set.is_some();
    either(
        "Principal",
        statement.principal.is_some(),
        statement.not_principal.is_some(),
        "write `Principal: \"*\"`, or kinds such as `Principal: {AWS: \"123456789012\"}`",
    );
    either(
        "Action",
        some(&statement.actions),
        some(&statement.not_actions),
        "write for example `Action: s3:GetObject`",
    );
    either(
        "Resource",
        some(&statement.resources),
        some(&statement.not_resources),
        "write `arn:aws:s3:::<bucket>` for the bucket, `arn:aws:s3:::<bucket>/*` for its objects",
    );
    principals(at, statement, problems);
    names(at, statement, problems);
    for (operator, _) in statement.conditions.iter().filter(|(operator, _)| spelling::operator(operator).is_none()) {
        let bare = operator.rsplit(':').next().unwrap_or_default();
        let hint = match did_you_mean(bare, spelling::operators()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write for example `StringEquals`, `ArnLike`, `Bool` or `IpAddress`".to_owned(),
        };
        let pointer = format!("{at}/Condition/{}", operator.replace('~', "~0").replace('/', "~1"));
        problems.push(Problem::at(pointer, format!("`{operator}` is no condition operator")).hint(hint));
    }
}

fn principals(at: &str, statement: &Statement, problems: &mut Vec<Problem>) {
    let both = [("Principal", &statement.principal), ("NotPrincipal", &statement.not_principal)];
    for (element, kinds) in both.iter().filter_map(|(element, kinds)| kinds.as_ref().map(|kinds| (element, kinds))) {
        if kinds.values().all(BTreeSet::is_empty) {
            problems.push(
                Problem::at(format!("{at}/{element}"), format!("`{element}` names nobody"))
                    .hint("name at least one principal"),
            );
        }
        for kind in kinds.keys().filter(|kind| !KINDS.contains(&kind.as_str())) {
            let hint = match did_you_mean(kind, KINDS) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("write one of {}", KINDS.join(", ")),
            };
            let pointer = format!("{at}/{element}/{}", kind.replace('~', "~0").replace('/', "~1"));
            problems.push(Problem::at(pointer, format!("`{kind}` is no kind of principal")).hint(hint));
        }
    }
}

fn names(at: &str, statement: &Statement, problems: &mut Vec<Problem>) {
    let service = |name: &String| name == "*" || name.contains(':');
    let arn = |name: &String| name == "*" || name.starts_with("arn:");
    for (element, names) in [("Action", &statement.actions), ("NotAction", &statement.not_actions)] {
        let hint = "write the service too, as in `s3:GetObject`";
        let bad = names.iter().flatten().filter(|name| !service(name)).map(|name| format!("`{name}` is not an action"));
        illegal(&format!("{at}/{element}"), element, names, bad, hint, problems);
    }
    for (element, names) in [("Resource", &statement.resources), ("NotResource", &statement.not_resources)] {
        let hint = "write an ARN, as in `arn:aws:s3:::<bucket>/*`";
        let bad = names.iter().flatten().filter(|name| !arn(name)).map(|name| format!("`{name}` is not a resource"));
        illegal(&format!("{at}/{element}"), element, names, bad, hint, problems);
    }
}

fn illegal(
    pointer: &str,
    element: &str,
    names: &Option<BTreeSet<String>>,
    bad: impl Iterator<Item = String>,
    hint: &str,
    problems: &mut Vec<Problem>,
) {
    let empty = names.as_ref().is_some_and(BTreeSet::is_empty).then(|| format!("`{element}` is empty"));
    problems.extend(empty.into_iter().chain(bad).map(|message| Problem::at(pointer, message).hint(hint)));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn says(document: Json) -> Vec<(String, String)> {
        let value = said::read(&document).expect("a document");
        let problems = check(&value);
        assert!(problems.iter().all(|problem| problem.hint.is_some()), "{problems:?}");
        problems.into_iter().map(|problem| (problem.pointer, problem.message)).collect()
    }

    fn one(pointer: &str, message: &str) -> Vec<(String, String)> {
        vec![(pointer.to_owned(), message.to_owned())]
    }

    fn good() -> Json {
        json!({"Version": "2012-10-17", "Statement": [{"Sid": "Read", "Effect": "Allow",
            "Principal": {"AWS": "123456789012"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}]})
    }

    fn with(element: &str, said: Json) -> Json {
        let mut document = good();
        document["Statement"][0][element] = said;
        document
    }

    fn without(element: &str) -> Json {
        let mut document = good();
        document["Statement"][0].as_object_mut().expect("a statement").remove(element);
        document
    }

    #[test]
    fn a_good_policy_has_no_faults() {
        assert!(says(good()).is_empty());
        assert!(says(with("Condition", json!({"bool": {"AWS:SecureTransport": true}}))).is_empty());
    }

    #[test]
    fn what_a_statement_must_have() {
        for element in ["Effect", "Principal", "Action", "Resource"] {
            assert_eq!(says(without(element)), one("/Statement/0", &format!("a statement without `{element}`")));
        }
        assert_eq!(
            says(with("NotAction", json!("s3:PutObject"))),
            one("/Statement/0/NotAction", "`Action` and `NotAction` in one statement")
        );
        assert_eq!(says(with("Effect", json!("allow"))), one("/Statement/0/Effect", "`allow` is no effect"));
        assert_eq!(says(with("Action", json!([]))), one("/Statement/0/Action", "`Action` is empty"));
        assert_eq!(
            says(with("Action", json!("GetObject"))),
            one("/Statement/0/Action", "`GetObject` is not an action")
        );
        assert_eq!(says(with("Resource", json!("data/*"))), one("/Statement/0/Resource", "`data/*` is not a resource"));
    }

    #[test]
    fn words_that_aws_does_not_know() {
        assert_eq!(
            says(with("Principal", json!({"Aws": "123456789012"}))),
            one("/Statement/0/Principal/Aws", "`Aws` is no kind of principal")
        );
        assert_eq!(
            says(with("Principal", json!({"AWS": []}))),
            one("/Statement/0/Principal", "`Principal` names nobody")
        );
        let document = with("Condition", json!({"StringEqual": {"aws:SourceVpc": "vpc-1"}}));
        assert_eq!(
            says(document.clone()),
            one("/Statement/0/Condition/StringEqual", "`StringEqual` is no condition operator")
        );
        let hints = check(&said::read(&document).expect("a document"));
        assert_eq!(hints[0].hint.as_deref(), Some("did you mean `StringEquals`?"));
        let mut document = good();
        document["Version"] = json!("2026-11-22");
        assert_eq!(says(document), one("/Version", "`2026-11-22` is no version of the policy language"));
    }

    #[test]
    fn a_variable_needs_a_version() {
        let mut document = with("Resource", json!("arn:aws:s3:::data/${aws:username}/*"));
        assert!(says(document.clone()).is_empty());
        document.as_object_mut().expect("a document").remove("Version");
        assert_eq!(says(document), one("", "a policy variable without `Version`"));
    }

    fn beside_says(document: Json, beside: &Beside) -> Vec<(String, String, bool)> {
        let problems = super::beside(&said::read(&document).expect("a document"), beside);
        assert!(problems.iter().all(|problem| problem.hint.is_some()), "{problems:?}");
        problems.into_iter().map(|it| (it.pointer.clone(), it.message.clone(), it.is_error())).collect()
    }

    fn here(bucket: &str) -> Beside {
        Beside { bucket: crate::bucket::BucketName::parse(bucket).ok(), ..Beside::default() }
    }

    /// Actions and resources were not looked at: `validate` was green and S3 answered
    /// MalformedPolicy in every sweep.
    #[test]
    fn actions_and_resources_that_s3_refuses_are_refused_before() {
        let data = here("data");
        let one = |pointer: &str, message: &str| vec![(pointer.to_owned(), message.to_owned(), true)];
        assert_eq!(beside_says(good(), &data), []);
        assert_eq!(
            beside_says(with("Resource", json!("arn:aws:s3:::else/*")), &data),
            one("/Statement/0/Resource", "`arn:aws:s3:::else/*` is not this bucket nor in it")
        );
        assert_eq!(
            beside_says(with("Resource", json!("*")), &Beside::default()),
            one("/Statement/0/Resource", "`*` is not this bucket nor in it")
        );
        assert_eq!(
            beside_says(with("Action", json!("ec2:*")), &data),
            one("/Statement/0/Action", "`ec2:*` is not an action of S3")
        );
        let idle = "applies to none of the statement's resources";
        assert_eq!(
            beside_says(with("Resource", json!("arn:aws:s3:::data")), &data),
            one("/Statement/0/Action", &format!("`s3:GetObject` {idle}"))
        );
        assert_eq!(
            beside_says(with("Action", json!("s3:ListBucket")), &Beside::default()),
            one("/Statement/0/Action", &format!("`s3:ListBucket` {idle}"))
        );
        let mut left_out = without("Resource");
        left_out["Statement"][0]["NotResource"] = json!("arn:aws:s3:::else/*");
        assert_eq!(beside_says(left_out, &data), []);
        let elsewhere = Beside { region: crate::bucket::Region::parse("default").ok(), ..data };
        assert_eq!(beside_says(with("Resource", json!("*")), &elsewhere), [], "Ceph takes it");
        let ours = Beside { region: crate::bucket::Region::parse("us-east-1").ok(), own_store: true, ..here("data") };
        assert_eq!(beside_says(with("Resource", json!("*")), &ours), [], "a store whose region has a name of AWS");
    }

    /// `arn:aws:s3:::data` in China, or in the regions of the US government, passed `validate`, and S3
    /// answered MalformedPolicy at night.
    #[test]
    fn an_arn_is_of_the_partition_of_the_region() {
        let at = |region: &str| Beside { region: crate::bucket::Region::parse(region).ok(), ..here("data") };
        let theirs = |region: &str, resource: &str| beside_says(with("Resource", json!(resource)), &at(region));
        for (region, partition) in [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-east-1", "aws")] {
            assert_eq!(theirs(region, &format!("arn:{partition}:s3:::data/*")), []);
            assert_eq!(theirs(region, "arn:*:s3:::data/*"), []);
            let other = if partition == "aws" { "aws-cn" } else { "aws" };
            let arn = format!("arn:{other}:s3:::data/*");
            let message = format!("`{arn}` is of the partition `{other}`, and {region} of `{partition}`");
            assert_eq!(theirs(region, &arn), [("/Statement/0/Resource".to_owned(), message, true)]);
        }
        let document = with("Principal", json!({"AWS": "arn:aws-cn:iam::111122223333:root"}));
        let problems = super::beside(&said::read(&document).expect("a document"), &at("eu-west-1"));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].pointer, "/Statement/0/Principal/AWS");
        assert_eq!(problems[0].hint.as_deref(), Some("write `arn:aws:iam::111122223333:root`"));
        assert_eq!(beside_says(with("Resource", json!("arn:aws-cn:s3:::data/*")), &here("data")), [], "no region");
        let ours = Beside { own_store: true, ..at("cn-north-1") };
        assert_eq!(beside_says(with("Resource", json!("arn:aws:s3:::data/*")), &ours), []);
    }

    /// A word that is new at AWS tomorrow must not freeze a bucket on its last good spec.
    #[test]
    fn an_action_that_nobody_knows_is_a_warning() {
        let document = with("Action", json!("s3:GetObjekt"));
        let message = "`s3:GetObjekt` is no action of S3 that this version knows";
        assert_eq!(
            beside_says(document.clone(), &here("data")),
            [("/Statement/0/Action".to_owned(), message.to_owned(), false)]
        );
        let problems = super::beside(&said::read(&document).expect("a document"), &here("data"));
        assert_eq!(problems[0].hint.as_deref(), Some("did you mean `s3:GetObject`?"));
    }

    #[test]
    fn two_statements_of_one_name_are_refused() {
        let mut document = good();
        let again = document["Statement"][0].clone();
        document["Statement"].as_array_mut().expect("a list").push(again);
        assert_eq!(says(document), one("/Statement/1/Sid", "two statements have the `Sid` `Read`"));
    }

    #[test]
    fn a_policy_of_nothing_too_much_or_a_file_is_refused() {
        assert_eq!(says(json!({"Version": "2012-10-17"})), one("", "a policy without statements"));
        assert_eq!(says(json!({"Statement": []})), one("", "a policy without statements"));
        assert_eq!(says(json!({"file": "policy.json"})), one("/file", "`policy.json` was not read"));
        let many: Vec<String> = (0..1000).map(|n| format!("arn:aws:s3:::data/prefix-{n:04}/*")).collect();
        let faults = says(with("Resource", json!(many)));
        assert_eq!(faults.len(), 1);
        assert!(faults[0].1.starts_with("the policy has ") && faults[0].1.ends_with(" bytes"));
    }
}
