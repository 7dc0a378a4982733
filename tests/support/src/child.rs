//! Processes that a test may kill: the test binary itself, started again in a role.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// The environment variable that names the root of a child.
pub const ROOT: &str = "LLMLOGS_TEST_ROOT";

/// Returns the command that runs, of this test binary, only the ignored test `role`, which is the child.
pub fn role(role: &str, root: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", role]).env(ROOT, root).env_remove("LLMLOGS");
    command
}

/// Returns the root that the parent chose.
pub fn root() -> std::path::PathBuf {
    std::env::var_os(ROOT).expect("only a test starts this").into()
}

/// A child whose reports are read.
pub struct Running {
    pub child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

/// The beginning of a report; the test harness prints lines of its own.
const MARK: &str = "@@ ";

/// Sends a report to the parent.
#[allow(clippy::print_stdout, reason = "the parent reads standard output")]
pub fn report(words: impl std::fmt::Display) {
    println!("\n{MARK}{words}");
}

impl Running {
    /// Starts the child.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines }
    }

    /// Waits for the child's next report; `None` when it has ended.
    pub fn next_report(&mut self) -> Option<String> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| Some(line.strip_prefix(MARK)?.to_owned()))
    }

    /// Kills the child as `kill -9` does; returns the reports that were still unread.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let mut reports = Vec::new();
        while let Some(line) = self.next_report() {
            reports.push(line);
        }
        self.child.wait().unwrap();
        reports
    }

    /// Waits for the end of the child; returns its exit status and the reports that were still unread.
    pub fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let mut reports = Vec::new();
        while let Some(line) = self.next_report() {
            reports.push(line);
        }
        (self.child.wait().unwrap(), reports)
    }
}
