//! `cors`: which pages of other origins may read and write the bucket from a browser.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::{listed, sorted, words};
use crate::setting::{About, Overlay, Problem, Setting, overlay};

/// Cross-origin resource sharing (API page PutBucketCors).
pub struct Cors;

/// The rules for pages of other origins. A bucket without any lets no such page in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "cors")]
pub struct Value {
    /// The rules, at most 100; the first one that fits a request counts. A spec that names them
    /// names all; those of a policy come last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<Rule>>,
}

/// What pages of some origins may do. The order of its lists means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "corsRule")]
pub struct Rule {
    /// A name for the rule, at most 255 characters, unique in the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The methods that pages may use.
    pub allowed_methods: Vec<Method>,
    /// The origins of the pages, like `https://example.com`, each with at most one `*`.
    pub allowed_origins: Vec<String>,
    /// The request headers that pages may send, each with at most one `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_headers: Option<Vec<String>>,
    /// The response headers that pages may read, by their full names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expose_headers: Option<Vec<String>>,
    /// For how many seconds a browser may remember the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<i32>,
}

words! {
    /// A method of HTTP.
    Method as "corsMethod" {
        /// To delete objects.
        Delete = "DELETE",
        /// To read objects.
        Get = "GET",
        /// To read what objects are like.
        Head = "HEAD",
        /// To write objects by a form.
        Post = "POST",
        /// To write objects.
        Put = "PUT",
    }
}

/// Rules that a bucket can have (API page PutBucketCors).
const MOST_RULES: usize = 100;
const LONGEST_ID: usize = 255;

impl Setting for Cors {
    type Value = Value;

    const NAME: &'static str = "cors";
    const ABOUT: About = About {
        what: "Which web pages of other origins may ask.",
        why: "Browsers ask it before a page of another origin may read or write objects.",
        risk: "",
        example: r#"rules:
  - allowedMethods: [GET]
    allowedOrigins: ["https://notebooks.example.com"]
    maxAgeSeconds: 3600"#,
    };
    const READS: &'static [&'static str] = &["s3:GetBucketCORS"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketCORS"];
    const REMOVABLE: bool = true;

    /// Header names keep the case that they have: S3 stores them as they are written.
    fn canonical(value: Value) -> Value {
        let rules: Vec<Rule> = value.rules.unwrap_or_default().into_iter().map(Rule::canonical).collect();
        Value { rules: Some(rules).filter(|rules| !rules.is_empty()) }
    }

    /// A rule is whole. One without an id keeps the id under which the same rule stands there,
    /// because stores invent some.
    fn merge(live: &Value, want: &Value, how: Overlay) -> Value {
        let Some(named) = &want.rules else { return overlay(live, want) };
        let live: Vec<Rule> = live.rules.clone().unwrap_or_default();
        let mut free: Vec<&Rule> = live.iter().filter(|rule| !named.iter().any(|other| other.takes(rule))).collect();
        let mut wanted = Vec::new();
        for rule in named {
            let rule = rule.clone().canonical();
            let known = rule.id.is_none().then(|| free.iter().position(|other| rule.fits(other))).flatten();
            wanted.push(known.map_or(rule, |place| free.remove(place).clone()));
        }
        if how == Overlay::Whole {
            return Value { rules: Some(wanted) };
        }
        let mut rules = live.clone();
        for rule in wanted {
            if rules.contains(&rule) {
                continue;
            }
            match rules.iter_mut().find(|other| rule.takes(other)) {
                Some(other) => *other = rule,
                None => rules.push(rule),
            }
        }
        Value { rules: Some(rules) }
    }

    fn check(want: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |at: String, message: String, hint: String| problems.push(Problem::at(at, message).hint(hint));
        let rules = want.rules.as_deref().unwrap_or_default();
        if rules.len() > MOST_RULES {
            let hint = format!("S3 keeps at most {MOST_RULES} on a bucket");
            say("/rules".to_owned(), format!("{} cors rules", rules.len()), hint);
        }
        let mut seen = BTreeSet::new();
        for (place, rule) in rules.iter().enumerate() {
            let at = format!("/rules/{place}");
            if let Some(id) = &rule.id {
                let length = id.chars().count();
                if length > LONGEST_ID {
                    let message = format!("the id has {length} characters");
                    say(format!("{at}/id"), message, format!("use at most {LONGEST_ID}"));
                }
                if !seen.insert(id) {
                    let hint = "give every rule an id of its own".to_owned();
                    say(format!("{at}/id"), format!("a second rule has the id `{id}`"), hint);
                }
            }
            rule.check(&at, &mut say);
        }
        problems
    }
}

impl Rule {
    fn canonical(self) -> Self {
        Self {
            id: self.id.filter(|id| !id.is_empty()),
            allowed_methods: sorted(self.allowed_methods).unwrap_or_default(),
            allowed_origins: sorted(self.allowed_origins).unwrap_or_default(),
            allowed_headers: self.allowed_headers.and_then(sorted),
            expose_headers: self.expose_headers.and_then(sorted),
            max_age_seconds: self.max_age_seconds,
        }
    }

    /// Whether it takes the other's place: both have the same id.
    fn takes(&self, other: &Self) -> bool {
        self.id.as_ref().is_some_and(|id| !id.is_empty() && other.id.as_ref() == Some(id))
    }

    /// Whether it is the other but for the id.
    fn fits(&self, other: &Self) -> bool {
        let nameless = Self { id: None, ..other.clone() };
        *self == nameless
    }

    fn check(&self, at: &str, say: &mut dyn FnMut(String, String, String)) {
        let wildcards = [
            ("allowedOrigins", Some(&self.allowed_origins), 1, "write several entries, or one `*`"),
            ("allowedHeaders", self.allowed_headers.as_ref(), 1, "write several entries, or one `*`"),
            ("exposeHeaders", self.expose_headers.as_ref(), 0, "name every header"),
        ];
        for (field, list, most, hint) in wildcards {
            for (place, entry) in list.into_iter().flatten().enumerate() {
                let at = format!("{at}/{field}/{place}");
                if entry.is_empty() {
                    say(at, "an empty entry".to_owned(), "leave it out".to_owned());
                } else if entry.matches('*').count() > most {
                    let message = if most == 0 { "a `*`" } else { "more than one `*`" };
                    say(at, format!("{message} in `{entry}`"), hint.to_owned());
                }
            }
        }
        for (field, empty, hint) in [
            ("allowedMethods", self.allowed_methods.is_empty(), "name at least one method, like `GET`"),
            ("allowedOrigins", self.allowed_origins.is_empty(), "name at least one origin, like `https://example.com`"),
        ] {
            if empty {
                say(format!("{at}/{field}"), format!("no {field}"), hint.to_owned());
            }
        }
        for (place, method) in self.allowed_methods.iter().enumerate() {
            if let Method::Other(word) = method {
                let message = format!("`{word}` is not a method that S3 allows to pages");
                say(format!("{at}/allowedMethods/{place}"), message, format!("use {}", listed(Method::KNOWN)));
            }
        }
        if let Some(seconds) = self.max_age_seconds.filter(|seconds| *seconds < 0) {
            say(format!("{at}/maxAgeSeconds"), format!("{seconds} seconds"), "use 0 or more".to_owned());
        }
    }
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
    use aws_smithy_types::error::operation::BuildError;

    use super::{Cors, Method, Rule, Value};
    use crate::cloud::delete::SubResource;
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

    impl Wire for Cors {
        const ELEMENTS: &'static [&'static str] = &[
            "CORSConfiguration",
            "CORSRule",
            "ID",
            "AllowedMethod",
            "AllowedOrigin",
            "AllowedHeader",
            "ExposeHeader",
            "MaxAgeSeconds",
        ];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_cors()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ask(s3)
                .await
                .or_none(s3, "GetBucketCors", "s3:GetBucketCORS", &["NoSuchCORSConfiguration"])?;
            Ok(from_sdk(answer.and_then(|answer| answer.cors_rules).unwrap_or_default()))
        }

        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            if *to == Value::default() {
                s3.client
                    .delete_bucket_cors()
                    .bucket(s3.bucket)
                    .set_expected_bucket_owner(s3.owner())
                    .customize()
                    .interceptor(s3.may_delete(SubResource::Cors)?)
                    .send()
                    .await
                    .or_fault(s3, "DeleteBucketCors", "s3:PutBucketCORS")?;
                return Ok(());
            }
            let configuration =
                to_sdk(to).map_err(|error| s3.misuse("PutBucketCors", S3ErrorKind::Invalid, &error.to_string()))?;
            s3.client
                .put_bucket_cors()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .cors_configuration(configuration)
                .send()
                .await
                .or_fault(s3, "PutBucketCors", "s3:PutBucketCORS")?;
            Ok(())
        }
    }

    pub(super) fn to_sdk(value: &Value) -> Result<CorsConfiguration, BuildError> {
        let rule = |rule: &Rule| {
            CorsRule::builder()
                .set_id(rule.id.clone())
                .set_allowed_methods(Some(rule.allowed_methods.iter().map(|it| it.as_str().to_owned()).collect()))
                .set_allowed_origins(Some(rule.allowed_origins.clone()))
                .set_allowed_headers(rule.allowed_headers.clone())
                .set_expose_headers(rule.expose_headers.clone())
                .set_max_age_seconds(rule.max_age_seconds)
                .build()
        };
        let rules = value.rules.iter().flatten().map(rule).collect::<Result<_, _>>()?;
        CorsConfiguration::builder().set_cors_rules(Some(rules)).build()
    }

    pub(super) fn from_sdk(rules: Vec<CorsRule>) -> Value {
        let rule = |rule: CorsRule| Rule {
            id: rule.id,
            allowed_methods: rule.allowed_methods.iter().map(|word| Method::from(word.as_str())).collect(),
            allowed_origins: rule.allowed_origins,
            allowed_headers: rule.allowed_headers,
            expose_headers: rule.expose_headers,
            max_age_seconds: rule.max_age_seconds,
        };
        Value { rules: Some(rules.into_iter().map(rule).collect()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::doc::Doc;
    use crate::settings::laws;

    fn of(json: &str) -> Value {
        serde_json::from_str(json).expect("a value")
    }

    fn canonical(json: &str) -> Value {
        Cors::canonical(of(json))
    }

    fn merged(live: &str, want: &str, how: Overlay) -> Value {
        Cors::canonical(Cors::merge(&canonical(live), &of(want), how))
    }

    const A: &str = r#"{"allowedMethods":["GET"],"allowedOrigins":["https://a"]}"#;
    const B: &str = r#"{"allowedMethods":["PUT"],"allowedOrigins":["https://b"]}"#;

    fn rules(rules: &[&str]) -> String {
        format!(r#"{{"rules":[{}]}}"#, rules.join(","))
    }

    fn named(id: &str, rule: &str) -> String {
        rule.replacen('{', &format!(r#"{{"id":"{id}","#), 1)
    }

    #[test]
    fn no_rules_have_one_form() {
        assert_eq!(Doc::of(&canonical(r#"{"rules":[]}"#)).as_str(), "{}");
    }

    /// Pain 9 on another setting: drift with nothing changed, because lists came back in another
    /// order.
    #[test]
    fn pain_9_the_order_inside_a_rule_is_no_drift() {
        let one = r#"{"rules":[{"allowedMethods":["PUT","GET"],"allowedOrigins":["b","a","b"],"allowedHeaders":[]}]}"#;
        let other = r#"{"rules":[{"allowedMethods":["GET","PUT"],"allowedOrigins":["a","b"]}]}"#;
        assert_eq!(canonical(one), canonical(other));
        assert_eq!(Doc::of(&canonical(one)).as_str(), other);
    }

    #[test]
    fn the_order_of_rules_is_drift() {
        assert_ne!(canonical(&rules(&[A, B])), canonical(&rules(&[B, A])));
    }

    /// Pain 1, crossplane-contrib/provider-upjet-aws#2063: a field that the store fills in and the
    /// spec does not name was written away again and again.
    #[test]
    fn pain_1_an_id_that_the_store_invented_is_no_drift() {
        let live = rules(&[&named("x1", A), &named("x2", A)]);
        assert_eq!(merged(&live, &rules(&[A, A]), Overlay::Whole), canonical(&live));
        assert_eq!(merged(&live, &rules(&[A]), Overlay::Within), canonical(&live));
    }

    #[test]
    fn a_spec_names_all_rules() {
        assert_eq!(merged(&rules(&[A, B]), &rules(&[B]), Overlay::Whole), canonical(&rules(&[B])));
        assert_eq!(merged(&rules(&[A, B]), r#"{"rules":[]}"#, Overlay::Whole), Value::default());
    }

    #[test]
    fn a_policy_appends_its_rules_and_replaces_those_of_the_same_id() {
        assert_eq!(merged(&rules(&[B]), &rules(&[A, B]), Overlay::Within), canonical(&rules(&[B, A])));
        let live = rules(&[&named("p", A), B]);
        assert_eq!(merged(&live, &rules(&[&named("p", B)]), Overlay::Within), canonical(&rules(&[&named("p", B), B])));
    }

    #[test]
    fn what_s3_would_refuse_is_refused_before() {
        let said = |json: &str| -> Vec<String> {
            Cors::check(&of(json)).into_iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect()
        };
        assert_eq!(
            said(r#"{"rules":[{"allowedMethods":["PATCH"],"allowedOrigins":["*a*"],"allowedHeaders":["x-*-*"]}]}"#),
            [
                "/rules/0/allowedOrigins/0: more than one `*` in `*a*`",
                "/rules/0/allowedHeaders/0: more than one `*` in `x-*-*`",
                "/rules/0/allowedMethods/0: `PATCH` is not a method that S3 allows to pages",
            ]
        );
        assert_eq!(
            said(
                r#"{"rules":[{"allowedMethods":[],"allowedOrigins":[],"exposeHeaders":["*",""],"maxAgeSeconds":-1}]}"#
            ),
            [
                "/rules/0/exposeHeaders/0: a `*` in `*`",
                "/rules/0/exposeHeaders/1: an empty entry",
                "/rules/0/allowedMethods: no allowedMethods",
                "/rules/0/allowedOrigins: no allowedOrigins",
                "/rules/0/maxAgeSeconds: -1 seconds",
            ]
        );
        assert_eq!(said(&rules(&[&named("a", A), &named("a", B)])), ["/rules/1/id: a second rule has the id `a`"]);
        assert_eq!(said(&rules(&[&named(&"a".repeat(256), A)])), ["/rules/0/id: the id has 256 characters"]);
        assert_eq!(said(&rules(&[A; 101])), ["/rules: 101 cors rules"]);
        let good = r#"{"allowedMethods":["GET"],"allowedOrigins":["https://*.a"],"allowedHeaders":["x-amz-*"],"exposeHeaders":["ETag"],"maxAgeSeconds":0}"#;
        assert_eq!(said(&rules(&[good])), Vec::<String>::new());
    }

    #[test]
    fn a_typo_is_found() {
        assert!(serde_json::from_str::<Value>(&rules(&[&A.replace("Origins", "Origin")])).is_err());
    }

    #[test]
    fn the_schema_takes_what_a_spec_may_say() {
        laws::schema::<Cors>(&rules(&[A, &named("b", B)]), true);
        laws::schema::<Cors>(&rules(&[&A.replace("GET", "PATCH")]), false);
        laws::schema::<Cors>(r#"{"rules":[{"allowedMethods":["GET"]}]}"#, false);
    }

    fn list() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[a-b]{1,2}", 0..3)
    }

    fn rule() -> impl Strategy<Value = Rule> {
        let methods = prop::collection::vec(prop::sample::select(vec!["GET", "PUT", "PATCH"]), 0..3);
        let id = prop::option::of("[a-b]{0,1}");
        let age = prop::option::of(0..3);
        (id, methods, list(), prop::option::of(list()), prop::option::of(list()), age).prop_map(
            |(id, methods, allowed_origins, allowed_headers, expose_headers, max_age_seconds)| Rule {
                id,
                allowed_methods: methods.into_iter().map(Method::from).collect(),
                allowed_origins,
                allowed_headers,
                expose_headers,
                max_age_seconds,
            },
        )
    }

    fn value() -> impl Strategy<Value = Value> {
        prop::option::of(prop::collection::vec(rule(), 0..4)).prop_map(|rules| Value { rules })
    }

    proptest! {
        #[test]
        fn the_laws_hold(live in value(), want in value()) {
            laws::hold::<Cors>(&live, &want, Overlay::Whole);
            laws::hold::<Cors>(&live, &want, Overlay::Within);
        }

        #[cfg(feature = "aws")]
        #[test]
        fn what_is_sent_reads_back(value in value()) {
            let value = Cors::canonical(value);
            let sent = wire::to_sdk(&value).expect("a configuration").cors_rules;
            prop_assert_eq!(Cors::canonical(wire::from_sdk(sent)), value);
        }
    }
}
