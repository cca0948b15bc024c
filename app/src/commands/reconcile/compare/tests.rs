//! Cases of the comparison: each kind of difference, and what is none.

use jiff::civil::date;

use super::*;

fn figures(day: i8, amount: &str) -> Figures {
    Figures {
        day: Some(date(2024, 1, day)),
        shop: "S1".to_owned(),
        pieces: None,
        amount: Some(amount.parse().unwrap()),
    }
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn version(offset: i64) -> Version {
    Version { offset, ..Version::default() }
}

/// A record whose digest is that of its id and amount, modified at second 100.
fn counted(id: &str, amount: &str) -> (RecordId, Counted) {
    let counted = Counted {
        digest: digest(&format!("{id} {amount}")),
        version: version(7),
        modified: Timestamp::from_second(100).ok(),
        number: format!("N{id}"),
        figures: figures(14, amount),
        deleted: false,
    };
    (RecordId::from(id), counted)
}

fn holding(key: &str, amount: &str) -> Holding {
    Holding { key: key.to_owned(), figures: figures(14, amount) }
}

/// The record was delivered with this amount, under its id.
fn delivered(id: &str, amount: &str) -> Fate {
    Fate {
        delivered: Some(Delivered {
            source_digest: digest(&format!("{id} {amount}")),
            document_digest: digest("d"),
            key: id.to_owned(),
            repaired: false,
            is_held: true,
            is_kept: false,
            expected: Some(vec![holding(id, amount)]),
        }),
        version: Some(version(7)),
        ..Fate::default()
    }
}

fn told(report: &Report) -> Vec<String> {
    let kind = |kind: &Kind| match kind {
        Kind::Refused(code, _) => format!("Refused {code}"),
        Kind::Waiting(collection, reference) => format!("Waiting {collection} {reference}"),
        other => format!("{other:?}"),
    };
    report.differences.iter().map(|one| format!("{} {}", one.number, kind(&one.kind))).collect()
}

#[test]
fn equal_sides_have_no_differences_and_equal_sums() {
    let records = Records::from([counted("1", "10.50"), counted("2", "0.10")]);
    let sides = Sides {
        source: Some(records.clone()),
        topic: records,
        fates: HashMap::from([
            (RecordId::from("1"), vec![delivered("1", "10.50")]),
            (RecordId::from("2"), vec![delivered("2", "0.10")]),
        ]),
        // The target's column has another scale.
        held: vec![holding("1", "10.5000"), holding("2", "0.1000")],
        ..Sides::default()
    };
    let report = compare(&sides, true);
    assert_eq!(told(&report), Vec::<String>::new());
    let line = &report.lines[&(date(2024, 1, 14), "S1".to_owned())];
    assert!(line.source == line.topic && line.topic == line.delivered && line.delivered == line.target);
    assert_eq!((line.target.records, line.target.amount.clone()), (2, Some("10.6".parse().unwrap())));
    assert_eq!(compare(&sides, false).lines.len(), 1);
}

#[test]
fn a_row_gone_an_amount_changed_and_a_row_too_many_are_named() {
    let topic = Records::from([counted("1", "10"), counted("2", "20"), counted("3", "30")]);
    let fates = ["1", "2", "3"].map(|id| (RecordId::from(id), vec![delivered(id, &format!("{id}0"))])).into();
    let held = vec![holding("2", "12.50"), holding("3", "30"), holding("hand", "1"), holding("other", "5")];
    let of_others = HashSet::from(["other".to_owned()]);
    let sides = Sides { topic, fates, held, of_others, ..Sides::default() };
    let report = compare(&sides, false);
    assert_eq!(told(&report), ["N1 Missing", "N2 Differs", "hand TooMany"]);
    let [missing, differs, too_many] = report.differences.as_slice() else { panic!() };
    assert!(missing.is_mendable() && differs.is_mendable() && !too_many.is_mendable());
    assert_eq!(differs.found, Some(figures(14, "12.50")));
    assert_eq!(report.explained, BTreeMap::from([(Explained::OtherDay, 1)]));
    let line = &report.lines[&(date(2024, 1, 14), String::new())];
    assert_eq!((line.topic.records, line.delivered.records, line.target.records), (3, 3, 3));
    assert_eq!(line.target.amount, Some("43.5".parse().unwrap()));
}

#[test]
fn what_the_source_has_and_was_not_polled_is_told_unless_it_is_fresh() {
    let source = Records::from([counted("1", "10"), counted("2", "21"), counted("3", "30")]);
    let topic = Records::from([counted("2", "20"), counted("4", "40")]);
    let fates = HashMap::from([
        (RecordId::from("2"), vec![delivered("2", "20")]),
        (RecordId::from("4"), vec![delivered("4", "40")]),
    ]);
    let held = vec![holding("2", "20"), holding("4", "40")];
    let mut sides = Sides { source: Some(source), topic, fates, held, ..Sides::default() };
    assert_eq!(
        told(&compare(&sides, false)),
        ["N1 NotPolled", "N2 PolledOlder", "N3 NotPolled", "N4 NotAtSource"]
    );
    sides.settled_until = Timestamp::from_second(100).ok();
    let report = compare(&sides, false);
    assert_eq!(told(&report), ["N4 NotAtSource"]);
    assert_eq!(report.explained, BTreeMap::from([(Explained::Fresh, 3)]));
}

#[test]
fn a_newest_state_that_is_not_at_the_target_says_why() {
    let refused = |of: &str| Some((digest(of), "K-CHECK".to_owned(), "客户不存在".to_owned()));
    let older = |id: &str| Fate { version: Some(version(3)), ..delivered(id, "1") };
    let fates = [
        ("1", Fate { refused: refused("1 5"), version: Some(version(7)), ..Fate::default() }),
        ("2", Fate { waiting: Some(("shops".to_owned(), "no=1".to_owned())), ..older("2") }),
        ("3", Fate { filtered: Some((version(7), "status".to_owned())), ..Fate::default() }),
        ("4", older("4")),
        ("5", Fate { version: Some(version(7)), is_sending: true, ..Fate::default() }),
        ("6", Fate { version: Some(version(7)), ..Fate::default() }),
        (
            "0",
            Fate { refused: refused("0 5"), version: Some(version(7)), is_given_up: true, ..Fate::default() },
        ),
        ("7", Fate { refused: refused("7 1"), ..older("7") }),
    ];
    let mut kept = older("8");
    kept.filtered = Some((version(7), "status".to_owned()));
    kept.delivered.as_mut().unwrap().is_kept = true;
    let fates: Fates =
        fates.into_iter().chain([("8", kept)]).map(|(id, fate)| (RecordId::from(id), vec![fate])).collect();
    let topic: Records = (0..=9).map(|id| counted(&id.to_string(), "5")).collect();
    let held = ["2", "4", "7", "8"].map(|key| holding(key, "1")).to_vec();
    let report = compare(&Sides { topic, fates, held, ..Sides::default() }, false);
    assert_eq!(
        told(&report),
        [
            "N1 Refused K-CHECK",
            "N2 Waiting shops no=1",
            "N4 OnItsWay",
            "N5 OnItsWay",
            "N7 OnItsWay",
            "N9 OnItsWay"
        ]
    );
    assert_eq!(
        report.explained,
        BTreeMap::from([(Explained::Filtered, 2), (Explained::GivenUp, 1), (Explained::Kept, 1)])
    );
}

#[test]
fn a_fix_that_was_refused_says_why() {
    let refused = Some((digest("1 10"), "K-AUDITED".to_owned(), "已审核".to_owned()));
    let fates = HashMap::from([(RecordId::from("1"), vec![Fate { refused, ..delivered("1", "10") }])]);
    let held = vec![holding("1", "9")];
    let sides = Sides { topic: Records::from([counted("1", "10")]), fates, held, ..Sides::default() };
    let report = compare(&sides, false);
    assert_eq!(told(&report), ["N1 Differs"]);
    assert_eq!(report.differences[0].refusal.as_ref().unwrap().0, "K-AUDITED");
}

#[test]
fn what_a_person_repaired_is_not_mended_from_the_source() {
    let mut fate = delivered("1", "10");
    fate.delivered.as_mut().unwrap().repaired = true;
    let fates = HashMap::from([(RecordId::from("1"), vec![fate])]);
    let report =
        compare(&Sides { topic: Records::from([counted("1", "10")]), fates, ..Sides::default() }, false);
    assert_eq!(told(&report), ["N1 Missing"]);
    assert!(!report.differences[0].is_mendable());
}

#[test]
fn a_removed_record_and_one_whose_document_is_forgotten_are_counted_apart() {
    let mut removed = counted("1", "10");
    removed.1.deleted = true;
    let mut taken_back = delivered("1", "10");
    taken_back.delivered.as_mut().unwrap().is_held = false;
    let mut forgotten = delivered("2", "20");
    forgotten.delivered.as_mut().unwrap().expected = None;
    let fates =
        HashMap::from([(RecordId::from("1"), vec![taken_back]), (RecordId::from("2"), vec![forgotten])]);
    let topic = Records::from([removed, counted("2", "20")]);
    let mut sides = Sides { topic, fates, held: vec![holding("2", "99")], ..Sides::default() };
    let report = compare(&sides, false);
    assert_eq!(told(&report), Vec::<String>::new());
    assert_eq!(report.explained, BTreeMap::from([(Explained::Removed, 1), (Explained::Unweighed, 1)]));
    sides.held.clear();
    assert_eq!(told(&compare(&sides, false)), ["N2 Missing"]);
}

#[test]
fn a_removal_that_was_not_polled_is_a_difference() {
    let (id, alive) = counted("1", "10");
    let removed = Counted { deleted: true, ..alive.clone() };
    let fates = HashMap::from([(id.clone(), vec![delivered("1", "10")])]);
    let sides = Sides {
        source: Some(Records::from([(id.clone(), removed)])),
        topic: Records::from([(id, alive)]),
        fates,
        held: vec![holding("1", "10")],
        ..Sides::default()
    };
    assert_eq!(told(&compare(&sides, false)), ["N1 PolledOlder"]);
}

#[test]
fn two_documents_under_one_key_are_one_too_many() {
    let fates = HashMap::from([(RecordId::from("1"), vec![delivered("1", "10")])]);
    let held = vec![holding("1", "10"), holding("1", "10")];
    let sides = Sides { topic: Records::from([counted("1", "10")]), fates, held, ..Sides::default() };
    assert_eq!(told(&compare(&sides, false)), ["1 TooMany"]);
}
