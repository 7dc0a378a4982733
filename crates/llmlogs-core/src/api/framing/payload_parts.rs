//! SageMaker's streams: AWS frames whose payloads, put together, are a stream in whichever framing the model has.
//!
//! <https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html>

use super::aws_event_stream::{self, Piece};
use super::event::Event;
use super::{ndjson, sse};
use crate::json;

/// Passes the events of the inner stream to `take`, each with the end of the frame that completed it, then what the frames
/// themselves report.
pub(super) fn for_each(body: &[u8], take: &mut dyn FnMut(Event<'static>)) {
    let (mut inner, mut ends, mut reports) = (Vec::new(), Vec::new(), Vec::new());
    for (piece, end) in aws_event_stream::pieces(body) {
        match piece {
            Piece::Payload(payload) => {
                inner.extend_from_slice(payload);
                ends.push((inner.len(), end));
            }
            Piece::Event(event) => reports.push(event.into_owned()),
        }
    }
    let frame_end = |at: usize| {
        let frame = ends.partition_point(|(inner_end, _)| *inner_end < at);
        ends.get(frame).map_or(body.len(), |(_, end)| *end)
    };
    let text = json::lossy(&inner);
    let mut own = |event: Event<'_>| take(Event { end: frame_end(event.end), ..event.into_owned() });
    if sse::begins(text.trim_start().as_bytes()) {
        sse::SseEvents::new(&text).for_each(&mut own);
    } else {
        ndjson::events(&text).for_each(&mut own);
    }
    reports.into_iter().for_each(take);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::framing::aws_frames::{event, exception};

    fn read(body: &[u8]) -> Vec<(String, usize)> {
        let mut events = Vec::new();
        for_each(body, &mut |event| events.push((event.data.into_owned(), event.end)));
        events
    }

    #[test]
    fn events_that_are_cut_by_frames_are_whole_again() {
        let first = event("PayloadPart", "data: {\"a\"");
        let second = event("PayloadPart", ":1}\n\ndata: {\"b\":2}\n\n");
        let failed = exception("ModelStreamError", r#"{"message":"gone"}"#);
        let body = [first.clone(), second.clone(), failed.clone()].concat();
        let end = first.len() + second.len();
        assert_eq!(
            read(&body),
            [
                (r#"{"a":1}"#.to_owned(), end),
                (r#"{"b":2}"#.to_owned(), end),
                (r#"{"message":"gone","__type":"ModelStreamError"}"#.to_owned(), end + failed.len()),
            ]
        );
        let lines = [event("PayloadPart", "{\"a\":1}\n{\"b\""), event("PayloadPart", ":2}\n")].concat();
        let data: Vec<_> = read(&lines).into_iter().map(|(data, _)| data).collect();
        assert_eq!(data, [r#"{"a":1}"#, r#"{"b":2}"#]);
        assert!(read(&first[..20]).is_empty());
    }
}
