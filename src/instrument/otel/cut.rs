//! JSON that is cut to a size and stays JSON.

use std::collections::VecDeque;

use llmlogs_core::json::{self, Json};

/// Which elements of a list stay.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Keep {
    First,
    Last,
}

/// Below this, strings are not cut any shorter.
const SHORTEST: usize = 32;

/// An element is cut to fit only where it has at least this much room.
const LEAST_ROOM: usize = 512;

/// What the mark for left out elements takes at most.
const MARK: usize = 128;

/// Returns the JSON array of `items` in at most `max` bytes, but for what its mark takes. Where it is too long, elements
/// are left out, and `mark` makes an element of their number.
pub(super) fn list<'j>(
    items: Vec<Json<'j>>,
    keep: Keep,
    max: usize,
    mark: impl FnOnce(Json<'static>) -> Json<'static>,
) -> String {
    let mut room = max.saturating_sub(MARK + 2);
    let mut kept = VecDeque::new();
    let mut items = VecDeque::from(items);
    loop {
        let next = if keep == Keep::First { items.pop_front() } else { items.pop_back() };
        let Some(mut item) = next else {
            break;
        };
        let can_be_cut = kept.is_empty() || room >= LEAST_ROOM;
        let Some(text) = fitting(&mut item, room, can_be_cut) else {
            items.push_back(item);
            break;
        };
        room = room.saturating_sub(text.len() + 1);
        match keep {
            Keep::First => kept.push_back(text),
            Keep::Last => kept.push_front(text),
        }
    }
    if !items.is_empty() {
        let omitted = [("type", Json::string("truncated")), ("omitted", Json::number(items.len()))];
        let mark = compact(&mark(Json::Object(omitted.into_iter().collect())));
        match keep {
            Keep::First => kept.push_back(mark),
            Keep::Last => kept.push_front(mark),
        }
    }
    format!("[{}]", Vec::from(kept).join(","))
}

/// Returns `json` in at most `max` bytes: with shorter strings, or else its beginning as a text in the format's stand-in
/// for a truncated body.
pub(super) fn value(mut json: Json<'_>, max: usize) -> String {
    let whole = compact(&json);
    if whole.len() <= max {
        return whole;
    }
    if let Some(text) = fitting(&mut json, max, true) {
        return text;
    }
    let mut length = max;
    loop {
        let members = [
            ("truncated", Json::Bool(true)),
            ("original_bytes", Json::number(whole.len())),
            ("text", Json::string(start(&whole, length))),
        ];
        let text = compact(&Json::Object(members.into_iter().collect()));
        if text.len() <= max || length == 0 {
            return text;
        }
        length /= 2;
    }
}

/// Returns `plain` in at most `max` bytes, with a mark if it was cut.
pub(super) fn text(plain: String, max: usize) -> String {
    if plain.len() <= max { plain } else { shortened(&plain, max.saturating_sub(MARK)) }
}

/// Returns `json` in at most `room` bytes, with shorter strings if `can_be_cut`; `None` if it does not fit.
fn fitting(json: &mut Json<'_>, room: usize, can_be_cut: bool) -> Option<String> {
    let text = compact(json);
    if text.len() <= room {
        return Some(text);
    }
    let mut longest = room;
    while can_be_cut && longest >= SHORTEST {
        shorten(json, longest);
        let text = compact(json);
        if text.len() <= room {
            return Some(text);
        }
        longest /= 2;
    }
    None
}

/// Cuts every string of more than `longest` bytes.
fn shorten(json: &mut Json<'_>, longest: usize) {
    match json {
        Json::String(text) if text.len() > longest => {
            *json = Json::string(shortened(&text.plain(), longest));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| shorten(item, longest)),
        Json::Object(members) => members.iter_mut().for_each(|(_, member)| shorten(member, longest)),
        _ => {}
    }
}

/// Returns the beginning of `plain` with how much was cut.
fn shortened(plain: &str, longest: usize) -> String {
    // A text that was cut before has its mark replaced.
    let (plain, cut_before) = match plain.rsplit_once("… [") {
        Some((start, mark)) => match mark.strip_suffix(" bytes cut]").and_then(|cut| cut.parse().ok()) {
            Some(cut) => (start, cut),
            None => (plain, 0_usize),
        },
        None => (plain, 0),
    };
    let start = start(plain, longest.saturating_sub(SHORTEST));
    format!("{start}… [{} bytes cut]", plain.len() - start.len() + cut_before)
}

/// Returns at most `length` bytes of `text`, cut between characters.
fn start(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn compact(json: &Json<'_>) -> String {
    let mut out = Vec::new();
    json::compact(json, &mut out);
    json::lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(lengths: &[usize]) -> Vec<Json<'static>> {
        let message = |(n, length): (usize, &usize)| {
            let members = [("n", Json::number(n)), ("content", Json::string("é\"".repeat(*length)))];
            Json::Object(members.into_iter().collect())
        };
        lengths.iter().enumerate().map(message).collect()
    }

    #[test]
    fn what_is_too_long_is_cut_and_stays_json() {
        for lengths in
            [&[10, 10][..], &[5000, 10], &[10, 5000], &[900; 20], &[100_000], &[0; 5000], &[300; 3]]
        {
            for max in [1024, 4096] {
                for keep in [Keep::First, Keep::Last] {
                    let items = messages(lengths);
                    let whole = compact(&Json::Array(items.clone()));
                    let text = list(items, keep, max, |omitted| omitted);
                    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
                    assert!(text.len() <= max, "{} bytes of {max} for {lengths:?}", text.len());
                    let items = read.as_array().unwrap();
                    let mark = if keep == Keep::First { items.last() } else { items.first() };
                    let omitted = mark.unwrap()["omitted"].as_u64().unwrap_or(0) as usize;
                    assert_eq!(items.len() - usize::from(omitted > 0) + omitted, lengths.len());
                    assert_eq!(text == whole, !text.contains("truncated") && !text.contains("bytes cut]"));
                }
            }
        }
    }

    #[test]
    fn a_body_that_has_no_long_string_becomes_the_stand_in_for_a_truncated_one() {
        let numbers = Json::Array((0..10_000).map(Json::number).collect());
        let text = value(numbers, 1000);
        assert!(text.len() <= 1000 && text.len() > 300, "{text}");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["truncated"], true);
        assert!(read["text"].as_str().unwrap().starts_with("[0,1,2,"));
        let long = Json::Object([("a", Json::string("x".repeat(5000)))].into_iter().collect());
        let read: serde_json::Value = serde_json::from_str(&value(long, 1000)).unwrap();
        let kept = read["a"].as_str().unwrap();
        let (start, mark) = kept.split_once("… [").unwrap();
        let cut: usize = mark.strip_suffix(" bytes cut]").unwrap().parse().unwrap();
        assert_eq!(start.len() + cut, 5000);
    }
}
