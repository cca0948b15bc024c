//! Waiting for a state, under a deadline that only a broken system meets.

use std::{
    thread,
    time::{Duration, Instant},
};

pub const LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(100);

/// Asks until the answer is there; when it never is, ends the test with what was still wrong.
pub fn eventually<T>(what: &str, attempt: impl FnMut() -> Result<T, String>) -> T {
    eventually_within(LIMIT, what, attempt)
}

/// As [`eventually`], with a limit of its own.
pub fn eventually_within<T>(
    limit: Duration,
    what: &str,
    mut attempt: impl FnMut() -> Result<T, String>,
) -> T {
    let end = Instant::now() + limit;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(wrong) => assert!(Instant::now() < end, "{what}: not within {limit:?}: {wrong}"),
        }
        thread::sleep(PAUSE);
    }
}

/// As [`eventually`], for what either holds or not.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    eventually(what, || if holds() { Ok(()) } else { Err("it never came to it".to_owned()) });
}
