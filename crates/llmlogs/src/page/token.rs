//! The secret in the printed address: every user of the machine reaches the port, and roots are private.

use std::fmt::{self, Write};

use subtle::ConstantTimeEq;

/// 256 random bits, as 64 hexadecimal digits.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// Returns a new token from the operating system's random numbers.
    pub(crate) fn random() -> Result<Self, String> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| format!("cannot make a token: {error}"))?;
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            // Writing to a string cannot fail.
            let _infallible = write!(text, "{byte:02x}");
        }
        Ok(Token(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether `given` is this token, in a time that does not depend on where they differ.
    pub(crate) fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// Does not show the token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
