//! What the fake agent is asked for.

use serde_json::{Value, json};

pub(super) const SYSTEM: &str = "You are the operations assistant of a small web shop. Use the tools rather than guess. \
    Quote numbers as the tools give them. If something is missing, say what, and stop.";

pub(super) struct Task {
    pub(super) tenant: &'static str,
    pub(super) question: &'static str,
    pub(super) tool: &'static str,
    pub(super) arguments: &'static str,
    pub(super) result: &'static str,
    pub(super) thought: &'static str,
    pub(super) plan: &'static str,
    pub(super) answer: &'static str,
    pub(super) review: &'static str,
}

pub(super) const TASKS: [Task; 6] = [
    Task {
        tenant: "acme",
        question: "Why did checkout get slower after this morning's deploy?",
        tool: "read_logs",
        arguments: r#"{"service": "checkout", "since": "2h", "level": "warn"}"#,
        result: r#"{"lines": 214, "top": [{"message": "slow query: SELECT * FROM carts WHERE user_id = $1", "count": 187}]}"#,
        thought: "The deploy is the only change they name. Logs first, then the diff of the migration, before I guess at the database.",
        plan: "1. Read the warnings of checkout since the deploy.\n2. Compare the query plan with yesterday's.\n3. Name the change and how to undo it.",
        answer: "The deploy dropped the index on `carts.user_id`: 187 of 214 warnings are the same slow query. Create the index again, \
                 concurrently; checkout needs no rollback.",
        review: "Right as far as the logs go. It does not say how long the index takes to build.",
    },
    Task {
        tenant: "acme",
        question: "Draft a reply to order 5521: the parcel arrived with one cup broken.",
        tool: "find_order",
        arguments: r#"{"order": 5521}"#,
        result: r#"{"order": 5521, "items": [{"sku": "CUP-04", "quantity": 4, "price": 9.5}], "shipped": "2 days ago"}"#,
        thought: "One of four cups. Policy allows a replacement without a return below 20 euros.",
        plan: "1. Find the order and what was in it.\n2. Look up what the policy offers for breakage.\n3. Write the reply.",
        answer: "Hello, I am sorry that one of your four cups arrived broken. A new one leaves our warehouse today; you need not send \
                 the pieces back.",
        review: "Friendly and complete. The order number is missing from the subject.",
    },
    Task {
        tenant: "globex",
        question: "How many orders were refunded last week, and why?",
        tool: "query",
        arguments: r#"{"sql": "SELECT reason, count(*) FROM refunds WHERE week = 47 GROUP BY reason"}"#,
        result: r#"[{"reason": "late", "count": 31}, {"reason": "broken", "count": 9}, {"reason": "other", "count": 4}]"#,
        thought: "A grouped count answers both halves of the question.",
        plan: "1. Count the refunds of the week by reason.\n2. Compare with the week before.",
        answer: "44 orders: 31 came late, 9 were broken, 4 had other reasons.",
        review: "The sum is right. The comparison with the week before is missing.",
    },
    Task {
        tenant: "globex",
        question: "Translate the new shipping terms into German and keep the numbering.",
        tool: "read_file",
        arguments: r#"{"path": "terms/shipping.md"}"#,
        result: "1. We ship within two working days.\n2. Returns are free for 30 days.",
        thought: "Two numbered sentences. Legal text, so close to the original.",
        plan: "1. Read the terms.\n2. Translate sentence by sentence.\n3. Check the numbering.",
        answer: "1. Wir versenden innerhalb von zwei Werktagen.\n2. Rücksendungen sind 30 Tage lang kostenlos.",
        review: "Both sentences are there, numbered as before.",
    },
    Task {
        tenant: "initech",
        question: "Which customers should hear about the price change of CUP-04 first?",
        tool: "query",
        arguments: r#"{"sql": "SELECT customer, sum(quantity) FROM orders WHERE sku = 'CUP-04' GROUP BY 1 ORDER BY 2 DESC LIMIT 3"}"#,
        result: r#"[{"customer": "Café Linde", "sum": 480}, {"customer": "Hotel Ufer", "sum": 260}, {"customer": "Ada L.", "sum": 24}]"#,
        thought: "Order volume is the honest proxy. Three names are enough for a first mail.",
        plan: "1. Sum the quantities by customer.\n2. Name the largest three.",
        answer: "Café Linde (480 cups), Hotel Ufer (260) and Ada L. (24), in this order.",
        review: "The order follows the numbers. Whether they consented to mails was not checked.",
    },
    Task {
        tenant: "initech",
        question: "Is anything about tonight's backup unusual?",
        tool: "read_logs",
        arguments: r#"{"service": "backup", "since": "24h"}"#,
        result: r#"{"lines": 12, "top": [{"message": "snapshot of volume db-1 took 41 min", "count": 1}]}"#,
        thought: "41 minutes needs something to compare with before it is called unusual.",
        plan: "1. Read the log of the last backup.\n2. Compare its duration with the week's.",
        answer: "One thing: the snapshot of `db-1` took 41 minutes. All volumes are there and were verified.",
        review: "Says what is known. A usual duration would help to judge the 41 minutes.",
    },
];

/// Returns the task whose question stands in `text`, else the first.
pub(super) fn of(text: &str) -> &'static Task {
    TASKS.iter().find(|task| text.contains(task.question)).unwrap_or(&TASKS[0])
}

/// Returns the tools that the agent offers, as OpenAI's chat completions take them.
pub(super) fn tools() -> Value {
    let tool = |name: &str, description: &str, parameter: &str| {
        json!({"type": "function", "function": {"name": name, "description": description,
            "parameters": {"type": "object", "properties": {parameter: {"type": "string"}}, "required": [parameter]}}})
    };
    json!([
        tool("read_logs", "Counts the lines of a service's log and groups them by message.", "service"),
        tool("find_order", "Returns an order with its items.", "order"),
        tool("query", "Runs a query on a read-only copy of the database.", "sql"),
        tool("read_file", "Returns a file of the shop's repository.", "path"),
    ])
}
