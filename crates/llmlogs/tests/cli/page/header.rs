//! The bar above every page: root, range, filter, live or paused.

use crate::tree::Tree;

use super::Server;

const CALL: &str = "20251027/session_20251027_040210/call_20251027_040210_001";
const OTHER: &str = "20251027/session_20251027_040210/call_20251027_040220_002";

#[test]
fn every_page_has_root_range_filter_and_pause() {
    let tree = Tree::usual();
    let root = tree.root().display().to_string();
    let server = Server::start(tree.folder(), &["--root", &root, "--root", "second & \"last\""]);
    let pages = [
        (200, "/".to_owned()),
        (200, "/calls".to_owned()),
        (200, format!("/call/{CALL}?q=status:error")),
        (404, format!("/call/{CALL}9?q=status:error")),
        (200, format!("/compare?a={CALL}&b={OTHER}&q=status:error")),
        (400, "/compare?q=status:error".to_owned()),
        (404, format!("/compare?a={CALL}9&q=status:error")),
        (200, "/trace/20251027/session_20251027_040210?q=status:error".to_owned()),
        (404, "/trace/20251027/session_20990101_000000?q=status:error".to_owned()),
    ];
    for (status, path) in pages {
        let page = server.get(&path);
        assert_eq!(page.status, status, "{path}");
        for part in [
            "<form id=\"filter\" role=\"search\">",
            "<select name=\"root\">",
            "name=\"since\"",
            "name=\"q\"",
            "data-since=\"24h\"",
            "id=\"pause\"",
            "id=\"state\"",
            "<script type=\"module\"",
        ] {
            assert_eq!(page.body.matches(part).count(), 1, "{path}: {part} in {}", page.body);
        }
        if path.contains("q=") {
            // Without scripts, links keep the filter, too.
            assert!(page.body.contains("href=\"/calls?q=status:error\""), "{path}: {}", page.body);
            let option = "<option value=\"1\">second &amp; &quot;last&quot;</option>";
            assert!(page.body.contains(option), "{path}: {}", page.body);
        }
    }
}
