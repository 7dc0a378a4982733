//! Tests of the parser, the writers and the reformatter against each other and against `serde_json`.

use proptest::prelude::*;

use super::write::MAX_INDENT;
use super::*;

fn pretty_of(text: &str) -> String {
    let mut out = Vec::new();
    pretty(&parse(text).unwrap(), &mut out);
    String::from_utf8(out).unwrap()
}

fn reformat_of(text: &str) -> String {
    let mut out = Vec::new();
    reformat(text, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn keys_numbers_and_strings_are_preserved() {
    let body = r#"{"z":1.0,"a":12345678901234567890,"e":1e2,"n":-0.0,"big":1E+400,"a":2}"#;
    let expected = "{\n  \"z\": 1.0,\n  \"a\": 12345678901234567890,\n  \"e\": 1e2,\n  \"n\": -0.0,\n  \"big\": 1E+400,\n  \"a\": 2\n}";
    assert_eq!(pretty_of(body), expected);
    assert_eq!(reformat_of(body), expected);
}

#[test]
fn shallow_parsing_leaves_out_long_strings_and_arrays() {
    let long =
        format!(r#"{{"text":"{}","data":[{}0],"n":[1,2],"id":"x"}}"#, "a".repeat(300), "0.5,".repeat(500));
    let shallow = parse_shallow(&long).unwrap();
    assert_eq!(shallow.get("id").as_str().as_deref(), Some("x"));
    assert_eq!((shallow.get("text").as_str().as_deref(), shallow.get("data").items().len()), (Some(""), 64));
    assert_eq!(shallow.get("n").items().len(), 2);
    assert!(parse_shallow(&long[..long.len() - 1]).is_err());
}

#[test]
fn needless_escapes_become_characters() {
    let body = r#"["\u4f60\u597d","\ud83d\ude00","a\/b","\u0022\u005c\u0000\n","\u007f"]"#;
    let expected = "[\n  \"你好\",\n  \"😀\",\n  \"a/b\",\n  \"\\\"\\\\\\u0000\\n\",\n  \"\u{7f}\"\n]";
    assert_eq!(pretty_of(body), expected);
    assert_eq!(reformat_of(body), expected);
}

#[test]
fn an_unpaired_surrogate_is_kept() {
    for body in [r#""\ud83d""#, r#""\ude00 x""#, r#""\ud83d\ud83d""#] {
        assert_eq!(pretty_of(body), body);
        assert_eq!(reformat_of(body), body);
        assert!(parse(body).unwrap().as_str().unwrap().contains('\u{fffd}'));
    }
}

#[test]
fn a_split_surrogate_pair_is_whole_when_joined() {
    let (first, second) = (parse(r#""\ud83d""#).unwrap(), parse(r#""\ude00""#).unwrap());
    let mut text = first.as_text().unwrap().clone();
    text.push(second.as_text().unwrap());
    assert_eq!(text.plain(), "😀");
}

#[test]
fn empty_containers_stay_on_one_line() {
    assert_eq!(pretty_of("[{},[]]"), "[\n  {},\n  []\n]");
    assert_eq!(reformat_of(" [ { } , [ ] ] "), "[\n  {},\n  []\n]");
}

#[test]
fn a_raw_line_break_inside_a_string_is_accepted_and_escaped() {
    assert_eq!(pretty_of("\"a\nb\""), r#""a\nb""#);
    assert_eq!(reformat_of("\"a\nb\""), r#""a\nb""#);
}

#[test]
fn parser_and_reformatter_reject_invalid_json() {
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "01",
        "1.",
        "-",
        "1e",
        "\"\\x\"",
        "\"\\u12\"",
        "\"open",
        "nul",
        "[}",
        "{]",
        "1 1",
        "'a'",
        "[1]]",
        "NaN",
        ",",
    ] {
        assert!(parse(text).is_err(), "parse accepted {text:?}");
        let mut out = b"before".to_vec();
        assert!(reformat(text, &mut out).is_err(), "reformat accepted {text:?}");
        assert_eq!(out, b"before");
    }
}

#[test]
fn deep_nesting_needs_neither_stack_nor_quadratic_space() {
    let depth = 100_000;
    let body = "[".repeat(depth) + &"]".repeat(depth);
    let mut out = Vec::new();
    reformat(&body, &mut out).unwrap();
    assert!(out.len() < 10 * body.len());
    let again: String = String::from_utf8(out).unwrap().split_whitespace().collect();
    assert_eq!(again, body);
    assert_eq!(parse(&body).unwrap_err().expected, "less deep nesting");
}

#[test]
fn both_writers_agree_at_the_depth_where_indenting_stops() {
    for depth in MAX_INDENT - 2..MAX_INDENT + 3 {
        let body = "{\"a\":[1,".repeat(depth / 2) + "{\"b\":[]}" + &"]}".repeat(depth / 2);
        assert_eq!(pretty_of(&body), reformat_of(&body), "depth {depth}");
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn prints_as_serde_json_prints(value in any_json()) {
        let expected = serde_json::to_string_pretty(&value).unwrap();
        let text = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(&pretty_of(&text), &expected);
        prop_assert_eq!(&reformat_of(&text), &expected);
        let mut out = Vec::new();
        compact(&parse(&expected).unwrap(), &mut out);
        prop_assert_eq!(String::from_utf8(out).unwrap(), text);
    }

    #[test]
    fn parser_and_reformatter_accept_the_same_texts(text in "[\\[\\]{}\",:0-9a\\\\untrefls. \n-]{0,40}") {
        let mut out = Vec::new();
        prop_assert_eq!(parse(&text).is_ok(), reformat(&text, &mut out).is_ok());
    }

    #[test]
    fn a_quoted_string_is_parsed_back(plain in any::<String>()) {
        let mut out = Vec::new();
        quote(&plain, &mut out);
        let quoted = String::from_utf8(out).unwrap();
        let parsed = parse(&quoted).unwrap();
        prop_assert_eq!(parsed.as_str().unwrap(), plain.as_str());
        let text = Text::new(plain.as_str());
        prop_assert_eq!(text.plain(), plain.as_str());
    }
}
