//! The SQL target's suite on SQLite, each case in a file of its own.

#[cfg(test)]
mod suite;

use suite::{Site, cases};

macro_rules! cases {
    ($($case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                cases::$case(&Site::sqlite()).await;
            }
        )*
    };
}

cases! {
    rows_and_offset_are_stored_together,
    a_second_claim_fences_the_first,
    one_poison_row_in_a_thousand_stands_alone,
    all_rows_of_a_document_or_none,
    outcomes_are_read_again_until_their_receipts_are_out,
    a_commit_without_an_answer_is_not_repeated,
    an_offset_that_was_set_back_halts,
    values_arrive_exactly,
    a_wide_table_never_fails_on_width,
    partitions_are_written_side_by_side,
    a_probe_tells_what_does_not_fit_and_creates_nothing,
    the_flows_own_statement_writes_and_lines_that_a_record_lost_are_deleted,
}
