//! What every command stands on: the root, the output, how times are shown.

use std::path::{Path, PathBuf};

use llmlogs_core::read::Root;

use crate::args::Global;
use crate::outcome::CliError;
use crate::output::format::Clock;
use crate::output::out::Out;

/// The parts of a path that a root has below a project's folder.
const USUAL: &str = "llmlogs/apiCall";

pub(crate) struct Env {
    pub(crate) root: Root,
    pub(crate) out: Out,
    pub(crate) json: bool,
    pub(crate) clock: Clock,
}

impl Env {
    pub(crate) fn new(global: &Global, pager: bool) -> Result<Self, CliError> {
        let path = find(global.root.as_deref())?;
        let root = Root::open(&path).map_err(|error| {
            CliError::Root(format!(
                "cannot read the root: {error}\nGive its folder with --root or LLMLOGS_ROOT."
            ))
        })?;
        let out = Out::new(global.color, pager && !global.no_pager);
        Ok(Env { root, out, json: global.json, clock: Clock::new(global.utc) })
    }
}

fn find(given: Option<&Path>) -> Result<PathBuf, CliError> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    if let Some(path) = std::env::var_os("LLMLOGS_ROOT").filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let here = std::env::current_dir()
        .map_err(|error| CliError::Root(format!("cannot tell the current folder: {error}")))?;
    for (up, folder) in here.ancestors().enumerate() {
        let usual = folder.join(USUAL);
        if usual.is_dir() {
            return Ok(if up == 0 { PathBuf::from(USUAL) } else { usual });
        }
        // Someone who stands inside of a root means that one.
        if folder.ends_with(USUAL) {
            return Ok(folder.to_owned());
        }
    }
    Err(CliError::Root(format!(
        "no {USUAL} here or in a parent folder.\nGive the folder of the calls with --root or LLMLOGS_ROOT."
    )))
}
