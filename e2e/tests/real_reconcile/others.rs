//! The other flows of the seeds: customers without a day at the ERP, movements that never change, orders of K/3 WISE.

use crate::{
    answer::{options, reconcile},
    project::{CUSTOMERS, MOVEMENTS, ORDERS},
    stand::Stand,
    waiting::eventually,
};

#[test]
fn both_sides_of_the_other_flows_agree() {
    let stand = Stand::new("reconcile_others", options());
    let mut weir = stand.start();
    // The sandbox's data reaches two days back from now, the days of OKKI's orders a little further.
    let day = |ago: i64| {
        let at = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)));
        at.date().checked_sub(jiff::Span::new().days(ago)).unwrap().to_string()
    };
    let days = (day(9), day(0));
    for flow in [CUSTOMERS, MOVEMENTS, ORDERS] {
        let answer = eventually(&format!("both sides of {flow} agree"), || {
            let answer = reconcile(&stand, flow, (&days.0, &days.1), &[]);
            let differences = answer.differences(&[]);
            let is_empty = answer.total("source") == 0;
            if differences.is_empty() && !is_empty { Ok(answer) } else { Err(answer.json.to_string()) }
        });
        assert_eq!(answer.code, 0, "{flow}");
        let first = answer.total("source");
        for side in ["topic", "delivered", "target"] {
            assert_eq!(answer.total(side), first, "{flow} {side}: {}", answer.json);
        }
    }
    weir.expect_running();
}
