//! Two processes, two sources, one account, a kill.

use crate::{
    process::Weir,
    stand::{PER_MINUTE, SOURCES, Stand},
    waiting::until,
};

/// Of the calls allowed in the two minutes that are judged.
const USED_PERCENT: u64 = 95;
/// So many calls of the next owner show that it polls.
const CALLS_AFTERWARDS: u64 = 40;

/// So many calls of the first owner: its cursor tells of an open window, so whoever comes next resumes that.
const CALLS_BEFORE: u64 = 6;

/// Whether a process has taken the account over from another.
fn took_over(weir: &Weir) -> bool {
    weir.log().contains("window resumed")
}

#[test]
fn two_sources_share_sixty_a_minute_to_95_percent_and_none_is_refused_also_after_a_kill() {
    let stand = Stand::new();
    let calls = || stand.calls_by_minute().iter().sum::<u64>();
    let one = stand.start("one");
    until("the first process polls", || calls() >= CALLS_BEFORE);
    let other = stand.start("other");
    for minute in 0..3 {
        until(&format!("minute {minute} of the sandbox is over"), || {
            stand.calls_by_minute().len() > minute + 1
        });
    }
    let minutes = stand.calls_by_minute();
    let (used, allowed) = (minutes[1] + minutes[2], u64::from(2 * PER_MINUTE));
    assert!(used * 100 >= allowed * USED_PERCENT, "{used} of {allowed} calls used: {minutes:?}");
    assert_eq!(stand.refused(), 0, "{minutes:?}");

    // The group may have given the account to the process that came later.
    let (polling, mut idle) = if took_over(&other) { (other, one) } else { (one, other) };
    polling.kill();
    let before = calls();
    for source in SOURCES {
        idle.wait_for_line(&["window resumed", source]);
    }
    until("it has made calls", || calls() >= before + CALLS_AFTERWARDS);
    println!("calls by minute: {:?}", stand.calls_by_minute());
    assert_eq!(stand.refused(), 0, "{:?}", stand.calls_by_minute());
    idle.expect_running();
    let status = idle.terminate();
    assert_eq!(status.code(), Some(0), "a drain ends with code 0: {status}");
}
