//! What every source that is polled by windows must say in its flow, whatever its system.

use std::time::Duration;

use weir_clients::describe::{Page, Window};
use weir_model::{
    flow::SourceSpec,
    settings::{Localized, Problems},
};

use crate::{
    remedy,
    request::{Macro, Request},
};

/// Without both ends of the window in the request, records would be passed by in silence.
pub(crate) fn check_window(spec: &SourceSpec, request: &Request, window: &Window, problems: &mut Problems) {
    let ends = [
        (window.begin, Macro::LastSyncTime, "LAST_SYNC_TIME"),
        (window.end, Macro::CurrentTime, "CURRENT_TIME"),
    ];
    for (field, name, text) in ends {
        if !request.uses(field, name) {
            let message = Localized::new(
                format!("{field} 必须取自 {text}：窗口由系统规划"),
                format!("{field} must be made of {text}: windows are planned"),
            );
            let item = format!(r#"{{field: {field}, type: string, value: "{{{{{text}|datetime}}}}"}}"#);
            let suggestion = Localized::new(format!("写 {item}"), format!("write {item}"));
            problems.error_with(format!("{}.request", spec.metadata.path), message, suggestion);
        }
    }
    remedy::check(spec, window, problems);
}

/// The overlap must leave room for progress; what has no effect is told.
pub(crate) fn check_times(spec: &SourceSpec, longest_window: Duration, problems: &mut Problems) {
    if spec.poll.look_back >= longest_window {
        let message = Localized::new(
            "look_back 必须短于接口允许的最长窗口",
            "look_back must be shorter than the longest window the API takes",
        );
        let seconds = longest_window.as_secs();
        let limit = match seconds / 86_400 {
            0 => format!("{seconds}s"),
            days => format!("{days}d"),
        };
        let suggestion = Localized::new(format!("写短于 {limit} 的时长"), format!("write less than {limit}"));
        problems.error_with("source.poll.look_back", message, suggestion);
    }
    if spec.modified.is_empty() {
        let message = Localized::new(
            "未设置 modified：记录的新旧只按到达顺序判断",
            "without modified, states of a record are ordered by arrival alone",
        );
        let suggestion = Localized::new(
            "写记录中修改时间的字段，例如 modified: modified",
            "name the record's field of its modification time, such as modified: modified",
        );
        problems.warn_with("source.modified", message, suggestion);
    }
}

/// The request's own page size, else `pagination.pageSize`, else the largest page.
pub(crate) fn page_size(
    spec: &SourceSpec,
    request: &Request,
    page: &Page,
    size_max: u64,
    problems: &mut Problems,
) -> u32 {
    let size = request.fixed_number(page.size).or(spec.metadata.page_size).unwrap_or(size_max);
    if !(1..=size_max).contains(&size) {
        let message = Localized::new(
            format!("每页条数 {size} 超出接口允许的 1 到 {size_max}"),
            format!("a page of {size} rows; the API takes 1 to {size_max}"),
        );
        let suggestion = Localized::new(
            format!("{} 写 {size_max}", page.size),
            format!("write {size_max} for {}", page.size),
        );
        problems.error_with(format!("{}.request", spec.metadata.path), message, suggestion);
    }
    u32::try_from(size.clamp(1, size_max)).unwrap_or(page.size_max)
}
