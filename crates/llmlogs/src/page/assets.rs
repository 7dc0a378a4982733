//! Files for the browser, which are part of the program.
//!
//! A file has the address `/assets/HASH/NAME`, where `HASH` is one over all files: what a browser keeps for a year is asked
//! for anew by the next version, and a module finds the others of its version by relative imports. `/assets/NAME` is the
//! same file, which no browser keeps.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use super::headers::Immutable;
use super::html::{Current, header};

const HTML: &str = "text/html; charset=utf-8";
const ICON: &str = "image/svg+xml";

/// A file's name below `/assets/`, and what is in it.
type Asset = (&'static str, &'static str);

macro_rules! assets {
    ($($name:literal)*) => { [$(($name, include_str!(concat!("assets/", $name)))),*] };
}

/// All files but the pages themselves.
static ASSETS: &[Asset] = &assets! {
    "address.js"
    "ask.js"
    "call.css"
    "call.js"
    "calls.css"
    "calls.js"
    "charts.js"
    "compare.css"
    "compare.js"
    "copy.js"
    "dom.js"
    "empty.js"
    "facets.js"
    "filter.js"
    "format.js"
    "grid.js"
    "icon.svg"
    "keys.js"
    "live.js"
    "other.js"
    "overview.css"
    "overview.js"
    "page.css"
    "patch.js"
    "peek.js"
    "progress.js"
    "range.js"
    "row.js"
    "rows.js"
    "scroll.js"
    "series.js"
    "spark.js"
    "stream.js"
    "suggest.js"
    "tables.js"
    "terms.js"
    "tiles.js"
    "trace.css"
    "trace.js"
    "vendor/uplot/LICENSE"
    "vendor/uplot/uPlot.esm.js"
    "vendor/uplot/uPlot.min.css"
};

/// The hash over all files, as 16 hexadecimal digits.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = Sha256::new();
    for (name, text) in ASSETS {
        hasher.update(name);
        hasher.update([0]);
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    let mut hash = String::with_capacity(16);
    for byte in &hasher.finalize()[..8] {
        // Writing to a string cannot fail.
        let _infallible = write!(hash, "{byte:02x}");
    }
    hash
});

/// Returns the address of the file `name`, which a browser may keep.
pub(crate) fn url(name: &str) -> String {
    format!("/assets/{}/{name}", *HASH)
}

/// Returns the routes of the static pages and of what all pages load.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let overview = page(include_str!("assets/overview.html"), Current::Overview);
    let calls = page(include_str!("assets/calls.html"), Current::Calls);
    Router::new()
        .route("/", get(|| kept_by_nobody(HTML, overview)))
        .route("/calls", get(|| kept_by_nobody(HTML, calls)))
        // Browsers ask for it whatever the page says.
        .route("/favicon.ico", get(|| kept_by_nobody(ICON, include_str!("assets/icon.svg").to_owned())))
        .route("/assets/{*path}", get(asset))
}

/// Returns a static page with its header, and with the addresses of the files that it loads.
fn page(html: &str, current: Current) -> String {
    html.replace("<!-- header -->", &header(current, "", &[]).into_string())
        .replace("\"/assets/", &format!("\"/assets/{}/", *HASH))
}

async fn kept_by_nobody(kind: &'static str, text: String) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind)], text)
}

async fn asset(Path(path): Path<String>) -> Response {
    let hashed = path.strip_prefix(HASH.as_str()).and_then(|rest| rest.strip_prefix('/'));
    let name = hashed.unwrap_or(&path);
    let Some((name, text)) = ASSETS.iter().find(|(known, _)| *known == name) else {
        return (StatusCode::NOT_FOUND, "There is no such file in this version.\n").into_response();
    };
    let mut response = ([(CONTENT_TYPE, kind(name))], Body::from(*text)).into_response();
    if hashed.is_some() {
        response.extensions_mut().insert(Immutable);
    }
    response
}

/// Returns the media type of a file.
fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => ICON,
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of the files in the npm package uplot 1.6.32, whose `dist.integrity` is
    /// `sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==`.
    const UPLOT: [(&str, &str); 3] = [
        ("LICENSE", "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd"),
        ("uPlot.esm.js", "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba"),
        ("uPlot.min.css", "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"),
    ];

    #[test]
    fn uplot_is_the_published_one() {
        let vendored =
            ASSETS.iter().filter_map(|(name, text)| Some((name.strip_prefix("vendor/uplot/")?, text)));
        let hashed: Vec<_> = vendored
            .map(|(name, text)| {
                let hash = Sha256::digest(text);
                (name, hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
            })
            .collect();
        assert_eq!(hashed, UPLOT.map(|(name, hash)| (name, hash.to_owned())));
    }

    #[test]
    fn a_page_without_calls_shows_the_readmes_first_program() {
        let readme = include_str!("../../../../README.md");
        let (_, script) = ASSETS.iter().find(|(name, _)| *name == "empty.js").unwrap();
        for (fence, name) in
            [("```rust,no_run\n", "PROGRAM = String.raw`"), ("```sh\ncargo add ", "CRATES = `cargo add ")]
        {
            let of_readme = readme.split(fence).nth(1).unwrap().split("```").next().unwrap();
            let shown = script.split(name).nth(1).unwrap().split("`;").next().unwrap();
            // The command is there: it shows the page.
            let of_readme: String =
                of_readme.split_inclusive('\n').filter(|line| !line.starts_with("cargo install")).collect();
            assert_eq!(shown, of_readme);
        }
    }

    #[test]
    fn every_import_is_a_file_that_is_there() {
        for (name, text) in ASSETS.iter().filter(|(name, _)| name.ends_with(".js")) {
            let imports =
                text.lines().filter(|line| line.starts_with("import ") || line.starts_with("export {"));
            for path in imports.filter_map(|line| line.split(" from \"").nth(1)?.strip_suffix("\";")) {
                let imported = path.strip_prefix("./").unwrap_or_else(|| panic!("{name} imports {path}"));
                assert!(ASSETS.iter().any(|(known, _)| *known == imported), "{name} imports {path}");
            }
        }
    }
}
