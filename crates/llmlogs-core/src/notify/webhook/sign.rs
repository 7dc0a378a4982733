//! Signatures, as each receiver wants them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length; the error type is that of algorithms which do not.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Returns Feishu's signature: the timestamp, in seconds, and the secret are the key, and the message is empty.
pub(super) fn feishu(timestamp: u64, secret: &str) -> String {
    STANDARD.encode(hmac_sha256(format!("{timestamp}\n{secret}").as_bytes(), b""))
}

/// Returns DingTalk's signature: the secret is the key, the timestamp, in milliseconds, and the secret the message.
pub(super) fn dingtalk(timestamp_ms: u128, secret: &str) -> String {
    STANDARD.encode(hmac_sha256(secret.as_bytes(), format!("{timestamp_ms}\n{secret}").as_bytes()))
}

/// Returns the signature of plain JSON: that of the timestamp, in seconds, a dot and the body.
pub(super) fn json(timestamp: u64, secret: &str, body: &[u8]) -> String {
    let message = [timestamp.to_string().as_bytes(), b".", body].concat();
    let digits = hmac_sha256(secret.as_bytes(), &message);
    let hex: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    // Computed with Python's hmac, hashlib and base64.
    #[test]
    fn signatures_are_those_that_the_receivers_compute() {
        assert_eq!(feishu(1_599_360_473, "demo"), "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=");
        assert_eq!(dingtalk(1_599_360_473_000, "SECdemo"), "tGWkA5eQOQNCNPDgphtxIoNLO+/gD8Lcb705KQoRzeY=");
        assert_eq!(
            json(1_599_360_473, "demo", b"{}"),
            "sha256=ffc173f991cff63dd647c08324a82e9a83458996723aafab5cd7cb555210f10f"
        );
    }
}
