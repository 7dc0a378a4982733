//! Standard output: colours, width, links, pager.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anstyle::{AnsiColor, Style};

use crate::args::Color;
use crate::output::text::clean;

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const HEADING: Style = AnsiColor::Cyan.on_default().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
pub(crate) const LIVE: Style = AnsiColor::Cyan.on_default();
pub(crate) const MATCH: Style = AnsiColor::Red.on_default().bold();

/// The width if the terminal's is not known.
const WIDTH: usize = 100;

/// Where a command prints.
pub(crate) struct Out {
    sink: Sink,
    terminal: bool,
    color: bool,
    links: bool,
    width: Option<usize>,
}

enum Sink {
    Stdout(BufWriter<StdoutLock<'static>>),
    Pager(Pager),
}

struct Pager {
    child: Child,
    stdin: Option<BufWriter<ChildStdin>>,
}

impl Out {
    pub(crate) fn new(color: Color, pager: bool) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never,
        };
        let sink = match Some(pager && terminal).filter(|wanted| *wanted).and_then(|_| start_pager()) {
            Some(pager) => Sink::Pager(pager),
            None => Sink::Stdout(BufWriter::with_capacity(1 << 16, stdout.lock())),
        };
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let measured = || Some(usize::from(terminal_size::terminal_size()?.0.0));
        let width = terminal.then(|| columns.or_else(measured).unwrap_or(WIDTH).max(40));
        Out { sink, terminal, color, links: terminal && color && knows_links(), width }
    }

    /// Returns whether the output is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Returns how wide a line may be; `None` if nothing is to be cut.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Returns how wide text for people is set.
    pub(crate) fn text_width(&self) -> usize {
        self.width.unwrap_or(WIDTH)
    }

    /// Returns `text` in a style, if the output has styles.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() && style != PLAIN {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// Returns a folder's path, as a link if the terminal knows links.
    pub(crate) fn path(&self, path: &Path) -> String {
        self.link(path, &clean(&path.display().to_string()))
    }

    /// Returns `text` as a link to a folder.
    pub(crate) fn link(&self, path: &Path, text: &str) -> String {
        match path.canonicalize() {
            Ok(target) if self.links => {
                let mut address = String::new();
                for byte in target.to_string_lossy().bytes() {
                    match byte {
                        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                            address.push(byte.into());
                        }
                        _ => address.push_str(&format!("%{byte:02X}")),
                    }
                }
                format!("\x1b]8;;file://{address}\x1b\\{text}\x1b]8;;\x1b\\")
            }
            _ => text.to_owned(),
        }
    }

    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.write_all(text.as_bytes())?;
        self.write_all(b"\n")
    }

    pub(crate) fn blank(&mut self) -> io::Result<()> {
        self.write_all(b"\n")
    }

    /// Prints a value as one line of JSON when piped, indented on a terminal.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        let text = if self.terminal { serde_json::to_vec_pretty(value)? } else { serde_json::to_vec(value)? };
        self.raw_json(&text)?;
        self.write_all(b"\n")
    }

    /// Prints a value as one line of JSON.
    pub(crate) fn json_line(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        self.raw_json(&serde_json::to_vec(value)?)?;
        self.write_all(b"\n")
    }

    /// Prints JSON as it is; on a terminal control characters are escaped, which JSON allows and terminals
    /// need.
    pub(crate) fn raw_json(&mut self, json: &[u8]) -> io::Result<()> {
        if !self.terminal {
            return self.write_all(json);
        }
        let mut safe = String::with_capacity(json.len());
        for c in String::from_utf8_lossy(json).chars() {
            match c {
                '\n' => safe.push(c),
                c if crate::output::text::is_hostile(c) => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => safe.push(c),
            }
        }
        self.write_all(safe.as_bytes())
    }

    /// Flushes the output and waits for the pager's end.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        let flushed = self.flush();
        if let Sink::Pager(pager) = &mut self.sink {
            pager.end();
        }
        flushed
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Stdout(stdout) => stdout.write(bytes),
            Sink::Pager(Pager { stdin: Some(stdin), .. }) => stdin.write(bytes),
            Sink::Pager(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout(stdout) => stdout.flush(),
            Sink::Pager(Pager { stdin: Some(stdin), .. }) => stdin.flush(),
            Sink::Pager(_) => Ok(()),
        }
    }
}

impl Pager {
    fn end(&mut self) {
        drop(self.stdin.take());
        // A pager's exit status says nothing about the command.
        let _status = self.child.wait();
    }
}

impl Drop for Pager {
    fn drop(&mut self) {
        self.end();
    }
}

fn start_pager() -> Option<Pager> {
    let chosen = ["LLMLOGS_PAGER", "PAGER"].into_iter().find_map(|name| std::env::var(name).ok());
    let command = chosen.unwrap_or_else(|| "less".to_owned());
    let mut words = command.split_whitespace();
    let program = words.next().filter(|program| *program != "cat")?;
    let mut pager = Command::new(program);
    pager.args(words).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        // Quit when it fits on one screen, pass colours on, leave the screen as it is.
        pager.env("LESS", "FRX");
    }
    if std::env::var_os("LESSCHARSET").is_none() {
        pager.env("LESSCHARSET", "utf-8");
    }
    let mut child = pager.spawn().ok()?;
    let stdin = child.stdin.take().map(BufWriter::new);
    Some(Pager { child, stdin })
}

/// Returns whether the terminal shows OSC 8 links; those that do not know them may print them.
fn knows_links() -> bool {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    if let Ok(forced) = std::env::var("FORCE_HYPERLINK") {
        return forced != "0";
    }
    let term = var("TERM");
    !var("WT_SESSION").is_empty()
        || !var("KONSOLE_VERSION").is_empty()
        || !var("DOMTERM").is_empty()
        || var("VTE_VERSION").parse().is_ok_and(|version: u32| version >= 5000)
        || matches!(
            var("TERM_PROGRAM").as_str(),
            "iTerm.app" | "WezTerm" | "vscode" | "ghostty" | "Hyper" | "rio"
        )
        || ["kitty", "alacritty", "foot", "ghostty", "contour"].iter().any(|known| term.contains(known))
}

/// Prints a message on standard error.
pub(crate) fn complain(message: &str) {
    let mut stderr = anstream::stderr().lock();
    let mut lines = message.lines();
    // Nothing can be done if this fails.
    let _unprinted = writeln!(stderr, "{BOLD}llmlogs:{BOLD:#} {}", clean(lines.next().unwrap_or_default()));
    for line in lines {
        let _unprinted = writeln!(stderr, "  {}", clean(line));
    }
}
