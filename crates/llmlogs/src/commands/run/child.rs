//! The program: started, sent the signals that come here, waited for.

use std::io::ErrorKind;
use std::process::{Child, Command, ExitStatus};

use crate::outcome::CliError;
use crate::output::out::complain;

/// Runs `command` to its end, with this process's own standard streams; returns the status to exit with.
pub(crate) fn run(mut command: Command, name: &str) -> Result<u8, CliError> {
    // Before the child is there, so that no signal is lost between.
    let signals = Signals::block()?;
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(not_started(name, &error)),
    };
    let handing_on = signals.hand_on_to(&child);
    let status = child.wait().map_err(|error| CliError::Failed(format!("cannot wait for {name}: {error}")));
    handing_on.end();
    status.map(exit_code)
}

/// Says why there is no child; returns the status that shells have for it.
fn not_started(name: &str, error: &std::io::Error) -> u8 {
    if error.kind() == ErrorKind::NotFound {
        complain(&format!("{name} is not found: is it installed, and in PATH?"));
        return 127;
    }
    complain(&format!("cannot start {name}: {error}"));
    126
}

/// Returns the child's status; 128 and the signal's number, as shells do, if one ended it.
fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The signals that end or steer a program, so that they reach the child.
///
/// Those that the terminal sends go to all of its foreground processes, the child among them: only what another process
/// sends to this one is handed on.
#[cfg(unix)]
struct Signals {
    handle: signal_hook::iterator::Handle,
    iterator: signal_hook::iterator::SignalsInfo<signal_hook::iterator::exfiltrator::WithOrigin>,
}

#[cfg(unix)]
impl Signals {
    /// From here on these signals do not end this process.
    fn block() -> Result<Self, CliError> {
        use signal_hook::consts::{
            SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH,
            SIGXCPU, SIGXFSZ,
        };
        // Those that would end this process among them: the child would be left without its API.
        let iterator = signal_hook::iterator::SignalsInfo::new([
            SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH,
            SIGXCPU, SIGXFSZ,
        ])
        .map_err(|error| CliError::Failed(format!("cannot watch for signals: {error}")))?;
        Ok(Signals { handle: iterator.handle(), iterator })
    }

    fn hand_on_to(self, child: &Child) -> HandingOn {
        let (handle, mut iterator) = (self.handle, self.iterator);
        let child = rustix::process::Pid::from_child(child);
        std::thread::spawn(move || {
            for origin in &mut iterator {
                let Some(signal) = rustix::process::Signal::from_named_raw(origin.signal) else { continue };
                if origin.process.is_some() {
                    // The child may have ended meanwhile; it is not waited for yet, so that its number is still its own.
                    let _gone = rustix::process::kill_process(child, signal);
                }
            }
        });
        HandingOn(handle)
    }
}

/// Signals are handed on until this ends.
#[cfg(unix)]
struct HandingOn(signal_hook::iterator::Handle);

#[cfg(unix)]
impl HandingOn {
    fn end(self) {
        self.0.close();
    }
}

/// Elsewhere the console sends Ctrl-C to both.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn block() -> Result<Self, CliError> {
        Ok(Signals)
    }

    fn hand_on_to(self, _child: &Child) -> Self {
        self
    }

    fn end(self) {}
}
