//! Images, sounds and files that stand in a body or are named there.

use std::borrow::Cow;

use crate::api::view::Part;

/// Returns how many bytes a text of base64 stands for.
pub fn base64_bytes(base64: &str) -> u64 {
    let digits = base64.trim_end_matches('=').len() as u64;
    digits * 3 / 4
}

/// Returns the media type and the base64 of a `data:` URL; `None` for any other URL.
pub fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    Some((media_type.split(';').next().unwrap_or_default(), data))
}

/// Returns a part for the media at `url`, which may be the data itself; `fallback_type` stands for the media type of an
/// address.
pub fn media_at<'j>(url: Cow<'j, str>, fallback_type: &'static str) -> Part<'j> {
    match data_url(&url) {
        Some((media_type, data)) => Part::Media {
            media_type: Cow::Owned(media_type.to_owned()),
            bytes: Some(base64_bytes(data)),
            source: Cow::Borrowed(""),
        },
        None => Part::Media { media_type: Cow::Borrowed(fallback_type), bytes: None, source: url },
    }
}
