//! axe-core: what of a page people cannot use who do not see it well, or have no mouse.

use std::fs;
use std::path::Path;

use serde_json::Value;
use thirtyfour::prelude::*;

use crate::browser::Browser;

/// Where `.ci/run` puts it: it is not part of the repository, because its licence is the MPL.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/ci-tools/axe-core/axe.min.js");

/// The script.
pub struct Axe(String);

impl Axe {
    /// Reads the script. Where it is missing, says that nothing is tested, and returns `None`.
    pub fn load() -> Option<Self> {
        if !Path::new(PATH).exists() {
            crate::skip("axe-core is not in target/ci-tools; .ci/browser gets it");
            return None;
        }
        Some(Axe(fs::read_to_string(PATH).unwrap()))
    }

    /// Returns what is serious or critical on the page, one line for each element.
    pub async fn serious(&self, browser: &Browser) -> WebDriverResult<Vec<String>> {
        browser.run(&format!("if (!window.axe) {{ {} }}", self.0)).await?;
        let script = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']})
            .then((found) => done(found.violations), (error) => done([{impact: 'critical', id: String(error), nodes: []}]));";
        let violations = browser.driver().execute_async(script, []).await?.json().clone();
        let mut serious = Vec::new();
        for violation in violations.as_array().into_iter().flatten() {
            if !matches!(violation["impact"].as_str(), Some("serious" | "critical")) {
                continue;
            }
            let nodes = violation["nodes"].as_array().map_or(&[][..], Vec::as_slice);
            serious.push(format!("{} ({}), {} elements", violation["id"], violation["help"], nodes.len()));
            let of = |node: &Value| format!("  {} {}", node["html"], node["failureSummary"]);
            serious.extend(nodes.iter().take(3).map(of));
        }
        Ok(serious)
    }
}
