//! `website`: the bucket as a static website.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::{listed, words};
use crate::setting::{About, Hindrance, Others, Overlay, Problem, Risk, Setting, overlay};

#[cfg(test)]
mod tests;

/// The static website (API page PutBucketWebsite).
pub struct Website;

/// How the bucket serves a website: from its own objects, beginning with `indexDocument`, or by
/// sending everyone elsewhere with `redirectAllRequestsTo`. A bucket without either is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "website")]
pub struct Value {
    /// What is added to a request for a folder, like `index.html`; without a `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_document: Option<String>,
    /// The key of the object that is served for errors 4XX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_document: Option<String>,
    /// Where every request is sent; excludes the other three.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_all_requests_to: Option<RedirectAllRequestsTo>,
    /// Redirects of some requests, at most 50. The first rule that fits counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_rules: Option<Vec<RoutingRule>>,
}

/// Where every request is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "websiteRedirectAll")]
pub struct RedirectAllRequestsTo {
    /// The host, without a protocol.
    pub host_name: String,
    /// The protocol; that of the request when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
}

words! {
    /// A protocol.
    Protocol as "websiteProtocol" {
        /// In the clear.
        Http = "http",
        /// Over TLS.
        Https = "https",
    }
}

/// A redirect of some requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "websiteRoutingRule")]
pub struct RoutingRule {
    /// Which requests; all when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Where to.
    pub redirect: Redirect,
}

/// Which requests a rule is for: those that meet all of what is said here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "websiteCondition")]
pub struct Condition {
    /// The status that the request would be answered with, 4XX or 5XX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_error_code_returned_equals: Option<Code>,
    /// The beginning of the key that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_prefix_equals: Option<String>,
}

/// Where a request is sent. What is not said stays as in the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "websiteRedirect")]
pub struct Redirect {
    /// The host, without a protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// The status of the redirect, 3XX but not 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_redirect_code: Option<Code>,
    /// The protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// What stands in place of the prefix of the condition; excludes `replaceKeyWith`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_key_prefix_with: Option<String>,
    /// What stands in place of the whole key; excludes `replaceKeyPrefixWith`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_key_with: Option<String>,
}

/// A status of HTTP. S3 writes it as text; a spec may write the bare number, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "SaidCode", into = "String")]
#[schemars(with = "SaidCode", rename = "websiteCode")]
pub struct Code(pub String);

/// What a spec may write.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "websiteCode")]
enum SaidCode {
    /// The bare number.
    Number(u16),
    /// Text.
    Text(String),
}

impl From<SaidCode> for Code {
    fn from(said: SaidCode) -> Self {
        match said {
            SaidCode::Number(number) => Self(number.to_string()),
            SaidCode::Text(text) => Self(text),
        }
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0
    }
}

/// Routing rules that a website can have (API page PutBucketWebsite).
const MOST_RULES: usize = 50;

impl Setting for Website {
    type Value = Value;

    const NAME: &'static str = "website";
    const ABOUT: About = About {
        what: "Serving the bucket as a website.",
        why: "A bucket that serves a website answers without signatures; most should not, and `absent` says so.",
        risk: "Taking a website away waits for an approval: its readers would be locked out.",
        example: "{indexDocument: index.html, errorDocument: error.html}",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketWebsite"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketWebsite", "s3:DeleteBucketWebsite"];
    const REMOVABLE: bool = true;

    fn canonical(value: Value) -> Value {
        Value {
            index_document: value.index_document.filter(|suffix| !suffix.is_empty()),
            error_document: value.error_document.filter(|key| !key.is_empty()),
            redirect_all_requests_to: value.redirect_all_requests_to,
            routing_rules: value
                .routing_rules
                .filter(|rules| !rules.is_empty())
                .map(|rules| rules.into_iter().map(RoutingRule::canonical).collect()),
        }
    }

    /// S3 takes either the redirect of all requests or the others: who names the one drops the
    /// other. The order of the rules counts, so those of a policy come last.
    fn merge(live: &Value, want: &Value, how: Overlay) -> Value {
        let mut to = overlay(live, want);
        if how == Overlay::Within
            && let (Some(live), Some(want)) = (&live.routing_rules, &want.routing_rules)
        {
            let missing = want.iter().cloned().map(RoutingRule::canonical).filter(|rule| !live.contains(rule));
            to.routing_rules = Some(live.iter().cloned().chain(missing).collect());
        }
        if want.redirect_all_requests_to.is_some() {
            to.index_document.clone_from(&want.index_document);
            to.error_document.clone_from(&want.error_document);
            to.routing_rules.clone_from(&want.routing_rules);
        } else if *want != Value::default() {
            to.redirect_all_requests_to = None;
        }
        to
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        if *from != Value::default() && *to == Value::default() {
            Risk::Guarded("readers of the website would be locked out")
        } else {
            Risk::Safe
        }
    }

    fn check(want: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |at: &str, message: String, hint: &str| problems.push(Problem::at(at, message).hint(hint));
        if let Some(suffix) = &want.index_document
            && (suffix.is_empty() || suffix.contains('/'))
        {
            let hint = "write the name of an object without a folder, like `index.html`";
            say("/indexDocument", format!("illegal index document `{suffix}`"), hint);
        }
        if want.error_document.as_ref().is_some_and(String::is_empty) {
            say("/errorDocument", "an empty key".to_owned(), "write the key of an object, like `error.html`");
        }
        let rules = want.routing_rules.as_deref().unwrap_or_default();
        if let Some(all) = &want.redirect_all_requests_to {
            let others = [
                ("indexDocument", want.index_document.is_some()),
                ("errorDocument", want.error_document.is_some()),
                ("routingRules", !rules.is_empty()),
            ];
            for (field, _) in others.iter().filter(|(_, named)| *named) {
                let hint = "all requests are redirected; leave the one or the other out";
                say(&format!("/{field}"), format!("`{field}` beside `redirectAllRequestsTo`"), hint);
            }
            host(Some(&all.host_name), "/redirectAllRequestsTo", &mut say);
            protocol(all.protocol.as_ref(), "/redirectAllRequestsTo", &mut say);
        }
        if rules.len() > MOST_RULES {
            let hint = format!("S3 keeps at most {MOST_RULES}; redirects of single objects are metadata of theirs");
            say("/routingRules", format!("{} routing rules", rules.len()), &hint);
        }
        for (place, rule) in rules.iter().enumerate() {
            rule.check(&format!("/routingRules/{place}"), &mut say);
        }
        problems
    }

    fn hindrance(to: &Value, _others: &Others<'_>) -> Option<Hindrance> {
        let served = to.index_document.is_some() || to.redirect_all_requests_to.is_some();
        (!served && *to != Value::default()).then_some(Hindrance {
            why: "S3 serves no website without an index document",
            advice: "let the spec name `indexDocument` too, or `redirectAllRequestsTo`",
        })
    }
}

type Say<'a> = dyn FnMut(&str, String, &str) + 'a;

fn host(name: Option<&String>, at: &str, say: &mut Say<'_>) {
    if let Some(name) = name.filter(|name| name.is_empty() || name.contains("://")) {
        say(
            &format!("{at}/hostName"),
            format!("illegal host name `{name}`"),
            "write the host alone, like `example.com`",
        );
    }
}

fn protocol(protocol: Option<&Protocol>, at: &str, say: &mut Say<'_>) {
    if let Some(Protocol::Other(word)) = protocol {
        let hint = format!("use {}", listed(Protocol::KNOWN));
        say(&format!("{at}/protocol"), format!("`{word}` is not a protocol of S3"), &hint);
    }
}

impl RoutingRule {
    fn canonical(self) -> Self {
        // Every key begins with the empty one, and Ceph does not keep it.
        let condition = self
            .condition
            .map(|it| Condition { key_prefix_equals: it.key_prefix_equals.filter(|prefix| !prefix.is_empty()), ..it });
        Self { condition: condition.filter(|condition| *condition != Condition::default()), ..self }
    }

    fn check(&self, at: &str, say: &mut Say<'_>) {
        if let Some(condition) = &self.condition {
            if *condition == Condition::default() {
                let hint = "name `keyPrefixEquals` or `httpErrorCodeReturnedEquals`, or leave the condition out";
                say(&format!("{at}/condition"), "an empty condition".to_owned(), hint);
            }
            if let Some(Code(code)) = &condition.http_error_code_returned_equals
                && !code.parse().is_ok_and(|code: u16| (400..600).contains(&code))
            {
                let at = format!("{at}/condition/httpErrorCodeReturnedEquals");
                say(&at, format!("`{code}` is not an error of HTTP"), "use 4XX or 5XX");
            }
        }
        let at = format!("{at}/redirect");
        let redirect = &self.redirect;
        if *redirect == Redirect::default() {
            let hint = "name `hostName`, `protocol`, `replaceKeyPrefixWith`, `replaceKeyWith` or `httpRedirectCode`";
            say(&at, "an empty redirect".to_owned(), hint);
        }
        if redirect.replace_key_prefix_with.is_some() && redirect.replace_key_with.is_some() {
            let message = "`replaceKeyPrefixWith` beside `replaceKeyWith`".to_owned();
            say(&format!("{at}/replaceKeyPrefixWith"), message, "leave one of the two");
        }
        if let Some(Code(code)) = &redirect.http_redirect_code
            && !code.parse().is_ok_and(|code: u16| (301..400).contains(&code))
        {
            let message = format!("`{code}` is not a redirect of HTTP");
            say(&format!("{at}/httpRedirectCode"), message, "use 3XX, but not 300");
        }
        host(redirect.host_name.as_ref(), &at, say);
        protocol(redirect.protocol.as_ref(), &at, say);
    }
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::{
        Condition as SdkCondition, ErrorDocument, IndexDocument, Redirect as SdkRedirect,
        RedirectAllRequestsTo as SdkAll, RoutingRule as SdkRule, WebsiteConfiguration,
    };
    use aws_smithy_types::error::operation::BuildError;

    use super::{Code, Condition, Redirect, RedirectAllRequestsTo, RoutingRule, Value, Website};
    use crate::cloud::delete::SubResource;
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

    impl Wire for Website {
        const ELEMENTS: &'static [&'static str] = &[
            "WebsiteConfiguration",
            "IndexDocument",
            "Suffix",
            "ErrorDocument",
            "Key",
            "RedirectAllRequestsTo",
            "HostName",
            "Protocol",
            "RoutingRules",
            "RoutingRule",
            "Condition",
            "HttpErrorCodeReturnedEquals",
            "KeyPrefixEquals",
            "Redirect",
            "HttpRedirectCode",
            "ReplaceKeyPrefixWith",
            "ReplaceKeyWith",
        ];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_website()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ask(s3)
                .await
                .or_none(s3, "GetBucketWebsite", "s3:GetBucketWebsite", &["NoSuchWebsiteConfiguration"])?;
            Ok(answer.map_or_else(Value::default, |answer| {
                from_sdk(
                    WebsiteConfiguration::builder()
                        .set_index_document(answer.index_document)
                        .set_error_document(answer.error_document)
                        .set_redirect_all_requests_to(answer.redirect_all_requests_to)
                        .set_routing_rules(answer.routing_rules)
                        .build(),
                )
            }))
        }

        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            if *to == Value::default() {
                s3.client
                    .delete_bucket_website()
                    .bucket(s3.bucket)
                    .set_expected_bucket_owner(s3.owner())
                    .customize()
                    .interceptor(s3.may_delete(SubResource::Website)?)
                    .send()
                    .await
                    .or_fault(s3, "DeleteBucketWebsite", "s3:DeleteBucketWebsite")?;
                return Ok(());
            }
            let configuration =
                to_sdk(to).map_err(|error| s3.misuse("PutBucketWebsite", S3ErrorKind::Invalid, &error.to_string()))?;
            s3.client
                .put_bucket_website()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .website_configuration(configuration)
                .send()
                .await
                .or_fault(s3, "PutBucketWebsite", "s3:PutBucketWebsite")?;
            Ok(())
        }
    }

    pub(super) fn to_sdk(value: &Value) -> Result<WebsiteConfiguration, BuildError> {
        let index = value.index_document.as_ref().map(|suffix| IndexDocument::builder().suffix(suffix).build());
        let error = value.error_document.as_ref().map(|key| ErrorDocument::builder().key(key).build());
        let all = value.redirect_all_requests_to.as_ref().map(|it| {
            SdkAll::builder()
                .host_name(&it.host_name)
                .set_protocol(it.protocol.as_ref().map(|protocol| protocol.as_str().into()))
                .build()
        });
        Ok(WebsiteConfiguration::builder()
            .set_index_document(index.transpose()?)
            .set_error_document(error.transpose()?)
            .set_redirect_all_requests_to(all.transpose()?)
            .set_routing_rules(value.routing_rules.as_ref().map(|rules| rules.iter().map(rule_to_sdk).collect()))
            .build())
    }

    pub(super) fn from_sdk(configuration: WebsiteConfiguration) -> Value {
        Value {
            index_document: configuration.index_document.map(|it| it.suffix),
            error_document: configuration.error_document.map(|it| it.key),
            redirect_all_requests_to: configuration.redirect_all_requests_to.map(|it| RedirectAllRequestsTo {
                host_name: it.host_name,
                protocol: it.protocol.map(|protocol| protocol.as_str().into()),
            }),
            routing_rules: configuration.routing_rules.map(|rules| rules.into_iter().map(rule_from_sdk).collect()),
        }
    }

    fn rule_to_sdk(rule: &RoutingRule) -> SdkRule {
        let condition = rule.condition.as_ref().map(|it| {
            SdkCondition::builder()
                .set_http_error_code_returned_equals(it.http_error_code_returned_equals.clone().map(String::from))
                .set_key_prefix_equals(it.key_prefix_equals.clone())
                .build()
        });
        let it = &rule.redirect;
        let redirect = SdkRedirect::builder()
            .set_host_name(it.host_name.clone())
            .set_http_redirect_code(it.http_redirect_code.clone().map(String::from))
            .set_protocol(it.protocol.as_ref().map(|protocol| protocol.as_str().into()))
            .set_replace_key_prefix_with(it.replace_key_prefix_with.clone())
            .set_replace_key_with(it.replace_key_with.clone())
            .build();
        SdkRule::builder().set_condition(condition).redirect(redirect).build()
    }

    fn rule_from_sdk(rule: SdkRule) -> RoutingRule {
        let redirect = rule.redirect.map(|it| Redirect {
            host_name: it.host_name,
            http_redirect_code: it.http_redirect_code.map(Code),
            protocol: it.protocol.map(|protocol| protocol.as_str().into()),
            replace_key_prefix_with: it.replace_key_prefix_with,
            replace_key_with: it.replace_key_with,
        });
        RoutingRule {
            condition: rule.condition.map(|it| Condition {
                http_error_code_returned_equals: it.http_error_code_returned_equals.map(Code),
                key_prefix_equals: it.key_prefix_equals,
            }),
            redirect: redirect.unwrap_or_default(),
        }
    }
}
