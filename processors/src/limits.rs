//! Load-time checks of the target's parameters that no other step reads (contract qeasy-metadata §13).

use weir_model::{
    flow::FlowSpec,
    settings::{Localized, Problems},
};

use crate::map::takes_rows;

/// The most rows per statement that the vendor advises.
const MOST_ROWS: u64 = 1_000;

/// Reports a `limit` that is no row count, or a larger one than advised.
pub fn check(flow: &FlowSpec, problems: &mut Problems) {
    let limits = flow.target.metadata.other_request.iter().filter(|item| item.field == "limit");
    for item in limits.filter(|_| takes_rows(&flow.target)) {
        let Some(text) = item.value.as_deref().or(item.default.as_deref()) else { continue };
        let path = format!("{}.value", item.path);
        match text.trim().parse::<u64>() {
            Ok(1..=MOST_ROWS) => {}
            Ok(0) | Err(_) => {
                let message = Localized::new(
                    format!("limit {text:?} 不是每条语句的行数"),
                    format!("the limit {text:?} is no number of rows per statement"),
                );
                let suggestion =
                    Localized::new("写 1 到 1000 之间的整数", "write a whole number from 1 to 1000");
                problems.error_with(path, message, suggestion);
            }
            Ok(rows) => {
                let message = Localized::new(
                    format!("limit {rows} 超过建议的 {MOST_ROWS} 行；Weir 按行数、列数和字节自行划分语句"),
                    format!(
                        "the limit {rows} is above the advised {MOST_ROWS} rows; Weir sizes statements itself by rows, columns and bytes"
                    ),
                );
                problems.warn_with(path, message, Localized::new("写 1000 或更小", "write 1000 or less"));
            }
        }
    }
}
