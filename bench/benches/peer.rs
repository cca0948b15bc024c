//! The refund of seed 000 beside a peer: the same records from the same file, in one run, each twice (A/A), mapped by
//! Weir and by mq-bridge. Needs Python 3.10 or later and PyPI; see `bench/README.md` for what is compared and what not.

#[path = "shared/python.rs"]
mod python;

use std::{
    fs::File,
    hint::black_box,
    io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value as Json;
use weir_bench::{Case, Shops, refund, refund_record};
use weir_model::{
    document::Verdict,
    processor::{Processed, Processor},
};

/// Records of the measured file; about 290 MB.
const RECORDS: usize = 200_000;
/// Records of the file that is mapped first, to see that the peer's documents are right.
const SAMPLE: usize = 3;
/// Both may use so many threads.
const THREADS: usize = 2;

/// A time on the wall and one of all processors together.
#[derive(Clone, Copy)]
struct Spent {
    wall: Duration,
    cpu: Duration,
}

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peer");
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let python = python::python(&folder)?;
    let (records, sample) = (folder.join("refunds.jsonl"), folder.join("sample.jsonl"));
    write(&records, RECORDS)?;
    write(&sample, SAMPLE)?;
    let case = refund()?;
    println!("{RECORDS} refunds of {} bytes, {THREADS} threads", case.input.record.payload.len());
    println!("{:<24} {:>12} {:>14}", "", "records/s", "CPU us/record");
    let mut rounds = Vec::new();
    for round in ["A", "A again"] {
        let weir = map(&records, &case)?;
        show(&format!("weir, {round}"), weir);
        let peer = run_peer(&python, &records, &sample)?;
        let mut spent = Vec::new();
        for name in ["read", "paths", "expression"] {
            let part = spent_by(&peer, name)?;
            show(&format!("mq-bridge {name}, {round}"), part);
            spent.push(part);
        }
        rounds.push((weir, spent));
    }
    compare(&rounds);
    std::fs::remove_file(&records).context("remove the records")?;
    Ok(())
}

/// Weir's rate over the peer's, for each round, and the rounds against each other.
fn compare(rounds: &[(Spent, Vec<Spent>)]) {
    println!("\nweir against the peer's expression (more is better for weir):");
    for (weir, peer) in rounds {
        if let Some(expression) = peer.last() {
            println!(
                "  rate {} %, CPU {} %",
                percent(expression.wall, weir.wall),
                percent(expression.cpu, weir.cpu)
            );
        }
    }
    if let [(first, _), (again, _)] = rounds {
        println!("A/A: weir's first round took {} % of its second", percent(first.wall, again.wall));
    }
}

fn percent(part: Duration, whole: Duration) -> u128 {
    part.as_nanos() * 100 / whole.as_nanos().max(1)
}

fn show(name: &str, spent: Spent) {
    let rate = RECORDS as u128 * 1_000_000 / spent.wall.as_micros().max(1);
    let nanoseconds = spent.cpu.as_nanos() / RECORDS as u128;
    println!("{name:<24} {rate:>12} {:>11}.{:02}", nanoseconds / 1_000, nanoseconds % 1_000 / 10);
}

/// What one of the peer's routes took.
fn spent_by(peer: &Json, route: &str) -> Result<Spent> {
    let time = |what: &str| {
        let microseconds = peer.get(route)?.get(what)?.as_u64()?;
        Some(Duration::from_micros(microseconds))
    };
    let spent = time("wall_us").zip(time("cpu_us")).map(|(wall, cpu)| Spent { wall, cpu });
    spent.with_context(|| format!("the peer printed no times for {route}: {peer}"))
}

/// Writes so many refunds, a line each.
fn write(path: &Path, count: usize) -> Result<()> {
    let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
    let mut file = BufWriter::new(file);
    for serial in 1..=count {
        writeln!(file, "{}", refund_record(serial)?).context("write a refund")?;
    }
    file.into_inner().context("write the refunds")?.sync_all().context("write the refunds")
}

/// Reads the file with [`THREADS`] threads, each a part of it, and maps every line.
fn map(records: &Path, case: &Case) -> Result<Spent> {
    let length = std::fs::metadata(records).context("look at the refunds")?.len();
    let shops = Shops::default();
    let (cpu, start) = (cpu_time(), Instant::now());
    let mapped = thread::scope(|scope| {
        let parts: Vec<_> = (0..THREADS as u64)
            .map(|part| part * length / THREADS as u64..(part + 1) * length / THREADS as u64)
            .map(|part| scope.spawn(|| map_part(records, part, case, &shops)))
            .collect();
        parts.into_iter().try_fold(0, |sum, part| match part.join() {
            Ok(count) => anyhow::Ok(sum + count?),
            Err(_) => bail!("a thread broke down"),
        })
    })?;
    let spent = Spent { wall: start.elapsed(), cpu: cpu_time().saturating_sub(cpu) };
    ensure!(mapped == RECORDS, "{mapped} of {RECORDS} refunds were mapped");
    Ok(spent)
}

/// Maps the lines that begin in `part` of the file; says how many.
fn map_part(records: &Path, part: std::ops::Range<u64>, case: &Case, shops: &Shops) -> Result<usize> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(records).context("open the refunds")?);
    let mut at = part.start;
    if at > 0 {
        file.seek(SeekFrom::Start(at - 1)).context("find the part")?;
        at += file.by_ref().skip_until(b'\n').context("find the first line")? as u64 - 1;
    }
    let mut count = 0;
    while at < part.end {
        let mut line = Vec::with_capacity(2_048);
        at += file.read_until(b'\n', &mut line).context("read a refund")? as u64;
        match black_box(case.flow.process(&case.with_record(line), shops)) {
            Processed::One(mapped) if mapped.verdict == Verdict::Mapped => count += 1,
            other => bail!("a refund was not mapped: {other:?}"),
        }
    }
    Ok(count)
}

fn run_peer(python: &Path, records: &Path, sample: &Path) -> Result<Json> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/mq_bridge_transform.py");
    let mut command = Command::new(python);
    command.arg(script).arg(records).arg("--sample").arg(sample);
    command.args(["--concurrency", &THREADS.to_string()]);
    let output = command.stderr(std::process::Stdio::inherit()).output().context("run the peer")?;
    ensure!(output.status.success(), "the peer failed: {}", output.status);
    serde_json::from_slice(&output.stdout).context("read what the peer prints")
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
