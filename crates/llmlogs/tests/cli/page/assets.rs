//! The files that the pages load.

use crate::tree::Tree;

use super::Server;

/// The addresses in a page that are in quotes and begin with `start`.
fn quoted<'a>(page: &'a str, start: &str) -> Vec<&'a str> {
    page.split('"').filter(|text| text.starts_with(start)).collect()
}

#[test]
fn what_a_page_loads_is_kept_by_a_browser_until_it_changes() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let call = "/call/20251027/session_20251027_040210/call_20251027_040210_001";
    for page in ["/", "/calls", call] {
        let page = server.get(page);
        assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
        let loaded = quoted(&page.body, "/assets/");
        assert!(!loaded.is_empty(), "{}", page.body);
        for path in loaded {
            let file = server.get(path);
            assert_eq!(file.status, 200, "{path}");
            assert_eq!(file.header("cache-control"), Some("private, max-age=31536000, immutable"), "{path}");
            let hash = path.strip_prefix("/assets/").unwrap().split_once('/').unwrap().0;
            assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{path}");
            // A module's imports are of the same version.
            for import in quoted(&file.body, "./") {
                let imported = format!("/assets/{hash}/{}", &import[2..]);
                let file = server.get(&imported);
                assert_eq!(file.header("content-type"), Some("text/javascript; charset=utf-8"), "{imported}");
                assert_eq!(file.status, 200, "{imported}");
            }
        }
    }
}

#[test]
fn a_file_of_another_version_is_not_there() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    for path in [
        "/assets/0123456789abcdef/page.css",
        "/assets/",
        "/assets/page.html",
        "/assets/../page.css",
        "/assets/%2e%2e/x",
    ] {
        let response = server.get(path);
        assert_eq!((response.status, response.header("cache-control")), (404, Some("no-store")), "{path}");
    }
    let plain = server.get("/assets/page.css");
    assert_eq!((plain.status, plain.header("cache-control")), (200, Some("no-store")));
    let licence = server.get("/assets/vendor/uplot/LICENSE");
    assert!(licence.body.starts_with("The MIT License"), "{}", licence.body);
}

#[test]
fn a_file_without_the_token_is_refused_and_kept_by_nobody() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let page = server.get("/").body;
    let path = quoted(&page, "/assets/")[0];
    let refused = server.request("GET", path, &[]);
    assert_eq!((refused.status, refused.header("cache-control")), (401, Some("no-store")));
}
