//! The command as a child process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::{self, LONG};

pub fn llmlogs(root: &Path) -> Command {
    let program = env!("CARGO_BIN_EXE_llmlogs");
    // A shell starts programs in the background with Ctrl-C ignored, which is not to be tested.
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("env");
        command.args(["--default-signal=INT", program]);
        command
    } else {
        Command::new(program)
    };
    command.arg("--root").arg(root).env_remove("LLMLOGS_ROOT").env_remove("LLMLOGS");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    command
}

/// A proxy that runs.
pub struct Proxy {
    pub child: Child,
    pub ports: Vec<u16>,
    pub root: PathBuf,
}

impl Proxy {
    pub fn start(root: &Path, upstreams: &[&str], more: &[&str]) -> Self {
        let mut command = llmlogs(root);
        command.arg("proxy").args(more);
        for upstream in upstreams {
            command.args(["--upstream", upstream]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let port = |_: &&str| {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            let rest = line.strip_prefix("http://127.0.0.1:").unwrap_or_else(|| panic!("{line:?}"));
            rest.split(['/', ' ']).next().unwrap().parse().unwrap()
        };
        let ports = upstreams.iter().map(port).collect();
        Proxy { child, ports, root: root.to_owned() }
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.ports[0])
    }

    /// Asks it to end; returns what it said on standard error.
    pub fn end(mut self, signal: &str) -> String {
        kill(signal, self.child.id());
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(status.success(), "{status}: {said}");
        said
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

pub fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status().unwrap().success());
}

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Sends a request and returns head and body of its response, which has a length.
pub fn exchange(port: u16, request: &[u8]) -> (String, Vec<u8>) {
    let mut stream = connect(port);
    stream.write_all(request).unwrap();
    let head = api::read_head(&mut stream).unwrap();
    let length: usize = api::header(&head, "content-length").unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

/// Returns the metadata of all calls below `root`, oldest first, when there are `count`.
pub fn calls(root: &Path, count: usize) -> Vec<Value> {
    let since = Instant::now();
    loop {
        let output = llmlogs(root).args(["export", "jsonl"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut calls: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let are_finished = calls.iter().all(|call| call["state"] == "finished");
        if calls.len() == count && are_finished {
            calls.reverse();
            return calls;
        }
        assert!(since.elapsed() < LONG, "{} calls instead of {count}, or not finished", calls.len());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns whether `needle` stands in any file below `dir`.
pub fn is_written(dir: &Path, needle: &str) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_written(&path, needle);
        }
        let contents = std::fs::read(&path).unwrap();
        contents.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}
