//! Configuration is read anew: a mended secret ends a halt, a spoilt file is refused, flows come and go.

use std::fs;

use crate::{
    stand::{CUSTOMERS, JUSHUITAN_SECRET, KINGDEE_SECRET, MOVEMENTS, Stand, customers, movements},
    status::{Line, lines, wait_for},
    waiting::until,
};

/// The mapping and the delivering stage.
const STAGES: usize = 2;

fn is_halted(stand: &Stand, stage: &str, code: &str) {
    until(&format!("weir status tells the halt of the {stage}"), || {
        let is_it =
            |line: &Line| line.condition == "halted" && line.stage == stage && line.why.contains(code);
        lines(stand).iter().any(is_it)
    });
}

#[test]
fn secrets_are_mended_by_reload_and_resume_and_a_reload_refuses_what_is_spoilt_and_adds_and_removes_flows() {
    let stand = Stand::new("reload", CUSTOMERS, &customers());
    fs::write(stand.path("jushuitan.secret"), "not-the-secret").unwrap();
    fs::write(stand.path("kingdee.secret"), "f".repeat(KINGDEE_SECRET.len())).unwrap();
    let mut weir = stand.start("all", "one");
    is_halted(&stand, "producer", "P-CREDENTIAL");
    fs::write(stand.path("jushuitan.secret"), JUSHUITAN_SECRET).unwrap();
    stand.command(&["flows", "reload"]);
    // Records come, so that the next secret is tried.
    is_halted(&stand, "sink", "K-CREDENTIAL");
    fs::write(stand.path("kingdee.secret"), KINGDEE_SECRET).unwrap();
    stand.command(&["flows", "resume", CUSTOMERS]);
    wait_for(&stand, "the flow runs", CUSTOMERS, STAGES, |line| line.condition == "ready");
    until("customers arrive", || stand.sandbox.state().kingdee.store.documents("BD_Customer").count() > 0);

    // A file of its own for the command: what it is called with must be in order.
    let good = fs::read_to_string(stand.path("weir.yaml")).unwrap();
    fs::write(stand.path("other.yaml"), &good).unwrap();
    fs::write(stand.path("weir.yaml"), good.replace("system: mysql,", "system: mysq,")).unwrap();
    let told = stand.try_command(&["flows", "reload"], &stand.path("other.yaml"));
    assert!(told.status.success(), "{told:?}");
    wait_for(&stand, "the spoilt file is refused", CUSTOMERS, STAGES, |line| {
        line.condition == "ready" && line.why.contains("the configuration cannot be used")
    });

    fs::write(stand.path("weir.yaml"), good).unwrap();
    stand.write_flow(MOVEMENTS, &movements("{remark}"));
    stand.command(&["topics", "apply"]);
    stand.command(&["flows", "reload"]);
    wait_for(&stand, "the added flow runs", MOVEMENTS, STAGES, |line| line.condition == "ready");
    wait_for(&stand, "nothing is refused", CUSTOMERS, STAGES, |line| line.why.is_empty());
    until("movements arrive", || !stand.remarks().is_empty());

    fs::remove_file(stand.path("flows").join(format!("{MOVEMENTS}.yaml"))).unwrap();
    stand.command(&["flows", "reload"]);
    wait_for(&stand, "the removed flow has ended", MOVEMENTS, 0, |_| true);
    weir.expect_running();
    assert_eq!(weir.terminate().code(), Some(0));
}
