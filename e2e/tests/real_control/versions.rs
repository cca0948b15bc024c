//! A flow is paused, resumed, changed, spoilt and halted while its processes run on.

use jiff::Timestamp;
use weir_model::{
    digest::Digest,
    document::FlowVersion,
    outcome::{Code, Refusal},
};
use weir_schemas::{Control, FlowState, FlowText, RunState};

use crate::{
    process::Weir,
    stand::{AT_START, MOVEMENTS, Stand, movements},
    status::{Line, lines, wait_for},
    waiting::{eventually, until},
};

/// The mapping and the delivering stage.
const STAGES: usize = 2;

fn runs(line: &Line, version: u64) -> bool {
    line.condition == "ready" && line.version == version && line.partitions == 6 && line.why.is_empty()
}

fn grows(stand: &Stand, what: &str) {
    let before = stand.remarks().len();
    until(what, || stand.remarks().len() > before);
}

#[test]
fn a_flow_is_paused_resumed_changed_spoilt_and_halted_without_a_restart() {
    let stand = Stand::new("versions", MOVEMENTS, &movements("{remark}"));
    let mut processes = [stand.start("sinks", "sinks"), stand.start("processors", "processors")];
    let started = wait_for(&stand, "both stages run", MOVEMENTS, STAGES, |line| runs(line, 1));

    a_paused_flow_delivers_nothing_and_loses_nothing(&stand, &mut processes);
    let _polling = a_new_version_maps_what_comes_after_it(&stand);
    what_cannot_be_used_is_refused_and_the_old_version_goes_on(&stand);
    a_halted_flow_goes_on_when_it_is_resumed(&stand);

    a_file_that_was_left_behind_turns_nobody_back(&stand);

    let ended = wait_for(&stand, "both stages still run", MOVEMENTS, STAGES, |line| runs(line, 4));
    let starts = |lines: &[Line]| -> Vec<(String, String)> {
        lines.iter().map(|line| (line.instance.clone(), line.started_at.clone())).collect()
    };
    assert_eq!(starts(&started), starts(&ended), "no process was restarted");
    for mut process in processes {
        process.expect_running();
        assert_eq!(process.terminate().code(), Some(0));
    }
    wait_for(&stand, "who ends says goodbye", MOVEMENTS, 0, |_| true);
}

fn a_paused_flow_delivers_nothing_and_loses_nothing(stand: &Stand, processes: &mut [Weir; 2]) {
    stand.command(&["flows", "pause", MOVEMENTS, "--reason", "月结"]);
    let paused = wait_for(stand, "both stages stand still", MOVEMENTS, STAGES, |line| {
        line.condition == "paused" && line.why.ends_with(": 月结")
    });
    assert!(paused.iter().all(|line| line.partitions == 6), "they stay members: {paused:?}");
    // Whoever starts meanwhile stands still too; polling goes on.
    let mut producers = stand.start("all", "all");
    until("the records are polled", || stand.polled() >= AT_START as usize);
    wait_for(stand, "all processes stand still", MOVEMENTS, 2 * STAGES, |line| line.condition == "paused");
    assert_eq!(stand.remarks().len(), 0, "nothing is delivered");
    processes.iter_mut().for_each(Weir::expect_running);
    producers.expect_running();
    assert_eq!(producers.terminate().code(), Some(0));
    stand.command(&["flows", "resume", MOVEMENTS]);
    until("all that was polled is delivered", || stand.remarks().len() >= AT_START as usize);
}

/// Gives the process that polls: the steps to come need new records.
fn a_new_version_maps_what_comes_after_it(stand: &Stand) -> Weir {
    wait_for(stand, "both stages run", MOVEMENTS, STAGES, |line| runs(line, 1));
    stand.write_flow(MOVEMENTS, &movements("v2 {remark}"));
    let told = stand.command(&["flows", "apply", MOVEMENTS, "--json"]);
    assert!(told.contains(r#""version":2,"published":true,"stages":2"#), "{told}");
    wait_for(stand, "both stages run version 2", MOVEMENTS, STAGES, |line| runs(line, 2));
    let mut producers = stand.start("producers", "polling");
    until("rows of the new version arrive", || stand.remarks().iter().any(|remark| remark.starts_with("v2")));
    let old = stand.remarks().iter().filter(|remark| !remark.starts_with("v2")).count();
    assert!(old >= AT_START as usize, "what was delivered before stays as it was: {old}");
    producers.expect_running();
    producers
}

fn what_cannot_be_used_is_refused_and_the_old_version_goes_on(stand: &Stand) {
    let bad = movements("{remark}").replace("  system: mysql\n", "  system: mysql\n  connection: nowhere\n");
    stand.write_flow(MOVEMENTS, &bad);
    let answer = stand.try_command(&["flows", "apply", "--lang", "en"], &stand.path("weir.yaml"));
    assert_eq!(answer.status.code(), Some(2), "{answer:?}");
    assert!(String::from_utf8_lossy(&answer.stderr).contains("nowhere"), "{answer:?}");

    let (version, at) = (FlowVersion { ordinal: 3, digest: Digest::of(bad.as_bytes()) }, Timestamp::now());
    let by = "a test".to_owned();
    stand.slip_in(&Control::FlowText(FlowText { flow: MOVEMENTS.into(), version, text: bad, by, at }));
    wait_for(stand, "version 3 is refused", MOVEMENTS, STAGES, |line| {
        line.why.contains("version 3 cannot be used here") && line.version == 2 && line.condition == "ready"
    });
    grows(stand, "the old version goes on");

    stand.write_flow(MOVEMENTS, &movements("v4 {remark}"));
    stand.command(&["flows", "apply"]);
    wait_for(stand, "both stages run version 4", MOVEMENTS, STAGES, |line| runs(line, 4));
    until("rows of version 4 arrive", || stand.remarks().iter().any(|remark| remark.starts_with("v4")));
}

fn a_file_that_was_left_behind_turns_nobody_back(stand: &Stand) {
    stand.write_flow(MOVEMENTS, &movements("{remark}"));
    let late = stand.start("processors", "late");
    late.wait_for_line(&["older version of the flow", "weir flows apply"]);
    wait_for(stand, "the late one runs the newest", MOVEMENTS, STAGES + 1, |line| {
        line.condition == "ready" && line.version == 4
    });
    late.kill();
    until("a process that is not heard of is gone", || {
        lines(stand).iter().any(|line| line.gone && line.instance == "late")
    });
}

fn a_halted_flow_goes_on_when_it_is_resumed(stand: &Stand) {
    let cause = Some(Refusal::new(Code::new("FLOW-REFUSALS"), "too many"));
    let state = FlowState {
        flow: MOVEMENTS.into(),
        state: RunState::Halted,
        cause,
        reason: String::new(),
        by: "a test".to_owned(),
        at: Timestamp::now(),
    };
    stand.slip_in(&Control::FlowState(state));
    wait_for(stand, "both stages are halted", MOVEMENTS, STAGES, |line| {
        line.condition == "halted" && line.why.contains("FLOW-REFUSALS: too many")
    });
    eventually("the list tells it", || {
        let list = stand.command(&["flows", "list", "--json"]);
        if list.contains(r#""state":"halted""#) { Ok(()) } else { Err(list) }
    });
    stand.command(&["flows", "resume", MOVEMENTS]);
    wait_for(stand, "both stages run again", MOVEMENTS, STAGES, |line| runs(line, 4));
    grows(stand, "records are delivered again");
}
