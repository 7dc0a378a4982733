//! What a reverse proxy adds to a call and to a chunk of a stream: `llmlogs proxy`, nginx and mitmproxy beside a direct
//! connection, turn by turn. `benches/proxy.sh` starts them and names them here; alone, this measures the direct connection.
//!
//! API and client are threads of this process, so that a chunk can carry the time at which it was sent.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

const CHUNKS: usize = 50;
const BETWEEN_CHUNKS: Duration = Duration::from_millis(5);
/// Of 100 at once each waits this long between two calls: what is looked for is latency, not how much two cores can do.
const BETWEEN_CALLS: Duration = Duration::from_millis(200);
const ROUNDS: usize = 5;

/// Nanoseconds since this process first asked.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// A way to the API.
struct Way {
    name: String,
    port: u16,
    /// Of the proxy on it.
    process: Option<u32>,
}

/// Reads `NAME:PORT:PID …` and puts the direct connection first.
fn ways(api: u16) -> Vec<Way> {
    let mut ways = vec![Way { name: "direct".to_owned(), port: api, process: None }];
    let named = env::var("LLMLOGS_BENCH_PROXIES").unwrap_or_default();
    for way in named.split_whitespace() {
        let mut parts = way.split(':');
        let mut next = || parts.next().unwrap();
        let name = next().to_owned();
        ways.push(Way { name, port: next().parse().unwrap(), process: Some(next().parse().unwrap()) });
    }
    ways
}

fn serve(listener: TcpListener) {
    for stream in listener.incoming() {
        thread::spawn(move || {
            // A connection that ends is not the bench's concern.
            let _ended = answer_all(stream.unwrap());
        });
    }
}

fn answer_all(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let reply = format!(
        r#"{{"id":"c1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}}}"#,
        "word ".repeat(200)
    );
    loop {
        let body = read_message(&mut reader)?;
        if !body.starts_with(br#"{"stream":true"#) {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{reply}",
                reply.len()
            )?;
            continue;
        }
        stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        )?;
        for _ in 0..CHUNKS {
            thread::sleep(BETWEEN_CHUNKS);
            let event = format!(
                "data: {{\"id\":\"{:020}\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"word \"}},\"finish_reason\":null}}]}}\n\n",
                now()
            );
            stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())?;
        }
        stream.write_all(b"0\r\n\r\n")?;
    }
}

/// Reads a head, and a body by its length; returns the body.
fn read_message(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    port: u16,
}

impl Client {
    fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { reader: BufReader::new(stream.try_clone().unwrap()), stream, port }
    }

    fn send(&mut self, start: &str) {
        let body = format!(
            r#"{{{start}"model":"gpt-4o","messages":[{{"role":"user","content":"{}"}}]}}"#,
            "word ".repeat(400)
        );
        let port = self.port;
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).unwrap();
    }

    /// Returns how long a plain call takes.
    fn call(&mut self) -> u64 {
        let start = now();
        self.send("");
        let body = read_message(&mut self.reader).unwrap();
        assert!(body.len() > 1000, "an answer of {} bytes", body.len());
        now() - start
    }

    /// Puts how long each chunk took from the API to here into `times`.
    fn stream(&mut self, times: &mut Vec<u64>) {
        self.send(r#""stream":true,"#);
        read_message(&mut self.reader).unwrap();
        loop {
            let mut size = String::new();
            self.reader.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.reader.read_exact(&mut chunk).unwrap();
            let arrived = now();
            if size == 0 {
                return;
            }
            // A proxy may pass several on as one.
            let text = String::from_utf8(chunk).unwrap();
            for event in text.split("data: {\"id\":\"").skip(1) {
                times.push(arrived - event[..20].parse::<u64>().unwrap());
            }
        }
    }
}

/// Runs `client` on `count` threads, which start one after the other; returns all times.
fn at_once(count: usize, client: impl Fn() -> Vec<u64> + Sync) -> Vec<u64> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|place| {
                let client = &client;
                scope.spawn(move || {
                    thread::sleep(BETWEEN_CALLS * place as u32 / count as u32);
                    client()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn plain(port: u16, count: usize) -> Vec<u64> {
    at_once(count, || {
        let mut client = Client::new(port);
        client.call();
        let calls = if count == 1 { 200 } else { 10 };
        let call = |_| {
            if count > 1 {
                thread::sleep(BETWEEN_CALLS);
            }
            client.call()
        };
        (0..calls).map(call).collect()
    })
}

fn streamed(port: u16, count: usize) -> Vec<u64> {
    at_once(count, || {
        let mut client = Client::new(port);
        let mut times = Vec::new();
        for _ in 0..if count == 1 { 4 } else { 1 } {
            client.stream(&mut times);
        }
        times
    })
}

/// Returns a percentile in milliseconds.
fn percentile(times: &[u64], percent: usize) -> f64 {
    times[(times.len() - 1) * percent / 100] as f64 / 1e6
}

/// Returns megabytes of a process's status, such as `VmRSS`.
fn memory(process: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1024.0
}

/// Returns what a process and its children take: nginx's workers are processes of their own.
fn memory_of_all(process: u32, name: &str) -> f64 {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    memory(process, name) + children.map(|child| memory(child, name)).sum::<f64>()
}

type Measure = fn(u16, usize) -> Vec<u64>;

fn main() {
    let port = env::var("LLMLOGS_BENCH_API_PORT").map_or(0, |port| port.parse().unwrap());
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let ways = ways(listener.local_addr().unwrap().port());
    thread::spawn(move || serve(listener));
    let idle: Vec<_> = ways.iter().map(|way| way.process.map(|pid| memory_of_all(pid, "VmRSS"))).collect();
    let measures: [(&str, Measure, usize); 4] = [
        ("plain call, 1 at once", plain, 1),
        ("plain call, 100 at once", plain, 100),
        ("chunk, 1 at once", streamed, 1),
        ("chunk, 100 at once", streamed, 100),
    ];
    let mut table =
        format!("{:26}{:12}{:>10}{:>10}{:>12}{:>12}\n", "ms", "", "p50", "p99", "p50 more", "p99 more");
    for (title, measure, count) in measures {
        let mut times: Vec<Vec<u64>> = ways.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (way, times) in ways.iter().zip(&mut times) {
                times.extend(measure(way.port, count));
            }
        }
        times.iter_mut().for_each(|times| times.sort_unstable());
        for (way, own) in ways.iter().zip(&times) {
            let [p50, p99] = [50, 99].map(|percent| percentile(own, percent));
            let [more50, more99] =
                [50, 99].map(|percent| percentile(own, percent) - percentile(&times[0], percent));
            writeln!(table, "{title:26}{:12}{p50:>10.3}{p99:>10.3}{more50:>12.3}{more99:>12.3}", way.name)
                .unwrap();
        }
    }
    for (way, idle) in ways.iter().zip(idle) {
        let (Some(process), Some(idle)) = (way.process, idle) else { continue };
        let peak = memory_of_all(process, "VmHWM");
        writeln!(table, "{:26}{:12}{idle:>7.1} MB idle{peak:>7.1} MB at most", "memory", way.name).unwrap();
    }
    print!("{table}");
}
