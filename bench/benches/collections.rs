//! A collection of ten million rows on disk: how fast it fills, how large file and memory get, how long a lookup takes.
//! Numbers for people, nothing is asserted about them. `-- 1000000` takes another number of rows.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value as Json;
use weir_kafka::{IndexedTable, Indexer};
use weir_model::lookup::field_of;

const ROWS: u64 = 10_000_000;
/// Rows per write, as the follower of a topic has them.
const BATCH: u64 = 50_000;
const LOOKUPS: u64 = 200_000;
/// Look-ups on one state of the table, as a mapping stage makes them for a batch.
const LOOKUPS_PER_BATCH: u64 = 1_000;

/// By `no`, whose order is that of the ids, and by `phone`, whose order is none.
struct Fields;

impl Indexer for Fields {
    fn entries(&self, row: &[u8], entry: &mut dyn FnMut(u16, &[&str])) {
        let Ok(row) = serde_json::from_slice::<Json>(row) else { return };
        for (index, field) in [(0, "no"), (1, "phone")] {
            if let Some(value) = field_of(&row, field) {
                entry(index, &[&value]);
            }
        }
    }
}

fn main() -> anyhow::Result<()> {
    let rows = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(ROWS);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("rows.redb");
    let table = IndexedTable::create(&path, Box::new(Fields))?;
    let (start, cpu) = (Instant::now(), cpu_time());
    let mut slowest = Duration::ZERO;
    for first in (0..rows).step_by(usize::try_from(BATCH)?) {
        let last = rows.min(first + BATCH);
        let changes = (first..last).map(|number| (id(number).into(), Some(row(number).into()))).collect();
        let begun = Instant::now();
        table.apply(changes)?;
        slowest = slowest.max(begun.elapsed());
    }
    let (filled, cpu) = (start.elapsed(), cpu_time().saturating_sub(cpu));
    let rate = u128::from(rows) * 1_000 / filled.as_millis().max(1);
    println!("{rows} rows in {} s ({} s of CPU), {rate} rows/s", filled.as_secs(), cpu.as_secs());
    println!("slowest write of {BATCH}: {slowest:?}");
    println!("file {} MiB, row {} bytes", std::fs::metadata(&path)?.len() >> 20, row(rows / 2).len());
    println!("memory now and at most: {}", resident()?);
    for (index, value) in [(0, number_of as fn(u64) -> String), (1, phone)] {
        for pass in ["first", "again"] {
            let (begun, cpu) = (Instant::now(), cpu_time());
            let mut state = table.snapshot()?;
            for lookup in 0..LOOKUPS {
                if lookup.is_multiple_of(LOOKUPS_PER_BATCH) {
                    state = table.snapshot()?;
                }
                let wanted = value(scatter(lookup + rows) % rows);
                let found = state.find(index, [wanted.as_str()])?.context("every row is found")?;
                let found: Json = serde_json::from_slice(&found.row)?;
                ensure!(black_box(field_of(&found, "name")).is_some(), "every row has a name");
            }
            let each = begun.elapsed().as_nanos() / u128::from(LOOKUPS);
            let cpu = cpu_time().saturating_sub(cpu).as_nanos() / u128::from(LOOKUPS);
            println!("lookup by index {index}, {pass}: {each} ns, CPU {cpu} ns, {}", resident()?);
        }
    }
    Ok(())
}

/// CPU time of this process so far, the kernel's part too.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn id(number: u64) -> Vec<u8> {
    format!("C{number:09}").into_bytes()
}

fn number_of(number: u64) -> String {
    format!("NO{number:09}")
}

fn phone(number: u64) -> String {
    format!("1{:010}", scatter(number) % 10_000_000_000)
}

fn row(number: u64) -> Vec<u8> {
    format!(
        r#"{{"id":"C{number:09}","no":"{}","name":"示例客户 {number}","phone":"{}","org":{{"FNumber":"100"}},"credit":"1000.00"}}"#,
        number_of(number),
        phone(number)
    )
    .into_bytes()
}

/// Numbers far from each other for neighbours.
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Resident memory, the heap's pages and the file's, as Linux tells it.
fn resident() -> anyhow::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let lines = status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    Ok(lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", "))
}
