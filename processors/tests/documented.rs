//! The flow that the guide to the configuration shows for `execute`: its mapping makes the document that its statements
//! take. The SQL target's tests run the statements.

mod common;

use common::{flow, input};
use weir_model::{
    document::Verdict,
    lookup::NoLookups,
    processor::{Processed, Processor},
};

const GUIDE: &str = include_str!("../../docs/configuration.md");

#[test]
fn the_documented_order_becomes_parameters_of_its_statements() {
    let mut blocks = GUIDE.split("```yaml\n").filter_map(|rest| rest.split("```").next());
    let block = blocks.find(|block| block.contains("api: execute")).unwrap();
    let target = block.strip_prefix("target:\n").unwrap();
    let (compiled, problems) = flow("", "", target);
    assert!(problems.is_empty(), "{problems:#?}");
    let record =
        r#"{"id":1,"so_id":"SO1","pay_amount":12.50,"items":[{"sku_id":"A-1","qty":2},{"sku_id":"A-2"}]}"#;
    let Processed::One(mapped) = compiled.unwrap().process(&input(record), &NoLookups) else {
        panic!("one document");
    };
    assert_eq!((&mapped.verdict, mapped.key.as_str()), (&Verdict::Mapped, "SO1"));
    assert_eq!(
        std::str::from_utf8(&mapped.body).unwrap(),
        r#"{"main_params":{"order_no":"SO1","amount":"12.50"},"extend_params_2":[{"sku":"A-1","qty":"2"},{"sku":"A-2"}]}"#
    );
}
