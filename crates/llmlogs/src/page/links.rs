//! The addresses of the pages. Names of folders may have any characters.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::params::COMMON;

/// What stays as it is in a part of a path, and in a value of a query.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the parameters of `query` that links to other pages keep, with `?` before them if there are any.
pub(crate) fn kept(query: &str) -> String {
    let is_kept = |pair: &&str| COMMON.contains(&pair.split('=').next().unwrap_or_default());
    let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
    if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) }
}

/// Returns the address of the page of the call at `path`, `DAY/SESSION/CALL`; `kept` is as [`kept`] returns it.
pub(crate) fn call(path: &str, kept: &str) -> String {
    format!("/call/{}{kept}", in_path(path))
}

/// Returns the address of the comparison of two calls, by their paths.
pub(crate) fn compare(a: &str, b: &str, kept: &str) -> String {
    let more = kept.replacen('?', "&", 1);
    format!("/compare?a={}&b={}{more}", in_query(a), in_query(b))
}

/// Returns the address of the trace of the session `session` of the day `day`; `own` are the page's own parameters.
pub(crate) fn trace(day: &str, session: &str, own: &[(&str, String)], kept: &str) -> String {
    let own: String = own.iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
    let query = if kept.is_empty() { own.replacen('&', "?", 1) } else { format!("{kept}{own}") };
    format!("/trace/{}/{}{query}", encoded(day), encoded(session))
}

/// Returns the address of the calls that pass this filter alone, in root number `root`.
pub(crate) fn calls(filter: &str, root: usize) -> String {
    let root = if root == 0 { String::new() } else { format!("&root={root}") };
    format!("/calls?q={}{root}", encoded(filter))
}

/// Returns the name of an element, encoded for the end of an address.
pub(crate) fn fragment(name: &str) -> String {
    format!("#{}", encoded(name))
}

fn in_path(path: &str) -> String {
    path.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

/// A slash has no meaning in a query, and reads better.
fn in_query(path: &str) -> String {
    in_path(path)
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        let path = "20251027/session_a&b=1/call_?x#\"<\u{202e}";
        let in_address = "20251027/session_a%26b%3D1/call_%3Fx%23%22%3C%E2%80%AE";
        assert_eq!(call(path, "?root=1"), format!("/call/{in_address}?root=1"));
        assert_eq!(compare(path, "b", "?root=1&q=a"), format!("/compare?a={in_address}&b=b&root=1&q=a"));
        assert_eq!(compare("a", "b", ""), "/compare?a=a&b=b");
        let page = [("page", "2".to_owned())];
        assert_eq!(trace("1", "s/x", &page, ""), "/trace/1/s%2Fx?page=2");
        assert_eq!(trace("1", "s", &page, "?root=1"), "/trace/1/s?root=1&page=2");
        assert_eq!(calls("status:error", 1), "/calls?q=status%3Aerror&root=1");
    }

    #[test]
    fn what_belongs_to_one_page_alone_is_left_out() {
        assert_eq!(kept("a=1&root=1&q=model%3Agpt*&b=2"), "?root=1&q=model%3Agpt*");
        assert_eq!(kept("a=1&rooted=2"), "");
        assert_eq!(kept(""), "");
    }
}
