//! The daemon's log: lines for people or JSON for machines on stderr, and the same events to an
//! OpenTelemetry collector when one is named.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::color::{self, Pen, Stream};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::{Config, LogFormat};
use crate::telemetry::{self, Telemetry};

/// The fields of JSON lines, with what they mean. They are an interface: names stay, and a new one
/// comes with its line here.
pub const FIELDS: &[(&str, &str)] = &[
    ("timestamp", "when it was said, RFC 3339 in UTC with microseconds"),
    ("level", "`ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`"),
    ("target", "the module that said it; libraries have theirs"),
    ("message", "the sentence that the text log has"),
    ("trace_id", "the trace that it belongs to, while traces are sent; 32 hexadecimal digits"),
    ("span_id", "the span in that trace; 16 hexadecimal digits"),
    ("account", "the name of an account"),
    ("address", "where something listens"),
    ("aside", "where a damaged history was moved to"),
    ("bucket.name", "the bucket, after `ACCOUNT/` where the account is not `default`"),
    ("buckets", "how many buckets a sweep looked at"),
    ("entries", "a number of entries of the history"),
    ("error", "what went wrong, as it was said"),
    ("findings", "how many findings a revision has"),
    ("head", "the hash of the newest entry of the history"),
    ("hint", "what to do about it"),
    ("kind", "the kind of an S3 error, as in the metrics"),
    ("lost", "entries of the history that are lost"),
    ("object", "what an S3 request was about"),
    ("operation", "the S3 operation"),
    ("part", "a part of the daemon that failed"),
    ("path", "a file of the source"),
    ("place", "file, line and column of a finding"),
    ("policy", "the policy, or `spec`"),
    ("reason", "why something is held, one word"),
    ("revision", "the commit in full"),
    ("seconds", "how long it took"),
    ("setting", "the setting"),
    ("severity", "how bad a breach of the policy is"),
    ("signal", "`traces` or `logs`, of what is sent by OTLP"),
    ("sink", "the notification, by its name"),
    ("state", "the state of the source"),
    ("url", "which Alertmanager"),
    ("version", "the version of driftless"),
    ("waiting", "entries of the history that wait to be written"),
];

/// Begins the log as the configuration says. A second call changes nothing.
pub fn start(config: &Config, telemetry: Option<&Telemetry>) {
    let level = config.log.level.as_deref().unwrap_or("info,aws_config=warn,aws_credential_types=error");
    let filter = || EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let mut layers = vec![lines(config.log.format, filter())];
    layers.extend(telemetry.iter().flat_map(|it| it.layers(filter)));
    let _ = tracing_subscriber::registry().with(layers).try_init();
}

/// The lines on stderr. They are made of events alone, so that where no trace is sent nobody listens
/// to spans, and none is made.
fn lines(format: LogFormat, filter: EnvFilter) -> Box<dyn Layer<Registry> + Send + Sync> {
    let events = filter.and(filter_fn(|metadata| metadata.is_event()));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    match format {
        LogFormat::Json => Box::new(layer.event_format(Json).with_filter(events)),
        LogFormat::Text => {
            Box::new(layer.event_format(Plain { colored: color::is_on(Stream::Err) }).with_filter(events))
        }
    }
}

/// One plain sentence a line: time, the level when somebody should look, and the message. The
/// fields repeat what it says, and are for machines.
struct Plain {
    colored: bool,
}

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let line = text(SystemClock.now(), *event.metadata().level(), &said.line(), self.colored);
        writer.write_str(&line)
    }
}

/// A line of the text log, with its end.
fn text(at: Timestamp, level: Level, said: &str, colored: bool) -> String {
    let (word, pen) = match level {
        Level::ERROR => ("ERROR ", Some(Pen::Bad)),
        Level::WARN => ("WARN  ", Some(Pen::Careful)),
        Level::INFO => ("", None),
        Level::DEBUG => ("debug ", Some(Pen::Dim)),
        Level::TRACE => ("trace ", Some(Pen::Dim)),
    };
    let time = at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (time, word) = match (colored, pen) {
        (false, _) => (time, word.to_owned()),
        (true, None) => (Pen::Dim.ink(&time), word.to_owned()),
        (true, Some(pen)) => (Pen::Dim.ink(&time), pen.ink(word)),
    };
    format!("{time} {word}{}\n", super::plain(said))
}

/// What an event says to people: its message, and the reason and the advice where the message does
/// not hold them already. All its fields are in the log of the form `json`.
#[derive(Default)]
struct Said {
    message: String,
    reason: String,
    hint: String,
}

impl Said {
    fn line(&self) -> String {
        let mut line = self.message.clone();
        if !self.reason.is_empty() && !line.contains(&self.reason) {
            line.push_str(": ");
            line.push_str(&self.reason);
        }
        if !self.hint.is_empty() && !line.contains(&self.hint) {
            line.push_str("\n    hint: ");
            line.push_str(&self.hint);
        }
        line
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "error" => self.reason = format!("{value:?}"),
            "hint" => self.hint = format!("{value:?}"),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// One JSON object a line, with the fields of [`FIELDS`].
struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let mut object = Object::default();
        object.text("timestamp", &SystemClock.now().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string());
        object.text("level", metadata.level().as_str());
        object.text("target", metadata.target());
        if let Some((trace, span)) = telemetry::ids() {
            object.text("trace_id", &trace);
            object.text("span_id", &span);
        }
        event.record(&mut object);
        writeln!(writer, "{{{}}}", object.0)
    }
}

/// The inside of a JSON object, in the order in which it was said.
#[derive(Default)]
struct Object(String);

impl Object {
    fn put(&mut self, name: &str, json: &str) {
        let comma = if self.0.is_empty() { "" } else { "," };
        let _ = write!(self.0, "{comma}{}:{json}", serde_json::Value::from(name));
    }

    fn text(&mut self, name: &str, text: &str) {
        self.put(name, &serde_json::Value::from(text).to_string());
    }
}

impl Visit for Object {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // What is no number in JSON becomes null.
        self.put(field.name(), &serde_json::Value::from(value).to_string());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), &value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), &value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), if value { "true" } else { "false" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-11-22T12:00:00.5Z".parse().expect("a moment")
    }

    #[test]
    fn a_line_for_people_begins_with_date_and_time_in_utc() {
        assert_eq!(text(noon(), Level::INFO, "all is well", false), "2026-11-22T12:00:00Z all is well\n");
        assert_eq!(text(noon(), Level::WARN, "look", false), "2026-11-22T12:00:00Z WARN  look\n");
        assert_eq!(text(noon(), Level::ERROR, "a\u{1b}[2Jb", false), "2026-11-22T12:00:00Z ERROR a\u{fffd}[2Jb\n");
    }

    #[test]
    fn colours_change_no_word_of_it() {
        for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG] {
            let colored = text(noon(), level, "said", true);
            assert_ne!(colored, text(noon(), level, "said", false));
            assert_eq!(color::without(&colored), text(noon(), level, "said", false));
        }
    }

    #[test]
    fn nobody_listens_to_the_spans_of_the_pipeline_while_no_trace_is_sent() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let log = tracing_subscriber::registry().with(vec![lines(format, EnvFilter::new("trace"))]);
            tracing::subscriber::with_default(log, || {
                assert!(tracing::info_span!("read", setting = "tags").is_disabled());
                assert!(tracing::event_enabled!(Level::INFO), "the log itself is on");
            });
        }
    }

    #[test]
    fn an_object_is_json_whatever_is_said() {
        let mut object = Object::default();
        object.text("message", "a \"b\"\n\u{1b}");
        object.put("seconds", &serde_json::Value::from(f64::NAN).to_string());
        let json: serde_json::Value = serde_json::from_str(&format!("{{{}}}", object.0)).expect("is JSON");
        assert_eq!(json, serde_json::json!({"message": "a \"b\"\n\u{1b}", "seconds": null}));
    }
}
