//! Images, sounds and files that stand in a body or are named there.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::api::view::Part;

/// Returns how many bytes a text of base64 stands for.
pub fn base64_bytes(base64: &str) -> u64 {
    let digits = base64.trim_end_matches('=').len() as u64;
    digits * 3 / 4
}

/// Returns the bytes of standard base64, padded or not; `None` for anything else.
pub(crate) fn base64_decoded(base64: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    STANDARD.decode(base64.trim_end_matches('=')).ok()
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
