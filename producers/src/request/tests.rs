//! Requests as the seeds print them, and ones that cannot be sent.

use super::*;
use crate::record::tests::source;

fn compile(items: &str) -> (Request, Vec<String>) {
    let spec = source(&format!(
        "  name: s\n  system: x\n  metadata:\n    api: /x\n    id: a\n    request:\n{items}"
    ));
    let mut problems = Problems::new("f.yaml");
    let request = Request::compile(&spec.metadata.request, &mut problems);
    (request, problems.list().iter().map(ToString::to_string).collect())
}

fn render(items: &str) -> String {
    let (request, problems) = compile(items);
    assert!(problems.is_empty(), "{problems:?}");
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let from = "2024-01-07T16:00:00Z".parse().unwrap();
    let to = "2024-01-15T02:00:00Z".parse().unwrap();
    let moment = Moment { from, to, page: 3, page_size: 50, zone: &zone };
    serde_json::to_string(&request.render(&moment).unwrap()).unwrap()
}

#[test]
fn the_seeds_request_is_sent_as_configured() {
    let items = r#"
      - {field: page_index, label: 页数, type: string, value: "1"}
      - {field: page_size, type: string, value: "50"}
      - {field: modified_begin, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: modified_end, type: string, value: "{{CURRENT_TIME|dateTime}}"}
      - {field: drp_co_ids, type: array, children: [{field: drp_co_name, type: string, value: 示例分销商}]}
      - {field: nothing, type: string}
"#;
    assert_eq!(
        render(items),
        r#"{"page_index":"1","page_size":"50","modified_begin":"2024-01-08 00:00:00","modified_end":"2024-01-15 10:00:00","drp_co_ids":[{"drp_co_name":"示例分销商"}]}"#
    );
    let (request, _) = compile(items);
    assert_eq!(request.fixed_number("page_size"), Some(50));
    assert_eq!(request.fixed_number("modified_end"), None);
    assert!(
        request.uses("modified_end", Macro::CurrentTime)
            && !request.uses("modified_end", Macro::LastSyncTime)
    );
}

#[test]
fn kinds_and_filters_are_kept() {
    let items = r#"
      - {field: a, type: int, value: "{PAGINATION_START_PAGE}"}
      - {field: b, type: int, value: "{{ PAGINATION_START_ROW }}"}
      - {field: c, type: float, value: "0.10"}
      - {field: d, type: bool, value: "true"}
      - {field: e, type: string, value: "x{CURRENT_TIME}y{{CURRENT_TIME|timestamp_ms}}"}
      - {field: f, type: string, value: "{{LAST_SYNC_TIME|date}}"}
      - {field: g, type: array, value: "[1, \"二\"]"}
      - {field: h, type: object, children: [{field: size, type: int, value: "{{PAGINATION_PAGE_SIZE}}"}]}
      - {field: i, type: string, default: "7"}
"#;
    assert_eq!(
        render(items),
        r#"{"a":3,"b":100,"c":0.10,"d":true,"e":"x1705284000y1705284000000","f":"2024-01-08","g":[1,"二"],"h":{"size":50},"i":"7"}"#
    );
}

#[test]
fn what_is_not_understood_is_refused_with_its_path() {
    let (_, problems) = compile(
        r#"
      - {field: a, value: "{{LAST_SYNC_TME|datetime}}"}
      - {field: b, value: "{{CURRENT_TIME|datetme}}"}
      - {field: c, value: "_function {LAST_SYNC_TIME}-600"}
      - {field: d, value: "{{CURRENT_TIME"}
      - {field: e, value: "{{PAGINATION_PAGE_SIZE|date}}"}
      - {field: f, type: int, value: "many"}
      - {field: g, type: array, value: "1,2"}
      - {field: h, type: bool, value: "maybe"}
      - {field: i, is_required: true}
      - {field: j, value: "1", parser: {name: StringToArray}}
"#,
    );
    let at = |index: usize, rest: &str| format!("f.yaml: source.metadata.request[{index}].{rest}");
    assert_eq!(
        problems,
        [
            at(0, r#"value: unknown value "LAST_SYNC_TME" (did you mean "LAST_SYNC_TIME"?)"#),
            at(1, r#"value: unknown value "datetme" (did you mean "datetime"?)"#),
            at(
                2,
                "value: a source's request has no expressions; use the time and paging macros (for example {{LAST_SYNC_TIME|datetime}})"
            ),
            at(3, "value: a macro is not closed (add \"}}\")"),
            at(
                4,
                "value: PAGINATION_PAGE_SIZE is no time and takes no filter (write {{PAGINATION_PAGE_SIZE}})"
            ),
            at(5, "value: expected a number, found \"many\""),
            at(6, "value: expected JSON, or children, found \"1,2\""),
            at(7, "value: expected true or false, found \"maybe\""),
            at(8, "value: is required (add a value or a default)"),
            at(9, "parser: a source's request has no parsers (remove the parser)"),
        ]
    );
}
