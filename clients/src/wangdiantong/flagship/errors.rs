//! The error codes of the flagship edition and what they mean (contract wangdiantong-flagship §8).

use std::time::Duration;

use super::super::answer::Refusal;
use super::super::gateway::Verdict;
use super::super::top;
use crate::class::Class;
use crate::describe::ErrorRow;

const SOURCE: &str = "contract wangdiantong-flagship §8: vendor page qjbguide_cwmsm";

/// The rest after a limit answer, and the longest while it repeats (contract decisions "旺店通").
const FIRST_REST: Duration = Duration::from_secs(60);
const LONGEST_REST: Duration = Duration::from_secs(600);

/// The vendor's codes. Codes 1 and 100 have several meanings, told by their text; the row gives the one without; see
/// [`verdict`].
pub const TABLE: [ErrorRow; 11] = [
    ErrorRow::new(
        "1",
        Class::Argument,
        "参数个数或类型错误；或账号、验证失败",
        "number or type of parameters; or account and key, by the text",
    )
    .from(SOURCE),
    ErrorRow::new("2", Class::Argument, "未知参数名", "unknown parameter").from(SOURCE),
    ErrorRow::new("3", Class::Credential, "账号启用了动态口令", "the account has a one-time password")
        .from(SOURCE),
    ErrorRow::new("4", Class::Transient, "数据库错误", "database error").from(SOURCE),
    ErrorRow::new("5", Class::Transient, "数据库错误", "database error").from(SOURCE),
    ErrorRow::new("6", Class::Permission, "IP 不允许", "IP address not allowed").from(SOURCE),
    ErrorRow::new("7", Class::ClockSkew, "时间戳误差超过两分钟", "timestamp more than two minutes off")
        .from(SOURCE),
    ErrorRow::new("8", Class::Argument, "版本号错误", "wrong v").from(SOURCE),
    ErrorRow::new("99", Class::Unclear, "其他错误", "other").from(SOURCE),
    ErrorRow::new("100", Class::Unclear, "业务错误，以文字为准", "any business error, told by its text")
        .from(SOURCE),
    ErrorRow::new(
        "超过每分钟最大…",
        Class::Throttled,
        "每分钟调用频率或并发超限（状态100）",
        "status 100: calls or parallel calls of a minute are used up",
    )
    .from(SOURCE),
];

/// The codes of both speakers on Qimen.
pub const QIMEN_TABLE: [ErrorRow; TABLE.len() + top::ERRORS.len()] = top::with_gateway(&TABLE);

/// Words of code 1 about the account.
const ACCOUNT_WORDS: [&str; 3] = ["sid is not exists", "app auth fail", "验证失败"];
/// Words of code 100, in both punctuations and for both limits of a minute.
const LIMIT_WORDS: [&str; 2] = ["超过每分钟最大调用频率限制", "超过每分钟最大并发次数限制"];
const PERMISSION_WORDS: [&str; 1] = ["权限不足"];
const ARGUMENT_WORDS: [&str; 4] = ["查询时间过宽", "必须包含起止时间", "仅支持分页查询", "店铺"];

/// What a refusal by the vendor means.
pub(super) fn verdict(refusal: &Refusal) -> Verdict {
    let says = |words: &[&str]| words.iter().any(|words| refusal.text.contains(words));
    match refusal.code.as_str() {
        "1" if says(&ACCOUNT_WORDS) => Verdict::of(Class::Credential),
        "100" if says(&LIMIT_WORDS) => Verdict::throttled(FIRST_REST, LONGEST_REST),
        "100" if says(&PERMISSION_WORDS) => Verdict::of(Class::Permission),
        "100" if says(&ARGUMENT_WORDS) => Verdict::of(Class::Argument),
        code => {
            let known = TABLE.iter().find(|row| row.code == code).map(|row| row.class);
            Verdict::of(known.unwrap_or(Class::Unclear))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::answer::Speaker;
    use super::*;

    #[test]
    fn every_code_and_text_leads_to_the_class_of_the_contract() {
        for (code, text, class) in [
            ("1", "parameter count", Class::Argument),
            ("1", "sid is not exists", Class::Credential),
            ("1", "app auth fail", Class::Credential),
            ("1", "验证失败", Class::Credential),
            ("2", "unknown parameter", Class::Argument),
            ("3", "", Class::Credential),
            ("4", "", Class::Transient),
            ("5", "", Class::Transient),
            ("6", "", Class::Permission),
            ("7", "", Class::ClockSkew),
            ("8", "", Class::Argument),
            ("99", "", Class::Unclear),
            ("100", "超过每分钟最大调用频率限制，请稍后重试", Class::Throttled),
            ("100", "超过每分钟最大调用频率限制,请稍后重试", Class::Throttled),
            ("100", "超过每分钟最大并发次数限制,请稍后重试", Class::Throttled),
            ("100", "您的查询时间过宽", Class::Argument),
            ("100", "参数中必须包含起止时间", Class::Argument),
            ("100", "此方法仅支持分页查询", Class::Argument),
            ("100", "店铺不存在", Class::Argument),
            ("100", "权限不足", Class::Permission),
            ("100", "别的", Class::Unclear),
            ("4711", "", Class::Unclear),
        ] {
            let (code_text, words) = (code.to_owned(), text.to_owned());
            let refusal =
                Refusal { speaker: Speaker::Vendor, code: code_text, sub_code: String::new(), text: words };
            let verdict = verdict(&refusal);
            assert_eq!(verdict.class, class, "{code} {text}");
            let rest = (class == Class::Throttled).then_some((FIRST_REST, LONGEST_REST));
            assert_eq!(verdict.rest, rest);
            assert_eq!(verdict.may_be_the_clock, class == Class::ClockSkew);
        }
    }
}
