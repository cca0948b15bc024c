//! Everything is read again by the look-back with every poll, by the remedy every other minute, and by a producer that
//! has lost its memory. The targets' own counters tell that nobody asked them anything.

use std::{collections::BTreeMap, fs, time::Duration};

use weir_model::names::SourceName;

use crate::{
    ends::written,
    judge::expect_complete,
    letters,
    process::Weir,
    project::{CUSTOMERS, FLOWS, MOVEMENTS},
    stand::{Setup, Stand},
    tallies::Tallies,
    waiting::{eventually_within, until},
};

const CUSTOMER_RECORDS: u32 = 300;
const MOVEMENT_RECORDS: u32 = 9_700;
const RECORDS: i64 = 10_000;
/// All data is younger than this.
const SPAN_SECONDS: u32 = 3_600;
/// The remedy runs every other minute, and a run over everything takes its time.
const REMEDY_LIMIT: Duration = Duration::from_secs(300);
/// Calls of a source that are two polls at least.
const TWO_POLLS: [(&str, u64); 2] = [("distributor/query", 25), ("queryinoutitemskusns", 30)];
const BEGINS: &str = "omission remedy begins";
const ENDS: &str = "omission remedy is carried out";

/// What may not move while nothing changes.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// Statements that write, by MariaDB's names.
    statements: BTreeMap<String, String>,
    kingdee_calls: u64,
    letters: usize,
}

impl Asked {
    fn of(stand: &Stand) -> Self {
        const WRITES: [&str; 6] =
            ["insert", "insert_select", "replace", "replace_select", "update", "delete"];
        let status =
            stand.database.rows("information_schema.GLOBAL_STATUS", &["VARIABLE_NAME", "VARIABLE_VALUE"]);
        let cell = |cell: &Option<String>| cell.clone().unwrap_or_default();
        let statements = status
            .iter()
            .map(|row| (cell(&row[0]).to_lowercase(), cell(&row[1])))
            .filter(|(name, _)| WRITES.iter().any(|write| *name == format!("com_{write}")));
        Self {
            statements: statements.collect(),
            kingdee_calls: stand.calls("kingdee"),
            letters: letters::list(stand).len(),
        }
    }
}

/// Each poll looks back over all data, and the remedy reads all of it again.
fn reread_everything(stand: &Stand) {
    for (flow, begin) in [(CUSTOMERS, "modified_begin"), (MOVEMENTS, "create_time_start")] {
        let file = stand.file(&format!("flows/{flow}.yaml"));
        let text = fs::read_to_string(&file).unwrap();
        let remedy = format!(
            "    omissionRemedy:\n      crontab: \"*/2 * * * *\"\n      takeOverRequest:\n        - {{field: {begin}, \
             value: \"{{{{DAYS_AGO_1|datetime}}}}\"}}\n    request:\n"
        );
        let (look_back, request) = ("look_back: 30s", "    request:\n");
        assert!(text.contains(look_back) && text.contains(request));
        let text = text.replace(look_back, "look_back: 2h").replacen(request, &remedy, 1);
        fs::write(file, text).unwrap();
    }
}

fn count(weir: &Weir, line: &str) -> usize {
    weir.log().matches(line).count()
}

fn raw_written(stand: &Stand) -> i64 {
    let topics = stand.topics();
    FLOWS.iter().map(|(_, source)| written(stand, &topics.raw(&SourceName::from(*source)))).sum()
}

fn polled_twice(stand: &Stand) {
    for (call, calls) in TWO_POLLS {
        let before = stand.calls(call);
        until("polling goes on", || stand.calls(call) >= before + calls);
    }
}

/// Waits until as many more documents were found to be unchanged, and none is under way.
fn until_unchanged(stand: &Stand, tallies: &mut Tallies, more_than: u64) -> u64 {
    let sum = |tallies: &Tallies| FLOWS.iter().map(|(flow, _)| tallies.sink(flow).unchanged).sum::<u64>();
    eventually_within(REMEDY_LIMIT, "everything read again is found to be unchanged", || {
        let under_way = tallies.unbalanced();
        let unchanged = sum(tallies);
        if under_way.is_empty() && unchanged > more_than {
            return Ok(unchanged);
        }
        Err(format!(
            "{unchanged} of {more_than} unchanged, {} raw offsets, {under_way:?}",
            raw_written(stand)
        ))
    })
}

#[test]
fn what_is_read_again_unchanged_costs_no_call_and_no_letter() {
    let mut server = weir_testkit::mariadb::MariaDb::start().unwrap();
    let mut setup = Setup::plain("unchanged", 71);
    setup.mysql = Some(server.url());
    setup.sandbox.customers = CUSTOMER_RECORDS;
    setup.sandbox.movements = MOVEMENT_RECORDS;
    setup.sandbox.span_seconds = SPAN_SECONDS;
    let stand = Stand::new(setup);
    reread_everything(&stand);
    let mut services = vec![stand.start("processors", "map"), stand.start("sinks", "write")];
    let producer = stand.start("producers", "read");
    expect_complete(&stand, "nothing changes");
    let asked = Asked::of(&stand);
    assert!(asked.letters > 0, "refused records are remembered, too: {asked:?}");
    let mut tallies = Tallies::open(&stand);
    assert_eq!(tallies.unbalanced(), [""; 0]);

    // The remedy: a run that began after everything was delivered publishes all of it again.
    let former = [CUSTOMERS, MOVEMENTS].iter().map(|flow| tallies.sink(flow).unchanged).sum::<u64>();
    let begun = count(&producer, BEGINS);
    let line = "a remedy of each source begins and ends";
    eventually_within(REMEDY_LIMIT, line, || {
        let (begins, ends) = (count(&producer, BEGINS), count(&producer, ENDS));
        if begins >= begun + 2 && ends >= begins {
            Ok(())
        } else {
            Err(format!("{begins} begun, {ends} ended"))
        }
    });
    let all = u64::try_from(RECORDS).unwrap() * 9 / 10;
    let unchanged = until_unchanged(&stand, &mut tallies, former + all);
    assert_eq!(Asked::of(&stand), asked, "the remedy asks no target");

    // The look-back: what the owner knows is not even published.
    eventually_within(REMEDY_LIMIT, "two polls without a remedy between them", || {
        let (begins, before) = (count(&producer, BEGINS), raw_written(&stand));
        if count(&producer, ENDS) < begins {
            return Err("a remedy is under way".to_owned());
        }
        polled_twice(&stand);
        if count(&producer, BEGINS) > begins {
            return Err("a remedy began".to_owned());
        }
        assert_eq!(raw_written(&stand), before, "the look-back publishes what it knows");
        Ok(())
    });

    // A new owner knows nothing: it publishes everything again, and the sinks still know.
    assert_eq!(producer.terminate().code(), Some(0));
    let before = raw_written(&stand);
    let producer = stand.start("producers", "read");
    until("the new owner publishes everything", || raw_written(&stand) >= before + RECORDS);
    let unchanged = until_unchanged(&stand, &mut tallies, unchanged + all);
    assert_eq!(Asked::of(&stand), asked, "a restart of the producer asks no target");
    services.push(producer);
    services.iter_mut().for_each(Weir::expect_running);
    println!("{unchanged} documents were found to be unchanged; {asked:?} all the while");
    drop((services, stand));
    server.stop();
}
