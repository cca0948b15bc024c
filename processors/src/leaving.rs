//! Records that a rule of the flow leaves out and that may have been delivered before (`on_leave`): what is checked of the
//! flow. Whether something was delivered only the sink knows, so the sink decides (design §6).

use weir_model::{
    flow::{FlowSpec, OnDelete, OnLeave, language::IdCheck},
    settings::{Localized, Problems},
};

use crate::map::takes_rows;

const PATH: &str = "target.on_leave";

/// Whether records that are left out are mapped all the same, for the target to find their rows by their key.
pub fn is_located(flow: &FlowSpec, problems: &mut Problems) -> bool {
    match flow.target.on_leave {
        OnLeave::Keep => return false,
        OnLeave::DeadLetter => {}
        OnLeave::Delete => check_delete(flow, problems),
    }
    if flow.source.id_check == IdCheck::First {
        let message = Localized::new(
            "id_check: first 只保留首次写入的状态，on_leave 不会生效",
            "with id_check: first the state that was delivered first stays: on_leave has no effect",
        );
        let suggestion = Localized::new(
            "改为 id_check: digest，或删除 on_leave",
            "write id_check: digest, or remove on_leave",
        );
        problems.warn_with(PATH, message, suggestion);
    }
    flow.target.on_leave == OnLeave::Delete
}

/// Only rows of a table can be deleted, and a table either deletes the rows of a removed record or writes them.
fn check_delete(flow: &FlowSpec, problems: &mut Problems) {
    if !takes_rows(&flow.target) {
        let message = Localized::new(
            "on_leave: delete 只用于 SQL 表",
            "on_leave: delete is for tables of a SQL target",
        );
        let suggestion = Localized::new("写 keep 或 dead-letter", "write keep or dead-letter");
        problems.error_with(PATH, message, suggestion);
    }
    if let OnDelete::Map(_) = flow.target.on_delete {
        let message = Localized::new(
            "on_leave: delete 与带 request 的 on_delete 不能同时使用",
            "on_leave: delete cannot stand beside an on_delete with a request",
        );
        let suggestion = Localized::new(
            "写 on_delete: delete，或另选 on_leave",
            "write on_delete: delete, or another on_leave",
        );
        problems.error_with(PATH, message, suggestion);
    }
}
