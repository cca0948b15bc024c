//! The fuzz targets under libFuzzer, one at a time. Built and run by `cargo xtask fuzz`, which names the target in
//! `WEIR_FUZZ_TARGET` because libFuzzer takes the command line.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use weir_fuzz::{TARGETS, Target};

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fuzz_target!(
    init: {
        let wanted = std::env::var("WEIR_FUZZ_TARGET").unwrap_or_default();
        let Some(target) = TARGETS.iter().find(|target| target.name == wanted) else {
            eprintln!("WEIR_FUZZ_TARGET names no target: {wanted:?}");
            std::process::exit(2);
        };
        CHOSEN.get_or_init(|| target);
    },
    |input: &[u8]| {
        if let Some(target) = CHOSEN.get() {
            (target.run)(input);
        }
    }
);
