//! The error codes of the enterprise edition and what they mean (contract wangdiantong-enterprise §9).

use std::time::Duration;

use super::super::answer::Refusal;
use super::super::gateway::Verdict;
use super::super::top;
use crate::class::Class;
use crate::describe::ErrorRow;

const COLLECTOR: &str = "contract wangdiantong-enterprise §9: a production Qimen client";
const CONNECTOR: &str =
    "contract wangdiantong-enterprise §9: oomol-lab/open-connector; exact split not found";

/// What a production client waits after 1012, and the longest the contract advises.
const FIRST_REST: Duration = Duration::from_secs(31);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The vendor's codes. A text about missing rights goes before the code; see [`verdict`].
pub const TABLE: [ErrorRow; 7] = [
    ErrorRow::new("1012", Class::Throttled, "调用过于频繁", "too many calls").from(COLLECTOR),
    ErrorRow::new("2030", Class::Credential, "账号或签名类错误", "credential or signature").from(CONNECTOR),
    ErrorRow::new("2060", Class::Credential, "账号或签名类错误", "credential or signature").from(CONNECTOR),
    ErrorRow::new("2100", Class::Credential, "账号或签名类错误", "credential or signature").from(CONNECTOR),
    ErrorRow::new("1", Class::Argument, "参数错误", "invalid argument").from(CONNECTOR),
    ErrorRow::new("100", Class::Argument, "参数错误", "invalid argument").from(CONNECTOR),
    ErrorRow::new("2104", Class::Argument, "参数错误", "invalid argument").from(CONNECTOR),
];

/// The codes of both speakers on Qimen.
pub const QIMEN_TABLE: [ErrorRow; TABLE.len() + top::ERRORS.len()] = top::with_gateway(&TABLE);

/// Words of a text about missing rights.
const PERMISSION_WORDS: [&str; 2] = ["权限不足", "无仓库访问权限"];

/// What a refusal by the vendor means. The credential class may also be a wrong clock (contract decisions "旺店通").
pub(super) fn verdict(refusal: &Refusal) -> Verdict {
    if PERMISSION_WORDS.iter().any(|words| refusal.text.contains(words)) {
        return Verdict::of(Class::Permission);
    }
    let known = TABLE.iter().find(|row| row.code == refusal.code).map(|row| row.class);
    match known {
        Some(Class::Throttled) => Verdict::throttled(FIRST_REST, LONGEST_REST),
        Some(Class::Credential) => Verdict { may_be_the_clock: true, ..Verdict::of(Class::Credential) },
        known => Verdict::of(known.unwrap_or(Class::Unclear)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::answer::Speaker;
    use super::*;

    fn verdict_of(code: &str, text: &str) -> Verdict {
        let (code, text) = (code.to_owned(), text.to_owned());
        verdict(&Refusal { speaker: Speaker::Vendor, code, sub_code: String::new(), text })
    }

    #[test]
    fn every_code_leads_to_the_class_of_the_contract() {
        for (code, class) in [
            ("1012", Class::Throttled),
            ("2030", Class::Credential),
            ("2060", Class::Credential),
            ("2100", Class::Credential),
            ("1", Class::Argument),
            ("100", Class::Argument),
            ("2104", Class::Argument),
            ("4711", Class::Unclear),
        ] {
            assert_eq!(verdict_of(code, "x").class, class, "{code}");
        }
        for text in ["接口权限不足", "无仓库访问权限"] {
            assert_eq!(verdict_of("2104", text).class, Class::Permission);
        }
        assert!(verdict_of("2100", "").may_be_the_clock && !verdict_of("2104", "").may_be_the_clock);
        assert_eq!(verdict_of("1012", "").rest, Some((FIRST_REST, LONGEST_REST)));
    }
}
