//! A call's unique id across roots and machines, which what is sent elsewhere goes by.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::session::SessionInfo;

/// Returns the unique id of a session: its `session_uid`, or one that is made of what else an older recorder wrote into
/// `session.json`, always the same for the same file.
#[must_use]
pub fn session_uid(info: &SessionInfo) -> String {
    if !info.session_uid.is_empty() {
        return info.session_uid.clone();
    }
    let pid = info.pid.to_string();
    let known = [&info.session_id, &info.hostname, &info.program, &pid];
    digits(&known.map(String::as_str).join("\0"))
}

/// Returns the unique id of a call: the first 16 bytes of the SHA-256 of the session's unique id and the call's id, as 32
/// lower-case hexadecimal digits.
#[must_use]
pub fn call_uid(session_uid: &str, call_id: &str) -> String {
    digits(&format!("{session_uid}{call_id}"))
}

fn digits(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(16).fold(String::with_capacity(32), |mut digits, byte| {
        // Writing to a string does not fail.
        let _never = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_wherever_it_is_computed() {
        // printf %s 9f86d081884c7d659a2feaa0c55ad015call_20251027_040210_001 | sha256sum | cut -c1-32
        let uid = call_uid("9f86d081884c7d659a2feaa0c55ad015", "call_20251027_040210_001");
        assert_eq!(uid, "d581ad5bc45644a5e1d56f5c450cb325");
    }

    #[test]
    fn sessions_without_an_id_of_their_own_have_one_each() {
        let info = |pid| SessionInfo { session_id: "20251027_040210".into(), pid, ..SessionInfo::default() };
        assert_ne!(session_uid(&info(1)), session_uid(&info(2)));
        assert_eq!(session_uid(&info(1)), session_uid(&info(1)));
        let known = SessionInfo { session_uid: "ab".into(), ..SessionInfo::default() };
        assert_eq!(session_uid(&known), "ab");
    }
}
