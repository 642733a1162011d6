//! Tests: expressions that are wrong, and expressions that mean harm. Each is a positioned fault
//! when it is loaded, or ends within its budget, or is a plain value.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lazy::{Is, decide, over, schema};
use super::*;

/// What compiling says, each fault on its own line.
fn faults(source: &str) -> String {
    match Expression::compile(source, &schema(), &Type::Bool) {
        Ok(_) => panic!("compiles: {source}"),
        Err(faults) => {
            assert!(!faults.is_empty());
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
    }
}

fn says(source: &str, expected: &str) {
    assert_eq!(faults(source), expected, "{source}");
}

/// A bucket that is larger than S3 allows: 1,000 grants and rules, a tag of a megabyte.
fn huge() -> Vec<(&'static str, Is)> {
    let grants: Vec<Value> =
        (0..1000).map(|n| json!({"grantee": format!("id:{n:064}"), "permissions": ["READ"]})).collect();
    let rules: Vec<Value> = (0..1000).map(|n| json!({"id": format!("rule {n}"), "status": "Enabled"})).collect();
    vec![
        ("acl", Is::Known(json!({"grants": grants}))),
        ("lifecycle", Is::Known(json!({"rules": rules}))),
        ("tags", Is::Known(json!({"big": "a".repeat(1 << 20)}))),
    ]
}

/// Without a budget, the loops below would run from minutes to days.
fn over_budget(source: &str) {
    let begun = Instant::now();
    assert_eq!(decide(source, &huge()), Outcome::Failed(Failure::Budget), "{source}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{source}: {:?}", begun.elapsed());
}

#[test]
fn a_mistyped_name_is_found_when_it_is_loaded() {
    says("has(bucket.versionning)", "1:11: unknown field `versionning`\nhint: did you mean `versioning`?");
    says("bucket['versionning'].status == 'x'", "1:7: unknown field `versionning`\nhint: did you mean `versioning`?");
    says("bukcet.name == 'x'", "1:1: unknown variable `bukcet`\nhint: did you mean `bucket`?");
    says("bucket.name.startWith('x')", "1:22: unknown function `startWith`\nhint: did you mean `startsWith`?");
    says("true\n  || bucket.nme == 'x'", "2:12: unknown field `nme`\nhint: did you mean `name`?");
    says("params.algoritms == 'x'", "1:7: unknown field `algoritms`");
    says("bucket.acl.grants.exists(g, g.grante == 'x')", "1:30: unknown field `grante`\nhint: did you mean `grantee`?");
    says("bucket.?versioning.?stat.orValue('') == 'x'", "1:19: unknown field `stat`\nhint: did you mean `status`?");
}

#[test]
fn every_fault_is_reported_at_once() {
    says(
        "bucket.nme == 'a'\n  && bucket.regin == 'b'",
        "1:7: unknown field `nme`\nhint: did you mean `name`?\n2:12: unknown field `regin`\nhint: did you mean `region`?",
    );
}

#[test]
fn columns_count_characters() {
    says("'ä€😀' == bucket.nme", "1:16: unknown field `nme`\nhint: did you mean `name`?");
}

#[test]
fn types_that_cannot_fit_are_refused() {
    says("bucket.name == 5", "1:13: string compared with int");
    says("bucket.name != 5", "1:13: string compared with int");
    says("bucket.name", "1:7: the expression gives string, not bool");
    says("null", "1:1: the expression gives null, not bool");
    says("5 in bucket.tags", "1:3: `in` looks for int among keys, which are strings");
    says("5 in bucket.encryption.blockedEncryptionTypes", "1:3: `in` looks for int in a list of string");
    says("bucket.name && true", "1:7: `&&` needs bool, not string");
    says("!bucket.name", "1:1: `!` needs bool, not string");
    says("bucket.name ? true : false", "1:7: `?` needs bool, not string");
    says("bucket.name + 1 == ''", "1:13: `+` between string and int");
    says("bucket.tags > bucket.labels", "1:13: map of string compared with map of string");
    says("bucket.name.all(c, true)", "1:7: a loop over string");
    says("bucket.acl.grants['x'] == null", "1:18: a list of object indexed with string, not int");
    says("bucket.name.matches(bucket.region, 'x')", "1:20: `matches(string, string)` on string is not a function");
    says("bucket.?name == 'data'", "1:14: optional string compared with string");
    says("size(5) == 5", "1:5: `size` is for strings, lists and maps");
    says("{'a': 1}.a == 1", "1:1: maps cannot be written here");
}

#[test]
fn the_bucket_as_a_whole_is_no_value() {
    let hint = "\nhint: name one of its fields, as in `bucket.tags`; `has(bucket.x)` says whether one is set";
    for (source, column) in [
        ("bucket == bucket", 1),
        ("bucket.all(k, true)", 1),
        ("'tags' in bucket", 11),
        ("size(bucket) > 0", 6),
        ("[bucket].exists(b, has(b.tags))", 2),
        ("bucket[bucket.name] == 'x'", 1),
        ("string(bucket) == ''", 8),
    ] {
        let said = faults(source);
        assert!(said.contains(&format!("1:{column}: `bucket` stands alone{hint}")), "{source}: {said}");
    }
    says("[1].all(bucket, true)", "1:8: `bucket` is taken; give the loop's variable another name");
}

#[test]
fn syntax_errors_have_a_place() {
    assert!(faults("bucket.name ==").starts_with("1:15: syntax error: "), "{}", faults("bucket.name =="));
    assert!(
        faults("true\n&& (bucket.name == 'a'").starts_with("2:23: syntax error: "),
        "{}",
        faults("true\n&& (bucket.name == 'a'")
    );
    assert!(faults("").starts_with("1:1: syntax error: "), "{}", faults(""));
    assert!(faults("\"\\ud800\" == ''").contains("syntax error"), "a half character");
}

#[test]
fn sources_that_would_overflow_the_stack_are_refused() {
    let repeat = |part: &str, times: usize| part.repeat(times);
    let longest = Limits::SHIPPED.source;
    for source in [
        format!("{}1{} == 1", repeat("(", 80), repeat(")", 80)),
        format!("{}1{} == 1", repeat("(", 2000), repeat(")", 2000)),
        format!("1{} > 0", repeat("+1", (longest - 6) / 2)),
        format!("[{}'a'] == []", repeat("'a',", 1000)),
        format!("'a'{} == ''", repeat(".f()", 1000)),
        format!("bucket{} == ''", repeat(".a", 2000)),
        format!("1{}", repeat("==1", 1300)),
        format!("true{}", repeat("&&true", 680)),
        format!("bucket.tags{} == ''", repeat("['a']", 800)),
        repeat("[", 4000),
        repeat("x.map(x,", 500),
        repeat("true?", 800),
        repeat("1 ", 2000),
    ] {
        assert!(source.len() <= longest, "{}", source.len());
        let said = faults(&source);
        assert!(said.lines().next().is_some_and(|line| line.split(':').count() >= 3), "{said}");
    }
    says(&repeat("(", 100_000), "1:1: the expression has 100000 bytes; at most 4096 are allowed");
    says(
        &format!("true{}", repeat("&&true", 20_000)),
        "1:1: the expression has 120004 bytes; at most 4096 are allowed",
    );
}

/// The parser folds two of them to none.
#[test]
fn a_chain_of_negations_is_a_plain_value() {
    assert_eq!(decide(&format!("{}true", "!".repeat(4000)), &[]), Outcome::Value(true));
    assert_eq!(decide(&format!("{}1 == 1", "-".repeat(4000)), &[]), Outcome::Value(true));
}

#[test]
fn loops_are_counted_and_nested_to_a_limit() {
    says("[1].all(a, [1].all(b, [1].all(c, [1].all(d, true))))", "1:41: loops nested deeper than 3");
    let doubling = format!("['aaaa']{}.size() > 0", ".map(x, x + x)".repeat(30));
    assert!(faults(&doubling).contains("more than 12 loops"), "{}", faults(&doubling));
    says(
        "['a'].map(x, [x, x]).size() > 0",
        "1:15: in a loop, a list of several elements may hold constants only\n1:18: in a loop, a list of several elements may hold constants only",
    );
}

#[test]
fn work_without_bound_ends_with_the_budget() {
    over_budget("bucket.acl.grants.all(a, bucket.acl.grants.all(b, bucket.acl.grants.all(c, true)))");
    over_budget("bucket.acl.grants.all(a, bucket.acl.grants.all(b, bucket.acl.grants.all(c, true))) || true");
    over_budget(
        "true && !bucket.acl.grants.exists(a, bucket.acl.grants.exists(b, bucket.acl.grants.exists(c, false)))",
    );
    over_budget(
        "bucket.acl.grants.exists_one(a, bucket.acl.grants.exists_one(b, bucket.acl.grants.exists_one(c, false)))",
    );
    over_budget("bucket.acl.grants.map(a, bucket.acl.grants.map(b, bucket.acl)).size() > 0");
    over_budget("bucket.acl.grants.filter(a, bucket.acl.grants.filter(b, true).size() > 0).size() > 0");
    over_budget("bucket.acl.grants.all(a, bucket.acl.grants.all(b, bucket.acl == bucket.acl))");
    over_budget("bucket.acl.grants.all(a, bucket.acl.grants != bucket.acl.grants || true)");
    over_budget("bucket.acl.grants.all(a, a in bucket.acl.grants)");
    over_budget("bucket.acl.grants.all(a, bucket.tags.big.split('').size() > 0)");
    over_budget("bucket.acl.grants.all(a, bucket.tags.big.contains('b') || true)");
    over_budget("bucket.acl.grants.all(a, bucket.acl.grants.all(b, bucket.tags.big.matches('(a+)+$')))");
}

#[test]
fn growth_without_bound_ends_with_the_budget() {
    let doubling = format!("['{}']{}.size() > 0", "a".repeat(64), ".map(x, x + x)".repeat(12));
    over_budget(&doubling);
    over_budget("(bucket.tags.big + bucket.tags.big).size() > 0");
    over_budget("bucket.acl.grants.map(g, g.grantee).join(bucket.tags.big) == ''");
    over_budget("bucket.acl.grants.map(g, bucket.tags.big).size() > 0");
}

#[test]
fn functions_without_a_bound_are_not_there() {
    for source in [
        "bucket.name.replace('', bucket.name) == ''",
        "'%s'.format([bucket.name]) == ''",
        "dyn(bucket.name) == 5",
        "bucket.name.charAt(0) == 'a'",
        "optional.of(bucket.name).hasValue()",
        "math.greatest(1, 2) == 2",
        "lists.range(1000000).size() > 0",
        "type(bucket.name) == string",
        "__turn(true, 0)",
        "__settle(0, true)",
        "strings.quote('a') == ''",
        "cel.bind(x, 1, x == 1)",
        "bytes('a') == b'a'",
    ] {
        faults(source);
    }
}

#[test]
fn patterns_are_literal_or_come_from_the_parameters() {
    says(
        "bucket.name.matches(bucket.region)",
        "1:27: a pattern that is made while evaluating\nhint: a pattern is written here or comes from `params`",
    );
    says("bucket.name.matches('(a{1000}){1000}')", "1:21: bad pattern: the pattern is too big once compiled");
    says("bucket.name.matches('\\\\pL{1000}')", "1:21: bad pattern: the pattern is too big once compiled");
    says(
        "bucket.name.matches('(?=a)')",
        "1:21: bad pattern: look-around, including look-ahead and look-behind, is not supported",
    );
    says("bucket.name.matches('[')", "1:21: bad pattern: unclosed character class");

    let params = json!({"patterns": {"good": "^[0-9]{5}$", "bad": "[", "big": "(a{1000}){1000}"}});
    let schema = schema().with_params(&params);
    let with = |key: &str| {
        let source = format!("bucket.tags['code'].matches(params.patterns['{key}'])");
        let expression = Expression::compile(&source, &schema, &Type::Bool).expect("compiles");
        over(&[("tags", Is::Known(json!({"code": "12345"})))], |facts| expression.decide(facts, &params))
    };
    assert_eq!(with("good"), Outcome::Value(true));
    let failed = |text: &str| Outcome::Failed(Failure::Error(text.into()));
    assert_eq!(with("bad"), failed("matches: bad pattern `[`: unclosed character class"));
    assert_eq!(with("big"), failed("matches: bad pattern `(a{1000}){1000}`: the pattern is too big once compiled"));
}

#[test]
fn arithmetic_that_has_no_result_is_the_policys_fault() {
    let failed = |source: &str, text: &str| {
        assert_eq!(decide(source, &[]), Outcome::Failed(Failure::Error(text.into())), "{source}");
    };
    failed("9223372036854775807 + 1 > 0", "a number out of range");
    failed("-9223372036854775808 / -1 > 0", "a number out of range");
    failed("-9223372036854775808 % -1 > 0", "a number out of range");
    failed("1 / 0 > 0", "division by zero");
    failed("1 % 0 > 0", "division by zero");
    assert_eq!(decide("1.0 / 0.0 > 1.0", &[]), Outcome::Value(true), "infinity");
    for source in [
        "0u - 1u > 0u",
        "int(1e19) > 0",
        "int('x') > 0",
        "timestamp('2026-13-01T00:00:00Z') > now",
        "duration('x') > duration('1s')",
        "now + duration('9000000h') + duration('9000000h') > now",
        "bucket.name.substring(9) == ''",
        "bucket.name.substring(3, 1) == ''",
        "[1, 2][5] == 1",
        "[1, 2][-1] == 1",
    ] {
        assert!(matches!(decide(source, &[]), Outcome::Failed(Failure::Error(_)) | Outcome::Value(_)), "{source}");
    }
}

#[test]
fn messages_do_not_depend_on_the_order_of_a_map() {
    let tags: serde_json::Map<String, Value> =
        (0..50).map(|n| (format!("key {}", (n * 37) % 50), json!("v"))).collect();
    let settings = [("tags", Is::Known(Value::Object(tags)))];
    let expression =
        Expression::compile("bucket.tags.map(k, k).join(', ')", &schema(), &Type::String).expect("compiles");
    let told = || over(&settings, |facts| expression.tell(facts, &Value::Null));
    let Outcome::Value(first) = told() else { panic!("a message") };
    assert!(first.starts_with("key 0, key 1, key 10, key 11,"), "{first}");
    assert_eq!(told(), Outcome::Value(first));
}

#[test]
fn a_message_is_cut_at_a_thousand_characters() {
    let expression = Expression::compile("bucket.tags.long", &schema(), &Type::String).expect("compiles");
    let settings = [("tags", Is::Known(json!({"long": "ä".repeat(5000)})))];
    let Outcome::Value(told) = over(&settings, |facts| expression.tell(facts, &Value::Null)) else {
        panic!("a message")
    };
    assert_eq!(told, "ä".repeat(1000));
}

/// The deepest expressions that compile, on half the stack of a worker thread, as others stand
/// below them on it. An overflow would abort the test process, so passing is the proof.
#[test]
fn the_deepest_expressions_fit_the_stack_of_a_worker() {
    let nested = |open: &str, core: &str, close: &str, times: usize| open.repeat(times) + core + &close.repeat(times);
    let deepest = |make: &dyn Fn(usize) -> String| {
        let compiled = (1..=40).rev().find_map(|times| Expression::compile(&make(times), &schema(), &Type::Bool).ok());
        compiled.unwrap_or_else(|| panic!("{} compiles", make(1)))
    };
    let shapes: Vec<Expression> = vec![
        deepest(&|times| nested("(bucket.name == 'x' || (bucket.region != 'x' && ", "has(bucket.tags)", "))", times)),
        deepest(&|times| nested("!(true && ", "bucket.name == 'data'", ")", times)),
        deepest(&|times| nested("(true ? ", "bucket.name == 'data'", " : false)", times)),
        deepest(&|times| format!("{} == ''", nested("('' + ", "bucket.name", ")", times))),
        deepest(&|times| format!("size({}) == 1", nested("[", "bucket.name", "]", times))),
        deepest(&|times| {
            format!(
                "bucket.tags.all(a, bucket.tags.all(b, bucket.tags.all(c, {})))",
                nested("!(", "a == b", ")", times)
            )
        }),
        deepest(&|times| format!("bucket.name{} == ''", ".trim()".repeat(times))),
    ];
    let worker = std::thread::Builder::new().stack_size(1 << 20);
    let run = move || {
        let settings = [("tags", Is::Known(json!({"a": "1", "b": "2"})))];
        for expression in &shapes {
            let outcome = over(&settings, |facts| expression.decide(facts, &Value::Null));
            assert!(matches!(outcome, Outcome::Value(_)), "{expression:?}: {outcome:?}");
        }
    };
    worker.spawn(run).expect("a thread").join().expect("no panic");
}

/// Mutants of real expressions neither panic nor run away, whether they compile or not.
#[test]
fn mutants_do_not_panic() {
    const SEEDS: &[&str] = &[
        "has(bucket.policy) && bucket.policy.statements.exists(s, s.effect == 'Deny' && '*' in s.principal['AWS'])",
        "bucket.acl.grants.map(g, g.grantee.endsWith('AllUsers'), g.grantee + ' x').join(', ') == ''",
        "'owner' in bucket.tags && bucket.tags.owner.matches('^[a-z0-9.-]+@acme[.]example$')",
        "bucket.?encryption.?algorithm.orValue('') in ['AES256', 'aws:kms'] ? true : 1 + 2 * 3 > 4 % 5",
        "timestamp(bucket.tags['until'] + 'T00:00:00Z') - duration('1h') > now || !bucket.tags.exists_one(k, k < 'b')",
    ];
    const PARTS: &[&str] = &[
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ".",
        ",",
        "?",
        ":",
        "!",
        "-",
        "+",
        "&&",
        "||",
        "==",
        "in",
        "'",
        "\"",
        "0",
        "1e9",
        "null",
        "true",
        "has(",
        ".?",
        "[?",
        "bucket",
        "params",
        "now",
        "@result",
        ".map(x, ",
        ".all(x, ",
        "\u{1F600}",
        "\\",
        "//",
        "b''",
        "9223372036854775808",
        ".size()",
        "isPublic(",
        "policy",
        "tags",
        "\n",
    ];
    let mut state = 2026_u64;
    let mut random = |below: usize| {
        // Knuth's multiplier for a 64-bit congruential generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below.max(1)
    };
    let schema = schema();
    let settings = [
        ("policy", Is::Known(json!({"statements": [{"effect": "Deny", "principal": {"AWS": ["*"]}}]}))),
        ("acl", Is::Known(json!({"grants": [{"grantee": "AllUsers", "permissions": ["READ"]}]}))),
        ("tags", Is::Known(json!({"owner": "a@acme.example", "until": "2026-12-01"}))),
        ("encryption", Is::Unknown),
    ];
    let (begun, mut compiled) = (Instant::now(), 0);
    for round in 0..1500 {
        let mut text: Vec<char> = SEEDS[round % SEEDS.len()].chars().collect();
        for _ in 0..=random(3) {
            let (at, length) = (random(text.len()), random(12));
            let end = (at + length).min(text.len());
            let part: Vec<char> = match random(4) {
                0 => Vec::new(),
                1 => PARTS[random(PARTS.len())].chars().collect(),
                2 => text[at..end].to_vec().repeat(2),
                _ => {
                    let other: Vec<char> = SEEDS[random(SEEDS.len())].chars().collect();
                    let from = random(other.len());
                    other[from..(from + 20).min(other.len())].to_vec()
                }
            };
            text.splice(at..end, part);
        }
        let source: String = text.into_iter().collect();
        if let Ok(expression) = Expression::compile(&source, &schema, &Type::Bool) {
            compiled += 1;
            let outcome = over(&settings, |facts| expression.decide(facts, &Value::Null));
            assert_ne!(outcome, Outcome::Failed(Failure::Panic), "{source}");
        }
        if begun.elapsed() > Duration::from_millis(1500) {
            break;
        }
    }
    assert!(compiled > 0, "some mutants compile");
}
