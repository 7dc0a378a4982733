//! Parts of a content list as OpenAI's APIs name them, which others took over.

use std::borrow::Cow;

use crate::json::Json;

use super::media::{base64_bytes, data_url, media_at};
use super::members::{present, text};
use crate::api::view::Part;

/// Returns a part of a content list, in the shape of either of OpenAI's APIs or of those that resemble them.
pub(crate) fn content_part<'j>(part: &'j Json<'j>) -> Part<'j> {
    let at = |key: &str| match part.get(key) {
        Json::String(url) => url.plain(),
        inner => text(inner.get("url")),
    };
    match &*text(part.get("type")) {
        "text" | "input_text" | "output_text" => Part::Text(text(part.get("text"))),
        "refusal" => Part::Refusal(text(part.get("refusal"))),
        "reasoning_text" | "summary_text" => Part::Reasoning(text(part.get("text"))),
        // Mistral's magistral models.
        "thinking" => match part.get("thinking") {
            Json::Array(items) => {
                let texts: Vec<_> = items.iter().map(|item| text(item.get("text"))).collect();
                Part::Reasoning(texts.concat().into())
            }
            other => Part::Reasoning(text(other)),
        },
        "image_url" | "input_image" | "computer_screenshot" => match at("image_url") {
            url if url.is_empty() => media_at(text(part.get("file_id")), "image"),
            url => media_at(url, "image"),
        },
        "video_url" => media_at(at("video_url"), "video"),
        "document_url" => media_at(at("document_url"), "document"),
        "input_audio" => Part::Media {
            media_type: format!("audio/{}", text(part.at(&["input_audio", "format"]))).into(),
            bytes: part.at(&["input_audio", "data"]).as_str().map(|data| base64_bytes(&data)),
            source: Cow::Borrowed(""),
        },
        "file" | "input_file" => file(present(part, "file").unwrap_or(part)),
        _ => match part {
            Json::String(text) => Part::Text(text.plain()),
            other => Part::Other(other),
        },
    }
}

/// Returns the part for a file: its data, bare or as a URL, else its address.
fn file<'j>(file: &'j Json<'j>) -> Part<'j> {
    if let Some(data) = file.get("file_data").as_str() {
        if data_url(&data).is_some() || data.starts_with("http") {
            return media_at(data, "file");
        }
        let bytes = Some(base64_bytes(&data));
        return Part::Media { media_type: Cow::Borrowed("file"), bytes, source: Cow::Borrowed("") };
    }
    let place = ["file_url", "file_id", "filename"].into_iter().find_map(|key| file.get(key).as_str());
    media_at(place.unwrap_or_default(), "file")
}
