//! `weir.yaml`: what concerns the running of it all: how long records are kept, what is masked, logs and metrics.

use super::{Key, Shape, key};

/// The keys of `horizons`.
pub fn horizons() -> Vec<Key> {
    vec![
        key(
            "raw",
            Shape::Duration,
            "原始记录；重放可及的时间",
            "raw records: as far back as a replay can reach",
        )
        .default("\"30d\""),
        key(
            "doc",
            Shape::Duration,
            "文档与重新进入流程的记录",
            "documents, and records that re-enter a flow",
        )
        .default("\"14d\""),
    ]
}

/// The keys of `ledger`.
pub fn ledger() -> Vec<Key> {
    vec![
        key(
            "folder",
            Shape::Text,
            "SQLite 文件 projection.sqlite 与 book.sqlite 所在的文件夹，相对于本文件",
            "folder of the SQLite files projection.sqlite and book.sqlite, relative to this file",
        )
        .default("\".weir/ledger\""),
        key(
            "mysql",
            Shape::Object("ledger_mysql"),
            "改用 MySQL 或 MariaDB 的两个数据库",
            "two databases of MySQL or MariaDB instead",
        ),
    ]
}

/// The keys of `ledger.mysql`.
pub fn ledger_mysql() -> Vec<Key> {
    vec![
        key(
            "url",
            Shape::Text,
            "mysql://用户:密码@主机:3306；数据库由下面两项命名，没有则新建",
            "mysql://user:password@host:3306; the two keys below name the databases, which are made when they are missing",
        )
        .required(),
        key("user", Shape::Text, "代替 url 中的用户", "instead of the user in url"),
        key("password", Shape::Text, "代替 url 中的密码", "instead of the password in url"),
        key(
            "tls",
            Shape::Choice(vec!["disabled", "preferred", "required", "verify-ca", "verify-identity"]),
            "加密；写了 tls_ca_file 则为 verify-identity",
            "encryption; verify-identity where tls_ca_file is given",
        )
        .default("\"preferred\""),
        key(
            "tls_ca_file",
            Shape::Text,
            "校验服务器证书的根证书",
            "certificates that the server's own is checked by",
        ),
        key("projection", Shape::Text, "由主题得出的表", "the tables that are made of the topics")
            .default("\"weir_projection\""),
        key("book", Shape::Text, "人做过什么；从不重建", "what people did; never rebuilt")
            .default("\"weir_book\""),
    ]
}

/// The keys of `privacy`.
pub fn privacy() -> Vec<Key> {
    vec![
        key(
            "mask",
            Shape::list(Shape::Text),
            "个人信息的字段名；含其全部单词的字段都算，如 mobile 含 receiver_mobile、FMobile。不写则用常用的姓名、电话、地址等",
            "names of fields with personal data; a field counts that has all words of one, as mobile covers receiver_mobile and FMobile. Without it the usual ones of names, telephones, addresses",
        ),
        key(
            "mask_output",
            Shape::Flag,
            "总是遮盖；否则只在写了 --mask 时",
            "mask always, not only where --mask is given",
        )
        .default("false"),
    ]
}

/// The keys of `telemetry`.
pub fn telemetry() -> Vec<Key> {
    vec![
        key(
            "log_format",
            Shape::Choice(vec!["text", "json"]),
            "日志的格式，写到标准错误",
            "how log lines look; they go to standard error",
        )
        .default("\"text\""),
        key("log_filter", Shape::Text, "如 info,weir_sinks=debug", "such as info,weir_sinks=debug")
            .default("\"info\""),
        key(
            "listen",
            Shape::Text,
            "/metrics、/healthz、/readyz 的地址；缺省不开",
            "address of /metrics, /healthz and /readyz; nowhere by default",
        ),
        key(
            "otlp_endpoint",
            Shape::Text,
            "OpenTelemetry 收集器（HTTP）的地址",
            "base URL of an OpenTelemetry collector over HTTP",
        ),
    ]
}
