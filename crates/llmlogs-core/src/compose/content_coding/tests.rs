use std::io::Write;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;
use crate::capture::{Api, Completion, Endpoint};

/// Server-sent events as servers send them: the encoder was flushed after each.
const EVENTS: [&str; 5] = [
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Once \"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"upon \"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
];

/// The same, by libzstd 1.5, and the end of its frame.
const ZSTD: [&str; 6] = [
    "KLUv/QRYXAIAYsURF5CnLQYLChtqHWfxsvb93HWzlSJVTwUuYyzBMsaw9h50WRgUSFcJk/V22kx7cGVfMlkmAPuQZXUVsFGingIn43bRFWGXrgQA",
    "dAAAKE9uY2UgAgBeMPrsDEE=",
    "bAAAKGR1cG9uAgDgJp/gCg==",
    "rAAAYGQic3RvcCJ9XX0KCgIAKOPBJrgC",
    "cAAAZGF0YTogW0RPTkVdCgo=",
    "AQAAMUMsXg==",
];

/// The same, by libbrotli 1.0.
const BROTLI: [&str; 6] = [
    "iyoAIK0K7NbGK0/rUBFRjuBNdqaUr0X2tmCmAktfi4yl9UkdFpEE6SJLka8+D7jo10q8YUUs2Bg7zx1BGPikoT2vPCVlUdxJYMGxik0gpMmNAQ==",
    "0AKAxqrAbm288rR0qKgoR/AmO1PK1yJ7WzBTgaWvxtJSh0UkQbrIUuSrzzEO2Odp4BsehPeAq3cENOA/OVjX4yEYyz5J3BdHxE62TLLwsjc=",
    "0AKAXwIgiRDkmFIjlknh",
    "WAKAX0KkjVBkkWHkAZwAQ065xgA=",
    "aACAX1JhqysJUESTYEnV+DEA",
    "Aw==",
];

const LIMIT: usize = 1 << 20;

/// One 18 KB text.
fn text() -> String {
    (0..500).map(|n| format!("{{\"n\":{n},\"text\":\"once upon a time\"}}\n")).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn base64(chunks: &[&str]) -> Vec<Vec<u8>> {
    chunks.iter().map(|chunk| STANDARD.decode(chunk).unwrap()).collect()
}

/// [`EVENTS`] in each coding, chunk by chunk.
fn encoded_events() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    macro_rules! flushed {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new(), Compression::default());
            let mut chunks: Vec<Vec<u8>> = EVENTS
                .iter()
                .map(|event| {
                    encoder.write_all(event.as_bytes()).unwrap();
                    encoder.flush().unwrap();
                    std::mem::take(encoder.get_mut())
                })
                .collect();
            chunks.push(encoder.finish().unwrap());
            chunks
        }};
    }
    vec![
        ("gzip", flushed!(GzEncoder)),
        ("X-Gzip", EVENTS.iter().map(|event| gzip(event.as_bytes())).collect()),
        ("deflate", flushed!(ZlibEncoder)),
        ("deflate", flushed!(DeflateEncoder)),
        ("br", base64(&BROTLI)),
        ("zstd", base64(&ZSTD)),
    ]
}

fn decoded(header: &str, bytes: &[u8], limit: usize) -> Option<(Vec<u8>, End)> {
    let decoded = decode_all(&codings(header)?, bytes, &ChunkTimings::default(), limit)?;
    Some((decoded.bytes, decoded.end))
}

#[track_caller]
fn assert_decoded(header: &str, bytes: &[u8], text: &[u8], end: End) {
    let (decoded, how) = decoded(header, bytes, LIMIT).unwrap();
    assert_eq!(String::from_utf8_lossy(&decoded), String::from_utf8_lossy(text), "{header}");
    assert_eq!(how, end, "{header}");
}

/// A frame of one block that holds `text` as it is; `fields` are the rest of its header.
fn zstd_frame(descriptor: u8, fields: &[u8], text: &[u8], trailer: &[u8]) -> Vec<u8> {
    let block = ((text.len() as u32) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, descriptor], fields, &block[..3], text, trailer].concat()
}

#[test]
fn every_coding_is_decoded_and_every_chunk_has_its_time() {
    let start = Instant::now();
    let after = |n: usize| start + Duration::from_secs(n as u64);
    for (header, chunks) in encoded_events() {
        let mut timings = ChunkTimings::default();
        let mut length = 0;
        for (n, chunk) in chunks.iter().enumerate() {
            length += chunk.len();
            timings.record(length, || after(n));
        }
        let decoded = decode_all(&codings(header).unwrap(), &chunks.concat(), &timings, LIMIT).unwrap();
        assert_eq!(String::from_utf8_lossy(&decoded.bytes), EVENTS.concat(), "{header}");
        assert_eq!(decoded.end, End::Whole, "{header}");
        let mut length = 0;
        for (n, event) in EVENTS.iter().enumerate() {
            length += event.len();
            assert_eq!(decoded.chunk_timings.at(length), Some(after(n)), "event {n} in {header}");
        }
    }
}

#[test]
fn what_had_arrived_of_an_encoded_stream_is_decoded() {
    for (header, chunks) in encoded_events() {
        // As a stream that breaks off, and in the middle of a chunk.
        let three = chunks[..3].concat();
        let in_the_fourth = [&three[..], &chunks[3][..chunks[3].len() - 1]].concat();
        for bytes in [three, in_the_fourth] {
            let (decoded, end) = decoded(header, &bytes, LIMIT).unwrap();
            let text = String::from_utf8_lossy(&decoded);
            assert!(text.starts_with(&EVENTS[..3].concat()), "{header}: {text}");
            // Neither the second event nor the raw formats tell that there should be more.
            assert!(matches!(end, End::Truncated | End::Whole), "{header}: {end:?}");
        }
    }
}

#[test]
fn several_members_and_frames_are_one_body() {
    let text = text();
    let members = [gzip(&text.as_bytes()[..9000]), gzip(b""), gzip(&text.as_bytes()[9000..])].concat();
    assert_decoded("gzip", &members, text.as_bytes(), End::Whole);
    let padded = [gzip(b"text"), vec![0; 512]].concat();
    assert_decoded("gzip", &padded, b"text", End::Whole);

    let skipped = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"any"].concat();
    let frames = [
        skipped.clone(),
        zstd_frame(0, &[0], b"Once ", b""),
        // A single segment with its size; a checksum.
        zstd_frame(0x24, &[5], b"upon ", b"sum!"),
        skipped.clone(),
        // The size in two, four and eight bytes, a dictionary that is none.
        zstd_frame(0x41, &[0, 0, 0, 0], b"a ", b""),
        zstd_frame(0xa0, &[4, 0, 0, 0], b"time", b""),
        zstd_frame(0xc0, &[0, 0, 0, 0, 0, 0, 0, 0, 0], b"", b""),
        base64(&ZSTD).concat(),
    ];
    assert_decoded(
        "zstd",
        &frames.concat(),
        ["Once upon a time", &EVENTS.concat()].concat().as_bytes(),
        End::Whole,
    );
    assert_decoded("zstd", &[skipped.clone(), skipped.clone()].concat(), b"", End::Whole);
    let open = [zstd_frame(0, &[0], b"Once ", b""), skipped[..9].to_vec()].concat();
    assert_decoded("zstd", &open, b"Once ", End::Truncated);
}

#[test]
fn codings_one_upon_another_are_taken_off_in_their_order() {
    let text = text();
    let twice = gzip(&gzip(text.as_bytes()));
    assert_decoded("gzip, identity,, GZIP", &twice, text.as_bytes(), End::Whole);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(&gzip(text.as_bytes())).unwrap();
    assert_decoded("gzip, deflate", &zlib.finish().unwrap(), text.as_bytes(), End::Whole);
    let (part, end) = decoded("gzip, gzip", &twice[..twice.len() - 20], LIMIT).unwrap();
    assert!(text.as_bytes().starts_with(&part) && end == End::Truncated, "{end:?}");
    for unknown in ["", "identity", "aws-chunked", "gzip, compress", "dcb", "gzip,gzip,gzip,gzip,gzip"] {
        assert!(decoded(unknown, &twice, LIMIT).is_none(), "{unknown}");
    }
}

/// `length` zeros in a frame of blocks that repeat one byte.
fn zstd_bomb(length: usize) -> Vec<u8> {
    let block = |last: u32| [&((128 << 10) << 3 | 2 | last).to_le_bytes()[..3], b"0"].concat();
    let mut frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 0xff][..]].concat();
    for _ in 0..length >> 17 {
        frame.extend(block(0));
    }
    frame.extend(block(1));
    frame
}

#[test]
fn a_bomb_is_cut_at_the_limit() {
    let zeros = vec![b'0'; 64 << 20];
    let once = gzip(&zeros);
    for (header, bomb) in [
        ("gzip", once.clone()),
        ("gzip, gzip", gzip(&once)),
        ("zstd", zstd_bomb(64 << 20)),
        ("gzip, zstd", zstd_frame(0, &[0x60], &once[..60_000], b"")),
    ] {
        let (decoded, end) = decoded(header, &bomb, LIMIT).unwrap();
        assert_eq!((decoded.len(), end), (LIMIT, End::Limit), "{header}");
        assert!(decoded.capacity() <= 2 * LIMIT, "{header}: {}", decoded.capacity());
    }
    // Exactly at the limit is whole.
    assert_eq!(decoded("gzip", &gzip(&zeros[..LIMIT]), LIMIT).unwrap().1, End::Whole);
    // Members and frames of nothing cost time alone.
    for (header, empty) in [("gzip", gzip(b"")), ("zstd", zstd_frame(0, &[0], b"", b""))] {
        assert_eq!(decoded(header, &empty.repeat(MAX_FRAMES), LIMIT).unwrap().1, End::Whole);
        assert_eq!(decoded(header, &empty.repeat(MAX_FRAMES + 1), LIMIT).unwrap().1, End::Limit);
    }
}

fn response(content_encoding: &str, body: Body, completion: Completion) -> CapturedResponse {
    CapturedResponse {
        head: ResponseHead {
            status: Some(200),
            content_encoding: content_encoding.into(),
            ..ResponseHead::default()
        },
        body,
        chunk_timings: ChunkTimings::default(),
        completion,
        ended: Instant::now(),
    }
}

fn whole(bytes: impl Into<Vec<u8>>) -> Body {
    Body::Whole(bytes.into().into())
}

#[test]
fn what_is_in_another_coding_than_it_says_stays_as_it_came() {
    let mut damaged = gzip(text().as_bytes());
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8].fill(0xff);
    let mut wrong_checksum = gzip(b"{\"id\":1}");
    let checksum = wrong_checksum.len() - 8;
    wrong_checksum[checksum] ^= 1;
    let mut damaged_frame = base64(&ZSTD).concat();
    damaged_frame[10..40].fill(0xff);
    for (header, bytes) in [
        ("gzip", b"{\"id\":1}".to_vec()),
        ("zstd", b"{\"id\":1}".to_vec()),
        ("deflate", b"{\"id\":1}".to_vec()),
        ("br", b"{\"id\":1}".to_vec()),
        ("gzip", base64(&ZSTD).concat()),
        ("zstd", gzip(b"{\"id\":1}")),
        ("gzip", damaged),
        ("gzip", wrong_checksum),
        ("zstd", damaged_frame),
        ("zstd", zstd_frame(1, &[0, 7], b"{}", b"")),
        ("gzip, gzip", gzip(b"{\"id\":1}")),
    ] {
        let response = response(header, whole(bytes.clone()), Completion::Complete);
        let decoded = decoded_response(&response, LIMIT).unwrap();
        assert_eq!(decoded.body, response.body, "{header} {:?}", String::from_utf8_lossy(&bytes));
        assert_eq!(decoded.head.content_encoding, "");
    }
    assert!(decoded_response(&response("gzip", Body::Empty, Completion::Complete), LIMIT).is_none());
}

#[test]
fn an_encoded_body_that_was_cut_stays_a_part() {
    let text = text();
    let encoded = gzip(text.as_bytes());
    let half = encoded.len() / 2;
    let cut = Body::Cut { bytes: encoded[..half].to_vec().into(), original: encoded.len() as u64 };
    let decoded = decoded_response(&response("gzip", cut, Completion::Complete), LIMIT).unwrap();
    match decoded.body {
        Body::Cut { bytes, original } => {
            assert!(bytes.len() > half && text.as_bytes().starts_with(&bytes));
            assert_eq!(original, encoded.len() as u64);
        }
        other => panic!("{other:?}"),
    }
    let bomb = response("gzip", whole(encoded.clone()), Completion::Complete);
    match decoded_response(&bomb, 100).unwrap().body {
        Body::Cut { bytes, original } => {
            assert_eq!((&*bytes, original), (&text.as_bytes()[..100], encoded.len() as u64));
        }
        other => panic!("{other:?}"),
    }
    // A server that never ends what it flushed.
    let open = response("gzip", whole(&encoded[..encoded.len() - 8]), Completion::Complete);
    assert_eq!(decoded_response(&open, LIMIT).unwrap().body, whole(text));
}

fn request(content_encoding: &str, body: Body) -> CapturedRequest {
    let endpoint = Endpoint {
        api: Api::OpenAiChat,
        provider: "openai".into(),
        operation: "chat".into(),
        path_model: None,
        base_url: String::new(),
        path: String::new(),
        query: String::new(),
        method: String::new(),
    };
    CapturedRequest { endpoint: Arc::new(endpoint), content_encoding: content_encoding.into(), body }
}

#[test]
fn a_request_is_decoded_by_its_header_or_by_its_first_bytes() {
    let brotli = base64(&BROTLI).concat();
    for (header, bytes, expected) in [
        ("gzip", gzip(b"{}"), Some(("gzip", &b"{}"[..]))),
        ("GZIP", gzip(b"\xff\x00"), Some(("GZIP", b"\xff\x00"))),
        ("", gzip(b"{}"), Some(("gzip", b"{}"))),
        ("", zstd_frame(0, &[0], b"{}", b""), Some(("zstd", b"{}"))),
        // A file, as a body of its own.
        ("", gzip(b"\xff\x00"), None),
        ("", brotli.clone(), None),
        ("", b"{}".to_vec(), None),
        ("gzip", b"{}".to_vec(), None),
        ("my-own", gzip(b"{}"), Some(("gzip", b"{}"))),
    ] {
        let decoded = decoded_request(&request(header, whole(bytes)), LIMIT);
        let decoded = decoded.as_ref().map(|decoded| (&*decoded.content_encoding, decoded.body.bytes()));
        assert_eq!(decoded, expected, "{header}");
    }
    let events = decoded_request(&request("br", whole(brotli)), LIMIT).unwrap();
    assert_eq!(events.body, whole(EVENTS.concat()));
    let long = decoded_request(&request("", whole(gzip("é".repeat(9).as_bytes()))), 3).unwrap();
    assert_eq!(long.body, whole("é".repeat(9)), "it is cut when it is stored");
    let cut = decoded_request(&request("", whole(gzip("é".repeat(99).as_bytes()))), 3).unwrap();
    assert!(matches!(cut.body, Body::Cut { ref bytes, .. } if bytes.len() == 3), "{cut:?}");
    assert!(decoded_request(&request("gzip", Body::Streaming), LIMIT).is_none());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_decoder_fail(
        header in "gzip|deflate|br|zstd|gzip, zstd",
        place in 0.0..1.0,
        noise in proptest::collection::vec(proptest::num::u8::ANY, 0..24),
    ) {
        for (_, chunks) in encoded_events() {
            let mut bytes = chunks.concat();
            let place = (place * bytes.len() as f64) as usize;
            let end = (place + noise.len()).min(bytes.len());
            bytes.splice(place..end, noise.clone());
            proptest::prop_assert!(decoded(&header, &bytes, LIMIT).is_some());
        }
    }
}
