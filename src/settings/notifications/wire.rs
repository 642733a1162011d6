//! How notifications travel to S3 and back.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::types::{
    EventBridgeConfiguration, FilterRule, FilterRuleName, LambdaFunctionConfiguration, NotificationConfiguration,
    NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter, TopicConfiguration,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::operation::BuildError;

use super::{Filter, Kind, Notification, Notifications, Value};
use crate::cloud::wire::{S3, Wire};
use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

impl Wire for Notifications {
    const ELEMENTS: &'static [&'static str] = &[
        "NotificationConfiguration",
        "TopicConfiguration",
        "QueueConfiguration",
        "CloudFunctionConfiguration",
        "EventBridgeConfiguration",
        "Id",
        "Topic",
        "Queue",
        "CloudFunction",
        "Event",
        "Filter",
        "S3Key",
        "FilterRule",
        "Name",
        "Value",
    ];

    async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
        let answer = s3
            .client
            .get_bucket_notification_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .ask(s3)
            .await;
        if s3.own_store && answer.as_ref().err().is_some_and(is_empty) {
            return Ok(Value::default());
        }
        let answer = answer.or_fault(s3, "GetBucketNotificationConfiguration", "s3:GetBucketNotification")?;
        let configuration = NotificationConfiguration::builder()
            .set_topic_configurations(answer.topic_configurations)
            .set_queue_configurations(answer.queue_configurations)
            .set_lambda_function_configurations(answer.lambda_function_configurations)
            .set_event_bridge_configuration(answer.event_bridge_configuration)
            .build();
        from_sdk(configuration)
            .map_err(|said| s3.misuse("GetBucketNotificationConfiguration", S3ErrorKind::Other, &said))
    }

    /// The document replaces all that was there; an empty one removes it, S3 has no DELETE.
    async fn write(s3: &S3<'_>, from: &Value, to: &Value) -> Result<(), S3Error> {
        let configuration = to_sdk(to).map_err(|error| {
            s3.misuse("PutBucketNotificationConfiguration", S3ErrorKind::Invalid, &error.to_string())
        })?;
        s3.client
            .put_bucket_notification_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .notification_configuration(configuration)
            .set_skip_destination_validation(known(from, to).then_some(true))
            .send()
            .await
            .or_fault(s3, "PutBucketNotificationConfiguration", "s3:PutBucketNotification")?;
        Ok(())
    }
}

/// Whether every destination stood there before. S3 tries all of them with every write, so the
/// dead queue of another team would keep everybody from writing (User Guide, "Using Amazon SQS,
/// Amazon SNS, and Lambda"). A new destination is always tried: one that S3 cannot reach loses
/// events without a word.
pub(super) fn known(from: &Value, to: &Value) -> bool {
    let of = |value: &Value| -> Vec<(Kind, Option<String>)> {
        value.all().into_iter().map(|(kind, it)| (kind, it.arn)).collect()
    };
    let before = of(from);
    !before.is_empty() && of(to).iter().all(|it| before.contains(it))
}

/// Whether the answer is a 200 that announces no body and has none: moto says so that a bucket has
/// no notifications. What broke off on its way has announced more. AWS answers a document always,
/// so there it is no answer, and nobody's notifications are taken for none.
fn is_empty<E>(error: &SdkError<E, HttpResponse>) -> bool {
    error.raw_response().is_some_and(|response| {
        response.status().as_u16() == 200
            && response.headers().get("content-length").is_some_and(|length| length == "0")
            && response.body().bytes().is_some_and(<[u8]>::is_empty)
    })
}

pub(super) fn to_sdk(value: &Value) -> Result<NotificationConfiguration, BuildError> {
    let topic = |it: &Notification| {
        let sdk = TopicConfiguration::builder().set_id(it.id.clone()).set_topic_arn(it.arn.clone());
        sdk.set_events(events(it)).set_filter(filter_to_sdk(it)).build()
    };
    let queue = |it: &Notification| {
        let sdk = QueueConfiguration::builder().set_id(it.id.clone()).set_queue_arn(it.arn.clone());
        sdk.set_events(events(it)).set_filter(filter_to_sdk(it)).build()
    };
    let function = |it: &Notification| {
        let sdk = LambdaFunctionConfiguration::builder().set_id(it.id.clone()).set_lambda_function_arn(it.arn.clone());
        sdk.set_events(events(it)).set_filter(filter_to_sdk(it)).build()
    };
    let full = |it: bool| it.then(|| EventBridgeConfiguration::builder().build());
    let topics: Vec<_> = value.list(Kind::Topic).iter().map(topic).collect::<Result<_, _>>()?;
    let queues: Vec<_> = value.list(Kind::Queue).iter().map(queue).collect::<Result<_, _>>()?;
    let functions: Vec<_> = value.list(Kind::Function).iter().map(function).collect::<Result<_, _>>()?;
    Ok(NotificationConfiguration::builder()
        .set_topic_configurations(Some(topics).filter(|it| !it.is_empty()))
        .set_queue_configurations(Some(queues).filter(|it| !it.is_empty()))
        .set_lambda_function_configurations(Some(functions).filter(|it| !it.is_empty()))
        .set_event_bridge_configuration(full(value.event_bridge == Some(true)))
        .build())
}

fn events(it: &Notification) -> Option<Vec<aws_sdk_s3::types::Event>> {
    Some(it.events.as_ref()?.iter().map(|event| event.as_str().into()).collect())
}

fn filter_to_sdk(it: &Notification) -> Option<NotificationConfigurationFilter> {
    let filter = it.filter.as_ref()?;
    let rule = |name: FilterRuleName, value: &Option<String>| {
        Some(FilterRule::builder().name(name).value(value.as_ref()?).build())
    };
    let rules = [rule(FilterRuleName::Prefix, &filter.prefix), rule(FilterRuleName::Suffix, &filter.suffix)];
    let key = S3KeyFilter::builder().set_filter_rules(Some(rules.into_iter().flatten().collect())).build();
    Some(NotificationConfigurationFilter::builder().key(key).build())
}

/// What S3 answered, or why this version cannot carry it over in a write.
pub(super) fn from_sdk(configuration: NotificationConfiguration) -> Result<Value, String> {
    let of = |id, arn, events: Vec<aws_sdk_s3::types::Event>, filter| {
        let events = events.iter().map(|event| event.as_str().into()).collect();
        let filter = filter_from_sdk(filter)?;
        Ok::<_, String>(Notification { id, arn: Some(arn), events: Some(events), filter, absent: None })
    };
    let topics = configuration.topic_configurations.into_iter().flatten();
    let queues = configuration.queue_configurations.into_iter().flatten();
    let functions = configuration.lambda_function_configurations.into_iter().flatten();
    Ok(Value {
        topics: Some(topics.map(|it| of(it.id, it.topic_arn, it.events, it.filter)).collect::<Result<_, _>>()?),
        queues: Some(queues.map(|it| of(it.id, it.queue_arn, it.events, it.filter)).collect::<Result<_, _>>()?),
        lambda_functions: Some(
            functions.map(|it| of(it.id, it.lambda_function_arn, it.events, it.filter)).collect::<Result<_, _>>()?,
        ),
        event_bridge: Some(configuration.event_bridge_configuration.is_some()),
    })
}

/// AWS answers `Prefix` and takes `prefix`; other stores answer what they were sent.
fn filter_from_sdk(filter: Option<NotificationConfigurationFilter>) -> Result<Option<Filter>, String> {
    let rules = filter.and_then(|it| it.key).and_then(|it| it.filter_rules).unwrap_or_default();
    let mut filter = Filter::default();
    for rule in rules {
        let name = rule.name.as_ref().map_or("", FilterRuleName::as_str).to_ascii_lowercase();
        let place = match name.as_str() {
            "prefix" => &mut filter.prefix,
            "suffix" => &mut filter.suffix,
            _ => return Err(format!("the filter `{name}` is not one that this version knows")),
        };
        if place.replace(rule.value.unwrap_or_default()).is_some() {
            return Err(format!("a filter has two rules `{name}`"));
        }
    }
    Ok(Some(filter))
}
