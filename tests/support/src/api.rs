//! The loopback LLM API of tests, benches and examples.
//!
//! [`Api::start`] gives scripted answers in turn, [`Api::respond`] chooses one by the request: both close each connection
//! after its answer, and can stall, break off or stay silent. [`keep_alive`] is for benches: one answer for every request
//! over connections that stay open, on a thread of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does for one request.
#[derive(Clone, Default)]
pub struct Answer {
    status: u16,
    /// The reason phrase; the standard one if it is not set.
    phrase: Option<&'static str>,
    headers: Vec<(String, String)>,
    chunks: Vec<Vec<u8>>,
    pause: Duration,
    ending: Ending,
    by_length: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Ending {
    /// The body ends as it should.
    #[default]
    Complete,
    /// The connection is cut.
    Break,
    /// The connection stays open and nothing more comes.
    Hang,
    /// Not even headers come.
    Silence,
}

impl Answer {
    /// Returns an answer with a JSON body and its length.
    pub fn json(status: u16, body: impl Into<String>) -> Self {
        Answer {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            chunks: vec![body.into().into_bytes()],
            by_length: true,
            ..Answer::default()
        }
    }

    /// Returns a stream of server-sent events, one chunk each.
    pub fn events(events: &[&str]) -> Self {
        let chunks = events.iter().map(|event| format!("data: {event}\n\n").into_bytes()).collect();
        Answer::chunks("text/event-stream", chunks)
    }

    /// Returns an answer whose body is sent in these chunks.
    pub fn chunks(content_type: &str, chunks: Vec<Vec<u8>>) -> Self {
        Answer {
            status: 200,
            headers: vec![("content-type".into(), content_type.into())],
            chunks,
            ..Answer::default()
        }
    }

    /// Reads the request and never answers.
    pub fn silence() -> Self {
        Answer { ending: Ending::Silence, ..Answer::default() }
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends `phrase` in the status line instead of the standard one.
    pub fn phrase(mut self, phrase: &'static str) -> Self {
        self.phrase = Some(phrase);
        self
    }

    /// Waits this long before each chunk.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Says in its head how long the body is.
    pub fn by_length(mut self) -> Self {
        self.by_length = true;
        self
    }

    /// Cuts the connection after the chunks.
    pub fn then_break(mut self) -> Self {
        self.ending = Ending::Break;
        self
    }

    /// Leaves the connection open after the chunks.
    pub fn then_hang(mut self) -> Self {
        self.ending = Ending::Hang;
        self
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub head: String,
    pub body: Vec<u8>,
}

/// A running server; it ends with the runtime that it was started on.
pub struct Api {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Api {
    /// Starts a server that gives `answers` in turn, the last one again and again.
    pub async fn start(answers: impl Into<Vec<Answer>>) -> Self {
        let answers = answers.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        tokio::spawn(async move {
            let mut turn = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answers[turn.min(answers.len() - 1)].clone();
                turn += 1;
                let log = Arc::clone(&log);
                tokio::spawn(serve(stream, move |request| {
                    log.lock().unwrap().push(request);
                    answer
                }));
            }
        });
        Api { url, received }
    }

    /// Starts a server whose answers `choose` makes from the requests. It keeps no list of requests, so that it can run
    /// for as long as it takes.
    pub async fn respond(choose: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let choose = Arc::new(choose);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let choose = Arc::clone(&choose);
                tokio::spawn(serve(stream, move |request| choose(&request)));
            }
        });
        Api { url, received: Arc::default() }
    }

    /// The address of OpenAI's chat completions.
    pub fn chat(&self) -> String {
        format!("{}/v1/chat/completions", self.url)
    }

    /// The requests so far, of a server with scripted answers.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// Answers every request with the JSON `body`, over connections that stay open, on a thread of its own and for as long as
/// the program runs.
pub fn keep_alive(body: &str) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let head = format!("content-type: application/json\r\ncontent-length: {}", body.len());
    let answer = Bytes::from(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}"));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve_alive(stream, answer.clone()));
            }
        });
    });
    address
}

async fn serve_alive(mut stream: TcpStream, answer: Bytes) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::with_capacity(16 << 10);
    while let Some((_, end)) = read_request(&mut stream, &mut bytes).await {
        bytes.drain(..end);
        stream.write_all(&answer).await?;
    }
    Ok(())
}

async fn serve(mut stream: TcpStream, choose: impl FnOnce(Received) -> Answer) -> Option<()> {
    let mut bytes = Vec::new();
    let (head, _) = read_request(&mut stream, &mut bytes).await?;
    let body = bytes.split_off(head);
    let answer = choose(Received { head: String::from_utf8_lossy(&bytes).into_owned(), body });
    if answer.ending == Ending::Silence {
        std::future::pending::<()>().await;
    }
    let standard =
        http::StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    let phrase = answer.phrase.or(standard).unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {phrase}\r\nconnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let length: usize = answer.chunks.iter().map(Vec::len).sum();
    head += &if answer.by_length {
        format!("content-length: {length}\r\n\r\n")
    } else {
        "transfer-encoding: chunked\r\n\r\n".to_owned()
    };
    stream.write_all(head.as_bytes()).await.ok()?;
    for chunk in &answer.chunks {
        tokio::time::sleep(answer.pause).await;
        if answer.by_length {
            stream.write_all(chunk).await.ok()?;
        } else {
            let mut framed = format!("{:x}\r\n", chunk.len()).into_bytes();
            framed.extend_from_slice(chunk);
            framed.extend_from_slice(b"\r\n");
            stream.write_all(&framed).await.ok()?;
        }
    }
    match answer.ending {
        Ending::Hang => std::future::pending::<()>().await,
        Ending::Break | Ending::Silence => return None,
        Ending::Complete => {}
    }
    if !answer.by_length {
        stream.write_all(b"0\r\n\r\n").await.ok()?;
    }
    stream.shutdown().await.ok()
}

/// Reads until `bytes` holds a whole request; returns where its head ends and where it ends itself. `None` if the
/// connection ends first.
async fn read_request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(usize, usize)> {
    let head = loop {
        if let Some(place) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break place + 4;
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]);
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = head + length.unwrap_or(0);
    while bytes.len() < end {
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, end))
}
