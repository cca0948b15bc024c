//! Answers of the shop that cannot be used: explained in the source's dead letters, and nothing else is lost.

use std::collections::BTreeSet;

use weir_sandbox::{Fault, Rule, When};

use crate::{
    judge::expect_complete_but_for_sources,
    letters::Letter,
    project::{CUSTOMERS_SOURCE, MOVEMENTS_SOURCE},
    stand::{Setup, Stand},
};

const DISTRIBUTORS: &str = "distributor/query";
const MOVEMENTS: &str = "queryinoutitemskusns";

fn tell(letters: &[Letter]) {
    for Letter { owner, code, message, .. } in letters {
        println!("  {owner} {code} {message}");
    }
}

#[test]
fn spoilt_answers_are_explained_and_nothing_is_lost() {
    let mut setup = Setup::plain("answers", 61);
    let knobs = &mut setup.sandbox.knobs;
    knobs.set(Fault::TruncatedJson, Rule::new(When::Next(2)).on(DISTRIBUTORS));
    knobs.set(Fault::HtmlAnswer, Rule::new(When::Next(2)).on(MOVEMENTS));
    let stand = Stand::new(setup);
    let mut weir = stand.start("all", "one");
    let letters = expect_complete_but_for_sources(&stand, "2 truncated answers, 2 pages of a gateway");
    for source in [CUSTOMERS_SOURCE, MOVEMENTS_SOURCE] {
        let explained = letters.iter().filter(|letter| letter.owner == source && letter.code == "P-ANSWER");
        assert_eq!(explained.count(), 2, "{source}: {letters:?}");
    }
    tell(&letters);
    weir.expect_running();
}

#[test]
fn a_repeated_page_and_a_row_without_id_are_explained_and_nothing_is_lost() {
    let mut setup = Setup::plain("rows", 62);
    // One window of several pages: only then is there a page to repeat.
    setup.sandbox.span_seconds = 5 * 86_400;
    let knobs = &mut setup.sandbox.knobs;
    knobs.set(Fault::RepeatedPage, Rule::new(When::Next(1)).on(DISTRIBUTORS));
    knobs.set(Fault::MissingId, Rule::new(When::Next(4)).on(DISTRIBUTORS));
    let stand = Stand::new(setup);
    let mut weir = stand.start("all", "one");
    let letters = expect_complete_but_for_sources(&stand, "a page repeated, a row four times without id");
    let codes: BTreeSet<&str> = letters.iter().map(|letter| letter.code.as_str()).collect();
    assert_eq!(codes, BTreeSet::from(["P-NO-ID", "P-REPEATED-PAGE"]), "{letters:?}");
    assert!(letters.iter().all(|letter| letter.owner == CUSTOMERS_SOURCE), "{letters:?}");
    tell(&letters);
    weir.expect_running();
}
