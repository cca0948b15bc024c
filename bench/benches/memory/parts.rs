//! The parts of the measurement, each on topics of its own.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use weir_sandbox::Options;

use crate::{
    backlog,
    service::Memory,
    stand::{CUSTOMERS, FLOWS, MOVEMENTS, Servers, Stand},
};

/// How long a process rests before its idle memory is read.
const REST: Duration = Duration::from_secs(20);
/// How long the sinks work on their backlog: it is the same all the time.
const WORK: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(500);
/// No growth for so long means that everything is done.
const CALM: Duration = Duration::from_secs(8);
const LIMIT: Duration = Duration::from_secs(900);
const STAGES: [&str; 3] = ["producers", "processors", "sinks"];

/// A sandbox with this much data of every kind.
fn data(each: u32) -> Options {
    Options {
        customers: each,
        movements: each,
        orders: each,
        companies: each,
        refunds: each,
        ..Options::default()
    }
}

/// Every service with all flows and next to no data.
pub fn idle(servers: &Servers) -> Result<()> {
    let stand = Stand::new(servers, "idle", data(20))?;
    let services = STAGES.map(|stages| stand.start(stages, stages));
    thread::sleep(REST);
    for (stages, service) in STAGES.iter().zip(services) {
        let service = service?;
        print(&format!("idle, {stages}"), service.memory()?);
        service.terminate()?;
    }
    Ok(())
}

/// A million raw records, spread over all flows, before the processors; what they make of it before the sinks.
pub fn backlog(servers: &Servers, records: u64) -> Result<()> {
    let stand = Stand::new(servers, "backlog", data(200))?;
    backlog::write_raw(&stand, records)?;
    let documents: Vec<String> = FLOWS.iter().map(|(flow, ..)| stand.topics().doc(&(*flow).into())).collect();
    let service = stand.start("processors", "processors")?;
    let (took, offsets) = until_calm(&stand, &documents)?;
    println!("processors: {offsets} offsets of documents from {records} records in {took:?}");
    print("backlog, processors", service.memory()?);
    service.terminate()?;

    let service = stand.start("sinks", "sinks")?;
    let receipts: Vec<String> =
        FLOWS.iter().map(|(flow, ..)| stand.topics().receipt(&(*flow).into())).collect();
    thread::sleep(WORK);
    println!("sinks: {} offsets of receipts in {WORK:?}", backlog::offsets(&stand, &receipts)?);
    print("backlog, sinks", service.memory()?);
    service.terminate()
}

/// A producer that reads an account with a million records for the first time.
pub fn polling(servers: &Servers, records: u64) -> Result<()> {
    let options = Options { movements: u32::try_from(records)?, ..data(200) };
    let stand = Stand::new(servers, "polling", options)?;
    let raw = [stand.topics().raw(&MOVEMENTS.1.into())];
    let service = stand.start("producers", "producers")?;
    let (took, offsets) = until_calm(&stand, &raw)?;
    println!("producers: {offsets} offsets of records in {took:?}");
    print("backlog, producers", service.memory()?);
    service.terminate()
}

/// A sink that restores the receipts of a million records when its partitions are assigned.
pub fn receipts(servers: &Servers, records: u64) -> Result<()> {
    let stand = Stand::new(servers, "receipts", data(20))?;
    stand.keep_only(MOVEMENTS.0)?;
    backlog::write_receipts(&stand, MOVEMENTS.0, records)?;
    let started = Instant::now();
    let service = stand.start("sinks", "sinks")?;
    until("the sink has its partitions", || Ok(service.log()?.contains("sink took partitions over")))?;
    println!("{records} receipts restored {:?} after the start", started.elapsed());
    print("receipts, sinks", service.memory()?);
    service.terminate()
}

/// From the start, and from a kill, to a document at the target; Kafka is warm and its groups start at once.
pub fn starts(servers: &Servers) -> Result<()> {
    let stand = Stand::new(servers, "starts", data(20))?;
    stand.keep_only(CUSTOMERS.0)?;
    let stored = || stand.sandbox().state().kingdee.store.documents("BD_Customer").count();
    backlog::write_raw_of(&stand, CUSTOMERS.1, 0, 100)?;
    let started = Instant::now();
    let processors = stand.start("processors", "processors")?;
    let mut sinks = stand.start("sinks", "one")?;
    until("the first document is stored", || Ok(stored() > 0))?;
    println!("start to the first delivered record: {:?}", started.elapsed());
    for (round, next) in ["one", "other"].into_iter().enumerate() {
        until("all documents are stored", || Ok(stored() == 100 * (round + 1)))?;
        let first = 100 * u64::try_from(round + 1)?;
        let killed = Instant::now();
        sinks.kill()?;
        backlog::write_raw_of(&stand, CUSTOMERS.1, first, 100)?;
        sinks = stand.start("sinks", next)?;
        until("delivery goes on", || Ok(stored() > 100 * (round + 1)))?;
        println!("kill -9 to resumed delivery, restarted as {next}: {:?}", killed.elapsed());
    }
    sinks.terminate()?;
    processors.terminate()
}

fn print(what: &str, memory: Memory) {
    let Memory { resident_kib, peak_kib, anonymous_kib, threads } = memory;
    let mib = |kib: u64| kib / 1_024;
    println!(
        "| {what} | {} MiB | {} MiB | {} MiB | {threads} |",
        mib(resident_kib),
        mib(anonymous_kib),
        mib(peak_kib)
    );
}

fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + LIMIT;
    while !holds()? {
        if Instant::now() > end {
            bail!("{what}: not within {LIMIT:?}");
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Waits until topics have begun to grow and stopped; how long they grew, and their offsets.
fn until_calm(stand: &Stand, topics: &[String]) -> Result<(Duration, i64)> {
    let started = Instant::now();
    let (mut grown, mut last) = (started, 0);
    loop {
        thread::sleep(LOOK);
        let offsets = backlog::offsets(stand, topics)?;
        if offsets > last {
            (grown, last) = (Instant::now(), offsets);
        }
        let rested = if last == 0 { Duration::ZERO } else { grown.elapsed() };
        if rested > CALM || started.elapsed() > LIMIT {
            return Ok((grown.duration_since(started), last));
        }
    }
}
