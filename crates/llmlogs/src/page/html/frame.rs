//! What is around a page's content.

use maud::{DOCTYPE, Markup, html};

use crate::page::assets;
use crate::page::roots::Roots;

use super::header::{Current, header};

/// Returns a whole page; `query` is that of the address, which links to other pages keep. `own` is the name of the page's
/// own style sheet and script; a page without them has the script that all have.
pub(crate) fn page(roots: &Roots, title: &str, query: &str, own: Option<&str>, content: &Markup) -> Markup {
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
                }
                script type="module" src=(assets::url(&format!("{}.js", own.unwrap_or("other")))) {}
            }
            body {
                (header(Current::Other, query, &roots.names()))
                main { (content) }
            }
        }
    }
}
