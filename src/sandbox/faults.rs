//! What goes wrong on purpose: answers that were asked for, and the weather that strikes at random.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::operation::Operation;

/// An answer for the next requests that match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Only this operation; any when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Only this bucket; any, and none, when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// For how many requests; `None` (JSON `null`) until it is cleared. 1 in JSON that leaves it out.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// What they get.
    pub answer: Answer,
}

#[allow(clippy::unnecessary_wraps)] // The type of the field.
fn once() -> Option<u32> {
    Some(1)
}

/// What a request gets instead of the right answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Answer {
    /// An error as S3 writes it, such as 403 AccessDenied, 409 OperationAborted or 503 SlowDown.
    Error {
        /// HTTP status, 300 to 599.
        status: u16,
        /// S3's error code.
        code: String,
    },
    /// An HTML page, as a proxy in between sends it.
    Html {
        /// HTTP status, 200 to 599.
        status: u16,
    },
    /// 200 with bytes that are no XML.
    Garbage,
    /// 200 with a well-formed document of another kind: a listing of objects, as stores answer
    /// that do not know a sub-resource.
    WrongRoot,
    /// The right answer, and the work done, but the connection ends in the middle of the body.
    HalfBody,
    /// No answer at all, until the client gives up or the server stops.
    Hang,
    /// 301 PermanentRedirect to another region.
    Redirect {
        /// The region that `x-amz-bucket-region` names.
        region: String,
    },
    /// For writes: the answer of a success, but nothing is stored.
    StoreNothing,
}

impl Fault {
    /// An answer for the next request of an operation on a bucket.
    pub fn once(operation: Operation, bucket: &str, answer: Answer) -> Self {
        Self { operation: Some(operation), bucket: Some(bucket.to_owned()), times: Some(1), answer }
    }

    /// An answer for every request of an operation on a bucket.
    pub fn always(operation: Operation, bucket: &str, answer: Answer) -> Self {
        Self { times: None, ..Self::once(operation, bucket, answer) }
    }

    fn matches(&self, operation: Operation, bucket: Option<&str>) -> bool {
        self.operation.is_none_or(|wanted| wanted == operation)
            && self.bucket.as_deref().is_none_or(|wanted| Some(wanted) == bucket)
            && (self.answer != Answer::StoreNothing || operation.writes())
    }
}

/// What every request suffers.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Weather {
    /// Mean time to an answer in milliseconds.
    pub latency_ms: u64,
    /// How far it lies around the mean, uniformly, in milliseconds.
    pub jitter_ms: u64,
    /// The share of requests that are answered 500 InternalError, 0 to 1.
    pub error_rate: f64,
    /// The share of requests that are answered 503 SlowDown, 0 to 1.
    pub throttle_rate: f64,
}

/// What strikes one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strike {
    None,
    Error,
    Throttle,
}

/// The faults of one server.
#[derive(Debug, Default)]
pub(super) struct Faults {
    seed: u64,
    asked: Mutex<Vec<Fault>>,
    /// How many were asked for, so that a server without any takes no lock.
    count: AtomicUsize,
    weather: Mutex<Weather>,
    calm: AtomicUsize,
    attempts: Mutex<HashMap<u64, u64>>,
}

impl Faults {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        let faults = Self { seed, ..Self::default() };
        faults.set_weather(weather);
        faults
    }

    pub(super) fn inject(&self, fault: Fault) {
        let mut asked = held(&self.asked);
        asked.push(fault);
        self.count.store(asked.len(), Ordering::Release);
    }

    pub(super) fn remaining(&self) -> Vec<Fault> {
        held(&self.asked).clone()
    }

    pub(super) fn clear(&self) {
        held(&self.asked).clear();
        self.count.store(0, Ordering::Release);
        held(&self.attempts).clear();
    }

    pub(super) fn weather(&self) -> Weather {
        *held(&self.weather)
    }

    pub(super) fn set_weather(&self, weather: Weather) {
        *held(&self.weather) = weather;
        self.calm.store(usize::from(weather == Weather::default()), Ordering::Release);
    }

    /// The answer that was asked for, first come first served; it counts as given.
    pub(super) fn take(&self, operation: Operation, bucket: Option<&str>) -> Option<Answer> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut asked = held(&self.asked);
        let place = asked.iter().position(|fault| fault.matches(operation, bucket))?;
        let answer = asked[place].answer.clone();
        if let Some(times) = &mut asked[place].times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                asked.remove(place);
            }
        }
        self.count.store(asked.len(), Ordering::Release);
        Some(answer)
    }

    /// How long this request waits and what strikes it. It depends on the seed, the operation, the
    /// bucket and how often they met before, so not on which of several requests came first.
    pub(super) fn draw(&self, operation: Operation, bucket: Option<&str>) -> (Duration, Strike) {
        if self.calm.load(Ordering::Acquire) == 1 {
            return (Duration::ZERO, Strike::None);
        }
        let weather = self.weather();
        let key = fnv(&[operation.name().as_bytes(), bucket.unwrap_or_default().as_bytes()]);
        let attempt = {
            let mut attempts = held(&self.attempts);
            let attempt = attempts.entry(key).or_default();
            *attempt += 1;
            *attempt
        };
        let mut random =
            fastrand::Rng::with_seed(fnv(&[&self.seed.to_le_bytes(), &key.to_le_bytes(), &attempt.to_le_bytes()]));
        let (mean, jitter) = (weather.latency_ms.saturating_mul(1000), weather.jitter_ms.saturating_mul(1000));
        let micros = random.u64(mean.saturating_sub(jitter)..=mean.saturating_add(jitter));
        let chance = random.f64();
        let strike = if chance < weather.throttle_rate {
            Strike::Throttle
        } else if chance < weather.throttle_rate + weather.error_rate {
            Strike::Error
        } else {
            Strike::None
        };
        (Duration::from_micros(micros), strike)
    }
}

/// FNV-1a with a length before each part: the same on every machine and in every release.
fn fnv(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in (part.len() as u64).to_le_bytes().iter().chain(*part) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

/// The content of a lock. Nobody panics while holding one of these.
pub(super) fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().expect("no holder of the lock panics")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16) -> Answer {
        Answer::Error { status, code: "X".to_owned() }
    }

    #[test]
    fn a_fault_strikes_what_it_names_as_often_as_it_says() {
        let faults = Faults::default();
        let get = Operation::GetBucketTagging;
        faults.inject(Fault { times: Some(2), ..Fault::once(get, "a", error(500)) });
        faults.inject(Fault { operation: None, bucket: None, times: None, answer: error(503) });
        assert_eq!(faults.take(get, Some("a")), Some(error(500)));
        assert_eq!(faults.take(get, Some("b")), Some(error(503)));
        assert_eq!(faults.take(get, Some("a")), Some(error(500)));
        assert_eq!(faults.take(get, Some("a")), Some(error(503)));
        assert_eq!(faults.take(Operation::ListBuckets, None), Some(error(503)));
        assert_eq!(faults.remaining().len(), 1);
        faults.clear();
        assert_eq!(faults.take(get, Some("a")), None);
    }

    #[test]
    fn only_a_write_can_store_nothing() {
        let faults = Faults::default();
        faults.inject(Fault { operation: None, bucket: None, times: Some(1), answer: Answer::StoreNothing });
        assert_eq!(faults.take(Operation::GetBucketTagging, Some("a")), None);
        assert_eq!(faults.take(Operation::PutBucketTagging, Some("a")), Some(Answer::StoreNothing));
        assert_eq!(faults.take(Operation::PutBucketTagging, Some("a")), None);
    }

    #[test]
    fn the_weather_is_the_same_for_the_same_seed_in_any_order() {
        let weather = Weather { latency_ms: 30, jitter_ms: 10, error_rate: 0.2, throttle_rate: 0.3 };
        let draw = |seed: u64, buckets: &[String]| {
            let faults = Faults::new(seed, weather);
            let mut drawn: Vec<_> =
                buckets.iter().map(|b| (b.clone(), faults.draw(Operation::HeadBucket, Some(b)))).collect();
            drawn.sort_by(|a, b| a.0.cmp(&b.0));
            drawn
        };
        let mut buckets: Vec<String> = (0..2000).map(|n| format!("b{n}")).collect();
        let first = draw(7, &buckets);
        buckets.reverse();
        assert_eq!(draw(7, &buckets), first);
        assert_ne!(draw(8, &buckets), first);
        let share = |strike| first.iter().filter(|(_, (_, struck))| *struck == strike).count();
        assert!((300..500).contains(&share(Strike::Error)), "{}", share(Strike::Error));
        assert!((500..700).contains(&share(Strike::Throttle)), "{}", share(Strike::Throttle));
        assert!(first.iter().all(|(_, (wait, _))| (20..=40).contains(&wait.as_millis())));
    }

    #[test]
    fn a_fault_in_json_strikes_once_unless_it_says_otherwise() {
        let of = |json: &str| serde_json::from_str::<Fault>(json).expect("a fault");
        assert_eq!(of(r#"{"answer":{"kind":"hang"}}"#).times, Some(1));
        assert_eq!(of(r#"{"answer":{"kind":"hang"},"times":null}"#).times, None);
        assert!(serde_json::from_str::<Fault>(r#"{"answer":{"kind":"hang"},"operation":"GetTags"}"#).is_err());
    }
}
