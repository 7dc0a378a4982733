//! What is around a page's content.

use maud::{DOCTYPE, Markup, html};

use crate::page::assets;

/// Returns a whole page; `query` is that of the address, which links to other pages keep.
pub(crate) fn page(title: &str, query: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                title { (title) " – llmlogs" }
                link rel="stylesheet" href=(assets::url("page.css"));
            }
            body {
                header {
                    nav aria-label="Pages" {
                        a href={ "/" (query) } { "Overview" } " "
                        a href={ "/calls" (query) } { "Calls" }
                    }
                }
                main { (content) }
            }
        }
    }
}
