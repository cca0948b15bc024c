//! Paging, page by page: which page is called for, and when a window is taken to be whole.

use jiff::Timestamp;

use super::*;

const SIZE: u32 = 3;

fn open() -> OpenWindow {
    OpenWindow {
        from: Timestamp::UNIX_EPOCH,
        to: Timestamp::UNIX_EPOCH,
        page_size: SIZE,
        request_digest: Digest::default(),
        pass: 1,
        total: None,
        next_page: None,
        continue_after: None,
        rows_read: 0,
        ids_read: 0,
    }
}

fn begin(strategy: Strategy) -> Reading {
    Reading::begin(strategy, open())
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// A page of rows named by numbers; the row cursor is the number.
fn page(rows: &[u32], total: Option<u64>, has_next: Option<bool>) -> PageSeen {
    PageSeen {
        rows: rows.iter().map(|row| (digest(&row.to_string()), digest("content"))).collect(),
        unidentified: 0,
        row_cursors: rows.iter().map(|row| Some(row.to_string())).collect(),
        total,
        has_next,
    }
}

fn counted(rows: &[u32], total: u64) -> PageSeen {
    page(rows, Some(total), None)
}

#[test]
fn a_window_of_one_page_is_whole_at_once() {
    for seen in
        [counted(&[1, 2], 2), counted(&[], 0), page(&[1], Some(0), Some(false)), page(&[1], None, None)]
    {
        for strategy in [Strategy::LastPageFirst, Strategy::Forward, Strategy::RowCursor] {
            assert_eq!(begin(strategy).accept(&seen), Step::Whole, "{strategy:?} {seen:?}");
        }
    }
}

#[test]
fn the_last_page_is_read_first_and_page_one_at_the_end() {
    let mut reading = begin(Strategy::LastPageFirst);
    assert_eq!(reading.next(), PageAt::Number(1));
    assert_eq!(reading.accept(&page(&[1, 2, 3], Some(7), Some(true))), Step::More);
    for (number, rows, next) in [(3, &[7][..], false), (2, &[4, 5, 6], true)] {
        assert_eq!(reading.next(), PageAt::Number(number));
        assert_eq!(reading.accept(&page(rows, Some(7), Some(next))), Step::More);
    }
    assert_eq!(reading.next(), PageAt::Number(1));
    assert_eq!(reading.accept(&page(&[1, 2, 3], Some(7), Some(true))), Step::Whole);
    assert_eq!((reading.pages(), reading.open().ids_read), (4, 7));
}

#[test]
fn more_than_was_counted_moves_the_way_down_up() {
    let mut reading = begin(Strategy::LastPageFirst);
    reading.accept(&page(&[1, 2, 3], Some(4), Some(true)));
    assert_eq!(reading.next(), PageAt::Number(2));
    assert_eq!(reading.accept(&page(&[4, 5, 6], Some(4), Some(true))), Step::More);
    assert_eq!(reading.next(), PageAt::Number(3));
    reading.accept(&page(&[7], Some(4), Some(false)));
    assert_eq!(reading.next(), PageAt::Number(2));
    reading.accept(&page(&[4, 5, 6], Some(4), Some(true)));
    assert_eq!(reading.accept(&page(&[1, 2, 3], Some(4), Some(true))), Step::Whole);
}

/// Reads a pass of two pages whose last answer tells `total`.
fn two_pages(reading: &mut Reading, total: u64) -> Step {
    reading.accept(&counted(&[1, 2, 3], 4));
    reading.accept(&counted(&[4], 4));
    reading.accept(&counted(&[1, 2, 3], total))
}

#[test]
fn a_total_that_grew_reads_the_window_again() {
    let mut reading = begin(Strategy::LastPageFirst);
    assert_eq!(two_pages(&mut reading, 5), Step::Again(Unrest::Grew { from: 4, to: 5 }));
    assert_eq!((reading.open().pass, reading.next(), reading.open().rows_read), (2, PageAt::Number(1), 0));
}

#[test]
fn a_total_beyond_what_is_listed_is_taken_when_two_passes_agree() {
    let mut reading = begin(Strategy::LastPageFirst);
    let pass = |reading: &mut Reading| {
        reading.accept(&counted(&[1, 2, 3], 6));
        reading.accept(&counted(&[4], 6));
        reading.accept(&counted(&[1, 2, 3], 6))
    };
    assert_eq!(pass(&mut reading), Step::Again(Unrest::Short { total: 6, read: 4 }));
    assert_eq!(pass(&mut reading), Step::WholeBut { total: 6, read: 4 });
}

#[test]
fn rows_without_an_id_count_towards_the_total() {
    let mut reading = begin(Strategy::LastPageFirst);
    reading.accept(&counted(&[1, 2, 3], 5));
    let mut last = counted(&[4], 5);
    last.unidentified = 1;
    reading.accept(&last);
    assert_eq!(reading.accept(&counted(&[1, 2, 3], 5)), Step::Whole);
}

#[test]
fn an_interrupted_pass_is_trusted_only_when_nothing_changed() {
    let interrupted = |rows_read, total| {
        let open =
            OpenWindow { total: Some(7), next_page: Some(1), pass: 1, rows_read, ids_read: 4, ..open() };
        let mut reading = Reading::resume(Strategy::LastPageFirst, open, SIZE, Digest::default());
        reading.accept(&counted(&[1, 2, 3], total))
    };
    assert_eq!(interrupted(4, 7), Step::Whole);
    assert_eq!(interrupted(5, 7), Step::Again(Unrest::Interrupted), "a row was met twice");
    assert_eq!(interrupted(4, 6), Step::Again(Unrest::Interrupted), "a record left");
}

#[test]
fn another_page_size_or_request_starts_the_window_over() {
    let half = OpenWindow { total: Some(9), next_page: Some(2), rows_read: 3, ids_read: 3, ..open() };
    let same = Reading::resume(Strategy::LastPageFirst, half.clone(), SIZE, Digest::default());
    assert_eq!((same.next(), same.was_interrupted()), (PageAt::Number(2), true));
    for (size, request) in [(SIZE + 1, Digest::default()), (SIZE, digest("other"))] {
        let over = Reading::resume(Strategy::LastPageFirst, half.clone(), size, request);
        assert_eq!((over.next(), over.was_interrupted()), (PageAt::Number(1), false));
        assert_eq!(
            (over.open().page_size, over.open().request_digest, over.open().total),
            (size, request, None)
        );
        assert_eq!(over.open().pass, 2);
    }
}

#[test]
fn without_a_total_two_passes_must_agree() {
    let mut reading = begin(Strategy::Forward);
    let mut pass = |last: &[u32]| {
        assert_eq!(reading.accept(&page(&[1, 2, 3], None, None)), Step::More);
        assert_eq!(reading.next(), PageAt::Number(2));
        reading.accept(&page(last, None, None))
    };
    assert_eq!(pass(&[4]), Step::Again(Unrest::Differs));
    assert_eq!(pass(&[4, 5]), Step::Again(Unrest::Differs));
    assert_eq!(pass(&[4, 5]), Step::Whole);
}

#[test]
fn a_counted_list_without_a_count_is_read_forward() {
    let mut reading = begin(Strategy::LastPageFirst);
    let mut pass = || {
        assert_eq!(reading.accept(&page(&[1, 2, 3], Some(0), Some(true))), Step::More);
        assert_eq!(reading.next(), PageAt::Number(2));
        reading.accept(&page(&[4], Some(0), Some(false)))
    };
    assert_eq!(pass(), Step::Again(Unrest::Differs));
    assert_eq!(pass(), Step::Whole);
}

#[test]
fn the_apis_own_cursor_is_followed_by_number_and_not_by_text() {
    let mut reading = begin(Strategy::RowCursor);
    assert_eq!(reading.next(), PageAt::After(None));
    assert_eq!(reading.accept(&page(&[8, 9, 10], None, None)), Step::More);
    assert_eq!(reading.next(), PageAt::After(Some("10".into())));
    assert_eq!(reading.accept(&page(&[11], None, None)), Step::Whole);
}

#[test]
fn a_cursor_that_does_not_lead_through_the_rows_gives_way_to_page_numbers() {
    let mut no_ids = page(&[1, 2, 3], None, None);
    no_ids.row_cursors = vec![None; 3];
    let unordered = page(&[3, 1, 2], None, None);
    for first in [no_ids, unordered] {
        let mut reading = begin(Strategy::RowCursor);
        assert_eq!(reading.accept(&first), Step::Again(Unrest::NoRowCursor));
        let mut pass = || {
            assert_eq!(reading.next(), PageAt::Number(1));
            reading.accept(&page(&[1, 2, 3], None, None));
            reading.accept(&page(&[4], None, None))
        };
        assert_eq!(pass(), Step::Again(Unrest::Differs));
        assert_eq!(pass(), Step::Whole);
    }
    let mut ignored = begin(Strategy::RowCursor);
    ignored.accept(&page(&[1, 2, 3], None, None));
    assert_eq!(ignored.accept(&page(&[1, 2, 3], None, None)), Step::Again(Unrest::NoRowCursor));
}

#[test]
fn an_empty_page_is_the_end_even_when_it_claims_more() {
    let mut reading = begin(Strategy::Forward);
    reading.accept(&page(&[1, 2, 3], None, Some(true)));
    assert_eq!(reading.accept(&page(&[], None, Some(true))), Step::Again(Unrest::Differs));
}

#[test]
fn a_window_that_never_rests_is_given_to_a_person() {
    let mut reading = begin(Strategy::LastPageFirst);
    let mut passes = 0;
    let last = loop {
        passes += 1;
        match two_pages(&mut reading, 5) {
            Step::Again(_) => assert!(passes < MOST_PASSES),
            step => break step,
        }
    };
    assert_eq!(passes, MOST_PASSES);
    assert_eq!(last, Step::Unquiet(Unrest::Grew { from: 4, to: 5 }));

    let mut repeated = begin(Strategy::Forward);
    assert_eq!(repeated.repeated(), Step::Again(Unrest::RepeatedPage));
    assert_eq!(repeated.repeated(), Step::Again(Unrest::RepeatedPage));
    assert_eq!(repeated.repeated(), Step::Unquiet(Unrest::RepeatedPage));
}

/// After page 2 of an archive was read, 9 was archived onto page 1 and moved 3 to page 2, while 5 left: the total stays, and 3
/// is on no page that is still to be read.
#[test]
fn an_archive_that_takes_in_as_many_as_it_gives_out_is_read_until_it_is_still() {
    let pass = |reading: &mut Reading, pages: [&[u32]; 3]| {
        let steps = pages.map(|rows| reading.accept(&counted(rows, 5)));
        steps.into_iter().last().unwrap()
    };
    let moved: [&[u32]; 3] = [&[1, 2, 3], &[4, 5], &[9, 1, 2]];
    let still: [&[u32]; 3] = [&[9, 1, 2], &[3, 4], &[9, 1, 2]];
    assert_eq!(pass(&mut begin(Strategy::LastPageFirst), moved), Step::Whole, "and 3 is missing");
    let mut reading = begin(Strategy::LastPageFirst.of_archive());
    assert_eq!(pass(&mut reading, moved), Step::Again(Unrest::Differs));
    assert_eq!(pass(&mut reading, still), Step::Again(Unrest::Differs));
    assert_eq!(pass(&mut reading, still), Step::Whole);
}
