use proptest::prelude::*;

use super::*;
use crate::doc::Doc;
use crate::settings::laws;

fn of(json: &str) -> Value {
    serde_json::from_str(json).expect("a value")
}

fn canonical(json: &str) -> Value {
    Website::canonical(of(json))
}

fn merged(live: &str, want: &str, how: Overlay) -> Value {
    Website::canonical(Website::merge(&canonical(live), &of(want), how))
}

const SITE: &str = r#"{"indexDocument":"index.html","errorDocument":"error.html"}"#;

#[test]
fn no_website_has_one_form() {
    assert_eq!(Doc::of(&canonical(r#"{"routingRules":[]}"#)).as_str(), "{}");
}

#[test]
fn a_code_is_text_whether_a_spec_writes_a_number_or_text() {
    let number = of(r#"{"routingRules":[{"redirect":{"httpRedirectCode":302}}]}"#);
    assert_eq!(number, of(r#"{"routingRules":[{"redirect":{"httpRedirectCode":"302"}}]}"#));
    assert_eq!(Doc::of(&number).as_str(), r#"{"routingRules":[{"redirect":{"httpRedirectCode":"302"}}]}"#);
}

/// Pain 7, pulumi/pulumi-aws#2577 and #6244: what another resource had declared was deleted,
/// because this one did not name it.
#[test]
fn pain_7_what_nobody_declared_is_carried_over() {
    let live =
        r#"{"indexDocument":"index.html","errorDocument":"error.html","routingRules":[{"redirect":{"hostName":"a"}}]}"#;
    let to = merged(live, r#"{"errorDocument":"404.html"}"#, Overlay::Whole);
    assert_eq!(to, canonical(&live.replace("error.html", "404.html")));
}

#[test]
fn a_redirect_of_all_requests_and_a_site_exclude_each_other() {
    let all = r#"{"redirectAllRequestsTo":{"hostName":"example.com"}}"#;
    assert_eq!(merged(SITE, all, Overlay::Whole), canonical(all));
    assert_eq!(merged(all, SITE, Overlay::Whole), canonical(SITE));
    assert_eq!(merged(SITE, all, Overlay::Within), canonical(all));
}

#[test]
fn the_order_of_routing_rules_counts_and_a_policy_appends() {
    let rules = |hosts: &[&str]| {
        let rules: Vec<String> =
            hosts.iter().map(|host| format!(r#"{{"redirect":{{"hostName":"{host}"}}}}"#)).collect();
        format!(r#"{{"indexDocument":"i","routingRules":[{}]}}"#, rules.join(","))
    };
    assert_ne!(canonical(&rules(&["a", "b"])), canonical(&rules(&["b", "a"])));
    assert_eq!(merged(&rules(&["b", "a"]), &rules(&["c", "a"]), Overlay::Within), canonical(&rules(&["b", "a", "c"])));
    assert_eq!(merged(&rules(&["b", "a"]), &rules(&["c"]), Overlay::Whole), canonical(&rules(&["c"])));
}

#[test]
fn only_the_removal_is_guarded() {
    let risk = |from: &str, to: &str| Website::risk(&canonical(from), &canonical(to));
    assert_eq!(risk(SITE, "{}"), Risk::Guarded("readers of the website would be locked out"));
    assert_eq!(risk("{}", SITE), Risk::Safe);
    assert_eq!(risk(SITE, r#"{"indexDocument":"i"}"#), Risk::Safe);
    assert_eq!(risk("{}", "{}"), Risk::Safe);
}

fn said(json: &str) -> Vec<String> {
    Website::check(&of(json)).into_iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect()
}

#[test]
fn documents_that_s3_would_refuse_are_refused_before() {
    assert_eq!(said(r#"{"indexDocument":"a/index.html"}"#), ["/indexDocument: illegal index document `a/index.html`"]);
    assert_eq!(said(r#"{"indexDocument":""}"#), ["/indexDocument: illegal index document ``"]);
    assert_eq!(said(r#"{"errorDocument":""}"#), ["/errorDocument: an empty key"]);
    assert_eq!(said(SITE), Vec::<String>::new());
}

#[test]
fn redirects_that_s3_would_refuse_are_refused_before() {
    assert_eq!(
        said(
            r#"{"indexDocument":"i","redirectAllRequestsTo":{"hostName":"https://a","protocol":"ftp"},"routingRules":[{"redirect":{"hostName":"a"}}]}"#
        ),
        [
            "/indexDocument: `indexDocument` beside `redirectAllRequestsTo`",
            "/routingRules: `routingRules` beside `redirectAllRequestsTo`",
            "/redirectAllRequestsTo/hostName: illegal host name `https://a`",
            "/redirectAllRequestsTo/protocol: `ftp` is not a protocol of S3",
        ]
    );
    let rule = |rule: &str| said(&format!(r#"{{"routingRules":[{rule}]}}"#));
    assert_eq!(
        rule(r#"{"condition":{},"redirect":{}}"#),
        ["/routingRules/0/condition: an empty condition", "/routingRules/0/redirect: an empty redirect"]
    );
    assert_eq!(
        rule(r#"{"condition":{"httpErrorCodeReturnedEquals":301},"redirect":{"httpRedirectCode":300}}"#),
        [
            "/routingRules/0/condition/httpErrorCodeReturnedEquals: `301` is not an error of HTTP",
            "/routingRules/0/redirect/httpRedirectCode: `300` is not a redirect of HTTP",
        ]
    );
    assert_eq!(
        rule(r#"{"redirect":{"replaceKeyWith":"a","replaceKeyPrefixWith":"b"}}"#),
        ["/routingRules/0/redirect/replaceKeyPrefixWith: `replaceKeyPrefixWith` beside `replaceKeyWith`"]
    );
    let many = vec![r#"{"redirect":{"hostName":"a"}}"#; 51].join(",");
    assert_eq!(rule(&many), ["/routingRules: 51 routing rules"]);
    let good = r#"{"condition":{"keyPrefixEquals":"docs/","httpErrorCodeReturnedEquals":404},"redirect":{"hostName":"a.example.com","protocol":"https","replaceKeyPrefixWith":"","httpRedirectCode":307}}"#;
    assert_eq!(rule(good), Vec::<String>::new());
}

#[test]
fn a_typo_is_found() {
    assert!(serde_json::from_str::<Value>(r#"{"indexDokument":"i"}"#).is_err());
    assert!(serde_json::from_str::<Value>(r#"{"routingRules":[{"redirect":{"host":"a"}}]}"#).is_err());
}

#[test]
fn the_schema_takes_what_a_spec_may_say() {
    laws::schema::<Website>(SITE, true);
    laws::schema::<Website>(r#"{"redirectAllRequestsTo":{"hostName":"a","protocol":"https"}}"#, true);
    laws::schema::<Website>(r#"{"redirectAllRequestsTo":{"protocol":"https"}}"#, false);
    laws::schema::<Website>(r#"{"redirectAllRequestsTo":{"hostName":"a","protocol":"ftp"}}"#, false);
    for code in ["301", "\"301\""] {
        let rules = format!(r#"{{"routingRules":[{{"redirect":{{"httpRedirectCode":{code}}}}}]}}"#);
        laws::schema::<Website>(&rules, true);
    }
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-c/]{0,3}")
}

fn code() -> impl Strategy<Value = Option<Code>> {
    prop::option::of(prop::sample::select(vec!["301", "404", "odd"]).prop_map(|code| Code(code.to_owned())))
}

fn protocol() -> impl Strategy<Value = Option<Protocol>> {
    prop::option::of(prop::sample::select(vec!["http", "https", "gopher"]).prop_map(Protocol::from))
}

fn rule() -> impl Strategy<Value = RoutingRule> {
    let condition = (code(), text()).prop_map(|(http_error_code_returned_equals, key_prefix_equals)| Condition {
        http_error_code_returned_equals,
        key_prefix_equals,
    });
    let redirect = (text(), code(), protocol(), text(), text()).prop_map(
        |(host_name, http_redirect_code, protocol, replace_key_prefix_with, replace_key_with)| Redirect {
            host_name,
            http_redirect_code,
            protocol,
            replace_key_prefix_with,
            replace_key_with,
        },
    );
    (prop::option::of(condition), redirect).prop_map(|(condition, redirect)| RoutingRule { condition, redirect })
}

fn value() -> impl Strategy<Value = Value> {
    let all =
        ("[a-c]{0,3}", protocol()).prop_map(|(host_name, protocol)| RedirectAllRequestsTo { host_name, protocol });
    (text(), text(), prop::option::of(all), prop::option::of(prop::collection::vec(rule(), 0..3))).prop_map(
        |(index_document, error_document, redirect_all_requests_to, routing_rules)| Value {
            index_document,
            error_document,
            redirect_all_requests_to,
            routing_rules,
        },
    )
}

proptest! {
    #[test]
    fn the_laws_hold(live in value(), want in value()) {
        laws::hold::<Website>(&live, &want, Overlay::Whole);
        laws::hold::<Website>(&live, &want, Overlay::Within);
    }

    #[cfg(feature = "aws")]
    #[test]
    fn what_is_sent_reads_back(value in value()) {
        let value = Website::canonical(value);
        let sent = wire::to_sdk(&value).expect("a configuration");
        prop_assert_eq!(Website::canonical(wire::from_sdk(sent)), value);
    }
}

/// An error document alone passed `validate`, and S3 refused it in every sweep.
#[test]
fn a_website_without_an_index_is_hindered_and_a_live_index_completes_it() {
    let hindered = |live: &str, want: &str| {
        let live = Website::canonical(serde_json::from_str(live).expect("a value"));
        let to = Website::merge(&live, &serde_json::from_str(want).expect("a value"), Overlay::Whole);
        Website::hindrance(&Website::canonical(to), &|_| None).map(|it| it.why)
    };
    let why = Some("S3 serves no website without an index document");
    let rules = r#"{"routingRules":[{"redirect":{"hostName":"b.example"}}]}"#;
    assert_eq!(hindered("{}", r#"{"errorDocument":"e.html"}"#), why);
    assert_eq!(hindered("{}", rules), why);
    assert_eq!(hindered(r#"{"redirectAllRequestsTo":{"hostName":"a.example"}}"#, rules), why);
    assert_eq!(hindered(r#"{"indexDocument":"index.html"}"#, rules), None);
    assert_eq!(hindered("{}", r#"{"redirectAllRequestsTo":{"hostName":"a.example"}}"#), None);
    assert_eq!(hindered("{}", "{}"), None);
}

/// Ceph drops an empty prefix, and the rule was drift for ever.
#[test]
fn a_condition_on_the_empty_prefix_is_none() {
    let rule = |condition: &str| {
        canonical(&format!(
            r#"{{"indexDocument":"i","routingRules":[{{{condition}"redirect":{{"hostName":"a.example"}}}}]}}"#
        ))
    };
    assert_eq!(rule(r#""condition":{"keyPrefixEquals":""},"#), rule(""));
    let code = r#""httpErrorCodeReturnedEquals":"404""#;
    assert_eq!(
        rule(&format!(r#""condition":{{"keyPrefixEquals":"",{code}}},"#)),
        rule(&format!(r#""condition":{{{code}}},"#))
    );
}
