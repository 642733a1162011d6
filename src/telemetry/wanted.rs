//! What is to be sent where (pure): the configuration, then the variables that the OpenTelemetry
//! specification names ("OpenTelemetry Protocol Exporter", "Environment Variable Specification").

use std::time::Duration;

use crate::config::{TelemetryConfig, collector};

/// How long a request may take where nobody says (OTEL_EXPORTER_OTLP_TIMEOUT).
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is to be sent where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Where traces go.
    pub traces: Option<String>,
    /// Where logs go.
    pub logs: Option<String>,
    /// How long one request may take.
    pub timeout: Duration,
    /// What is asked for and not possible, in sentences.
    pub remarks: Vec<String>,
}

impl Wanted {
    /// Joins what the configuration and the environment say; the configuration wins. `variable`
    /// gives the value of a variable; an empty one is as good as none.
    pub fn of(config: &TelemetryConfig, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        if variable("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
            return Self::default();
        }
        let mut remarks = Vec::new();
        let mut endpoint = |on: bool, signal: &str| {
            if !on || variable(&format!("OTEL_{signal}_EXPORTER")).as_deref() == Some("none") {
                return None;
            }
            let path = format!("v1/{}", signal.to_lowercase());
            let joined = |base: &str| format!("{}/{path}", base.trim_end_matches('/'));
            if let Some(base) = &config.endpoint {
                return Some(joined(base));
            }
            // The address of one signal is taken as it is, that of all is a base.
            let (own, all) = (format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"), "OTEL_EXPORTER_OTLP_ENDPOINT");
            let named = |name: &str| variable(name).map(|address| (name.to_owned(), address));
            let (name, address) = named(&own).or_else(|| named(all))?;
            if let Err(what) = collector(&address) {
                // Not the address, which would stand in the log.
                let signal = signal.to_lowercase();
                remarks.push(format!("{signal} are not sent: what `{name}` holds cannot be used: {what}"));
                return None;
            }
            let found = if name == own { address } else { joined(&address) };
            let protocol = variable(&format!("OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"))
                .or_else(|| variable("OTEL_EXPORTER_OTLP_PROTOCOL"));
            if let Some(other) = protocol.filter(|it| it != "http/protobuf") {
                remarks.push(format!(
                    "{} are sent by http/protobuf: driftless does not speak `{other}`",
                    signal.to_lowercase()
                ));
            }
            Some(found)
        };
        let traces = endpoint(config.traces, "TRACES");
        let logs = endpoint(config.logs, "LOGS");
        let said = variable("OTEL_EXPORTER_OTLP_TIMEOUT").and_then(|it| it.parse().ok()).map(Duration::from_millis);
        let timeout = config.timeout.map(|it| it.0).or(said).unwrap_or(TIMEOUT);
        Self { traces, logs, timeout, remarks }
    }

    /// Whether anything is.
    pub fn is_any(&self) -> bool {
        self.traces.is_some() || self.logs.is_some()
    }
}

/// Reads headers: `name=value`, parted by commas or on lines of their own, with `%41` for what may
/// not stand there (W3C Baggage, as OTEL_EXPORTER_OTLP_HEADERS).
///
/// # Errors
/// The number of the part that is none; never its text, which may be a secret.
pub fn headers(text: &str) -> Result<Vec<(String, String)>, usize> {
    let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
    let one = |(index, part): (usize, &str)| {
        let (name, value) = part.split_once('=').ok_or(index + 1)?;
        let name = name.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let value = unescaped(value.trim()).ok_or(index + 1)?;
        let fits = !name.is_empty() && name.chars().all(legal) && !value.chars().any(char::is_control);
        if fits { Ok((name.to_owned(), value)) } else { Err(index + 1) }
    };
    parts.enumerate().map(one).collect()
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match after {
            [high, low, ..] if *first == b'%' => {
                let digits = [*high, *low];
                std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &TelemetryConfig, variables: &[(&str, &str)]) -> Wanted {
        Wanted::of(config, &|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn at(endpoint: &str) -> TelemetryConfig {
        TelemetryConfig { endpoint: Some(endpoint.to_owned()), ..TelemetryConfig::default() }
    }

    #[test]
    fn nobody_who_did_not_ask_is_sent_anything() {
        assert!(!of(&TelemetryConfig::default(), &[("OTEL_SERVICE_NAME", "it"), ("PATH", "/bin")]).is_any());
        assert!(!of(&TelemetryConfig::default(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).is_any());
    }

    #[test]
    fn the_configuration_wins_over_the_environment() {
        let wanted = of(&at("https://a:4318/"), &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:4318")]);
        assert_eq!(wanted.traces.as_deref(), Some("https://a:4318/v1/traces"));
        assert_eq!(wanted.logs.as_deref(), Some("https://a:4318/v1/logs"));
        assert_eq!(wanted.timeout, TIMEOUT);
    }

    #[test]
    fn an_address_of_one_signal_is_taken_as_it_is_and_that_of_all_is_a_base() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:4318/otlp"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://c:4318/in"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
        ];
        let wanted = of(&TelemetryConfig::default(), &variables);
        assert_eq!(wanted.traces.as_deref(), Some("http://b:4318/otlp/v1/traces"));
        assert_eq!(wanted.logs.as_deref(), Some("http://c:4318/in"));
        assert_eq!(wanted.timeout, Duration::from_millis(250));
    }

    #[test]
    fn a_signal_can_be_left_out() {
        let only_logs = TelemetryConfig { traces: false, ..at("http://a") };
        assert_eq!(of(&only_logs, &[]).traces, None);
        assert_eq!(of(&at("http://a"), &[("OTEL_LOGS_EXPORTER", "none")]).logs, None);
        assert!(!of(&at("http://a"), &[("OTEL_SDK_DISABLED", "TRUE")]).is_any());
    }

    /// A variable with `http://u:PASSWORD@host` in it stood in the log, password and all.
    #[test]
    fn a_variable_that_may_hold_a_secret_is_left_out_with_a_remark_that_does_not_show_it() {
        for address in ["http://u:s3cret@a:4318", "https://a?key=s3cret", "https://a/#s3cret", "u:s3cret@a"] {
            let variables = [
                ("OTEL_EXPORTER_OTLP_ENDPOINT", address),
                ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://b:4318/v1/logs"),
            ];
            let wanted = of(&TelemetryConfig::default(), &variables);
            assert_eq!((wanted.traces.as_deref(), wanted.logs.as_deref()), (None, Some("http://b:4318/v1/logs")));
            let [remark] = &wanted.remarks[..] else { panic!("one: {:?}", wanted.remarks) };
            let said = "traces are not sent: what `OTEL_EXPORTER_OTLP_ENDPOINT` holds cannot be used: ";
            assert!(remark.starts_with(said) && !remark.contains("s3cret"), "{remark}");
        }
        let own =
            [("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://u:s3cret@a"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b")];
        let wanted = of(&TelemetryConfig::default(), &own);
        assert_eq!((wanted.traces.as_deref(), wanted.logs), (Some("http://b/v1/traces"), None));
        assert_eq!(
            wanted.remarks,
            ["logs are not sent: what `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT` holds cannot be used: \
              the address holds credentials, or more than a server and a folder"]
        );
    }

    #[test]
    fn a_protocol_that_is_not_spoken_is_told() {
        let variables =
            [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        let said = "traces are sent by http/protobuf: driftless does not speak `grpc`";
        assert_eq!(of(&TelemetryConfig::default(), &variables).remarks, [said]);
    }

    #[test]
    fn headers_stand_on_lines_or_between_commas_and_what_is_none_is_not_repeated() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let read = headers("authorization=Bearer%20a=b\n x-scope-orgid = platform ,\n").expect("two");
        assert_eq!(read, [pair("authorization", "Bearer a=b"), pair("x-scope-orgid", "platform")]);
        assert_eq!(headers("a=100%"), Ok(vec![pair("a", "100%")]));
        assert_eq!(headers(""), Ok(vec![]));
        assert_eq!(headers("a=b,secret"), Err(2));
        assert_eq!(headers("a b=c"), Err(1));
        assert_eq!(headers("a=%0a"), Err(1));
    }
}
