//! A program of your own, told by signed JSON. The fields are API: `docs/notifications.md` lists
//! them.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::clock::Clock;
use crate::notify::http::Client;
use crate::notify::notice::Notice;
use crate::notify::sink::{Address, Sending, Sink, secret};
use crate::source::git::SecretRef;

/// The form of the JSON; another number means that a field went or means something else.
const VERSION: u32 = 1;

/// The header with the seconds since 1970 at which the message was signed.
pub const TIMESTAMP: &str = "x-driftless-timestamp";

/// The header with the signature.
pub const SIGNATURE: &str = "x-driftless-signature-256";

/// A program of one's own.
pub struct Webhook {
    /// Its address.
    pub url: Address,
    /// Where the secret of the signature is kept.
    pub secret: SecretRef,
    /// The client.
    pub client: Client,
    /// The time that is signed, against replay.
    pub clock: Arc<dyn Clock>,
}

impl Sink for Webhook {
    fn service(&self) -> &'static str {
        "webhook"
    }

    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let (url, secret) = (self.url.read()?, secret(&self.secret)?);
            let body = message(notice).to_string();
            let timestamp = self.clock.now().timestamp().to_string();
            let headers = [
                ("idempotency-key", notice.id.clone()),
                ("x-driftless-event", notice.happening.word().to_owned()),
                (SIGNATURE, signature(secret.as_bytes(), &timestamp, body.as_bytes())),
                (TIMESTAMP, timestamp),
            ];
            self.client.post(&url, "application/json", &headers, body).await.map(drop)
        })
    }
}

/// The message as JSON.
pub fn message(notice: &Notice) -> Value {
    let mut json = serde_json::to_value(notice).expect("notices are plain data");
    json["version"] = VERSION.into();
    json
}

/// `sha256=` and the HMAC-SHA256, in hexadecimal digits, over the timestamp, a full stop, and the
/// body as it is sent.
pub fn signature(secret: &[u8], timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    [timestamp.as_bytes(), b".", body].into_iter().for_each(|part| mac.update(part));
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_the_time_and_the_body() {
        let signed = signature(b"s", "1", b"{}");
        assert!(signed.starts_with("sha256=") && signed.len() == 71, "{signed}");
        assert_ne!(signed, signature(b"s", "2", b"{}"));
        assert_ne!(signed, signature(b"s", "1", b"{ }"));
        assert_ne!(signed, signature(b"t", "1", b"{}"));
    }
}
