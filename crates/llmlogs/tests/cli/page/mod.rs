//! `llmlogs serve` over real sockets.

mod answers;
mod assets;
mod call;
mod compare;
mod header;
mod index;
mod live;
mod metrics;
mod modules;
mod questions;
mod safety;
mod trace;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A served page, which ends with this.
pub struct Server {
    pub child: Child,
    pub port: u16,
    /// Empty if there is none.
    pub token: String,
    /// What it printed.
    pub line: String,
}

/// A response, its headers' names in lower case.
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Server {
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        let mut command = command();
        let mut child = command
            .current_dir(folder)
            .arg("serve")
            .args(args)
            .env("TZ", "UTC")
            .env_remove("LLMLOGS_ROOT")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let rest = line.trim_end().strip_prefix("http://127.0.0.1:").unwrap();
        let (port, token) = rest.split_once('/').unwrap();
        let token = token.strip_prefix("?token=").unwrap_or_default().to_owned();
        Server { child, port: port.parse().unwrap(), token, line }
    }

    /// Sends a request as it is.
    pub fn send(&self, request: &str) -> Response {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        Response::parse(&String::from_utf8(text).unwrap())
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends a request with the right `Host`, and these headers.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n{headers}\r\n",
            self.port
        ))
    }

    /// Returns the cookie that has the token.
    pub fn cookie(&self) -> String {
        format!("llmlogs_{}={}", self.port, self.token)
    }

    /// Sends a request as the page's own scripts do.
    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[("Cookie", &self.cookie()), ("Sec-Fetch-Site", "same-origin")])
    }

    pub fn json(&self, path: &str) -> Value {
        let response = self.get(path);
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        assert_eq!(response.header("content-type"), Some("application/json"), "{path}");
        serde_json::from_str(&response.body).unwrap()
    }
}

/// Returns the command. A shell starts programs in the background with Ctrl-C ignored, which is not to be tested.
fn command() -> Command {
    let program = env!("CARGO_BIN_EXE_llmlogs");
    if cfg!(target_os = "linux") {
        let mut command = Command::new("env");
        command.args(["--default-signal=INT", program]);
        command
    } else {
        Command::new(program)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Response {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Response { status, headers: lines.map(header).collect(), body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}
