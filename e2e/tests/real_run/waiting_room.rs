//! Customers that arrive before their salesperson: parked, listed, released by the row alone, or given up in the end.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use serde_json::Value;

use crate::{
    judge::expect_complete,
    letters,
    process::Weir,
    project::CUSTOMERS,
    stand::{Setup, Stand},
    tallies::Tallies,
    waiting::{eventually, until},
};

/// The ids of all customers of the shop.
fn customers(stand: &Stand) -> BTreeSet<String> {
    let id = |text: &String| {
        let customer: Value = serde_json::from_str(text).unwrap();
        match &customer["drp_co_id"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    };
    stand.sandbox.distributors().iter().map(id).collect()
}

/// `weir wait list`, with these arguments added.
fn waiting(stand: &Stand, arguments: &[&str]) -> Value {
    let command = [&["wait", "list", CUSTOMERS, "--json", "--limit", "10000"], arguments].concat();
    serde_json::from_str(&stand.command(&command)).unwrap()
}

/// The records that wait, by the row they wait for.
fn parked(stand: &Stand) -> BTreeSet<(String, String)> {
    let answer = waiting(stand, &[]);
    let references = answer["references"].as_array().unwrap().iter();
    let of_reference = |group: &Value| {
        assert_eq!((&group["flow"], &group["collection"]), (&CUSTOMERS.into(), &"sellers".into()));
        let reference = group["reference"].as_str().unwrap().to_owned();
        let records = group["records"].as_array().unwrap().clone();
        assert_eq!(group["count"], records.len());
        records
            .into_iter()
            .map(move |record| (reference.clone(), record["record"].as_str().unwrap().to_owned()))
    };
    references.flat_map(of_reference).collect()
}

/// What is to wait: every customer for the row of its own.
fn each_for_its_own(ids: &BTreeSet<String>) -> BTreeSet<(String, String)> {
    ids.iter().map(|id| (format!("customer={id}"), id.clone())).collect()
}

/// Loads the salespersons of these customers.
fn load<'i>(stand: &Stand, ids: impl IntoIterator<Item = &'i String>) {
    let mut text = "customer,seller\n".to_owned();
    ids.into_iter().for_each(|id| writeln!(text, "{id},GW000001_1").unwrap());
    let file = stand.file("sellers.csv");
    fs::write(&file, text).unwrap();
    stand.command(&["collections", "load", "sellers", file.to_str().unwrap()]);
}

fn wait_for_all(stand: &Stand) -> BTreeSet<String> {
    eventually("every customer waits for its salesperson", || {
        let ids = customers(stand);
        let (parked, due) = (parked(stand), each_for_its_own(&ids));
        let changes = stand.sandbox.state().jushuitan.changes;
        if parked == due && changes >= stand.changes {
            return Ok(ids);
        }
        Err(format!("{} of {} wait, after {changes} changes", parked.len(), due.len()))
    })
}

#[test]
fn customers_wait_for_their_salespersons_through_kills_and_are_delivered_untouched() {
    let mut setup = Setup::plain("waiting", 71).changing(40);
    setup.wait_max = Some("1h");
    let stand = Stand::new(setup);
    let start = || -> Weir { stand.start("all", "one") };
    let weir = start();
    until("some wait", || !parked(&stand).is_empty());
    weir.kill();
    let weir = start();
    let ids = wait_for_all(&stand);
    assert_eq!(stand.stored().0, 0, "nothing is delivered without its salesperson");
    let one = ids.first().unwrap();
    let answer = waiting(&stand, &["--collection", "sellers", "--reference", &format!("customer={one}")]);
    assert_eq!(
        (&answer["total"], &answer["references"][0]["records"][0]["record"]),
        (&1.into(), &one.as_str().into())
    );
    assert_eq!(waiting(&stand, &["--collection", "shops"])["total"], 0);

    // The process is killed while it releases, and others come while it is away.
    let half = ids.len() / 2;
    load(&stand, ids.iter().take(half));
    until("some are delivered", || stand.stored().0 > 0);
    weir.kill();
    load(&stand, ids.iter().skip(half));
    let mut weir = start();
    expect_complete(&stand, "customers that waited for their salespersons, 2 kills");
    assert_eq!(parked(&stand), BTreeSet::new());
    weir.expect_running();
}

#[test]
fn a_wait_that_is_over_ends_in_a_letter_that_names_the_row() {
    let mut setup = Setup::plain("waited", 72);
    setup.wait_max = Some("3s");
    let stand = Stand::new(setup);
    let mut weir = stand.start("all", "one");
    let ids = customers(&stand);
    let mut tallies = Tallies::open(&stand);
    eventually("every customer is given up", || {
        let wrong = tallies.unbalanced();
        let given_up = tallies.sink(CUSTOMERS).dead;
        if wrong.is_empty() && given_up >= ids.len() as u64 {
            Ok(())
        } else {
            Err(format!("{given_up}: {wrong:?}"))
        }
    });
    let letters = letters::list(&stand);
    let letters: Vec<_> = letters.iter().filter(|letter| letter.owner == CUSTOMERS).collect();
    assert_eq!(letters.iter().map(|letter| letter.record.clone()).collect::<BTreeSet<_>>(), ids);
    for letter in letters {
        assert_eq!(letter.code, "M-WAITED", "{letter:?}");
        let named = letter.message.contains(&format!("customer={} ", letter.record));
        assert!(named && letter.message.contains("collection sellers"), "{letter:?}");
    }
    assert_eq!((stand.stored().0, parked(&stand)), (0, BTreeSet::new()));
    weir.expect_running();
}
