//! The error table (contract jushuitan §9) and how a code and its text become a class.

use std::time::Duration;

use crate::class::Class;
use crate::describe::ErrorRow;

const CURRENT: &str = "contract jushuitan §9: ieu/jst-java enumeration, citing the vendor's document";
const LEGACY: &str = "contract jushuitan §9: open.jushuitan.com/document/2021.html";

/// Codes of both wordings. Where a text decides, the row gives the class without that text; see [`classify`].
pub const TABLE: &[ErrorRow] = &[
    ErrorRow::new("10", Class::Credential, "签名无效", "invalid signature").from(CURRENT),
    ErrorRow::new("100", Class::TokenExpired, "access_token 无效或已过期", "access_token invalid or expired")
        .from(CURRENT),
    ErrorRow::new("110", Class::Permission, "IP 不在白名单", "caller's IP address is not in the allow list")
        .from(CURRENT),
    ErrorRow::new("120", Class::Credential, "签名无效（旧）", "invalid signature, legacy wording")
        .from(LEGACY),
    ErrorRow::new("130", Class::Argument, "数据为空（旧）", "empty data, legacy wording").from(LEGACY),
    ErrorRow::new(
        "140",
        Class::Argument,
        "时间戳无效或参数无效",
        "timestamp invalid (15 minutes), or a parameter",
    )
    .from(CURRENT),
    ErrorRow::new(
        "150",
        Class::Credential,
        "第三方应用不可刷新令牌；旧版为内部错误",
        "refresh not allowed for third-party applications; legacy wording: internal error",
    )
    .from(CURRENT),
    ErrorRow::new("160", Class::Validation, "保存失败（写接口）", "save failed (write endpoints)")
        .from(LEGACY),
    ErrorRow::new("170", Class::Reference, "店铺不存在（写接口）", "shop does not exist (write endpoints)")
        .from(LEGACY),
    ErrorRow::new(
        "180",
        Class::ClockSkew,
        "时间戳无效（旧）",
        "timestamp invalid (10 minutes), legacy wording",
    )
    .from(LEGACY),
    ErrorRow::new(
        "190",
        Class::Permission,
        "没有接口权限",
        "no permission for this endpoint, or a dead token",
    )
    .from(CURRENT),
    ErrorRow::new("199", Class::Throttled, "每秒调用次数超限", "too many calls per second").from(CURRENT),
    ErrorRow::new("200", Class::Throttled, "每分钟调用次数超限", "too many calls per minute").from(CURRENT),
];

/// Words of a text that speaks of the timestamp.
const CLOCK_WORDS: &[&str] = &["timestamp", "时间戳", "时间 戳"];
/// Words of a validation text; code 200 with one of them is no limit answer.
const VALIDATION_WORDS: &[&str] =
    &["参数", "不能为空", "必填", "必传", "格式", "不正确", "invalid", "required", "must"];
/// Words of the legacy code 150.
const INTERNAL_WORDS: &[&str] = &["内部", "internal", "系统异常", "系统错误"];

/// The class of a code, with its text where the same number has two meanings.
pub fn classify(code: &str, text: &str) -> Class {
    let text = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match code {
        "140" if says(CLOCK_WORDS) => Class::ClockSkew,
        "150" if says(INTERNAL_WORDS) => Class::Unclear,
        "200" if says(VALIDATION_WORDS) => Class::Argument,
        _ => TABLE.iter().find(|row| row.code == code).map_or(Class::Unclear, |row| row.class),
    }
}

/// How long to rest after a throttle answer: one second for the limit of a second, up to a minute for that of a minute;
/// and the longest rest while it repeats.
pub fn rest_after(code: &str) -> (Duration, Duration) {
    let minute = Duration::from_secs(60);
    match code {
        "199" => (Duration::from_secs(1), Duration::from_secs(8)),
        _ => (minute, minute * 5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_leads_to_the_class_of_the_contract() {
        for (code, text, class) in [
            ("10", "无效签名", Class::Credential),
            ("100", "token过期", Class::TokenExpired),
            ("110", "IP不在白名单", Class::Permission),
            ("120", "", Class::Credential),
            ("130", "", Class::Argument),
            ("140", "无效的timestamp", Class::ClockSkew),
            ("140", "时间戳无效", Class::ClockSkew),
            ("140", "参数无效", Class::Argument),
            ("150", "不允许刷新", Class::Credential),
            ("150", "内部错误", Class::Unclear),
            ("160", "", Class::Validation),
            ("170", "", Class::Reference),
            ("180", "", Class::ClockSkew),
            ("190", "", Class::Permission),
            ("199", "", Class::Throttled),
            ("200", "每分钟调用次数超限", Class::Throttled),
            ("200", "参数 page_size 不正确", Class::Argument),
            ("9999", "?", Class::Unclear),
        ] {
            assert_eq!(classify(code, text), class, "{code} {text}");
        }
    }
}
