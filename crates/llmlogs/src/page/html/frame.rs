//! What is around a page's content.

use maud::{DOCTYPE, Markup, html};

use crate::page::assets;

/// Returns a whole page; `query` is that of the address, which links to other pages keep. `own` is the name of the
/// page's own style sheet and script, if it has them.
pub(crate) fn page(title: &str, query: &str, own: Option<&str>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                title { (title) " – llmlogs" }
                link rel="stylesheet" href=(assets::url("page.css"));
                @if let Some(own) = own {
                    link rel="stylesheet" href=(assets::url(&format!("{own}.css")));
                    script type="module" src=(assets::url(&format!("{own}.js"))) {}
                }
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
