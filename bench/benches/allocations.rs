//! How often a mapping asks for memory, and for how much: exact counts, the same on every machine. A program of its own,
//! because the counting allocator would weigh on the rates of the others.

use anyhow::ensure;
use weir_bench::{Shops, cases};
use weir_model::processor::Processor;

/// Records that each figure is an average of.
const RECORDS: u64 = 1_000;

fn main() -> anyhow::Result<()> {
    println!("{:<22} {:>18} {:>14} {:>14}", "flow", "allocations/record", "bytes/record", "most at once");
    let shops = Shops::default();
    for case in cases()? {
        // The first record fills what is kept for ever.
        case.flow.process(&case.input, &shops);
        let counted = allocation_counter::measure(|| {
            for _ in 0..RECORDS {
                case.flow.process(&case.input, &shops);
            }
        });
        ensure!(counted.count_current == 0, "{} keeps memory of its records", case.name);
        let per_record = |count: u64| format!("{}.{:02}", count / RECORDS, count % RECORDS * 100 / RECORDS);
        println!(
            "{:<22} {:>18} {:>14} {:>14}",
            case.name,
            per_record(counted.count_total),
            counted.bytes_total / RECORDS,
            counted.bytes_max
        );
    }
    Ok(())
}
