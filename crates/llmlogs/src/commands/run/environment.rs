//! The environment of the child: which variables change, and to what.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::Write;

use crate::outcome::{CliError, Outcome};
use crate::proxy::Upstream;

/// Where programs find which hosts they reach without the proxy that the environment names.
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"];
const LOOPBACK: &str = "127.0.0.1,localhost,::1";

/// The variables of a process.
#[derive(Debug, Default, Clone)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Returns those of this process; one that is no UTF-8 is none that a client reads.
    pub(crate) fn of_process() -> Self {
        let texts =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Environment(std::env::vars_os().filter_map(texts).collect())
    }

    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        Environment(pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Returns a variable that is set to something.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }
}

/// Which variables name which upstream.
#[derive(Debug, Default)]
pub(crate) struct Settings(Vec<Setting>);

/// A variable, and the upstream that its value names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) upstream: Upstream,
}

impl Settings {
    /// Adds a setting unless there is one of the same variable.
    pub(crate) fn put(&mut self, name: &str, upstream: Upstream) {
        if !self.0.iter().any(|setting| setting.name == name) {
            self.0.push(Setting { name: name.to_owned(), upstream });
        }
    }

    /// Adds the user's own, which win.
    pub(crate) fn add(&mut self, own: &[(String, Upstream)]) {
        for (name, upstream) in own {
            self.0.retain(|setting| setting.name != *name);
            self.0.push(Setting { name: name.clone(), upstream: upstream.clone() });
        }
    }

    /// Returns what the child's environment has otherwise; `port_of` makes a proxy for an upstream.
    pub(crate) fn changes(
        &self,
        environment: &Environment,
        mut port_of: impl FnMut(&Upstream) -> Result<u16, CliError>,
    ) -> Result<Vec<Change>, CliError> {
        let mut changes = Vec::new();
        for setting in &self.0 {
            let value = setting.upstream.through(port_of(&setting.upstream)?);
            let upstream = Some(setting.upstream.to_string());
            changes.push(Change { name: setting.name.clone(), value, upstream });
        }
        // Where a proxy is named, the way to this one must not lead through it.
        if !changes.is_empty() && PROXIES.iter().any(|name| environment.get(name).is_some()) {
            let before = NO_PROXY.iter().find_map(|name| environment.get(name));
            let value = before.map_or_else(|| LOOPBACK.to_owned(), |before| format!("{before},{LOOPBACK}"));
            changes.extend(NO_PROXY.map(|name| Change {
                name: name.to_owned(),
                value: value.clone(),
                upstream: None,
            }));
        }
        Ok(changes)
    }
}

/// A variable that the child sees with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) name: String,
    pub(crate) value: String,
    /// What it stands for; `None` for a list of hosts.
    upstream: Option<String>,
}

impl Change {
    pub(crate) fn pair(&self) -> (&str, &str) {
        (&self.name, &self.value)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)?;
        match &self.upstream {
            Some(upstream) => write!(f, " ({upstream})"),
            None => Ok(()),
        }
    }
}

/// Prints what would be set, in the syntax of a shell.
pub(crate) fn print(changes: &[Change], arguments: &[String]) -> Result<Outcome, CliError> {
    let mut stdout = std::io::stdout();
    for change in changes {
        writeln!(stdout, "{}={}", change.name, quoted(&change.value))?;
    }
    if !arguments.is_empty() {
        writeln!(stdout, "# before the program's own arguments: {}", arguments.join(" "))?;
    }
    Ok(Outcome::Found)
}

fn quoted(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/:.,_-[]".contains(&byte);
    if value.bytes().all(is_plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}
