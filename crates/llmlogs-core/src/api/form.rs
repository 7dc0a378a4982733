//! Request bodies that are forms (`multipart/form-data`): how sound to transcribe and images to edit
//! are sent.
//!
//! Only for reading what the request asks for; the body itself is stored as it was sent.

use std::borrow::Cow;

use crate::json::{self, Json, Object};

/// Returns the fields of a form as the members of an object, a file as its name, media type and size in bytes; `None`
/// where the body is no form.
pub fn form(body: &[u8]) -> Option<Json<'static>> {
    let end = body.windows(2).position(|bytes| bytes == b"\r\n")?;
    let boundary = &body[..end];
    if !boundary.starts_with(b"--") || boundary.len() < 3 {
        return None;
    }
    let mut fields = Object::new();
    let mut rest = &body[end..];
    // Each field is a head, a blank line and a value, ended by a line break and the boundary.
    while let Some(field) = rest.strip_prefix(b"\r\n") {
        let Some(blank) = find(field, b"\r\n\r\n") else {
            break;
        };
        let (head, value) = (json::lossy(&field[..blank]), &field[blank + 4..]);
        let delimiter = [b"\r\n", boundary].concat();
        let end = find(value, &delimiter).unwrap_or(value.len());
        if let Some(name) = parameter(&head, "name") {
            fields.set(name.to_owned(), field_value(&head, &value[..end]));
        }
        rest = value.get(end + delimiter.len()..).unwrap_or_default();
    }
    (!fields.is_empty()).then_some(Json::Object(fields))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Returns a parameter of the field's `Content-Disposition`.
fn parameter<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut parameters = header(head, "content-disposition")?.split(';').map(str::trim);
    let value = parameters.find_map(|parameter| parameter.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"'))
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn field_value(head: &str, value: &[u8]) -> Json<'static> {
    if let Some(filename) = parameter(head, "filename") {
        let content_type = header(head, "content-type").map(str::to_owned);
        let members = [
            ("filename", Json::string(filename.to_owned())),
            ("media_type", content_type.map_or(Json::Null, Json::string)),
            ("bytes", Json::number(value.len())),
        ];
        return Json::Object(members.into_iter().collect());
    }
    let text = json::lossy(value);
    // A form has nothing but texts; one that is a number or a truth value stands for it.
    match json::parse(text.trim()) {
        Ok(scalar @ (Json::Number(_) | Json::Bool(_))) => scalar.into_owned(),
        _ => Json::string(Cow::Owned(text.into_owned())),
    }
}
