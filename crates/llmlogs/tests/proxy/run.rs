//! A program and its calls.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Output, Stdio};

use crate::api::{Api, QUESTION, REPLY, json, post};
use crate::command::{calls, exchange, kill, llmlogs};

/// Runs `sh -c SCRIPT` under `run` with these options.
fn sh(root: &std::path::Path, options: &[&str], script: &str) -> Command {
    let mut command = llmlogs(root);
    command.arg("run").args(options).args(["--", "sh", "-c", script]);
    command
}

fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

/// What this test binary does as a child: one call to where `OPENAI_BASE_URL` says.
#[test]
#[ignore = "the child of another test"]
fn client() {
    let base = std::env::var("OPENAI_BASE_URL").unwrap();
    let rest = base.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let port = host.split_once(':').unwrap().1.parse().unwrap();
    let request = post(host, &format!("/{path}/chat/completions"), "", QUESTION.as_bytes());
    assert!(exchange(port, &request).0.starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_programs_calls_are_recorded_under_the_hosts_own_name() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::start(json("200 OK", REPLY));
    let mut command = llmlogs(root.path());
    command.env("OPENAI_BASE_URL", format!("{}/gateway/v1", api.url())).args(["run", "--"]);
    command.arg(std::env::current_exe().unwrap()).args(["--ignored", "--exact", "run::client"]);
    let output = output(command);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(api.next_request().head.starts_with("POST /gateway/v1/chat/completions HTTP/1.1\r\n"));
    let calls = calls(root.path(), 1);
    assert_eq!(calls[0]["metadata"]["api_info"]["base_url"], api.url());
    let summary = said.lines().last().unwrap();
    assert!(summary.starts_with("llmlogs: 1 call, 7 tokens, 0.0000 USD; "), "{summary}");
    assert!(said.contains(&format!("({}/gateway/v1)", api.url())), "{said}");
}

#[test]
fn the_standard_streams_are_the_programs_own() {
    let root = tempfile::tempdir().unwrap();
    let mut command = sh(root.path(), &["-q"], "cat; echo problem >&2; exit 42");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"through\xff\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(42));
    assert_eq!(output.stdout, b"through\xff\n");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().last(), Some("problem"), "-q drops the summary: {said}");
}

#[test]
fn a_program_that_a_signal_ends_has_the_status_that_a_shell_gives() {
    let root = tempfile::tempdir().unwrap();
    for (signal, code) in [("KILL", 137), ("TERM", 143), ("SEGV", 139)] {
        let output = output(sh(root.path(), &[], &format!("kill -{signal} $$")));
        assert_eq!(output.status.code(), Some(code), "{signal}");
        assert!(
            String::from_utf8(output.stderr)
                .unwrap()
                .lines()
                .last()
                .unwrap()
                .starts_with("llmlogs: no calls")
        );
    }
}

#[test]
fn signals_are_handed_on() {
    let root = tempfile::tempdir().unwrap();
    let signals = [
        "INT", "TERM", "HUP", "USR1", "USR2", "QUIT", "ALRM", "VTALRM", "PROF", "IO", "XCPU", "XFSZ", "WINCH",
    ];
    for (signal, code) in signals.into_iter().zip(1..) {
        let script =
            format!("trap 'echo got; exit {code}' {signal}; echo ready; while :; do sleep 0.05; done");
        let mut command = sh(root.path(), &["-q"], &script);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        kill(signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "got\n", "{signal} came once");
    }
}

#[test]
fn print_env_runs_nothing() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("made");
    let script = format!("mkdir {}", folder.display());
    let mut command = sh(root.path(), &["--print-env", "--set", "MY_URL=https://api.example/x"], &script);
    command.env_remove("OPENAI_BASE_URL");
    let output = output(command);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.lines()
            .any(|line| line.starts_with("OPENAI_BASE_URL=http://127.0.0.1:") && line.ends_with("/v1")),
        "{text}"
    );
    assert!(
        text.lines().any(|line| line.starts_with("MY_URL=http://127.0.0.1:") && line.ends_with("/x")),
        "{text}"
    );
    assert!(!folder.exists());
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_run_is_told() {
    let root = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let mut command = llmlogs(root.path());
        command.arg("run").args(args);
        output(command)
    };
    let missing = run(&["--", "no-such-program-here"]);
    assert_eq!(missing.status.code(), Some(127));
    assert!(String::from_utf8(missing.stderr).unwrap().contains("no-such-program-here is not found"));
    assert_eq!(run(&["--for", "nobody", "--", "true"]).status.code(), Some(2));
    assert_eq!(run(&["--set", "X", "--", "true"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
}

#[test]
fn the_page_is_shown_while_a_program_runs() {
    let root = tempfile::tempdir().unwrap();
    let mut command = sh(root.path(), &["--serve", "--for", "groq"], "read line");
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut url = String::new();
    while !url.contains("token=") {
        url.clear();
        assert_ne!(said.read_line(&mut url).unwrap(), 0);
    }
    let (port, token) = url.trim().rsplit_once("127.0.0.1:").unwrap().1.split_once("/?token=").unwrap();
    let port: u16 = port.parse().unwrap();
    let question = format!(
        "GET /api/calls HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    let mut stream = crate::command::connect(port);
    stream.write_all(question.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "the page ends with the run");
}
