//! What failures mean. The vendor publishes no list of codes, so the words decide (contract kingdee-k3wise §5, §7).

use crate::class::Class;
use crate::describe::ErrorRow;

const OBSERVED: &str = "contract kingdee-k3wise §5: observed, no published list";
const ASSUMED: &str = "contract kingdee-k3wise §2: assumption";

/// `StatusCode` of an answer.
pub const TABLE: &[ErrorRow] = &[
    ErrorRow::new("201", Class::Unclear, "失败，原因见 Message 或行内消息", "failed; the message tells why")
        .from(OBSERVED),
    ErrorRow::new("401", Class::TokenExpired, "令牌失效", "the token ended or is unknown").from(ASSUMED),
    ErrorRow::new("403", Class::TokenExpired, "令牌失效", "the token ended or is unknown").from(ASSUMED),
];

/// Words of a failure and their class; the first row that fits decides, so the special stand before the general.
pub const TEXTS: &[(&str, Class)] = &[
    ("未授权", Class::Permission),
    ("没有权限", Class::Permission),
    ("无权限", Class::Permission),
    ("授权码", Class::Credential),
    ("authoritycode", Class::Credential),
    ("token", Class::TokenExpired),
    ("令牌", Class::TokenExpired),
    ("许可", Class::Licence),
    ("licen", Class::Licence),
    ("死锁", Class::Locked),
    ("deadlock", Class::Locked),
    ("锁定", Class::Locked),
    ("正在被", Class::Locked),
    ("超时", Class::Transient),
    ("timeout", Class::Transient),
    ("已存在", Class::Duplicate),
    ("已经存在", Class::Duplicate),
    ("重复", Class::Duplicate),
    ("already exist", Class::Duplicate),
    ("duplicate", Class::Duplicate),
    ("必录", Class::Mandatory),
    ("必填", Class::Mandatory),
    ("为空", Class::Mandatory),
    ("required", Class::Mandatory),
    ("已审核", Class::State),
    ("已关闭", Class::State),
    ("结账", Class::State),
    ("closed period", Class::State),
    ("不存在", Class::Reference),
    ("not exist", Class::Reference),
    ("not found", Class::Reference),
    ("禁用", Class::Reference),
    ("大于零", Class::Validation),
    ("大于0", Class::Validation),
    ("小于零", Class::Validation),
    ("小于0", Class::Validation),
    ("不能为零", Class::Validation),
    ("不能为负", Class::Validation),
    ("信用额度", Class::Validation),
    ("不合法", Class::Validation),
    ("不正确", Class::Validation),
    ("不是有效", Class::Validation),
    ("不是数值", Class::Validation),
    ("超过最大长度", Class::Validation),
];

/// Words that make a message a failure, whatever the code beside it says.
const FAILURES: [&str; 5] = ["失败", "错误", "异常", "faild", "fail"];

/// Reads failures into classes: by the words that a connection tells, then by [`TEXTS`], then by [`TABLE`].
#[derive(Debug, Clone, Default)]
pub struct Classifier {
    words: Vec<(String, Class)>,
}

impl Classifier {
    /// With words of a server's own, whatever their letter case; the first that fit decide.
    pub fn new(words: impl IntoIterator<Item = (String, Class)>) -> Self {
        Self { words: words.into_iter().map(|(words, class)| (words.to_lowercase(), class)).collect() }
    }

    /// The class of a failure.
    pub fn classify(&self, code: &str, text: &str) -> Class {
        let said = text.to_lowercase();
        let own = self.words.iter().find(|(words, _)| said.contains(words));
        own.map_or_else(|| classify(code, text), |(_, class)| *class)
    }
}

/// The class of a failure by the built-in tables, by its words first.
pub fn classify(code: &str, text: &str) -> Class {
    let words = text.to_lowercase();
    let by_text = TEXTS.iter().find(|(part, _)| words.contains(part)).map(|(_, class)| *class);
    let by_code = || TABLE.iter().find(|row| row.code == code).map(|row| row.class);
    by_text.or_else(by_code).unwrap_or(Class::Unclear)
}

/// Whether a message tells of a failure.
pub fn is_failure(message: &str) -> bool {
    let words = message.to_lowercase();
    FAILURES.iter().any(|word| words.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_before_codes() {
        for (code, text, class) in [
            ("401", "Token已过期", Class::TokenExpired),
            ("403", "", Class::TokenExpired),
            ("403", "模块未授权", Class::Permission),
            ("201", "单据编号 XM1 已存在", Class::Duplicate),
            ("201", "客户 C9 不存在", Class::Reference),
            ("201", "字段[数量]必录", Class::Mandatory),
            ("201", "当前期间已结账", Class::State),
            ("500", "Transaction was deadlocked: deadlock victim", Class::Locked),
            ("201", "Faild", Class::Unclear),
            ("201", "第 2 行分录：数量必须大于零", Class::Validation),
            ("201", "单据已超出客户信用额度", Class::Validation),
        ] {
            assert_eq!(classify(code, text), class, "{code} {text}");
        }
        let own = Classifier::new([("Credit".to_owned(), Class::Validation), ("死锁".into(), Class::State)]);
        assert_eq!(own.classify("201", "credit limit does not exist"), Class::Validation);
        assert_eq!(own.classify("201", "死锁"), Class::State);
        assert_eq!(own.classify("201", "客户 C9 不存在"), Class::Reference);
        assert!(is_failure("Faild") && is_failure("保存失败") && !is_failure("Successful"));
    }
}
