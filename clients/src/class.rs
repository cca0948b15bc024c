//! The classes that every vendor's error codes and texts are read into: one enum for all systems, so that producers,
//! sinks, the checks and the documentation speak of the same thing.

use serde::Serialize;

/// A text for users, in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Text {
    /// Simplified Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

impl Text {
    /// Makes a text from its Chinese and English forms.
    pub const fn new(zh: &'static str, en: &'static str) -> Self {
        Self { zh, en }
    }
}

/// What a failure means for whoever made the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Too many calls: rest, then go on more slowly.
    Throttled,
    /// The network or the server failed for the moment.
    Transient,
    /// The record is locked by somebody's work at the target.
    Locked,
    /// The token or session ended and can be renewed.
    TokenExpired,
    /// The time or signature was refused because the clocks differ.
    ClockSkew,
    /// Key, secret, signature or account is wrong, and repeating cannot help.
    Credential,
    /// The account may not do this.
    Permission,
    /// The vendor's licence does not allow it now.
    Licence,
    /// The call itself is wrong: a parameter, a window, a form, a path.
    Argument,
    /// A record with this key is already there.
    Duplicate,
    /// The record names a row of base data that the target does not know.
    Reference,
    /// A field that must be filled is empty.
    Mandatory,
    /// The content was refused by another rule of the target.
    Validation,
    /// The state of the stored record forbids the operation (audited, submitted, closed).
    State,
    /// What was asked for does not exist.
    Absent,
    /// The answer could not be read: cut off, not JSON, or of another shape.
    Unreadable,
    /// A code or text that no table explains.
    Unclear,
}

/// What to do with a call that failed with a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// Call again after a rest, without end: the failure passes by itself.
    Repeat,
    /// Call again a few times, then stop and show code and text.
    RepeatBounded,
    /// Stop the source or flow: only a person can mend it, and nothing is lost by waiting.
    Halt,
    /// The record is at fault: refuse it and go on.
    Refuse,
}

impl Class {
    /// Every class, in the order of this page.
    pub const ALL: [Self; 17] = [
        Self::Throttled,
        Self::Transient,
        Self::Locked,
        Self::TokenExpired,
        Self::ClockSkew,
        Self::Credential,
        Self::Permission,
        Self::Licence,
        Self::Argument,
        Self::Duplicate,
        Self::Reference,
        Self::Mandatory,
        Self::Validation,
        Self::State,
        Self::Absent,
        Self::Unreadable,
        Self::Unclear,
    ];

    /// The stable name used in metrics, logs and `weir describe`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::Locked => "locked",
            Self::TokenExpired => "token_expired",
            Self::ClockSkew => "clock_skew",
            Self::Credential => "credential",
            Self::Permission => "permission",
            Self::Licence => "licence",
            Self::Argument => "argument",
            Self::Duplicate => "duplicate",
            Self::Reference => "reference",
            Self::Mandatory => "mandatory",
            Self::Validation => "validation",
            Self::State => "state",
            Self::Absent => "absent",
            Self::Unreadable => "unreadable",
            Self::Unclear => "unclear",
        }
    }

    /// What to do with a call that failed so. Token and clock have had their one repeat inside the client before the
    /// error comes out, so they halt (contract decisions, "All sources").
    pub const fn reaction(self) -> Reaction {
        match self {
            Self::Throttled | Self::Transient | Self::Locked | Self::Licence => Reaction::Repeat,
            Self::Unreadable | Self::Unclear => Reaction::RepeatBounded,
            Self::TokenExpired | Self::ClockSkew | Self::Credential | Self::Permission | Self::Argument => {
                Reaction::Halt
            }
            Self::Duplicate
            | Self::Reference
            | Self::Mandatory
            | Self::Validation
            | Self::State
            | Self::Absent => Reaction::Refuse,
        }
    }

    /// What the user can do about it.
    pub const fn remedy(self) -> Text {
        match self {
            Self::Throttled => Text::new(
                "调用过于频繁，系统会自动放慢并重试；如经常出现，请向厂商申请提高配额",
                "called too often; Weir slows down and repeats; ask the vendor for a larger quota if this goes on",
            ),
            Self::Transient => Text::new(
                "网络或服务器暂时不可用，系统会自动重试",
                "network or server unavailable for the moment; Weir repeats by itself",
            ),
            Self::Locked => Text::new(
                "单据正被他人操作，系统会稍后重试",
                "somebody is working on the record at the target; Weir repeats later",
            ),
            Self::TokenExpired => Text::new(
                "令牌或会话已失效且续期失败，请重新授权",
                "the token or session ended and could not be renewed; authorise again",
            ),
            Self::ClockSkew => Text::new(
                "本机时钟与对方相差过大，请校准时间",
                "the clocks differ too much; set this machine's time",
            ),
            Self::Credential => Text::new(
                "请检查连接的密钥、账号与签名设置",
                "check the connection's keys, secret and account",
            ),
            Self::Permission => Text::new(
                "请在对方系统开通此接口的权限或加入IP白名单",
                "grant this account the permission at the vendor, or allow this machine's IP address",
            ),
            Self::Licence => Text::new(
                "对方系统许可不足，请联系其管理员",
                "the vendor's licence is exhausted or invalid; ask its administrator",
            ),
            Self::Argument => Text::new(
                "请求参数有误，请检查流程中的接口、时间窗口与分页设置",
                "the request is wrong; check form, window, page size and parameters of the source or target",
            ),
            Self::Unreadable => Text::new(
                "对方返回的内容无法解析，系统会重试；如持续出现，请查看原文",
                "the answer cannot be read; Weir repeats; look at the kept bytes if this goes on",
            ),
            Self::Unclear => Text::new(
                "未知错误，请查看对方返回的代码和原文",
                "an error no table explains; see the vendor's code and text",
            ),
            _ => self.remedy_of_a_record(),
        }
    }

    /// What the user can do about a record that was refused.
    const fn remedy_of_a_record(self) -> Text {
        match self {
            Self::Duplicate => Text::new(
                "目标系统已存在相同编码的单据，请核对后处理",
                "a record with this key is already there; compare both and decide",
            ),
            Self::Reference => Text::new(
                "请先在目标系统建立所引用的基础资料，再重发",
                "create the base data it refers to at the target, then send again",
            ),
            Self::Mandatory => Text::new(
                "请在来源数据或映射中补齐必填字段，再重发",
                "fill the required field in the source or the mapping, then send again",
            ),
            Self::Validation => Text::new(
                "请按目标系统的提示修正数据或映射，再重发",
                "correct the data or the mapping as the target says, then send again",
            ),
            Self::State => Text::new(
                "目标单据的状态不允许此操作，请先反审核或改用其他处理方式",
                "the stored record's state forbids this; un-audit it, or choose another on_change",
            ),
            _ => Text::new("目标记录不存在", "the record asked for does not exist"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_holds_each_class_once_and_its_name_is_its_serialised_form() {
        let mut names = std::collections::BTreeSet::new();
        for class in Class::ALL {
            assert!(names.insert(class.name()), "{class:?} twice");
            assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{}\"", class.name()));
            assert!(!class.remedy().zh.is_empty() && !class.remedy().en.is_empty());
        }
    }
}
