//! The control endpoint, for tests and benchmarks in other processes.
//!
//! JSON over HTTP under `/_sandbox/`; the table is in the documentation of [`super`]. No request
//! here is counted, delayed or struck by a fault. What is not understood is 400 (404 for a path)
//! with `{"error": "…"}`; success without an answer is `{}`.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::faults::{Answer, Fault, Weather};
use super::{Prepared, Shared};
use crate::bucket::BucketName;

/// As many as six digits tell apart.
const MOST_PREPARED: usize = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemTags {
    bucket: String,
    tags: BTreeMap<String, String>,
}

/// Answers a request under `/_sandbox/`. `body` is `None` when it did not arrive whole.
pub(super) fn answer(shared: &Shared, method: &Method, path: &str, body: Option<Bytes>) -> Response {
    let outcome = match body {
        Some(body) => perform(shared, method, path, &body),
        None => Err((StatusCode::BAD_REQUEST, "the body is larger than 1 MiB or broke off".to_owned())),
    };
    let (status, value) = match outcome {
        Ok(value) => (StatusCode::OK, value),
        Err((status, said)) => (status, json!({"error": said})),
    };
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn perform(shared: &Shared, method: &Method, path: &str, body: &[u8]) -> Result<Value, (StatusCode, String)> {
    let done = Ok(json!({}));
    match (method.as_str(), path) {
        ("GET", "health") => Ok(json!({"buckets": shared.read().len()})),
        ("GET", "requests") => Ok(json!({"counts": shared.ledger.counts(), "log": shared.ledger.log()})),
        ("DELETE", "requests") => {
            shared.ledger.forget();
            done
        }
        ("GET", "faults") => Ok(json!(shared.faults.remaining())),
        ("POST", "faults") => {
            let faults: Vec<Fault> = match parse::<Value>(body)? {
                Value::Array(many) => many.into_iter().map(of).collect::<Result<_, _>>()?,
                one => vec![of(one)?],
            };
            if let Some(wrong) = faults.iter().find_map(illegal_status) {
                return Err(bad(format!("{wrong} is no status for such an answer")));
            }
            faults.into_iter().for_each(|fault| shared.faults.inject(fault));
            done
        }
        ("DELETE", "faults") => {
            shared.faults.clear();
            done
        }
        ("GET", "weather") => Ok(json!(shared.faults.weather())),
        ("PUT", "weather") => {
            let weather: Weather = parse(body)?;
            let share = |rate: f64| (0.0..=1.0).contains(&rate);
            if !share(weather.error_rate) || !share(weather.throttle_rate) {
                return Err(bad("a rate lies between 0 and 1".to_owned()));
            }
            shared.faults.set_weather(weather);
            done
        }
        ("POST", "buckets") => {
            let prepared: Prepared = parse(body)?;
            BucketName::parse(&prepared.bucket_name(0)).map_err(|illegal| bad(illegal.message))?;
            if prepared.count > MOST_PREPARED {
                return Err(bad(format!("{MOST_PREPARED} buckets are the most at once")));
            }
            shared.prepare(&prepared);
            done
        }
        ("POST", "tags") => {
            let system: SystemTags = parse(body)?;
            if shared.plant_system_tags(&system.bucket, &system.tags) {
                done
            } else {
                Err((StatusCode::NOT_FOUND, format!("there is no bucket `{}`", system.bucket)))
            }
        }
        ("POST", "reset") => {
            shared.reset();
            done
        }
        _ => Err((StatusCode::NOT_FOUND, format!("nothing answers {method} /_sandbox/{path}"))),
    }
}

fn illegal_status(fault: &Fault) -> Option<u16> {
    match fault.answer {
        Answer::Error { status, .. } => Some(status).filter(|status| !(300..600).contains(status)),
        Answer::Html { status } => Some(status).filter(|status| !(200..600).contains(status)),
        _ => None,
    }
}

fn of(value: Value) -> Result<Fault, (StatusCode, String)> {
    serde_json::from_value(value).map_err(|error| bad(error.to_string()))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| bad(error.to_string()))
}

fn bad(said: String) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, said)
}
