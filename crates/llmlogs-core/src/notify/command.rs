//! A program that is started for each notice.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::format::Alert;

use super::channel::{Notify, NotifyError};

/// How long a program may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often is looked whether it has ended.
const POLL: Duration = Duration::from_millis(20);

/// A program that is started for each notice, without a shell, with the alert as one line of JSON on its standard input.
///
/// A program that ends with another status than 0, or takes more than 10 seconds, has failed; it is stopped then. Its
/// output goes nowhere.
///
/// ```
/// use tracing_llmlogs::{AlertCommand, Alerts};
///
/// let alerts = Alerts::new().notify(AlertCommand::new("/usr/local/bin/page-me").arg("--team").arg("ml"));
/// ```
#[derive(Clone)]
pub struct AlertCommand {
    program: OsString,
    arguments: Vec<OsString>,
    timeout: Duration,
}

impl AlertCommand {
    /// Returns the command that starts `program`, by its path or from `PATH`.
    pub fn new(program: impl Into<OsString>) -> Self {
        AlertCommand { program: program.into(), arguments: Vec::new(), timeout: TIMEOUT }
    }

    /// Adds an argument, which the program gets as it is.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    fn run(&self, alert: &Alert) -> io::Result<Option<ExitStatus>> {
        let line = alert.to_line()?;
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // On a thread of its own: a program that does not read its input must not block this one.
        if let Some(mut stdin) = child.stdin.take() {
            thread::Builder::new().name("llmlogs-notify-input".to_owned()).spawn(move || {
                // A program may end without having read it; its status tells whether that is well.
                let _unread = stdin.write_all(&line);
            })?;
        }
        wait(&mut child, self.timeout)
    }
}

/// Waits for the program's end; stops it after `timeout` and returns `None`.
fn wait(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= timeout {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

impl Notify for AlertCommand {
    fn notify(&mut self, alert: &Alert) -> Result<(), NotifyError> {
        match self.run(alert) {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(NotifyError::new(status.to_string())),
            Ok(None) => Err(NotifyError::new(format!("it took more than {} s", self.timeout.as_secs()))),
            // The error of the operating system names no path.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(NotifyError::new("there is no such program").permanent())
            }
            Err(error) => Err(NotifyError::new(format!("it cannot be started: {error}"))),
        }
    }

    fn name(&self) -> &'static str {
        "command"
    }
}

/// Without the arguments, among which a credential may be.
impl fmt::Debug for AlertCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertCommand").field("program", &self.program).finish_non_exhaustive()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> AlertCommand {
        AlertCommand { timeout: Duration::from_secs(5), ..AlertCommand::new("/bin/sh").arg("-c").arg(script) }
    }

    #[test]
    fn a_program_gets_the_alert_on_its_standard_input() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("got it; rm -rf x");
        let alert =
            Alert { alert_id: "s-1".into(), message: "5 calls; $(failed)".into(), ..Alert::default() };
        let mut command = shell("cat > \"$0\"").arg(&file);
        command.notify(&alert).unwrap();
        let line = std::fs::read(&file).unwrap();
        assert_eq!(serde_json::from_slice::<Alert>(&line).unwrap(), alert);
        assert!(line.ends_with(b"}\n"));
    }

    #[test]
    fn a_program_that_fails_hangs_or_is_missing_is_an_error() {
        let reason = |mut command: AlertCommand| command.notify(&Alert::default()).unwrap_err().to_string();
        assert_eq!(reason(shell("exit 3")), "exit status: 3");
        assert_eq!(reason(AlertCommand::new("/no/such/program").arg("secret")), "there is no such program");
        let hanging = AlertCommand { timeout: Duration::from_millis(50), ..shell("exec sleep 60") };
        let start = Instant::now();
        assert!(reason(hanging).starts_with("it took more than"));
        assert!(start.elapsed() < Duration::from_secs(30));
        let debug = format!("{:?}", AlertCommand::new("page").arg("secret"));
        assert!(debug.contains("page") && !debug.contains("secret"));
    }
}
