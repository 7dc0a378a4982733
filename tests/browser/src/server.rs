//! `llmlogs serve`, the real one.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A served page; it ends with this.
pub struct Server {
    child: Child,
    /// What it printed: the address with the token.
    pub url: String,
}

impl Server {
    /// Serves the root.
    pub fn start(root: &Path) -> Self {
        Server::start_with(&[root], &[])
    }

    /// Serves the roots with further options.
    pub fn start_with(roots: &[&Path], options: &[&str]) -> Self {
        let mut command = Command::new(command());
        for root in roots {
            command.arg("--root").arg(root);
        }
        let mut child = command
            .arg("serve")
            .args(options)
            .env("TZ", "UTC")
            .env_remove("LLMLOGS_ROOT")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "the first line is the address: {url}");
        Server { child, url: url.trim_end().to_owned() }
    }

    /// Returns the address of a page, without the token.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// Returns the origin, without a slash at the end.
    pub fn origin(&self) -> &str {
        self.url.split_once("/?").map_or(self.url.trim_end_matches('/'), |(origin, _)| origin)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Returns the command, built once. It belongs to another package, so that cargo does not build it for these tests by
/// itself.
pub fn command() -> &'static Path {
    static COMMAND: OnceLock<PathBuf> = OnceLock::new();
    COMMAND.get_or_init(|| {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        let build = build.args([
            "build",
            "--quiet",
            "--package",
            "llmlogs",
            "--bin",
            "llmlogs",
            "--manifest-path",
            manifest,
        ]);
        let status = build.status().unwrap();
        assert!(status.success(), "the command cannot be built: {status}");
        // …/target/debug/deps/browser-1234 or …/target/debug/screenshots.
        let program = env::current_exe().unwrap();
        let folders = program.ancestors().skip(1);
        let found = folders.map(|folder| folder.join("llmlogs")).find(|path| path.is_file());
        found.expect("cargo puts all programs of a workspace into one folder")
    })
}
