//! A loopback HTTP server that answers as it is told, one connection a request.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does for one request.
#[derive(Clone, Default)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    chunks: Vec<Vec<u8>>,
    pause: Duration,
    then: Then,
    by_length: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Then {
    /// The body ends as it should.
    #[default]
    End,
    /// The connection is cut.
    Break,
    /// Nothing more comes.
    Hang,
    /// Not even headers come.
    Silence,
}

impl Answer {
    pub fn json(status: u16, body: impl Into<String>) -> Self {
        Answer {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            chunks: vec![body.into().into_bytes()],
            by_length: true,
            ..Answer::default()
        }
    }

    /// Server-sent events, one chunk each.
    pub fn events(events: &[&str]) -> Self {
        Answer {
            status: 200,
            headers: vec![("content-type".into(), "text/event-stream".into())],
            chunks: events.iter().map(|event| format!("data: {event}\n\n").into_bytes()).collect(),
            ..Answer::default()
        }
    }

    /// A body sent in these chunks.
    pub fn chunks(content_type: &str, chunks: Vec<Vec<u8>>) -> Self {
        Answer {
            status: 200,
            headers: vec![("content-type".into(), content_type.into())],
            chunks,
            ..Answer::default()
        }
    }

    /// No answer at all.
    pub fn silence() -> Self {
        Answer { then: Then::Silence, ..Answer::default() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Waits this long before each chunk.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Cuts the connection after the chunks.
    pub fn then_break(mut self) -> Self {
        self.then = Then::Break;
        self
    }

    /// Leaves the connection open after the chunks.
    pub fn then_hang(mut self) -> Self {
        self.then = Then::Hang;
        self
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub head: String,
    pub body: Vec<u8>,
}

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
                tokio::spawn(serve(stream, answer, Arc::clone(&log)));
            }
        });
        Api { url, received }
    }

    pub fn chat(&self) -> String {
        format!("{}/v1/chat/completions", self.url)
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, log: Arc<Mutex<Vec<Received>>>) -> Option<()> {
    let request = read_request(&mut stream).await?;
    log.lock().unwrap().push(request);
    if answer.then == Then::Silence {
        std::future::pending::<()>().await;
    }
    let mut head = format!("HTTP/1.1 {} Said\r\nconnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let length: usize = answer.chunks.iter().map(Vec::len).sum();
    head += &match answer.by_length {
        true => format!("content-length: {length}\r\n\r\n"),
        false => "transfer-encoding: chunked\r\n\r\n".to_owned(),
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
    match answer.then {
        Then::Hang => std::future::pending::<()>().await,
        Then::Break | Then::Silence => return None,
        Then::End => {}
    }
    if !answer.by_length {
        stream.write_all(b"0\r\n\r\n").await.ok()?;
    }
    stream.shutdown().await.ok()
}

async fn read_request(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(place) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break place + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    while bytes.len() < end + length.unwrap_or(0) {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Received { head, body: bytes.split_off(end) })
}
