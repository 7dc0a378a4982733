//! The bar above every page: pages, root, range, filter, live or paused. `filter.js` and `live.js` bring it to life.

use maud::{Markup, html};

/// The page that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Current {
    Overview,
    Calls,
}

/// The ranges that one click chooses: their names, and `since` in an address.
const RANGES: [(&str, &str, &str); 4] = [
    ("1h", "1h", "The last hour"),
    ("24h", "24h", "The last 24 hours"),
    ("7d", "7d", "The last seven days"),
    ("all", "", "All days"),
];

/// Returns the bar of the overview and of the list, where scripts fill it from the address.
pub(crate) fn header(current: Current) -> Markup {
    let is = |page| (current == page).then_some("page");
    html! {
        header {
            nav aria-label="Pages" {
                a href="/" data-keep aria-current=[is(Current::Overview)] { "Overview" }
                a href="/calls" data-keep aria-current=[is(Current::Calls)] { "Calls" }
            }
            form id="filter" role="search" {
                label { "Root " select name="root" {} }
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
            button id="pause" type="button" aria-pressed="false" { "Pause" }
            span id="state" role="status" {}
        }
    }
}
