//! `docs/configuration.md` is written from the JSON Schema of the configuration.

use std::fmt::Write;

use driftless::cloud::budget::Bounds;
use driftless::config::{self, Config, OtlpProtocol, span::Span};
use serde_json::Value;

use super::bless;

const HEAD: &str = "\
# Configuration

The agent's own file. Name it with `--config FILE` or `DRIFTLESS_CONFIG`. Only `source` is needed; everything else has a
default. `driftless run --config FILE --check-config` checks it; faults have file, line and column.
`driftless schema Config` prints the JSON Schema for editors.

Every field can also be set from outside the file, and wins over it then:

- by a flag: `--set source.git.branch=release` (elements of a list by their number: `--set accounts.0.region=eu-west-1`)
- by a variable: `DRIFTLESS_SOURCE__GIT__BRANCH=release`. Two underscores part the fields; one stands for a capital
  letter: `DRIFTLESS_DATA_DIR` is `dataDir`.

A flag wins over a variable. Text needs no quotes; everything else is read as YAML. A variable that looks like a field and
is none is an error.

```yaml
source:
  git:
    url: ssh://git@git.example.com/platform/buckets.git
    sshKeyFile: /etc/driftless/id_ed25519
    knownHostsFile: /etc/driftless/known_hosts
    path: specs
accounts:
  - name: research
    id: \"123456789012\"
    region: eu-central-1
    role: arn:aws:iam::123456789012:role/driftless-reader
    writerRole: arn:aws:iam::123456789012:role/driftless-writer
    externalId: a-long-word-that-the-role-asks-for
schedule: {cron: \"*/10 6-20 * * 1-5\", zone: Europe/Berlin}
policies:
  undeclared: true
  parameters:
    tagged: {required: {CostCenter: \"^[0-9]{4}$\"}}
limits: {changedPercent: 5}
http: {listen: \"127.0.0.1:9464\", metricsListen: \"0.0.0.0:9465\"}
log: {format: json}
telemetry: {endpoint: \"https://otel.example.com:4318\", sampleRatio: 0.1}
```

Lengths of time are written as `30s`, `5m`, `1h30m`, `7d`. A cron expression has five fields (minute, hour, day, month,
weekday; Sunday is 0 or 7), or six with seconds before them, or seven with the year behind.

For `telemetry` the variables of the OpenTelemetry specification hold as well, below what this file says:
`OTEL_EXPORTER_OTLP_ENDPOINT`, `_HEADERS` and `_TIMEOUT` (and those of one signal, such as
`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`), `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`,
`OTEL_TRACES_EXPORTER=none`, `OTEL_LOGS_EXPORTER=none`, `OTEL_BSP_…`, `OTEL_BLRP_…` and `OTEL_SDK_DISABLED`.

This page is written by a test from the code; `BLESS=1 cargo test --test it docs` writes it anew.
";

/// What the schema does not say: the defaults that are lengths of time or words, or that
/// are decided elsewhere.
fn default_of(path: &str, config: &Config) -> Option<String> {
    let span = |it: Span| Some(it.to_string());
    match path {
        "source.interval" => span(config.source.interval),
        "source.timeout" => span(config.source.timeout),
        "alertmanager.timeout" => span(config.alertmanager.timeout),
        "alertmanager.interval" => span(config.alertmanager.interval),
        "schedule.jitter" => span(config.schedule.jitter),
        "limits.fightWindow" => span(config.limits.fight_window),
        "limits.stuckAfter" => span(config.limits.stuck_after),
        "limits.requestDeadline" => span(config.limits.request_deadline),
        "history.keep" => span(config.history.keep),
        "accounts.maxConcurrency" => Some(Bounds::default().most.to_string()),
        "dataDir" => Some(config.data_dir.display().to_string()),
        "mode" => Some(config.mode.word().to_owned()),
        "metrics.detail" => Some(format!("{:?}", config.metrics.detail).to_lowercase()),
        "notifications.timeout" => span(config.notifications[0].timeout),
        "notifications.giveUpAfter" => span(config.notifications[0].give_up_after),
        "notifications.email.security" => {
            let email = config.notifications[0].email.as_ref().expect("the first is mail");
            Some(format!("{:?}", email.security).to_lowercase())
        }
        "telemetry.timeout" => span(Span(driftless::telemetry::Wanted::of(&config.telemetry, &|_| None).timeout)),
        "telemetry.protocol" => match config.telemetry.protocol {
            OtlpProtocol::HttpProtobuf => Some("http/protobuf".to_owned()),
        },
        "log.format" => Some(format!("{:?}", config.log.format).to_lowercase()),
        _ => None,
    }
}

struct Page<'a> {
    schema: &'a Value,
    config: Config,
    text: String,
}

impl Page<'_> {
    fn resolve<'s>(&'s self, field: &'s Value) -> &'s Value {
        let reference = field.get("$ref").or_else(|| field["anyOf"].get(0)?.get("$ref"));
        match reference.and_then(Value::as_str).and_then(|it| self.schema.pointer(it.strip_prefix('#')?)) {
            Some(there) => there,
            None => field,
        }
    }

    fn section(&mut self, path: &str, node: &Value) {
        let said = node["description"].as_str().unwrap_or_default().replace('\n', " ");
        let _ = write!(self.text, "\n## {}\n\n{said}\n\n", title(path));
        self.text.push_str("| Field | Default | What it says |\n| --- | --- | --- |\n");
        let mut inner = Vec::new();
        for (name, field) in node["properties"].as_object().expect("fields") {
            let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let there = self.resolve(field).clone();
            let items = field.get("items").map(|items| self.resolve(items).clone());
            let nested = [Some(there.clone()), items].into_iter().flatten().find(|it| it.get("properties").is_some());
            let said = field["description"].as_str().unwrap_or_else(|| panic!("`{full}` says nothing"));
            let mut said = said.replace('\n', " ").replace('|', "\\|");
            let words: Vec<String> = there["oneOf"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|it| format!("`{}`", it["const"].as_str().unwrap()))
                .collect();
            if !words.is_empty() {
                let _ = write!(said, " One of {}.", words.join(", "));
            }
            if let Some(nested) = nested {
                let dotted = if field.get("items").is_some() { format!("{full}[]") } else { full.clone() };
                inner.push((dotted.clone(), nested));
                let _ = writeln!(self.text, "| `{name}` | | {said} See [{}](#{}). |", title(&dotted), anchor(&dotted));
                continue;
            }
            let default = default_of(&full.replace("[]", ""), &self.config).or_else(|| match &field["default"] {
                Value::Null => None,
                Value::String(text) if text.is_empty() => None,
                Value::Object(map) if map.is_empty() => None,
                Value::Array(list) if list.is_empty() => None,
                Value::String(text) => Some(text.clone()),
                Value::Array(list) => Some(list.iter().map(|it| it.as_str().unwrap()).collect::<Vec<_>>().join(", ")),
                other => Some(other.to_string()),
            });
            let required = node["required"].as_array().is_some_and(|it| it.contains(&Value::from(name.as_str())));
            assert!(
                default.is_some() || required || field.get("default").is_some() || is_optional(field),
                "`{full}` has a default that this page does not know"
            );
            let default = match default {
                Some(default) => format!("`{default}`"),
                None if required => "needed".to_owned(),
                None => String::new(),
            };
            let _ = writeln!(self.text, "| `{name}` | {default} | {said} |");
        }
        for (path, node) in inner {
            self.section(&path, &node);
        }
    }
}

fn is_optional(field: &Value) -> bool {
    let null = Value::from("null");
    let among =
        |shapes: &Value| shapes.as_array().is_some_and(|it| it.iter().any(|it| *it == null || it["type"] == null));
    among(&field["type"]) || among(&field["anyOf"])
}

fn title(path: &str) -> String {
    if path.is_empty() { "The file".to_owned() } else { format!("`{path}`") }
}

fn anchor(path: &str) -> String {
    path.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

#[test]
fn the_page_of_the_configuration_is_what_the_code_says() {
    let schema = config::schema();
    let text = "source: {dir: .}\nnotifications: [{name: a, email: {host: h, from: a@b, to: [a@b]}}]";
    let config = config::parse("driftless.yaml", text, &[]).expect("good");
    let mut page = Page { schema: &schema, config, text: HEAD.to_owned() };
    page.section("", &schema);
    bless("docs/configuration.md", &page.text);
}
