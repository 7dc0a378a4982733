//! What the page asks beside the commands' questions: stretches of time, facets, pages of a list, neighbours.

use std::fs;

use serde_json::{Value, json};

use crate::tree::{Tree, call};

use super::Server;

fn paths(answer: &Value) -> Vec<String> {
    answer["calls"].as_array().unwrap().iter().map(|call| call["path"].as_str().unwrap().to_owned()).collect()
}

fn sum(series: &Value, name: &str) -> u64 {
    series["buckets"].as_array().unwrap().iter().map(|bucket| bucket[name].as_u64().unwrap()).sum()
}

#[test]
fn a_series_has_every_finished_call_in_one_stretch() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    for (query, buckets) in
        [("", 60), ("&q=status:error", 60), ("&date=2025-10-27&buckets=7", 7), ("&buckets=9999", 400)]
    {
        let series = server.json(&format!("/api/series?root=0{query}"));
        let stats = &server.json(&format!("/api/overview?root=0{}", query.split("&buckets").next().unwrap()))
            ["stats"];
        assert_eq!(series["buckets"].as_array().unwrap().len(), buckets, "{query}");
        for name in ["ok", "errors", "cancelled"] {
            assert_eq!(sum(&series, name), stats[name].as_u64().unwrap(), "{query} {name}");
        }
        assert_eq!(sum(&series, "prompt_tokens"), stats["tokens"]["prompt"].as_u64().unwrap());
    }
    let series = server.json("/api/series?since=2025-10-27+04:00&until=2025-10-27+05:00&buckets=2");
    assert_eq!((&series["start"], &series["step"]), (&json!(1_761_537_600.0), &json!(1800.0)));
    assert_eq!(series["buckets"][0]["latency_ms"], json!({"p50": 2500, "p95": 2500, "p99": 2500}));
    assert_eq!(series["buckets"][0]["cost"], json!({"CNY": 0.00326}));
    assert_eq!(
        series["models"],
        json!([{"model": "deepseek-chat", "currency": "CNY", "cost": [0.00326, 0.00163]}])
    );
    assert_eq!(series["buckets"][0]["time_to_first_token_ms"], Value::Null);
    assert_eq!(server.json("/api/series?q=model:none")["buckets"], json!([]));
    assert_eq!(server.get("/api/series?buckets=many").status, 400);
}

#[test]
fn a_value_of_a_facet_is_a_term_that_passes_as_many_calls() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    for query in ["", "status:error "] {
        let facets = server.json(&format!("/api/facets?q={}", query.trim()));
        for (name, values) in facets.as_object().unwrap() {
            for value in values.as_array().unwrap() {
                let term = format!("{name}:%22{}%22", value["value"].as_str().unwrap());
                let calls = server.json(&format!("/api/calls?q={}{term}", query.replace(' ', "+")));
                assert_eq!(
                    (&calls["total"], paths(&calls).len()),
                    (&value["calls"], value["calls"].as_u64().unwrap() as usize),
                    "{term}"
                );
            }
        }
    }
    let facets = server.json("/api/facets");
    assert_eq!(
        facets["finish_reason"],
        json!([{"value": "stop", "calls": 3}, {"value": "tool_calls", "calls": 1}])
    );
    assert_eq!(facets["tool"], json!([{"value": "read_file", "calls": 1}]));
    assert_eq!(facets["status"].as_array().unwrap().len(), 4, "{facets:#}");
    let listed = tree.json(&["ls", "--json", "--finish-reason", "tool_*"]);
    assert_eq!(listed.len(), 1);
}

#[test]
fn places_in_a_list_stay_while_new_calls_arrive() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let first = server.json("/api/calls?limit=4");
    let all = paths(&server.json("/api/calls"));
    assert_eq!(
        (&first["total"], &first["loading"], paths(&first)),
        (&json!(9), &json!(false), all[..4].to_vec())
    );
    let session = tree.session("20991231", "20991231_070000", true);
    tree.call(&session, 1, &call("2099-12-31 07:00:00", 4_102_383_600.0).said("Hello?", "Hello."));
    let as_of = first["as_of"].as_str().unwrap();
    let next = server.json(&format!("/api/calls?limit=4&offset=4&as_of={as_of}"));
    assert_eq!(
        (&next["total"], &next["as_of"], paths(&next)),
        (&json!(9), &json!(as_of), all[4..8].to_vec())
    );
    let last = server.json(&format!("/api/calls?limit=4&offset=8&as_of={as_of}"));
    assert_eq!(paths(&last), all[8..]);
    assert_eq!(server.json(&format!("/api/calls?offset=99&as_of={as_of}"))["calls"], json!([]));
    assert_eq!(server.json("/api/calls")["total"], 10);
    let statuses =
        |query: &str| server.json(&format!("/api/facets{query}"))["session"].as_array().unwrap().len();
    assert_eq!((statuses(&format!("?as_of={as_of}")), statuses("")), (3, 4));
    assert_eq!(server.get("/api/calls?as_of=yesterday").status, 400);
}

#[test]
fn neighbours_are_those_of_the_list() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    for query in ["", "status:error", "tool:read_file"] {
        let list = paths(&server.json(&format!("/api/calls?q={query}")));
        let errors = paths(&server.json(&format!("/api/calls?q=status:error+{query}")));
        for (place, path) in list.iter().enumerate() {
            let found = server.json(&format!("/api/neighbours?path={path}&q={query}"));
            let at = |place: Option<usize>| json!(place.and_then(|place| list.get(place)));
            assert_eq!(found["newer"], at(place.checked_sub(1)), "{query} {path}");
            assert_eq!(found["older"], at(Some(place + 1)), "{query} {path}");
            assert_eq!((&found["position"], &found["total"]), (&json!(place + 1), &json!(list.len())));
            let is_error = |path: &&String| errors.contains(path);
            assert_eq!(found["newer_error"], json!(list[..place].iter().rev().find(is_error)));
            assert_eq!(found["older_error"], json!(list[place + 1..].iter().find(is_error)));
        }
    }
    let call =
        |number: u64| format!("20251027/session_20251027_040210/call_20251027_0402{number}0_00{number}");
    // One that does not pass.
    let found = server.json(&format!("/api/neighbours?path={}&q=status:error", call(2)));
    assert_eq!(
        (&found["position"], &found["total"], &found["older"]),
        (&Value::Null, &json!(3), &Value::Null)
    );
    assert_eq!(found["newer"], "20251027/session_20251027_040210/call_20251027_040300_003");
    assert_eq!(found["previous_in_session"], call(1));
    assert_eq!(server.json(&format!("/api/neighbours?path={}", call(1)))["previous_in_session"], Value::Null);
    assert_eq!(server.get("/api/neighbours?path=20251027/session_1/call_1").status, 404);
    assert_eq!(server.get("/api/neighbours").status, 400);
}

#[test]
fn an_overview_has_the_range_before_and_paths_of_examples() {
    let tree = Tree::usual();
    let session = tree.session("20251026", "20251026_235800", true);
    let told = json!({"session_id": "20251026_235800", "ended_at": "2025-10-27T00:10:00+00:00",
        "counters": {"calls": 1, "lost": 2, "degraded": 3}});
    fs::write(session.join("session.json"), told.to_string()).unwrap();
    let server = Server::start(tree.folder(), &[]);
    let overview = server.json("/api/overview?since=2025-10-27+04:00&until=2025-10-27+12:00");
    assert_eq!((&overview["stats"]["calls"], &overview["previous"]["calls"]), (&json!(7), &json!(1)));
    assert_eq!(server.json("/api/overview?date=2025-10-27")["previous"]["calls"], 1);
    let all = server.json("/api/overview");
    assert_eq!(all["previous"], Value::Null);
    assert_eq!((&all["lost"], &all["degraded"]), (&json!(2), &json!(3)));
    assert_eq!(
        all["failures"]["causes"][0]["example"],
        "20251027/session_20251027_040210/call_20251027_040305_004"
    );
    let providers = all["stats"]["by_provider"].as_array().unwrap();
    assert_eq!(
        (providers.len(), &providers[0]["provider"], &providers[0]["calls"]),
        (1, &json!("deepseek"), &json!(8))
    );
}
