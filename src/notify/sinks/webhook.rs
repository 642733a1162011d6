//! A program of your own, told by signed JSON. The fields are API: `docs/notifications.md` lists
//! them.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::notify::http::Client;
use crate::notify::notice::Notice;
use crate::notify::sink::{Sending, Sink, secret};
use crate::source::git::SecretRef;
use std::sync::Arc;

/// The form of the JSON; another number means that a field went or means something else.
const VERSION: u32 = 1;

/// The header with the seconds since 1970 at which the message was signed.
pub const TIMESTAMP: &str = "x-driftless-timestamp";

/// The header with the signature.
pub const SIGNATURE: &str = "x-driftless-signature-256";

/// A program of one's own.
pub struct Webhook {
    /// Its address.
    pub url: String,
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
            let secret = secret(&self.secret)?;
            let body = message(notice).to_string();
            let timestamp = self.clock.now().timestamp().to_string();
            let headers = [
                ("idempotency-key", notice.id.clone()),
                ("x-driftless-event", notice.happening.word().to_owned()),
                (SIGNATURE, signature(secret.as_bytes(), &timestamp, body.as_bytes())),
                (TIMESTAMP, timestamp),
            ];
            self.client.post(&self.url, "application/json", &headers, body).await.map(drop)
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
    let mac = hmac_sha256(secret, &[timestamp.as_bytes(), b".", body]);
    let digits: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

/// HMAC (RFC 2104) with SHA-256, over parts one after another.
fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let mut inner = Sha256::new_with_prefix(padded(0x36));
    parts.iter().for_each(|part| inner.update(part));
    Sha256::new_with_prefix(padded(0x5c)).chain_update(inner.finalize()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The vectors of RFC 4231: cases 1, 2 and 6, of which the last has a key longer than a block.
    #[test]
    fn the_mac_is_that_of_the_rfc() {
        assert_eq!(
            hex(&hmac_sha256(&[0x0b; 20], &[b"Hi There"])),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(&hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(&hmac_sha256(&[0xaa; 131], &[b"Test Using Larger Than Block-Size Key - Hash Key First"])),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn the_signature_covers_the_time_and_the_body() {
        let signed = signature(b"s", "1", b"{}");
        assert!(signed.starts_with("sha256=") && signed.len() == 71, "{signed}");
        assert_ne!(signed, signature(b"s", "2", b"{}"));
        assert_ne!(signed, signature(b"s", "1", b"{ }"));
        assert_ne!(signed, signature(b"t", "1", b"{}"));
    }
}
