//! What failures mean. The business envelope counts like HTTP, the token calls have names; where words are plainer than
//! the code, they decide (contract xiaoman-okki §3, §9).

use crate::class::Class;
use crate::describe::ErrorRow;

const BUSINESS: &str = "contract xiaoman-okki §9";
const OAUTH: &str = "contract xiaoman-okki §3";

/// `code` of a business answer, `error` of a token answer.
pub const TABLE: &[ErrorRow] = &[
    ErrorRow::new("401", Class::TokenExpired, "令牌缺失、过期或被吊销", "token missing, ended or revoked")
        .from(BUSINESS),
    ErrorRow::new("403", Class::Permission, "无权限", "not allowed").from(BUSINESS),
    ErrorRow::new("404", Class::Absent, "记录不存在或无权查看", "no such record, or no right to see it")
        .from(BUSINESS),
    ErrorRow::new("429", Class::Throttled, "调用过于频繁", "called too often").from(BUSINESS),
    ErrorRow::new("500", Class::Transient, "服务器错误", "the server failed").from(BUSINESS),
    ErrorRow::new("access_denied", Class::TokenExpired, "令牌被拒绝", "the token was refused").from(BUSINESS),
    ErrorRow::new("server_error", Class::Transient, "服务器错误", "the server failed").from(OAUTH),
    ErrorRow::new(
        "invalid_client",
        Class::Credential,
        "client_id 或 client_secret 错误",
        "client_id or client_secret is wrong",
    )
    .from(OAUTH),
    ErrorRow::new(
        "invalid_credentials",
        Class::Credential,
        "账号或密码错误",
        "user name or password is wrong",
    )
    .from(OAUTH),
    ErrorRow::new("invalid_grant", Class::Credential, "授权无效", "the grant is not valid").from(OAUTH),
    ErrorRow::new(
        "invalid_request",
        Class::Credential,
        "授权请求无效",
        "the request for a token is not valid",
    )
    .from(OAUTH),
    ErrorRow::new("invalid_scope", Class::Credential, "scope 无效", "the scope is not valid").from(OAUTH),
    ErrorRow::new(
        "unsupported_grant_type",
        Class::Credential,
        "不支持该授权方式",
        "this grant is not offered",
    )
    .from(OAUTH),
];

/// Words of a failure and their class; they stand before the code.
pub const TEXTS: &[(&str, Class)] = &[
    ("no permission", Class::Permission),
    ("access_denied", Class::TokenExpired),
    ("not found resource", Class::Absent),
    ("frequen", Class::Throttled),
    ("too many", Class::Throttled),
    ("频繁", Class::Throttled),
    ("server_error", Class::Transient),
];

/// The class of a failure, by its words first.
pub fn classify(code: &str, text: &str) -> Class {
    let words = text.to_lowercase();
    let by_text = TEXTS.iter().find(|(part, _)| words.contains(part)).map(|(_, class)| *class);
    let by_code = || TABLE.iter().find(|row| row.code == code).map(|row| row.class);
    // 5xx as a business code is the server's failure, as it is as an HTTP status.
    let by_number = || code.parse().is_ok_and(|number: u16| (500..600).contains(&number));
    by_text.or_else(by_code).unwrap_or_else(|| if by_number() { Class::Transient } else { Class::Unclear })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_before_codes() {
        for (code, text, class) in [
            ("401", "", Class::TokenExpired),
            ("400", "access_denied", Class::TokenExpired),
            ("403", "no permission company scopes", Class::Permission),
            ("404", "Not Found Resource", Class::Absent),
            ("400", "Request frequency limit", Class::Throttled),
            ("503", "", Class::Transient),
            ("invalid_client", "Client authentication failed", Class::Credential),
            ("1", "系统开小差", Class::Unclear),
        ] {
            assert_eq!(classify(code, text), class, "{code} {text}");
        }
    }
}
