//! AWS event streams (`application/vnd.amazon.eventstream`): JSON in binary frames.
//!
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>
//!
//! Checksums are not verified: what the caller was given is what is recorded, and the caller's own
//! client is the one to refuse a damaged frame. Lengths that do not fit end the events, since
//! nothing after them can be found.

use std::borrow::Cow;

use crate::json::{self, Json, Object};

use super::event::Event;

/// Total length, length of the headers, checksum of the two.
const PRELUDE: usize = 12;

/// The checksum that closes a frame.
const CHECKSUM: usize = 4;

/// Returns whether `body` begins like an event stream, whatever its content type is.
pub(super) fn begins(body: &[u8]) -> bool {
    match (body.get(..8), u32_at(body, 8)) {
        (Some(lengths), Some(checksum)) => crc32(lengths) == checksum,
        _ => false,
    }
}

/// Returns the events of `body`; a frame that is not whole is left out.
pub(super) fn events(body: &[u8]) -> impl Iterator<Item = Event<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let frame = Frame::first(body.get(at..)?)?;
        at += frame.length;
        let (name, data) = frame.event();
        Some(Event { name, data, end: at })
    })
}

/// A frame of a stream whose payloads are pieces of another one.
pub(super) enum Piece<'b> {
    /// Bytes of the other stream.
    Payload(&'b [u8]),
    /// Anything else: an exception.
    Event(Event<'b>),
}

/// Returns the frames of `body`, each with its end; a frame that is not whole is left out.
pub(super) fn pieces(body: &[u8]) -> impl Iterator<Item = (Piece<'_>, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let frame = Frame::first(body.get(at..)?)?;
        at += frame.length;
        let piece = match Headers::of(frame.headers).event_type {
            b"PayloadPart" => Piece::Payload(frame.payload),
            _ => {
                let (name, data) = frame.event();
                Piece::Event(Event { name, data, end: at })
            }
        };
        Some((piece, at))
    })
}

struct Frame<'b> {
    headers: &'b [u8],
    payload: &'b [u8],
    /// Of the whole frame; never zero.
    length: usize,
}

impl<'b> Frame<'b> {
    fn first(bytes: &'b [u8]) -> Option<Self> {
        let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let headers = usize::try_from(u32_at(bytes, 4)?).ok()?;
        let frame = bytes.get(..length)?;
        let headers_end = PRELUDE.checked_add(headers)?;
        let payload_end = length.checked_sub(CHECKSUM)?;
        Some(Frame {
            headers: frame.get(PRELUDE..headers_end)?,
            payload: frame.get(headers_end..payload_end)?,
            length,
        })
    }

    /// Name and data. Exceptions come as the same service's errors come in a body: with their type
    /// under `__type`.
    fn event(&self) -> (Cow<'b, str>, Cow<'b, str>) {
        let headers = Headers::of(self.headers);
        let payload = json::lossy(self.payload);
        let (name, message) = match headers.message_type {
            b"exception" => (json::lossy(headers.exception_type), payload),
            // An error that the service's model does not know has no payload.
            b"error" => (json::lossy(headers.error_code), json::lossy(headers.error_message)),
            _ => return (json::lossy(headers.event_type), payload),
        };
        let mut error = match json::parse(&message) {
            Ok(Json::Object(members)) => members,
            _ => [("message", Json::string(&*message))].into_iter().collect::<Object<'_>>(),
        };
        if error.get("__type").is_none() {
            error.set("__type", Json::string(&*name));
        }
        let mut data = Vec::new();
        json::compact(&Json::Object(error), &mut data);
        let data = json::lossy(&data).into_owned();
        (name, Cow::Owned(data))
    }
}

/// Those of a frame's headers that say what it is, where they are strings.
#[derive(Default)]
struct Headers<'b> {
    message_type: &'b [u8],
    event_type: &'b [u8],
    exception_type: &'b [u8],
    error_code: &'b [u8],
    error_message: &'b [u8],
}

impl<'b> Headers<'b> {
    fn of(mut bytes: &'b [u8]) -> Self {
        let mut headers = Headers::default();
        while let Some((name, value, rest)) = header(bytes) {
            let place = match name {
                b":message-type" => Some(&mut headers.message_type),
                b":event-type" => Some(&mut headers.event_type),
                b":exception-type" => Some(&mut headers.exception_type),
                b":error-code" => Some(&mut headers.error_code),
                b":error-message" => Some(&mut headers.error_message),
                _ => None,
            };
            // Of two of one name, the first one counts.
            if let (Some(place), Some(value)) = (place.filter(|place| place.is_empty()), value) {
                *place = value;
            }
            bytes = rest;
        }
        headers
    }
}

/// A header's name, its value where that is a string, and what follows it.
type Header<'b> = (&'b [u8], Option<&'b [u8]>, &'b [u8]);

fn header(headers: &[u8]) -> Option<Header<'_>> {
    const STRING: u8 = 7;
    let (length, rest) = headers.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (kind, rest) = rest.split_first()?;
    let (length, rest) = match *kind {
        // Booleans are their types; then byte, short, integer, long, timestamp, UUID.
        0 | 1 => (0, rest),
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        5 | 8 => (8, rest),
        9 => (16, rest),
        6 | STRING => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((name, (*kind == STRING).then_some(value), rest))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

/// CRC-32 as in gzip; bit by bit, for it only ever sees eight bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as AWS sends it.
    pub(in crate::api) fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
        let mut encoded = Vec::new();
        for (name, value) in headers {
            encoded.push(u8::try_from(name.len()).unwrap());
            encoded.extend_from_slice(name.as_bytes());
            encoded.push(7);
            encoded.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
            encoded.extend_from_slice(value.as_bytes());
        }
        let length = u32::try_from(PRELUDE + encoded.len() + payload.len() + CHECKSUM).unwrap();
        let mut frame = length.to_be_bytes().to_vec();
        frame.extend_from_slice(&u32::try_from(encoded.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(&crc32(&frame).to_be_bytes());
        frame.extend_from_slice(&encoded);
        frame.extend_from_slice(payload.as_bytes());
        frame.extend_from_slice(&crc32(&frame).to_be_bytes());
        frame
    }

    pub(in crate::api) fn event(name: &str, payload: &str) -> Vec<u8> {
        frame(
            &[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")],
            payload,
        )
    }

    pub(in crate::api) fn exception(name: &str, payload: &str) -> Vec<u8> {
        frame(&[(":exception-type", name), (":message-type", "exception")], payload)
    }

    fn read(body: &[u8]) -> Vec<(String, String, usize)> {
        events(body).map(|e| (e.name.into_owned(), e.data.into_owned(), e.end)).collect()
    }

    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn events_have_their_names_their_data_and_their_ends() {
        let first = event("messageStart", r#"{"role":"assistant"}"#);
        let body = [first.clone(), event("metadata", "{}")].concat();
        let expected = [
            ("messageStart".to_owned(), r#"{"role":"assistant"}"#.to_owned(), first.len()),
            ("metadata".to_owned(), "{}".to_owned(), body.len()),
        ];
        assert_eq!(read(&body), expected);
        assert!(begins(&body) && !begins(b"{\"message\":1}") && !begins(b"data: 1"));
    }

    #[test]
    fn exceptions_and_errors_carry_their_type_whatever_their_payload() {
        let data = |body: &[u8]| read(body).remove(0).1;
        assert_eq!(
            data(&exception("throttlingException", r#"{"message":"slow down"}"#)),
            r#"{"message":"slow down","__type":"throttlingException"}"#
        );
        assert_eq!(
            data(&exception("internalServerException", "")),
            r#"{"message":"","__type":"internalServerException"}"#
        );
        let error =
            [(":message-type", "error"), (":error-code", "Busy"), (":error-message", "try \"later\"")];
        assert_eq!(data(&frame(&error, "")), r#"{"message":"try \"later\"","__type":"Busy"}"#);
    }

    #[test]
    fn headers_of_other_types_are_passed_over() {
        let mut headers = Vec::new();
        for (kind, length) in [(0u8, 0usize), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)] {
            headers.push(11);
            headers.extend_from_slice(b":event-type");
            headers.push(kind);
            headers.extend(std::iter::repeat_n(7, length));
        }
        headers.extend_from_slice(&[1, b'b', 6, 0, 2, 7, 7]);
        for value in ["ok", "no"] {
            headers.push(11);
            headers.extend_from_slice(b":event-type");
            headers.extend_from_slice(&[7, 0, 2]);
            headers.extend_from_slice(value.as_bytes());
        }
        assert_eq!(Headers::of(&headers).event_type, b"ok");
        assert_eq!(Headers::of(&headers[..headers.len() - 1]).event_type, b"ok");
    }

    #[test]
    fn a_wrong_checksum_does_not_lose_the_frame() {
        let mut body = event("metadata", "{}");
        let expected = read(&body);
        *body.last_mut().unwrap() ^= 1;
        body[8] ^= 1;
        assert_eq!(read(&body), expected);
    }

    #[test]
    fn hostile_lengths_end_the_events() {
        let whole = event("messageStart", "{}");
        for (length, headers) in
            [(u32::MAX, 0), (u32::MAX, u32::MAX), (0, 0), (15, 0), (16, 1), (16, u32::MAX)]
        {
            let mut body = whole.clone();
            body.extend_from_slice(&length.to_be_bytes());
            body.extend_from_slice(&headers.to_be_bytes());
            body.extend_from_slice(&[0; 64]);
            assert_eq!(read(&body), read(&whole), "{length} {headers}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            for event in events(&bytes) {
                prop_assert!(event.end <= bytes.len());
            }
            begins(&bytes);
        }

        #[test]
        fn no_header_bytes_make_the_decoder_panic(headers in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut body = u32::try_from(PRELUDE + headers.len() + CHECKSUM).unwrap().to_be_bytes().to_vec();
            body.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
            body.extend_from_slice(&[0; 4]);
            body.extend_from_slice(&headers);
            body.extend_from_slice(&[0; CHECKSUM]);
            prop_assert_eq!(events(&body).count(), 1);
        }

        #[test]
        fn whole_frames_are_independent_of_what_follows(
            payloads in prop::collection::vec(".{0,40}", 0..5),
            cut in 1usize..20,
        ) {
            let frames: Vec<_> = payloads.iter().map(|payload| event("chunk", payload)).collect();
            let mut body = frames.concat();
            let whole = read(&body);
            prop_assert_eq!(whole.len(), payloads.len());
            prop_assert!(whole.iter().map(|(_, data, _)| data).eq(&payloads));
            let mut last = event("chunk", "cut off");
            last.truncate(last.len() - cut);
            body.extend(last);
            prop_assert_eq!(read(&body), whole);
        }
    }
}
