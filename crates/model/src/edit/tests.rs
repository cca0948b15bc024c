//! What rules do to payloads, and how they are written.

use bytes::Bytes;

use super::{Edit, EditError, Path, Step};

const ORDER: &str = r#"{"no":"TK-1","price":0.10,"rate":1.0E+2,"shop":{"id":7,"a.b":"x"},"lines":[{"sku":"A","qty":1},{"sku":"B","qty":12345678901234567890.50}]}"#;

fn edited(rule: &str) -> Result<String, EditError> {
    let after = Edit::parse(rule)?.apply(&Bytes::from_static(ORDER.as_bytes()))?;
    Ok(String::from_utf8(after.to_vec()).unwrap())
}

#[test]
fn every_step_changes_its_place_and_nothing_else() {
    for (rule, from, to) in [
        (r#"[{"path":"no","set":"TK2"}]"#, r#""no":"TK-1""#, r#""no":"TK2""#),
        (r#"[{"path":"no","set":null}]"#, r#""no":"TK-1""#, r#""no":null"#),
        (r#"[{"path":"lines[1].qty","set":0.50}]"#, "12345678901234567890.50", "0.50"),
        (r#"[{"path":"lines[0]","remove":true}]"#, r#"{"sku":"A","qty":1},"#, ""),
        (r#"[{"path":"no","remove":true}]"#, r#""no":"TK-1","#, ""),
        (r#"[{"path":"no","replace":{"from":"-","to":""}}]"#, "TK-1", "TK1"),
        (r#"[{"path":"price","replace":{"from":"0.1","to":"9.9"}}]"#, "0.10", "9.90"),
        (r#"[{"path":"shop[\"a.b\"]","rename":"c"}]"#, r#""a.b":"x""#, r#""c":"x""#),
        (r#"[{"path":"shop.new","set":[1]}]"#, r#""a.b":"x"}"#, r#""a.b":"x","new":[1]}"#),
        (
            r#"[{"path":"lines[*].sku","replace":{"from":"A","to":"Z"}}]"#,
            r#"{"sku":"A","qty":1}"#,
            r#"{"sku":"Z","qty":1}"#,
        ),
    ] {
        // How a number without a change is written is asked of the parser, not of us.
        let same = serde_json::from_str::<serde_json::Value>(ORDER).unwrap().to_string();
        assert_eq!(edited(rule).unwrap(), same.replace(from, to), "{rule}");
    }
}

#[test]
fn numbers_keep_their_text() {
    let after = edited(r#"[{"path":"no","set":"x"}]"#).unwrap();
    for text in [r#""price":0.10"#, "12345678901234567890.50"] {
        assert!(after.contains(text), "{after}");
    }
}

#[test]
fn a_rule_that_changes_nothing_gives_the_same_bytes() {
    let spaced = Bytes::from_static(b"{ \"no\" : \"TK-1\" }");
    let rule = Edit::parse(r#"[{"path":"no","set":"TK-1"}]"#).unwrap();
    assert_eq!(rule.apply(&spaced).unwrap(), spaced);
}

#[test]
fn steps_see_what_those_before_them_did() {
    let rule = r#"[{"path":"shop.id","rename":"code"},{"path":"shop.code","set":8}]"#;
    assert!(edited(rule).unwrap().contains(r#""shop":{"code":8,"a.b":"x"}"#));
}

#[test]
fn a_path_that_finds_nothing_is_an_error_that_names_it() {
    for (rule, path) in [
        (r#"[{"path":"shop.nothing","remove":true}]"#, "shop.nothing"),
        (r#"[{"path":"nothing.below","set":1}]"#, "nothing.below"),
        (r#"[{"path":"lines[2].sku","set":1}]"#, "lines[2].sku"),
        (r#"[{"path":"no[*]","set":1}]"#, "no[*]"),
        (r#"[{"path":"shop.nothing","rename":"x"}]"#, "shop.nothing"),
    ] {
        assert_eq!(edited(rule), Err(EditError::Unmatched(path.to_owned())));
    }
    let rule = r#"[{"path":"lines[*].sku","replace":{"from":"Q","to":""}}]"#;
    assert_eq!(edited(rule), Err(EditError::NoSuchText { path: "lines[*].sku".into(), text: "Q".into() }));
    let rule = r#"[{"path":"price","replace":{"from":"0","to":"x"}}]"#;
    assert_eq!(edited(rule), Err(EditError::NoNumber { path: "price".into(), text: "x.1x".into() }));
    let rule = r#"[{"path":"no","rename":"price"}]"#;
    assert_eq!(edited(rule), Err(EditError::Taken { path: "no".into(), to: "price".into() }));
}

#[test]
fn a_payload_that_is_no_json_is_told() {
    let rule = Edit::parse(r#"[{"path":"no","set":1}]"#).unwrap();
    assert!(matches!(rule.apply(&Bytes::from_static(b"<html>")), Err(EditError::Payload(_))));
}

#[test]
fn arguments_of_the_command_line_are_read() {
    let rule = Edit::new(vec![
        Step::set("no=12=3").unwrap(),
        Step::set("price:=0.20").unwrap(),
        Step::remove("lines[0].qty").unwrap(),
        Step::replace("shop[\"a=b\"].c=x=>").unwrap(),
        Step::rename("shop.id=code").unwrap(),
    ]);
    let json = r#"[{"path":"no","set":"12=3"},{"path":"price","set":0.20},{"path":"lines[0].qty","remove":true},{"path":"shop[\"a=b\"].c","replace":{"from":"x","to":""}},{"path":"shop.id","rename":"code"}]"#;
    assert_eq!(rule.to_json(), json);
    assert_eq!(Edit::parse(json).unwrap(), rule);
}

#[test]
fn what_cannot_be_read_is_refused() {
    for argument in ["no", "=x", "a..b=x", "a[=x", "a[x]=1", "a[0]b=1", "price:=0.1x"] {
        assert!(Step::set(argument).is_err(), "{argument}");
    }
    for rule in [
        "{}",
        "[]",
        r#"[{"path":"a"}]"#,
        r#"[{"path":"a","set":1,"remove":true}]"#,
        r#"[{"path":"a","remove":false}]"#,
        r#"[{"path":"a","replace":{"from":"","to":"x"}}]"#,
        r#"[{"path":"a[0]","rename":"x"}]"#,
        r#"[{"path":"a","change":1}]"#,
    ] {
        assert!(Edit::parse(rule).is_err(), "{rule}");
    }
    assert!(Step::replace("a=x").is_err());
}

#[test]
fn paths_are_printed_as_they_are_read() {
    for text in ["a", "a.b[0].c", "[*].x", "客户[0]", "a[\"b.c\"].d"] {
        assert_eq!(Path::parse(text).unwrap().to_string(), text);
    }
}
