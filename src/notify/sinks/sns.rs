//! A topic of AWS SNS. Programs that subscribe get the same JSON as a webhook, people by mail the
//! text, telephones the title. What is published has attributes, so that a subscription can choose.

use std::collections::HashMap;

use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::types::MessageAttributeValue;
use serde_json::json;
use tokio::sync::OnceCell;

use super::webhook;
use crate::bucket::{AccountName, Region};
use crate::cloud::aws::{AccountOptions, sign_in};
use crate::config::destinations::SnsConfig;
use crate::notify::notice::{Notice, State};
use crate::notify::sink::{Failure, Retry, Sending, Sink};
use crate::notify::words;

/// A subject has to be shorter ("Publish", `Subject`).
const SUBJECT: usize = 99;

/// Bytes of a message, with room for its attributes: a topic takes 262,144 of both, unless it says
/// otherwise ("Publishing large messages with Amazon SNS").
const MOST_BYTES: usize = 200_000;

/// A topic.
pub struct Sns {
    config: SnsConfig,
    client: OnceCell<aws_sdk_sns::Client>,
}

impl Sns {
    /// The topic of the configuration. Nothing is asked before the first message.
    pub fn of(config: &SnsConfig) -> Self {
        Self { config: config.clone(), client: OnceCell::new() }
    }

    async fn client(&self) -> &aws_sdk_sns::Client {
        let config = &self.config;
        let options = AccountOptions {
            name: AccountName::default(),
            id: None,
            region: config.region().unwrap_or_else(Region::us_east_1),
            endpoint: config.endpoint.clone(),
            control_endpoint: None,
            path_style: false,
            profile: config.profile.clone(),
            role: config.role.clone(),
            writer_role: None,
            external_id: config.external_id.clone(),
        };
        self.client.get_or_init(async || aws_sdk_sns::Client::new(&sign_in(&options).await)).await
    }
}

impl Sink for Sns {
    fn service(&self) -> &'static str {
        "sns"
    }

    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let fifo = self.config.is_fifo();
            self.client()
                .await
                .publish()
                .topic_arn(&self.config.topic_arn)
                .subject(subject(notice))
                .message(message(notice))
                .message_structure("json")
                .set_message_attributes(Some(attributes(notice)))
                // What is said of one cause keeps its order, and nothing is said twice.
                .set_message_group_id(fifo.then(|| words::cut(&notice.key, 128)))
                .set_message_deduplication_id(fifo.then(|| words::cut(&notice.id, 128)))
                .send()
                .await
                .map(drop)
                .map_err(failure)
        })
    }
}

/// The subject: printable ASCII, of which mail makes its own.
fn subject(notice: &Notice) -> String {
    let state = if notice.state == State::Resolved { "resolved" } else { notice.severity.word() };
    let text = words::line(&format!("[driftless {state}] {}", notice.title));
    let text: String = text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    if text.len() <= SUBJECT { text } else { format!("{}...", &text[..SUBJECT - 3]) }
}

/// The message as SNS takes it: the less important parts are left out until it fits.
fn message(notice: &Notice) -> String {
    let leave_out: [fn(&mut Notice); 4] = [
        |it| it.changes.iter_mut().for_each(|it| (it.from, it.to) = (None, None)),
        |it| it.fix.iter_mut().for_each(|fix| fix.document = None),
        |it| it.detail = None,
        |it| {
            it.changes.clear();
            it.policies.truncate(10);
        },
    ];
    let mut lean = notice.clone();
    let mut text = forms(&lean);
    for step in leave_out {
        if text.len() <= MOST_BYTES {
            break;
        }
        step(&mut lean);
        text = forms(&lean);
    }
    text
}

/// The message, in the form for each kind of subscriber.
fn forms(notice: &Notice) -> String {
    let (data, text) = (webhook::message(notice).to_string(), words::text(notice));
    json!({"default": data, "email": text, "sms": words::cut(&words::line(&notice.title), 140)}).to_string()
}

/// By what subscriptions choose.
fn attributes(notice: &Notice) -> HashMap<String, MessageAttributeValue> {
    let text = |value: &str| {
        let built = MessageAttributeValue::builder().data_type("String").string_value(value).build();
        built.expect("an attribute with a type is whole")
    };
    [("happening", notice.happening.word()), ("state", notice.state.word()), ("severity", notice.severity.word())]
        .map(|(name, value)| (name.to_owned(), text(value)))
        .into()
}

/// Why SNS did not take it.
fn failure<E, R>(error: SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata,
{
    match &error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or("an error without a code").to_owned();
            let said = words::cut(&words::line(answer.err().message().unwrap_or_default()), 200);
            refusal(&code, &said)
        }
        SdkError::ConstructionFailure(_) => Failure::new("no credentials for SNS are found", Retry::WhenMended)
            .hint("give the agent credentials (environment, profile, web identity, instance role)"),
        SdkError::TimeoutError(_) => Failure::new("SNS did not answer in time", Retry::Later),
        SdkError::DispatchFailure(failure) if failure.is_other() => {
            Failure::new("the request to SNS could not be signed or sent", Retry::WhenMended)
                .hint("give the agent credentials (environment, profile, web identity, instance role)")
        }
        _ => Failure::new("SNS cannot be reached", Retry::Later),
    }
}

/// What a refusal means.
fn refusal(code: &str, said: &str) -> Failure {
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let failure = |retry| Failure::new(format!("SNS does not publish it ({code}){said}"), retry);
    match code {
        "AuthorizationError" | "AuthorizationErrorException" | "AccessDenied" | "AccessDeniedException" => {
            failure(Retry::WhenMended).hint("allow `sns:Publish` on the topic to the role, and by the topic's policy")
        }
        "KMSAccessDenied" | "KMSDisabled" | "KMSInvalidState" | "KMSNotFound" | "KMSOptInRequired" => {
            failure(Retry::WhenMended)
                .hint("the topic is encrypted: allow `kms:GenerateDataKey` and `kms:Decrypt` on its key")
        }
        "NotFound" | "NotFoundException" => failure(Retry::WhenMended).hint("correct `topicArn`"),
        "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "UnrecognizedClientException" => {
            failure(Retry::WhenMended).hint("the credentials are not, or no longer, valid")
        }
        "InvalidParameter" | "InvalidParameterValue" | "ParameterValueInvalid" | "ValidationException" => {
            failure(Retry::Never)
        }
        _ => failure(Retry::Later),
    }
}

#[cfg(test)]
mod tests {
    use super::super::commit::tests::notice;
    use super::*;
    use crate::doc::Change;
    use crate::notify::notice::Outcome;
    use crate::notify::{Fix, sample};

    #[test]
    fn a_subject_is_short_and_plain() {
        let mut notice = Notice { title: "é\n".repeat(200), ..notice(Outcome::Good) };
        let subject_of = subject(&notice);
        assert!(subject_of.starts_with("[driftless info] ? ? ") && subject_of.ends_with("..."), "{subject_of}");
        assert!(subject_of.len() < 100 && subject_of.is_ascii(), "{subject_of}");
        notice.state = State::Resolved;
        notice.title = "All is well".to_owned();
        assert_eq!(subject(&notice), "[driftless resolved] All is well");
    }

    #[test]
    fn every_kind_of_subscriber_gets_its_own_form() {
        let message: serde_json::Value =
            serde_json::from_str(&message(&notice(Outcome::Good))).expect("the structure is JSON");
        let data: serde_json::Value =
            serde_json::from_str(message["default"].as_str().expect("text")).expect("programs get JSON");
        assert_eq!((&data["version"], &data["happening"]), (&json!(1), &json!("drift")));
        assert!(message["email"].as_str().expect("text").starts_with("Test: messages of driftless arrive here\n"));
        assert_eq!(message["sms"], "Test: messages of driftless arrive here");
    }

    /// A message beyond 262,144 bytes was an `InvalidParameter` to SNS, and so given up.
    #[test]
    fn the_largest_message_fits_into_what_a_topic_takes() {
        let long = "\u{1f600}\"\\\n".repeat(5000);
        let change = sample::change(&long, &long);
        let fix = |document: &str| Some(Fix { text: "do".to_owned(), document: Some(document.to_owned()) });
        let data = |notice: &Notice| {
            let sent = message(notice);
            assert!(sent.len() <= MOST_BYTES, "{}", sent.len());
            let forms: serde_json::Value = serde_json::from_str(&sent).expect("the structure is JSON");
            serde_json::from_str::<serde_json::Value>(forms["default"].as_str().expect("text")).expect("JSON")
        };
        // First the values go, and the paths stay.
        let values = Notice { changes: vec![change.clone(); 10], fix: fix("kind: Approval"), ..sample::full() };
        let values = data(&values);
        assert_eq!(values["changes"], json!(vec![json!({"path": "status"}); 10]));
        assert_eq!(values["fix"]["document"], "kind: Approval");
        // Then the document of the fix, and at last all that may be long.
        let document = data(&Notice { changes: vec![change.clone()], fix: fix(&long.repeat(5)), ..sample::full() });
        assert_eq!((&document["changes"], &document["fix"]), (&json!([{"path": "status"}]), &json!({"text": "do"})));
        let paths = vec![Change { path: long.repeat(2), ..change }; 10];
        let whole = data(&Notice { changes: paths, policies: vec!["p".repeat(63); 5000], ..sample::full() });
        assert_eq!((whole["changes"].is_null(), whole["title"].as_str()), (true, Some(&*sample::full().title)));
        // What fits is sent as it is.
        assert_eq!(message(&sample::full()), forms(&sample::full()));
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let failure = refusal("AuthorizationError", "User is not authorized");
        assert_eq!(failure.to_string(), "SNS does not publish it (AuthorizationError): User is not authorized");
        assert_eq!(
            failure.hint.as_deref(),
            Some("allow `sns:Publish` on the topic to the role, and by the topic's policy")
        );
        assert_eq!(refusal("Throttled", "").retry, Retry::Later);
        assert_eq!(refusal("InvalidParameter", "").retry, Retry::Never);
        assert_eq!(refusal("NotFound", "").retry, Retry::WhenMended);
    }
}
