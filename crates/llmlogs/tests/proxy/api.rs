//! An API that is only bytes: it notes what comes, and answers what it is told to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// How long anything is waited for.
pub const LONG: Duration = Duration::from_secs(20);

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub head: String,
    pub body: Vec<u8>,
}

impl Request {
    /// Reads one request; `None` if the connection ends before.
    fn read(stream: &mut TcpStream) -> Option<Self> {
        let head = read_head(stream)?;
        let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        Some(Request { head, body })
    }

    /// Returns the lines of the head but the first one, names in lower case, in alphabetical order.
    pub fn headers(&self) -> Vec<(String, String)> {
        headers(&self.head)
    }
}

/// Reads up to the empty line.
pub fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}

pub fn header(head: &str, name: &str) -> Option<String> {
    headers(head).into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
}

pub fn headers(head: &str) -> Vec<(String, String)> {
    let pairs = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let mut pairs: Vec<_> =
        pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    pairs.sort();
    pairs
}

/// What an API does with a connection on which a request has come.
pub type Answer = Box<dyn Fn(&mut TcpStream, &Request) + Send + Sync>;

pub struct Api {
    pub port: u16,
    requests: Receiver<Request>,
}

impl Api {
    /// Starts an API that answers each request with these bytes.
    pub fn start(response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Api::with(Box::new(move |stream, _request| {
            // A client that has gone is some test's point.
            let _gone = stream.write_all(&response);
        }))
    }

    pub fn with(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = channel();
        thread::spawn(move || {
            let answer = std::sync::Arc::new(answer);
            for stream in listener.incoming() {
                let (mut stream, sender, answer) = (stream.unwrap(), sender.clone(), answer.clone());
                thread::spawn(move || {
                    while let Some(request) = Request::read(&mut stream) {
                        let _nobody_asks = sender.send(request.clone());
                        answer(&mut stream, &request);
                    }
                });
            }
        });
        Api { port, requests }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn next_request(&self) -> Request {
        self.requests.recv_timeout(LONG).unwrap()
    }

    pub fn has_no_request(&self) -> bool {
        self.requests.try_recv().is_err()
    }
}

/// A plain answer of OpenAI's API.
pub const REPLY: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

/// Returns an answer with this body.
pub fn json(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-request-id: req_1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A question to OpenAI's API.
pub const QUESTION: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;

/// Returns a request for `host`, as a client's own bytes.
pub fn post(host: &str, path: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer sk-planted-000\r\nAccept: application/json\r\n\
         Content-Type: application/json\r\nUser-Agent: Test/1\r\n{more}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
