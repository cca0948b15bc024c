//! How many records a mapping makes a second, on one thread and on two, and what CPU it takes. A plain loop, so that
//! wall time and CPU time stand side by side; numbers for people, nothing is asserted about them.

use std::{
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use rustix::time::{ClockId, clock_gettime};
use weir_bench::{Case, Shops, cases};
use weir_model::{
    document::Verdict,
    processor::{Processed, Processor},
};

/// How long each figure is measured.
const MEASURED: Duration = Duration::from_secs(5);
/// Records between two looks at the clock.
const STRIDE: u64 = 1_000;

fn main() -> anyhow::Result<()> {
    println!(
        "{:<22} {:>6} {:>7} {:>8} {:>12} {:>14}",
        "flow", "bytes", "body", "threads", "records/s", "CPU us/record"
    );
    let shops = &Shops::default();
    for case in cases()? {
        let Processed::One(mapped) = case.flow.process(&case.input, shops) else { bail!("one document") };
        ensure!(mapped.verdict == Verdict::Mapped, "{}: {:?}", case.name, mapped.verdict);
        serde_json::from_slice::<serde_json::Value>(&mapped.body).context("the body is no JSON")?;
        for threads in [1, 2] {
            let (rate, cpu) = measure(&case, shops, threads);
            let (bytes, body) = (case.input.record.payload.len(), mapped.body.len());
            println!("{:<22} {bytes:>6} {body:>7} {threads:>8} {rate:>12} {cpu:>14}", case.name);
        }
    }
    Ok(())
}

/// Records a second over all threads, and CPU time per record in microseconds.
fn measure(case: &Case, shops: &Shops, threads: usize) -> (u128, String) {
    let cpu = cpu_time();
    let start = Instant::now();
    let records: u64 = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| map_until(case, shops, start + MEASURED))).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).sum()
    });
    let (wall, cpu) = (start.elapsed(), cpu_time().saturating_sub(cpu));
    let rate = u128::from(records) * 1_000_000 / wall.as_micros().max(1);
    let nanoseconds = cpu.as_nanos() / u128::from(records.max(1));
    (rate, format!("{}.{:02}", nanoseconds / 1_000, nanoseconds % 1_000 / 10))
}

fn map_until(case: &Case, shops: &Shops, end: Instant) -> u64 {
    let mut records = 0;
    while Instant::now() < end {
        for _ in 0..STRIDE {
            black_box(case.flow.process(black_box(&case.input), shops));
        }
        records += STRIDE;
    }
    records
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
