//! Bodies that the client left as the server encoded them.

/// Returns whether a body with this `Content-Encoding` is in a content coding, so that it cannot be read here.
pub fn is_encoded(content_encoding: &str) -> bool {
    let encodings = content_encoding.split(',').map(str::trim);
    encodings.into_iter().any(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity"))
}
