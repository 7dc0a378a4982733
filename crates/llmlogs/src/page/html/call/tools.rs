//! The tools that were offered: what each takes as a table, and its definition as it was sent.

use llmlogs_core::read::Conversation;
use maud::{Markup, html};
use serde_json::Value;

use crate::output::format::plural;
use crate::page::html::room::Room;
use crate::page::html::text::visible;

/// So many tools are shown, so many of their arguments, and so deep.
const TOOLS: usize = 300;
const ARGUMENTS: usize = 200;
const DEEP: usize = 5;

/// An argument of a tool.
#[derive(Debug, PartialEq)]
struct Argument {
    name: String,
    kind: String,
    is_required: bool,
    says: String,
}

pub(super) fn tools(conversation: &Conversation, room: &Room) -> Markup {
    let tools = &conversation.tools;
    html! {
        @for tool in tools.iter().take(TOOLS) {
            @let schema = serde_json::from_str(&tool.definition).unwrap_or(Value::Null);
            @let arguments = arguments(&schema);
            details.tool open[tools.len() <= 3] {
                summary { strong { (visible(&tool.name)) } " " span.dim { (visible(first_line(&tool.description))) } }
                @if !tool.description.is_empty() { (room.text(&tool.description)) }
                @if !arguments.is_empty() {
                    div.wide tabindex="0" role="region" aria-label={ "Arguments of " (visible(&tool.name)) } {
                        table {
                            thead { tr { th scope="col" { "Argument" } th scope="col" { "Type" } th scope="col" { "Required" } th scope="col" { "Description" } } }
                            tbody {
                                @for argument in &arguments {
                                    tr {
                                        td.name { code { (visible(&argument.name)) } }
                                        td { (visible(&argument.kind)) }
                                        td { @if argument.is_required { "yes" } }
                                        td.text { (visible(&argument.says)) }
                                    }
                                }
                            }
                        }
                        @if arguments.len() >= ARGUMENTS { p.dim { "There may be more; see the definition." } }
                    }
                }
                @if !tool.definition.is_empty() {
                    details { summary { "Definition as it was sent" } (room.text(&tool.definition)) }
                } @else {
                    p.dim { "Its definition is in the raw request." }
                }
            }
        }
        @if tools.len() > TOOLS { p.dim { (plural((tools.len() - TOOLS) as u64, "tool")) " left out here. They are in the raw request." } }
    }
}

fn first_line(text: &str) -> &str {
    crate::page::html::room::beginning(text.lines().next().unwrap_or_default(), 120)
}

/// Returns the arguments in a tool's definition, wherever its API puts the schema.
fn arguments(definition: &Value) -> Vec<Argument> {
    let paths = [
        "/function/parameters",
        "/input_schema",
        "/inputSchema",
        "/toolSpec/inputSchema/json",
        "/parameters",
        "/parametersJsonSchema",
        "/parameter_definitions",
    ];
    let mut found = Vec::new();
    if let Some(schema) = paths.iter().find_map(|path| definition.pointer(path)) {
        walk(schema, "", DEEP, &mut found);
    }
    found
}

fn walk(schema: &Value, prefix: &str, deep: usize, found: &mut Vec<Argument>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, property) in properties {
        if found.len() >= ARGUMENTS {
            return;
        }
        let path = format!("{prefix}{name}");
        found.push(Argument {
            kind: kind(property),
            is_required: required.contains(&name.as_str()),
            says: says(property),
            name: path.clone(),
        });
        if deep > 0 {
            walk(property, &format!("{path}."), deep - 1, found);
            if let Some(items) = property.get("items") {
                walk(items, &format!("{path}[]."), deep - 1, found);
            }
        }
    }
}

fn kind(property: &Value) -> String {
    let name = match property.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        _ if property.get("anyOf").is_some() || property.get("oneOf").is_some() => {
            "one of several".to_owned()
        }
        _ => String::new(),
    };
    match property.pointer("/items/type").and_then(Value::as_str) {
        Some(items) => format!("{name} of {items}"),
        None => name,
    }
}

fn says(property: &Value) -> String {
    let text = property.get("description").and_then(Value::as_str).unwrap_or_default();
    let text = crate::page::html::room::beginning(text, 2000).to_owned();
    match property.get("enum").and_then(Value::as_array) {
        Some(values) => {
            let values: Vec<String> = values.iter().take(30).map(ToString::to_string).collect();
            let space = if text.is_empty() { "" } else { " " };
            format!("{text}{space}One of {}.", values.join(", "))
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_found_wherever_an_api_puts_them() {
        let schema = json!({"type": "object", "required": ["path"], "properties": {
            "path": {"type": "string", "description": "Where."},
            "range": {"type": "object", "properties": {"from": {"type": "integer"}}},
            "tags": {"type": "array", "items": {"type": "string"}},
        }});
        for definition in [
            json!({"type": "function", "function": {"name": "a", "parameters": schema}}),
            json!({"name": "a", "input_schema": schema}),
            json!({"toolSpec": {"name": "a", "inputSchema": {"json": schema}}}),
            json!({"type": "function", "name": "a", "parameters": schema}),
        ] {
            let found = arguments(&definition);
            let names: Vec<_> = found.iter().map(|argument| argument.name.as_str()).collect();
            assert_eq!(names, ["path", "range", "range.from", "tags"]);
            assert!(found[0].is_required && !found[1].is_required);
            assert_eq!(found[3].kind, "array of string");
        }
        assert!(arguments(&json!({"properties": 7})).is_empty());
    }
}
