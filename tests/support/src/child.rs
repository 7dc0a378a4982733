//! Processes that a test may kill: the test binary itself, started again in a role.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// Where a child finds its root.
pub const ROOT: &str = "LLMLOGS_TEST_ROOT";

/// This test binary, about to run nothing but the ignored test `role`, which plays the child.
pub fn role(role: &str, root: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", role]).env(ROOT, root).env_remove("LLMLOGS");
    command
}

/// The root that the parent has given.
pub fn root() -> std::path::PathBuf {
    std::env::var_os(ROOT).expect("only a test starts this").into()
}

/// A child whose lines are read.
pub struct Running {
    pub child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

/// What a child says to its parent begins with this; the test harness prints lines of its own.
const MARK: &str = "@@ ";

/// Says something to the parent.
#[allow(clippy::print_stdout, reason = "that is how the parent hears it")]
pub fn tell(words: impl std::fmt::Display) {
    println!("\n{MARK}{words}");
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines }
    }

    /// The next thing that the child says; `None` when it is at its end.
    pub fn hear(&mut self) -> Option<String> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| Some(line.strip_prefix(MARK)?.to_owned()))
    }

    /// Kills it as `kill -9` does; gives what it had still said.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let mut said = Vec::new();
        while let Some(line) = self.hear() {
            said.push(line);
        }
        self.child.wait().unwrap();
        said
    }

    pub fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let mut said = Vec::new();
        while let Some(line) = self.hear() {
            said.push(line);
        }
        (self.child.wait().unwrap(), said)
    }
}
