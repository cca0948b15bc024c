//! The SQL target's suite on SQLite, each case in a file of its own.

#[cfg(test)]
mod suite;

use suite::{Site, cases, execute, read_back};

macro_rules! cases {
    ($module:ident: $($case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $module::$case(&Site::sqlite()).await;
            }
        )*
    };
}

cases! {
    cases:
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
    rows_of_a_removed_record_are_deleted,
}

cases! {
    read_back:
    rows_of_a_day_come_back_with_their_figures,
    a_day_of_many_rows_comes_back_page_by_page,
}

cases! {
    execute:
    a_header_and_its_lines_are_written_under_the_generated_id,
    a_bad_line_takes_its_whole_document_back_and_no_other,
    a_crash_between_commit_and_receipt_writes_no_line_twice,
    a_thousand_documents_go_in_one_transaction,
    statements_that_the_server_refuses_halt_before_anything_is_written,
}
