//! Server access logging, static website hosting and cross-origin rules.

use super::config::{Config, Word, Write};
use super::refusal::Refusal;
use super::xml::Node;

pub(super) fn put_logging(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let sent = write.xml("BucketLoggingStatus")?;
    let Some(logging) = sent.child("LoggingEnabled") else {
        config.clear(Word::Logging);
        return Ok(());
    };
    let (Some(target), Some(_)) = (logging.get("TargetBucket"), logging.get("TargetPrefix")) else {
        return Err(Refusal::malformed());
    };
    if !(write.takes_logs)(target) {
        let said = "The target bucket for logging does not exist, is not owned by you, or is in another region";
        return Err(Refusal::new(400, "InvalidTargetBucketForLogging", said).with("TargetBucket", target));
    }
    config.set(Word::Logging, &sent);
    Ok(())
}

pub(super) fn put_website(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let sent = write.xml("WebsiteConfiguration")?;
    if let Some(redirect) = sent.child("RedirectAllRequestsTo") {
        if redirect.get("HostName").is_none_or(str::is_empty) {
            return Err(Refusal::malformed());
        }
        if sent.children.len() > 1 {
            return Err(Refusal::argument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
            ));
        }
        protocol(redirect)?;
        config.set(Word::Website, &sent);
        return Ok(());
    }
    match sent.child("IndexDocument").map(|index| index.get("Suffix").unwrap_or_default()) {
        Some(suffix) if !suffix.is_empty() && !suffix.contains('/') => {}
        Some(_) => return Err(Refusal::argument("The IndexDocument Suffix is not well formed")),
        None => {
            let said = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty";
            return Err(Refusal::argument(said));
        }
    }
    if sent.child("ErrorDocument").is_some_and(|error| error.get("Key").is_none_or(str::is_empty)) {
        return Err(Refusal::malformed());
    }
    if let Some(rules) = sent.child("RoutingRules") {
        if rules.children.is_empty() || rules.count("RoutingRule") != rules.children.len() {
            return Err(Refusal::malformed());
        }
        // User Guide, "Configure advanced conditional redirects": at most 50.
        if rules.children.len() > 50 {
            return Err(Refusal::request("50 routing rules are the most that a website configuration can have"));
        }
        for rule in &rules.children {
            let redirect = rule.child("Redirect").ok_or_else(Refusal::malformed)?;
            if redirect.child("ReplaceKeyWith").is_some() && redirect.child("ReplaceKeyPrefixWith").is_some() {
                return Err(Refusal::request("You can only define ReplaceKeyPrefix or ReplaceKey but not both."));
            }
            protocol(redirect)?;
        }
    }
    config.set(Word::Website, &sent);
    Ok(())
}

fn protocol(redirect: &Node) -> Result<(), Refusal> {
    match redirect.get("Protocol") {
        None | Some("http" | "https") => Ok(()),
        Some(_) => Err(Refusal::request(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.",
        )),
    }
}

pub(super) fn put_cors(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let sent = write.xml("CORSConfiguration")?;
    // API page PutBucketCors: up to 100 rules.
    if !(1..=100).contains(&sent.children.len()) || sent.count("CORSRule") != sent.children.len() {
        return Err(Refusal::malformed());
    }
    for rule in &sent.children {
        if rule.count("AllowedMethod") == 0 || rule.count("AllowedOrigin") == 0 {
            return Err(Refusal::malformed());
        }
        if rule.get("ID").is_some_and(|id| id.chars().count() > 255)
            || rule.get("MaxAgeSeconds").is_some_and(|age| age.parse::<i32>().is_err())
        {
            return Err(Refusal::malformed());
        }
        for method in rule.all("AllowedMethod").map(|method| method.text.as_str()) {
            if !matches!(method, "GET" | "PUT" | "POST" | "DELETE" | "HEAD") {
                return Err(Refusal::request(format!(
                    "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
                )));
            }
        }
        for name in ["AllowedOrigin", "AllowedHeader"] {
            for value in rule.all(name).map(|value| value.text.as_str()) {
                if value.matches('*').count() > 1 {
                    return Err(Refusal::request(format!("{name} \"{value}\" can not have more than one wildcard.")));
                }
            }
        }
        for value in rule.all("ExposeHeader").map(|value| value.text.as_str()) {
            if value.contains('*') {
                return Err(Refusal::request(format!(
                    "ExposeHeader \"{value}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
                )));
            }
        }
    }
    config.set(Word::Cors, &sent);
    Ok(())
}
