//! `llmlogs diff`: two calls side by side.

mod compare;
mod print;

use llmlogs_core::json;
use llmlogs_core::read::{Call, Metadata, State};

use crate::args::Diff;
use crate::body;
use crate::commands::latest;
use crate::env::Env;
use crate::outcome::{CliError, Outcome};
use crate::output::row;
use crate::selector::{Found, resolve};
use compare::{Change, align};

/// What is compared of a call.
struct Side {
    dir: std::path::PathBuf,
    id: String,
    fields: Vec<(&'static str, String)>,
    messages: Vec<String>,
    tools: Vec<String>,
    output: String,
}

/// Everything that two calls have, with what is the same.
struct Compared {
    a: Side,
    b: Side,
    messages: Vec<Change>,
    tools: Vec<Change>,
    output: Vec<Change>,
}

pub(crate) fn run(env: &mut Env, args: &Diff) -> Result<Outcome, CliError> {
    let mut sides = Vec::new();
    for address in [&args.a, &args.b] {
        match resolve(env, Some(address))? {
            Found::Call(call) => sides.push(side(env, &call)),
            Found::Nothing(outcome) => return Ok(outcome),
        }
    }
    let [a, b] =
        <[Side; 2]>::try_from(sides).map_err(|_| CliError::Usage("two calls are compared".into()))?;
    let compared = Compared {
        messages: align(&a.messages, &b.messages),
        tools: align(&a.tools, &b.tools),
        output: align(std::slice::from_ref(&a.output), std::slice::from_ref(&b.output)),
        a,
        b,
    };
    if env.json {
        let value = print::json(&compared);
        env.out.json(&value)?;
    } else {
        print::text(env, &compared)?;
    }
    env.out.finish()?;
    Ok(Outcome::Found)
}

fn side(env: &Env, call: &Call) -> Side {
    let metadata = call.metadata().unwrap_or_default();
    let (input, output) = (call.input().unwrap_or_default(), call.output().unwrap_or_default());
    let (input, output) = (body::text(&input), body::text(&output));
    let mut side = Side {
        dir: call.dir().to_owned(),
        id: call.id().to_owned(),
        fields: fields(env, call, &metadata),
        messages: Vec::new(),
        tools: Vec::new(),
        output: String::new(),
    };
    let Ok(request) = json::parse(&input) else {
        side.messages.extend(Some(input.into_owned()).filter(|text| !text.is_empty()));
        return side;
    };
    let endpoint = body::endpoint(&metadata.api_info, &request);
    let view = body::request(&endpoint, &request);
    side.fields.extend(parameters(&request));
    side.messages = view
        .messages
        .iter()
        .map(|message| format!("{}\n{}", message.role, body::parts_text(&message.parts)))
        .collect();
    side.tools = tools(&request, &view);
    let failed = body::is_failure(&metadata);
    if let Ok(response) = json::parse(&output) {
        side.output = body::answer(&body::response(&endpoint, &response, failed));
    }
    if failed {
        let response = &metadata.response_info;
        side.output.push_str(&format!("[{}] {}", response.error_type, response.error_message));
    }
    side
}

fn fields(env: &Env, call: &Call, metadata: &Metadata) -> Vec<(&'static str, String)> {
    let cost = &metadata.cost_estimate;
    let cost = if cost.currency.is_empty() && cost.total_cost == 0.0 {
        String::new()
    } else {
        crate::output::format::money(cost.total_cost, &cost.currency)
    };
    let status = match (call.state(), metadata.status) {
        (State::Finished, status) => format!("{status:?}").to_lowercase(),
        (state, _) => row::state(state).replace('_', " "),
    };
    vec![
        ("time", env.clock.full(metadata.timestamp)),
        ("session", call.session_id().to_owned()),
        ("status", status),
        ("provider", metadata.api_info.provider.clone()),
        ("model", metadata.api_info.model.clone()),
        ("endpoint", format!("{}{}", metadata.api_info.base_url, metadata.api_info.endpoint)),
        ("finish", metadata.response_info.finish_reason.clone()),
        ("tokens", latest::tokens(metadata)),
        ("cost", cost),
        ("latency", crate::output::format::duration(metadata.performance.latency_ms)),
        ("attempts", metadata.attempts.len().max(1).to_string()),
    ]
}

/// Members of the request that are neither conversation nor tools.
fn parameters(request: &json::Json<'_>) -> Vec<(&'static str, String)> {
    const NAMED: [&str; 14] = [
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "tool_choice",
        "response_format",
        "seed",
        "stop",
        "stream",
        "frequency_penalty",
        "presence_penalty",
        "reasoning_effort",
    ];
    let value = |key: &&'static str| {
        let value = llmlogs_core::api::text_or_json(request.get(key)).into_owned();
        (!value.is_empty()).then_some((*key, value))
    };
    NAMED.iter().filter_map(value).collect()
}

/// Tools as they stand in the request, one text each, in the order of their names.
fn tools(request: &json::Json<'_>, view: &llmlogs_core::api::RequestView<'_>) -> Vec<String> {
    let stored = request.get("tools").items();
    let mut tools: Vec<String> = if stored.len() == view.tools.len() {
        let named = stored.iter().zip(&view.tools);
        named.map(|(tool, of)| format!("{}\n{}", of.name, body::pretty(tool))).collect()
    } else {
        view.tools.iter().map(|tool| format!("{}\n{}", tool.name, tool.description)).collect()
    };
    tools.sort();
    tools
}
