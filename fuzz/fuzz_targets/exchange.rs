//! An input taken apart: a line that says how the answer comes, the request, a line of `---`, the answer.

use tracing_llmlogs::fuzzing;

const BETWEEN: &[u8] = b"\n---\n";

pub fn run(api: usize, bytes: &[u8]) {
    let Some((how, rest)) = bytes.split_first() else {
        return;
    };
    let place = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN);
    let (request, answer) = match place {
        Some(place) => (&rest[..place], &rest[place + BETWEEN.len()..]),
        None => (&[][..], rest),
    };
    // `s` a stream, `e` an error; anything else a whole answer.
    let status = match how {
        b'e' => 429,
        b'd' => 203,
        _ => 200,
    };
    fuzzing::exchange(api, matches!(how, b's' | b'd'), status, request, answer);
}
