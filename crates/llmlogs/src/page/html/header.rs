//! The bar above every page: pages, root, range, filter, live or paused. `filter.js` and `live.js` bring it to life.

use maud::{Markup, html};

use super::text::visible;

/// The page that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Current {
    Overview,
    Calls,
    /// A page that shows the same whatever the filter is: another filter leads to the list.
    Other,
}

/// The ranges that one click chooses: their names, and `since` in an address.
const RANGES: [(&str, &str, &str); 4] = [
    ("1h", "1h", "The last hour"),
    ("24h", "24h", "The last 24 hours"),
    ("7d", "7d", "The last seven days"),
    ("all", "", "All days"),
];

/// Returns the bar, which scripts fill from the address. `query` is what its links keep, and `roots` are those that can be
/// chosen, as far as they are known.
pub(crate) fn header(current: Current, query: &str, roots: &[String]) -> Markup {
    let is = |page| (current == page).then_some("page");
    let is_live = current != Current::Other;
    html! {
        header {
            nav aria-label="Pages" {
                a href={ "/" (query) } data-keep aria-current=[is(Current::Overview)] { "Overview" }
                a href={ "/calls" (query) } data-keep aria-current=[is(Current::Calls)] { "Calls" }
            }
            span id="root" hidden {}
            form id="filter" role="search" {
                label hidden { "Root " select name="root" {
                    @for (number, root) in roots.iter().enumerate() { option value=(number) { (visible(root)) } }
                } }
                div.group role="group" aria-label="Range" {
                    @for (name, since, says) in RANGES {
                        button type="button" data-since=(since) title=(says) aria-pressed="false" { (name) }
                    }
                }
                label { "Since " input name="since" placeholder="2h" autocomplete="off" spellcheck="false"; }
                label { "Until " input name="until" placeholder="now" autocomplete="off" spellcheck="false"; }
                label.query {
                    "Filter "
                    input name="q" placeholder="model:gpt* status:error" autocomplete="off" spellcheck="false";
                }
                button { "Show" }
            }
            button id="pause" type="button" aria-pressed="false" hidden[!is_live] { "Pause" }
            span id="state" role="status" hidden[!is_live] {}
        }
    }
}
