//! The commands about jobs: what they answer, what they refuse, and how a job is held, limited and called off.

use serde_json::json;

use crate::{
    desk::{FLOW, PLAIN, ask, order, replay, run, wait_for_state, written},
    stand::Stand,
};

#[test]
fn a_job_is_tried_held_limited_and_called_off_by_command() {
    let stand = Stand::new("jobscli", &[PLAIN]);
    let orders: Vec<_> = (0..40).map(order).collect();
    stand.send(&orders);
    let weir = stand.start("all", "one");
    stand.wait_for_ended(FLOW, 40);

    let everything = ["replay", FLOW, "--since", "2000-01-01", "--dry-run"];
    let plan = ask(&stand, &everything);
    assert_eq!((&plan["records"], &plan["distinct"]), (&json!(40), &json!(40)), "{plan}");
    let some = ["replay", FLOW, "--since", "2000-01-01", "--only", "o00003,o00007", "--dry-run"];
    assert_eq!(ask(&stand, &some)["records"], 2);
    assert!(stand.command(&everything).contains("40"));
    assert_eq!(ask(&stand, &["jobs", "list"])["total"], 0, "a dry run announces nothing");

    for (arguments, code, says) in [
        (vec!["replay", "nobody", "--since", "2000-01-01"], 2, FLOW),
        (vec!["replay", FLOW, "--since", "yesterday"], 2, "2024-01-31"),
        (vec!["replay", FLOW, "--since", "2024-02-02", "--until", "2024-02-01"], 2, "2024-02-02"),
        (vec!["replay", FLOW, "--since", "2000-01-01", "--only", "o99999"], 2, "o99999"),
        (vec!["jobs", "show", "replay-0"], 2, "weir jobs list"),
        (vec!["jobs", "cancel", "replay-0"], 2, "replay-0"),
    ] {
        let done = run(&stand, &arguments);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }

    stand.command(&["flows", "pause", FLOW, "--reason", "月结"]);
    let (first, second) = (replay(&stand, &["--only", "o00003"]), replay(&stand, &["--note", "again"]));
    let held = wait_for_state(&stand, &first, "held");
    assert_eq!(held["cause"]["code"], "J-STANDSTILL", "{held}");
    assert!(held["cause"]["message"].as_str().unwrap().contains("月结"), "{held}");
    assert_eq!(wait_for_state(&stand, &second, "held")["cause"]["code"], "J-QUEUED");
    assert_eq!(written(&stand), 0);
    stand.command(&["jobs", "cancel", &second, "--note", "not needed"]);
    let cancelled = wait_for_state(&stand, &second, "cancelled");
    assert_eq!(cancelled["cancelled"]["note"], "not needed", "{cancelled}");
    let watched = run(&stand, &["jobs", "watch", &second, "--json"]);
    assert_eq!(watched.status.code(), Some(1), "who waits for it learns that nothing comes");
    assert_eq!(ask(&stand, &["jobs", "list", "--open"])["total"], 1);

    stand.command(&["flows", "resume", FLOW]);
    let job = wait_for_state(&stand, &first, "finished");
    assert_eq!((&job["done"], &job["sent"]), (&json!(40), &json!(1)), "{job}");
    let over = run(&stand, &["jobs", "cancel", &first]);
    assert_eq!(over.status.code(), Some(2));
    // Watched to its end by the command that announces it.
    let shown = stand.command(&["replay", FLOW, "--since", "2000-01-01"]);
    assert!(shown.contains("finished") && shown.contains("40/40"), "{shown}");
    let counts = stand.wait_for_ended(FLOW, 81);
    assert_eq!((counts.delivered, counts.unchanged), (40, 41), "{counts:?}");
    assert!(weir.terminate().success());
}
