//! Error tables: by `MsgCode` of the call and by the words of a document's own error (contract kingdee-galaxy §5, §6, §9;
//! contract decisions "Kingdee Galaxy": the document's own text comes first).

use crate::class::Class;
use crate::describe::ErrorRow;

const HELP: &str = "contract kingdee-galaxy §6: in-product WebAPI help";
const MEASURED: &str = "contract kingdee-galaxy §6: in-product WebAPI help, measured on live servers";

/// The code that some servers give a lost session, under whatever name (contract kingdee-galaxy §2c).
pub const SESSION_ENDED: i64 = -10_001;

/// `MsgCode`, one per call.
pub const TABLE: &[ErrorRow] = &[
    ErrorRow::new("0", Class::Unclear, "默认，见错误明细", "default; see the errors").from(HELP),
    ErrorRow::new(
        "1",
        Class::Credential,
        "上下文丢失",
        "context lost; with signed headers: wrong credentials",
    )
    .from(MEASURED),
    ErrorRow::new("2", Class::Permission, "没有权限", "no permission").from(HELP),
    ErrorRow::new("3", Class::Argument, "操作标识为空", "operation is empty").from(HELP),
    ErrorRow::new("4", Class::Unclear, "异常", "exception, also an unknown form").from(MEASURED),
    ErrorRow::new("5", Class::Argument, "单据标识为空", "form id is empty").from(HELP),
    ErrorRow::new("6", Class::Transient, "数据库操作失败", "database operation failed").from(HELP),
    ErrorRow::new("7", Class::Licence, "许可错误", "licence error").from(HELP),
    ErrorRow::new("8", Class::Argument, "参数错误", "parameter error").from(MEASURED),
    ErrorRow::new("9", Class::Validation, "指定字段/值不存在", "field or value does not exist")
        .from(MEASURED),
    ErrorRow::new("10", Class::Absent, "未找到对应数据", "no data found").from(HELP),
    ErrorRow::new("11", Class::Validation, "验证失败", "validation failed").from(MEASURED),
    ErrorRow::new("12", Class::State, "不可操作", "operation not allowed in this state").from(HELP),
    ErrorRow::new("13", Class::Locked, "网控冲突", "network control conflict").from(HELP),
    ErrorRow::new("14", Class::Throttled, "调用限制", "call limit").from(HELP),
    ErrorRow::new("15", Class::Permission, "禁止管理员登录", "administrator login forbidden").from(HELP),
    ErrorRow::new("-10001", Class::TokenExpired, "会话已结束", "the session ended")
        .from("contract kingdee-galaxy §2c: measured on live servers"),
    ErrorRow::new("519/4002", Class::Credential, "缺少应用编号", "old gateway: no application id").from(HELP),
    ErrorRow::new("519/4006", Class::ClockSkew, "时间戳过期", "old gateway: stale timestamp").from(HELP),
    ErrorRow::new("519/5001", Class::Argument, "未知路径", "old gateway: unknown path").from(HELP),
];

/// Words of an error text and their class; the first row that fits decides, so the special stand before the general.
pub const TEXTS: &[(&str, Class)] = &[
    ("唯一性", Class::Duplicate),
    ("编码唯一", Class::Duplicate),
    ("已经被使用", Class::Duplicate),
    ("会话信息已丢失", Class::Credential),
    ("会话已超时", Class::TokenExpired),
    ("未登录", Class::TokenExpired),
    ("ctx == null", Class::TokenExpired),
    ("网络控制", Class::Locked),
    ("网控", Class::Locked),
    ("正在被", Class::Locked),
    ("已锁定", Class::Locked),
    ("必填", Class::Mandatory),
    ("必录", Class::Mandatory),
    ("不能为空", Class::Mandatory),
    ("已审核", Class::State),
    ("已经审核", Class::State),
    ("审核中", Class::State),
    ("已提交", Class::State),
    ("已关闭", Class::State),
    ("已作废", Class::State),
    ("死锁", Class::Transient),
    ("deadlock", Class::Transient),
    ("超时", Class::Transient),
    ("timeout", Class::Transient),
    ("调用次数", Class::Throttled),
    ("没有权限", Class::Permission),
    ("无权限", Class::Permission),
    ("表单不存在", Class::Argument),
    ("业务对象", Class::Argument),
    ("元数据", Class::Argument),
    ("字段不存在", Class::Validation),
    ("标识不存在", Class::Argument),
    ("不存在", Class::Reference),
    ("已禁用", Class::Reference),
    ("未审核的基础资料", Class::Reference),
];

/// The class of a text; `None` when no row fits.
pub fn classify_text(text: &str) -> Option<Class> {
    let text = text.to_lowercase();
    TEXTS.iter().find(|(words, _)| text.contains(words)).map(|(_, class)| *class)
}

/// The class of a `MsgCode`.
pub fn classify_msg_code(code: i64) -> Class {
    let code = code.to_string();
    TABLE.iter().find(|row| row.code == code).map_or(Class::Unclear, |row| row.class)
}

/// Whether a `MsgCode` speaks of the call as a whole, so that no document of it is at fault.
pub fn is_about_the_call(code: i64) -> bool {
    matches!(code, 1 | 2 | 3 | 5 | 7 | 8 | 14 | 15 | SESSION_ENDED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_msg_code_leads_to_the_class_of_the_contract() {
        let expect = [
            Class::Unclear,
            Class::Credential,
            Class::Permission,
            Class::Argument,
            Class::Unclear,
            Class::Argument,
            Class::Transient,
            Class::Licence,
            Class::Argument,
            Class::Validation,
            Class::Absent,
            Class::Validation,
            Class::State,
            Class::Locked,
            Class::Throttled,
            Class::Permission,
        ];
        for (code, class) in (0..).zip(expect) {
            assert_eq!(classify_msg_code(code), class, "{code}");
        }
        assert_eq!(classify_msg_code(SESSION_ENDED), Class::TokenExpired);
        assert_eq!(classify_msg_code(99), Class::Unclear);
    }

    #[test]
    fn the_texts_of_the_contract_lead_to_their_class() {
        for (text, class) in [
            ("违反字段唯一性要求：编码唯一。[TK1]在当前系统中已经被使用。", Class::Duplicate),
            ("字段“客户”是必填项", Class::Mandatory),
            ("单据体实体【明细信息】第【2】行分录，【仓库】字段必录", Class::Mandatory),
            ("传递的编码值不存在", Class::Reference),
            ("会话信息已丢失，请重新登录", Class::Credential),
            ("会话已超时", Class::TokenExpired),
            ("System.NullReferenceException: ctx == null", Class::TokenExpired),
            ("编码为“C1”的客户，已审核", Class::State),
            ("业务对象BD_Customer2不存在", Class::Argument),
            ("网络控制冲突", Class::Locked),
        ] {
            assert_eq!(classify_text(text), Some(class), "{text}");
        }
        assert_eq!(classify_text("FSESSION 字段内容过长"), None);
    }
}
