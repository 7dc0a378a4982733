//! Elements by role and name, as somebody finds them who does not see the page: so that tests survive its styling.

use serde_json::json;
use thirtyfour::prelude::*;

/// A role of WAI-ARIA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Alert,
    Button,
    Checkbox,
    Combobox,
    Heading,
    Link,
    Region,
    Row,
    Tab,
    Table,
    Textbox,
}

impl Role {
    /// Returns the selector of the elements that have the role by nature or by attribute.
    fn selector(self) -> &'static str {
        match self {
            Role::Alert => "[role=alert]",
            Role::Button => "button:not([role]), summary, [role=button]",
            Role::Checkbox => "input[type=checkbox], [role=checkbox]",
            Role::Combobox => "select, [role=combobox]",
            Role::Heading => "h1, h2, h3, h4, h5, h6",
            Role::Link => "a[href]:not([role])",
            Role::Region => "[role=region], section[aria-label], section[aria-labelledby]",
            Role::Row => "tr, [role=row]",
            Role::Tab => "[role=tab]",
            Role::Table => "table, [role=table], [role=grid]",
            Role::Textbox => {
                "input:not([type]), input[type=text], input[type=search], textarea, input[type=datetime-local]"
            }
        }
    }
}

/// The name as the accessible name's computation has it, as far as these pages use it.
const SCRIPT: &str = r#"
const [selector, name] = arguments;
const words = (text) => (text ?? "").replace(/\s+/g, " ").trim();
const nameOf = (element) => {
  const by = element.getAttribute("aria-labelledby");
  if (by) return words(by.split(/\s+/).map((id) => document.getElementById(id)?.textContent).join(" "));
  if (element.getAttribute("aria-label")) return words(element.getAttribute("aria-label"));
  if (element.labels?.length) return words([...element.labels].map((label) =>
    [...label.childNodes].filter((node) => node !== element && !node.contains?.(element)).map((node) => node.textContent).join(" ")).join(" "));
  if (element.tagName === "TABLE") return words(element.caption?.textContent);
  return words(element.innerText) || words(element.getAttribute("title")) || words(element.placeholder);
};
return [...document.querySelectorAll(selector)].filter((element) =>
  element.checkVisibility() && (name === "" || nameOf(element) === name));
"#;

/// Returns the visible elements of the role with this name, in the page's order; `None` if there are none.
pub(crate) async fn all(
    driver: &WebDriver,
    role: Role,
    name: &str,
) -> WebDriverResult<Option<Vec<WebElement>>> {
    let found = driver.execute(SCRIPT, [json!(role.selector()), json!(name)]).await?.elements()?;
    Ok(Some(found).filter(|found| !found.is_empty()))
}
