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
