//! Text that wants to be more than text, in every field that somebody else can write: it is shown, and does nothing.

use std::io::Error;

use browser_tests::{Browser, Recorder, Role, Server};
use serde_json::json;
use thirtyfour::prelude::*;
use tracing::info_span;
use tracing_llmlogs::LlmCall;

/// What is tried. Whatever of it works sets `window.pwned`, makes an element of the class `pwn`, asks a server that is
/// not ours, or opens a dialog.
const PAYLOADS: [&str; 30] = [
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1 class=pwn>",
    "<svg/onload=window.pwned=1 class=pwn>",
    "<iframe class=pwn srcdoc=\"<script>parent.pwned=1</script>\"></iframe>",
    "<a class=pwn href=\"javascript:window.pwned=1\">click</a>",
    "\"><b class=pwn onmouseover=window.pwned=1>",
    "'><b class=pwn>",
    "</title><b class=pwn>",
    "</textarea><b class=pwn>",
    "</script><script>alert(1)</script>",
    "<style>@import 'http://pwned.invalid/';*{background:url(http://pwned.invalid/)}</style>",
    "<link class=pwn rel=stylesheet href=http://pwned.invalid/a.css>",
    "<meta class=pwn http-equiv=refresh content=\"0;url=http://pwned.invalid/\">",
    "<base class=pwn href=http://pwned.invalid/>",
    "<form class=pwn action=http://pwned.invalid/><button>go</button></form>",
    "<object class=pwn data=http://pwned.invalid/></object>",
    "<embed class=pwn src=http://pwned.invalid/>",
    "<video class=pwn><source onerror=window.pwned=1></video>",
    "<details class=pwn open ontoggle=window.pwned=1>x</details>",
    "<input class=pwn autofocus onfocus=window.pwned=1>",
    "<body class=pwn onload=window.pwned=1>",
    "<math class=pwn><mtext></mtext><script>window.pwned=1</script></math>",
    "<template class=pwn><script>window.pwned=1</script></template>",
    "![x](http://pwned.invalid/i.png)",
    "[click](javascript:window.pwned=1)",
    "{{constructor.constructor('window.pwned=1')()}}${window.pwned=1}",
    "\" onfocus=window.pwned=1 autofocus class=pwn x=\"",
    "javascript:window.pwned=1//",
    "data:text/html,<script>opener.pwned=1</script>",
    "\u{202e}txt.<b class=pwn>\u{2066}\u{1b}[2J\u{1b}]0;pwned\u{7}",
];

/// Ways to get it past somebody who looks.
fn disguised(payload: &str, way: usize) -> String {
    match way {
        0 => payload.to_owned(),
        1 => payload.to_uppercase().replace("WINDOW.PWNED", "window.pwned").replace("PWN", "pwn"),
        2 => payload.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
        3 => payload.replace('<', "%3C").replace('>', "%3E").replace('"', "%22"),
        4 => payload.replacen(' ', "\0", 1),
        5 => format!("-->{payload}<!--"),
        6 => format!("]]>{payload}<![CDATA["),
        7 => format!("```html\n{payload}\n```"),
        8 => format!("\\\",\"x\":\"{payload}\u{2028}"),
        _ => format!("{}{payload}", "A".repeat(3000)),
    }
}

/// What of it worked, `null` if nothing. Everything that can be unfolded is, first.
const WORKED: &str = r#"
    for (const details of document.querySelectorAll("details")) details.open = true;
    for (const tab of document.querySelectorAll("[role=tab]")) tab.click();
    if (window.pwned !== undefined) return "a script ran";
    const all = [...document.querySelectorAll("*")];
    const found = all.find((element) =>
        element.classList.contains("pwn") || [...element.attributes].some((attribute) => /^on/i.test(attribute.name))
        || ["IFRAME", "OBJECT", "EMBED", "BASE", "STYLE", "FRAME", "VIDEO", "AUDIO", "TEMPLATE", "MATH"].includes(element.tagName.toUpperCase())
        || element.tagName === "SCRIPT" && new URL(element.src, location.href).pathname.indexOf("/assets/") !== 0
        || element.hasAttribute("srcdoc") || element.getAttribute("http-equiv") === "refresh"
        || ["href", "src", "action", "formaction", "data", "xlink:href"].some((name) => {
            const url = element.getAttribute(name);
            if (url === null) return false;
            const its = new URL(url, location.href);
            if (its.origin === location.origin) return false;
            return !(element.tagName === "A" && /^https?:$/.test(its.protocol) && element.relList.contains("noopener"));
        }));
    return found ? found.outerHTML.slice(0, 300) : null;"#;

/// Records a call for each string, which stands in every field of it that comes from outside.
fn record(recorder: &Recorder, strings: &[String]) {
    for (number, text) in strings.iter().enumerate() {
        let request = json!({
            "model": text, "user": text,
            "messages": [
                {"role": "system", "content": text},
                {"role": "user", "content": format!("{text} {number}")},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": text, "type": "function", "function": {"name": text, "arguments": json!({"path": text}).to_string()}}]},
                {"role": "tool", "tool_call_id": text, "content": text},
                {"role": text, "content": [{"type": "image_url", "image_url": {"url": text}}, {"type": "text", "text": text}]},
            ],
            "tools": [{"type": "function", "function": {"name": text, "description": text, "parameters": {text.clone(): text}}}],
            "stop": [text], "metadata": {text.clone(): text},
        });
        recorder.record(|| {
            let span = info_span!("task", task_id = text, tenant = text, phase = text, user_message = text);
            let _entered = span.enter();
            let mut call = LlmCall::builder(text.clone(), text.clone()).operation("chat").request(&request).start();
            if number % 3 == 0 {
                call.http_status(500);
                return call.fail_as(text, &Error::other(text.clone()));
            }
            call.finish(&json!({
                "id": text, "object": "chat.completion", "model": text, "system_fingerprint": text,
                "choices": [{"index": 0, "finish_reason": text, "message": {
                    "role": "assistant", "content": text, "reasoning_content": text, "refusal": text,
                    "tool_calls": [{"id": text, "type": "function", "function": {"name": text, "arguments": text}}]}}],
                "usage": {"prompt_tokens": 24, "completion_tokens": 3, "total_tokens": 27},
            }));
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_strings_in_every_field_do_nothing() -> WebDriverResult<()> {
    let Some(browser) = Browser::start().await else { return Ok(()) };
    let strings: Vec<String> =
        (0..10).flat_map(|way| PAYLOADS.map(|payload| disguised(payload, way))).collect();
    assert_eq!(strings.len(), 300);
    let recorder = Recorder::with(|builder| builder.context_field("tenant"));
    record(&recorder, &strings);
    let paths = recorder.paths();
    assert_eq!(paths.len(), strings.len());
    let server = Server::start(recorder.root());
    browser.enter(&server).await?;

    // The overview names models, tools, finish reasons and causes; the list has every call.
    browser.until("return document.querySelectorAll('main td').length > 300").await?;
    nothing(&browser, &server, "/").await?;
    browser.click(Role::Link, "Calls").await?;
    browser.until("return document.querySelectorAll(\"main a[href^='/call/']\").length > 10").await?;
    for _ in 0..10 {
        nothing(&browser, &server, "/calls").await?;
        let further = r#"document.scrollingElement.scrollBy(0, 900);
            [...document.querySelectorAll("button")].find((button) => button.textContent === "Older calls")?.click();"#;
        browser.run(further).await?;
    }
    calm(&browser, &server).await?;
    for path in &paths {
        browser.open(&server.page(&format!("/call/{path}"))).await?;
        nothing(&browser, &server, path).await?;
    }
    // The tree of a session's spans, and two calls side by side.
    let session = paths[0].rsplit_once('/').unwrap().0;
    browser.open(&server.page(&format!("/trace/{session}"))).await?;
    nothing(&browser, &server, "/trace").await?;
    for pair in paths.chunks_exact(10) {
        browser.open(&server.page(&format!("/compare?a={}&b={}", pair[0], pair[9]))).await?;
        nothing(&browser, &server, &format!("{} compared", pair[0])).await?;
    }
    calm(&browser, &server).await?;
    // What is typed, or stands in a link, is text as well.
    for text in strings.iter().step_by(4) {
        if text.len() < 1000 && !text.contains('\0') {
            let query: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            browser.open(&server.page(&format!("/calls?q={query}&since={query}&root={query}"))).await?;
            // It is refused, and that is said.
            browser.find(Role::Alert, "").await?;
            nothing(&browser, &server, "the address").await?;
        }
    }
    calm(&browser, &server).await?;
    browser.end(&server).await
}

/// Asserts that nothing happened on the page.
async fn nothing(browser: &Browser, server: &Server, place: &str) -> WebDriverResult<()> {
    // A dialog makes this command fail.
    let worked = browser.run(WORKED).await.unwrap_or_else(|error| panic!("{place}: {error}"));
    assert!(worked.is_null(), "{place}: {worked}");
    let url = browser.url().await?;
    assert!(url.starts_with(server.origin()), "{place} led to {url}");
    Ok(())
}

/// Asserts that since the last time no request went elsewhere, and that the browser had nothing to stop.
async fn calm(browser: &Browser, server: &Server) -> WebDriverResult<()> {
    // A filter that makes no sense is refused, and the browser says so.
    let refused = |complaint: &String| complaint.contains("status of 400");
    let complaints: Vec<String> =
        browser.complaints().await?.into_iter().filter(|one| !refused(one)).collect();
    assert_eq!(complaints, Vec::<String>::new());
    let mut foreign = browser.requests().await?;
    foreign.retain(|url| !url.starts_with(server.origin()));
    assert!(foreign.is_empty(), "{foreign:?}");
    Ok(())
}
