//! An HTTP archive, version 1.2: <http://www.softwareishard.com/blog/har-12-spec/>.

use std::io::Write;

use serde_json::json;

use llmlogs_core::read::Entry;

use super::{Contents, Writer, contents, url};
use crate::outcome::CliError;

#[derive(Default)]
pub(crate) struct Har {
    started: bool,
}

impl Har {
    fn start(&mut self, sink: &mut dyn Write) -> Result<(), CliError> {
        if std::mem::replace(&mut self.started, true) {
            sink.write_all(b",\n")?;
            return Ok(());
        }
        let creator = json!({"name": "llmlogs", "version": env!("CARGO_PKG_VERSION")});
        Ok(writeln!(sink, "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[")?)
    }
}

impl Writer for Har {
    fn call(&mut self, entry: &Entry, sink: &mut dyn Write) -> Result<bool, CliError> {
        let Some(contents) = contents(entry.call()) else { return Ok(false) };
        self.start(sink)?;
        write!(sink, "{}", archived(entry, &contents))?;
        Ok(true)
    }

    fn end(&mut self, sink: &mut dyn Write) -> Result<(), CliError> {
        if !self.started {
            self.start(sink)?;
        }
        Ok(sink.write_all(b"\n]}}\n")?)
    }
}

fn archived(entry: &Entry, contents: &Contents) -> serde_json::Value {
    let metadata = &contents.metadata;
    let (input, output) =
        (String::from_utf8_lossy(&contents.input), String::from_utf8_lossy(&contents.output));
    let time = metadata.performance.latency_ms;
    // Without a stream it is not known when the response started.
    let wait = metadata.performance.time_to_first_token_ms.unwrap_or(time).min(time);
    let response = &metadata.response_info;
    // 0 is what browsers write if no response came.
    let status = response.http_status.unwrap_or(if response.error { 0 } else { 200 });
    let started = if metadata.started_at.is_empty() {
        let time = chrono::DateTime::from_timestamp_millis((metadata.timestamp * 1000.0) as i64);
        time.unwrap_or_default().to_rfc3339()
    } else {
        metadata.started_at.clone()
    };
    let content_type = json!([{"name": "content-type", "value": "application/json"}]);
    let method = if metadata.api_info.method.is_empty() { "POST" } else { &metadata.api_info.method };
    json!({
        "startedDateTime": started,
        "time": time,
        "request": {
            "method": method, "url": url(metadata), "httpVersion": "HTTP/1.1", "cookies": [], "headers": content_type,
            "queryString": [], "headersSize": -1, "bodySize": input.len(),
            "postData": {"mimeType": "application/json", "text": input},
        },
        "response": {
            "status": status, "statusText": response.error_type, "httpVersion": "HTTP/1.1", "cookies": [],
            "headers": content_type, "redirectURL": "", "headersSize": -1, "bodySize": output.len(),
            "content": {"size": output.len(), "mimeType": "application/json", "text": output},
        },
        "cache": {},
        "timings": {"send": 0, "wait": wait, "receive": time - wait},
        "comment": entry.call().id(),
    })
}
