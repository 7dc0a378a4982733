//! A session's `session_uid`: 128 random bits in hexadecimal digits.

use std::hash::{BuildHasher, RandomState};

/// Returns 128 random bits as 32 lower-case hexadecimal digits.
///
/// They come from the operating system. Where it has none to give, they are hashes under the standard library's
/// random keys.
#[must_use]
pub fn random() -> String {
    let bits = system_random().unwrap_or_else(|| {
        let [high, low] = [0_u8, 1].map(|half| RandomState::new().hash_one((half, std::process::id())));
        u128::from(high) << 64 | u128::from(low)
    });
    format!("{bits:032x}")
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn system_random() -> Option<u128> {
    let mut bytes = [0; 16];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).ok()?;
    // The system fills up to 256 bytes at once or fails.
    (filled == bytes.len()).then(|| u128::from_ne_bytes(bytes))
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn system_random() -> Option<u128> {
    use std::io::Read;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).ok()?;
    Some(u128::from_ne_bytes(bytes))
}

#[cfg(not(unix))]
fn system_random() -> Option<u128> {
    None
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::random;

    #[test]
    fn it_has_32_lower_case_digits_and_is_another_each_time() {
        let uids: HashSet<_> = (0..1000).map(|_| random()).collect();
        assert_eq!(uids.len(), 1000);
        let is_hex = |uid: &String| uid.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        assert!(uids.iter().all(|uid| uid.len() == 32 && is_hex(uid)));
        assert!(super::system_random().is_some() || !cfg!(unix));
    }
}
