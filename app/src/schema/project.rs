//! `weir.yaml`: connections, collections, Kafka, telemetry.

use super::{
    BySystem, Key, Object, Shape, key, object,
    operation::{horizons, ledger, ledger_mysql, privacy, telemetry},
    title, version,
};

/// The mappings of a project's file, the file itself first.
pub fn objects() -> Vec<Object> {
    vec![
        object("project", project()),
        object("kafka", kafka()),
        object("security", security()),
        object("schema_registry", schema_registry()),
        object("horizons", horizons()),
        Object {
            by_system: vec![
                ("jushuitan", BySystem::Keys("jushuitan")),
                ("wangdiantong-enterprise", BySystem::Keys("wangdiantong_enterprise")),
                ("wangdiantong-flagship", BySystem::Keys("wangdiantong_flagship")),
                ("xiaoman-okki", BySystem::Keys("xiaoman_okki")),
                ("kingdee-galaxy", BySystem::Keys("kingdee_galaxy")),
                ("kingdee-k3wise", BySystem::Keys("kingdee_k3wise")),
                ("mysql", BySystem::Keys("mysql")),
                ("sqlite", BySystem::Keys("sqlite")),
            ],
            ..object("connection", connection())
        },
        object("jushuitan", jushuitan()),
        object("wangdiantong_enterprise", wangdiantong_enterprise()),
        object(
            "wangdiantong_flagship",
            wangdiantong([
                "\"https://wdt.wangdian.cn/openapi\"",
                "\"http://3ldsmu02o9.api.taobao.com/router/qm\"",
            ]),
        ),
        object("xiaoman_okki", xiaoman_okki()),
        object("kingdee_galaxy", kingdee_galaxy()),
        object("kingdee_k3wise", kingdee_k3wise()),
        object("classified_words", classified_words()),
        object("mysql", mysql()),
        object(
            "sqlite",
            vec![
                key("path", Shape::Text, "文件；没有则新建", "the file; made when it is missing").required(),
            ],
        ),
        object("collection", collection()),
        object("title", title().into()),
        object("ledger", ledger()),
        object("ledger_mysql", ledger_mysql()),
        object("privacy", privacy()),
        object("telemetry", telemetry()),
    ]
}

fn project() -> Vec<Key> {
    vec![
        version(),
        key("kafka", Shape::Object("kafka"), "Kafka 集群", "the Kafka cluster").required(),
        key(
            "schema_registry",
            Shape::Object("schema_registry"),
            "Confluent 接口的模式注册中心；没有则写 Avro 单对象",
            "a registry with Confluent's interface; without it values are Avro single objects",
        ),
        key(
            "connections",
            Shape::map(Shape::Object("connection")),
            "账号，各自命名",
            "accounts, each under a name of its own",
        )
        .required(),
        key(
            "collections",
            Shape::map(Shape::Object("collection")),
            "供 _findCollection 查询的参照数据，各自命名",
            "reference rows that _findCollection looks up, each collection under a name of its own",
        ),
        key(
            "horizons",
            Shape::Object("horizons"),
            "各阶段之间的主题中，记录被所有流程读过之后仍保留多久；没有读过的永不删除",
            "how long records stay in the topics between the stages though every flow has read them; unread ones are never removed",
        ),
        key(
            "flows",
            Shape::list(Shape::Text),
            "流程文件或其文件夹，相对于本文件",
            "flow files and folders of them, relative to this file",
        )
        .default("[\"flows\"]"),
        key(
            "seal_key",
            Shape::Text,
            "加密保存续期后的令牌，至少 16 个字符；有 refresh_token 时必填",
            "seals renewed tokens, at least 16 characters; required where a connection has a refresh_token",
        ),
        key(
            "ledger",
            Shape::Object("ledger"),
            "台账：由主题得出、供查询的表，与处置死信的账簿；不写则为本文件旁的 SQLite",
            "the ledger: tables made of the topics that answer questions, and the book of what people did; SQLite beside this file by default",
        ),
        key("state_dir", Shape::Text, "可由主题重建的本地状态", "what a process can rebuild from topics")
            .default("\".weir/state\""),
        key(
            "privacy",
            Shape::Object("privacy"),
            "个人信息：哪些字段在命令的输出中遮盖",
            "personal data: which fields commands mask in what they print",
        ),
        key("telemetry", Shape::Object("telemetry"), "日志、指标、追踪", "logs, metrics, traces"),
    ]
}

fn kafka() -> Vec<Key> {
    vec![
        key("brokers", Shape::Text, "host:port，多个用逗号隔开", "host:port, several with commas").required(),
        key("prefix", Shape::Name, "主题与消费组名称的前缀", "first part of every topic's and group's name")
            .default("\"weir\""),
        key(
            "replication",
            Shape::Count(1, 9),
            "topics apply 建立的副本数；生产环境写 3",
            "copies of each partition that topics apply creates; 3 in production",
        )
        .default("1"),
        key("client_id", Shape::Text, "broker 日志中的名称", "the name that brokers log").default("\"weir\""),
        key("security", Shape::Object("security"), "加密与登录", "encryption and login"),
        key(
            "overrides",
            Shape::map(Shape::Text),
            "librdkafka 的其他设置；保证所依赖的设置不可改",
            "further settings of librdkafka; those that the guarantees rest on are refused",
        ),
    ]
}

fn security() -> Vec<Key> {
    vec![
        key(
            "protocol",
            Shape::Choice(vec!["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]),
            "协议；TLS 与 SCRAM 需以 --features tls 编译",
            "the protocol; TLS and SCRAM need a build with --features tls",
        )
        .default("\"plaintext\""),
        key(
            "mechanism",
            Shape::Choice(vec!["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]),
            "登录方式",
            "how to log in",
        )
        .default("\"SCRAM-SHA-512\""),
        key("user", Shape::Text, "用户名；sasl_… 时必填", "the user; required with sasl_…"),
        key("password", Shape::Text, "密码；sasl_… 时必填", "the password; required with sasl_…"),
        key(
            "ca_file",
            Shape::Text,
            "CA 证书：PEM 文件的路径，或 PEM 文本；缺省用系统的",
            "the authorities: path of a PEM file, or the text itself; the system's by default",
        ),
        key("certificate_file", Shape::Text, "客户端证书：同上", "the client's certificate, as ca_file"),
        key("key_file", Shape::Text, "客户端私钥：同上", "the client's key, as ca_file"),
        key("key_password", Shape::Text, "私钥的口令", "what opens the key, when it is locked"),
    ]
}

fn schema_registry() -> Vec<Key> {
    vec![
        key(
            "url",
            Shape::Text,
            "地址，如 http://localhost:8081",
            "base address, such as http://localhost:8081",
        )
        .required(),
        key("user", Shape::Text, "用户名或 API key", "the login, or the API key"),
        key("password", Shape::Text, "密码或 secret", "its password, or the secret"),
    ]
}

fn connection() -> Vec<Key> {
    let systems = vec![
        "jushuitan",
        "kingdee-galaxy",
        "mysql",
        "sqlite",
        "wangdiantong-enterprise",
        "wangdiantong-flagship",
        "xiaoman-okki",
        "kingdee-k3wise",
    ];
    vec![
        key("system", Shape::Word(systems), "系统", "the system").required(),
        key(
            "time_zone",
            Shape::Text,
            "该系统本地时间的时区（IANA 名称）",
            "IANA name of the zone that the system's local times are in",
        )
        .default("\"Asia/Shanghai\""),
    ]
}

fn jushuitan() -> Vec<Key> {
    vec![
        key("app_key", Shape::Text, "开放平台的 app key", "from the open platform").required(),
        key("app_secret", Shape::Text, "开放平台的 app secret", "from the open platform").required(),
        key("access_token", Shape::Text, "授权得到的 access token", "from the authorisation").required(),
        key(
            "refresh_token",
            Shape::Text,
            "用于续期 access token；需要 seal_key",
            "lets Weir renew the access token; needs seal_key",
        ),
        key("base_url", Shape::Text, "地址", "the address").default("\"https://openapi.jushuitan.com\""),
        key(
            "calls_per_second",
            Shape::Count(1, 1_000),
            "每个接口每秒的调用上限",
            "your package's limit per endpoint",
        )
        .default("5"),
        key(
            "calls_per_minute",
            Shape::Count(1, 60_000),
            "每个接口每分钟的调用上限",
            "your package's limit per endpoint",
        )
        .default("100"),
    ]
}

fn wangdiantong_enterprise() -> Vec<Key> {
    let addresses =
        ["\"https://api.wangdian.cn/openapi2/\"", "\"https://hu3cgwt0tc.api.taobao.com/router/qm\""];
    let mut keys = wangdiantong(addresses);
    keys.push(
        key(
            "sign_length_unit",
            Shape::Choice(vec!["chars", "bytes"]),
            "签名文本中的长度按字符或字节计",
            "what the lengths in the signed text count",
        )
        .default("\"chars\""),
    );
    keys
}

/// The keys of both editions, with their addresses.
fn wangdiantong([base_url, qimen_url]: [&'static str; 2]) -> Vec<Key> {
    vec![
        key("sid", Shape::Text, "卖家账号", "the seller's account").required(),
        key("access", Shape::Choice(vec!["direct", "qimen"]), "通道", "the path").default("\"direct\""),
        key(
            "app_key",
            Shape::Text,
            "旺店通发放；direct 与旗舰版必填",
            "from 旺店通; for direct, and flagship always",
        ),
        key("app_secret", Shape::Text, "同上；旗舰版为 secret:salt", "as above; flagship: secret:salt"),
        key("base_url", Shape::Text, "direct 的地址", "address of direct").default(base_url),
        key("qimen_url", Shape::Text, "qimen 的地址", "address of qimen").default(qimen_url),
        key("qimen_app_key", Shape::Text, "奇门发放；qimen 必填", "from Qimen; for qimen"),
        key("qimen_app_secret", Shape::Text, "同上", "as above"),
        key("qimen_target_app_key", Shape::Text, "旺店通在奇门的 key", "the key of 旺店通 at Qimen")
            .default("\"21363512\""),
        key("qimen_sign_method", Shape::Choice(vec!["md5", "hmac"]), "奇门签名方法", "signature at Qimen")
            .default("\"md5\""),
        key("calls_per_minute", Shape::Count(1, 60_000), "账号每分钟的调用上限", "your account's limit")
            .default("50"),
    ]
}

fn xiaoman_okki() -> Vec<Key> {
    vec![
        key(
            "auth",
            Shape::Choice(vec!["oauth2", "none"]),
            "认证；none 只用于沙箱",
            "none is for a sandbox only",
        )
        .default("\"oauth2\""),
        key(
            "grant",
            Shape::Choice(vec!["client_credentials", "password"]),
            "OAuth2 授权方式",
            "the OAuth2 grant",
        )
        .default("\"client_credentials\""),
        key("client_id", Shape::Text, "CRM 后台发放；oauth2 必填", "from the CRM's back office; for oauth2"),
        key("client_secret", Shape::Text, "同上", "as above"),
        key("username", Shape::Text, "登录邮箱；password 必填", "e-mail of the login; for password"),
        key("password", Shape::Text, "密码明文；password 必填", "the password in clear; for password"),
        key("scope", Shape::Text, "令牌可用的模块", "modules that the token opens")
            .default("\"invoices company\""),
        key("base_url", Shape::Text, "地址", "the address").default("\"https://api-sandbox.xiaoman.cn\""),
        key("calls_per_second", Shape::Count(1, 1_000), "账号每秒的调用上限", "at most so many calls")
            .default("2"),
    ]
}

fn kingdee_galaxy() -> Vec<Key> {
    vec![
        key("base_url", Shape::Text, "以 /k3cloud/ 结尾", "ends in /k3cloud/").required(),
        key("account_id", Shape::Text, "数据中心（账套）ID", "the data centre's id").required(),
        key("user_name", Shape::Text, "集成用户", "the integration's user").required(),
        key(
            "auth",
            Shape::Choice(vec!["signed", "session"]),
            "signed 每次调用签名；session 用户名密码登录（ValidateUser）",
            "signed: every call is signed; session: one login by user and password (ValidateUser)",
        )
        .default("signed"),
        key(
            "app_id",
            Shape::Text,
            "第三方系统登录授权的应用 ID；signed 必填",
            "of the third-party login; for signed",
        ),
        key(
            "app_secret",
            Shape::Text,
            "第三方系统登录授权的密钥；signed 必填",
            "of the third-party login; for signed",
        ),
        key("password", Shape::Text, "用户的密码；session 必填", "the user's password; for session"),
        key(
            "language",
            Shape::Count(1, 9_999),
            "消息的语言；2052 为中文",
            "the language of messages; 2052 is Chinese",
        )
        .default("2052"),
        key("organisation", Shape::Text, "登录组织的编码", "number of the organisation to work in")
            .default("\"0\""),
        key("calls_per_second", Shape::Count(1, 1_000), "每秒的调用上限", "at most so many calls")
            .default("10"),
        key("connect_timeout", Shape::Duration, "连接超时", "how long a connection may take")
            .default("\"10s\""),
        key("read_timeout", Shape::Duration, "应答超时", "how long an answer may take").default("\"120s\""),
    ]
}

fn kingdee_k3wise() -> Vec<Key> {
    vec![
        key("base_url", Shape::Text, "以 /K3API/ 结尾", "ends in /K3API/").required(),
        key("authority_code", Shape::Text, "K/3 WISE 授权码", "from the API authorisation screen").required(),
        key(
            "classify",
            Shape::list(Shape::Object("classified_words")),
            "该服务器失败消息的含义，先于内置表",
            "what this server's failures mean, before the built-in table",
        ),
        key("calls_per_second", Shape::Count(1, 1_000), "每秒的调用上限", "at most so many calls")
            .default("5"),
        key("connect_timeout", Shape::Duration, "连接超时", "how long a connection may take")
            .default("\"15s\""),
        key("read_timeout", Shape::Duration, "应答超时", "how long an answer may take").default("\"120s\""),
    ]
}

/// Words of a failure and what they mean.
fn classified_words() -> Vec<Key> {
    vec![
        key(
            "text",
            Shape::Text,
            "消息中的文字，不分大小写",
            "words of the message, whatever their letter case",
        )
        .required(),
        key(
            "class",
            Shape::Choice(weir_clients::class::Class::ALL.map(weir_clients::class::Class::name).to_vec()),
            "失败的类别",
            "the class of the failure",
        )
        .required(),
    ]
}

fn mysql() -> Vec<Key> {
    vec![
        key(
            "url",
            Shape::Text,
            "mysql://user:password@host:3306/database；密码中的特殊字符写作 %XX",
            "mysql://user:password@host:3306/database; special characters of the password as %XX",
        )
        .required(),
        key("user", Shape::Text, "取代 url 中的用户", "takes the place of the url's"),
        key("password", Shape::Text, "取代 url 中的密码", "takes the place of the url's"),
        key(
            "state_schema",
            Shape::Text,
            "Weir 自己的表所在的库，在同一服务器上；没有则新建",
            "schema of Weir's own tables on the same server; made when it is missing",
        )
        .default("\"weir\""),
        key(
            "session_time_zone",
            Shape::Text,
            "会话的时区偏移；只影响 TIMESTAMP 列",
            "offset of the session; only TIMESTAMP columns depend on it",
        )
        .default("\"+08:00\""),
        key(
            "tls",
            Shape::Choice(vec!["disabled", "preferred", "required", "verify-ca", "verify-identity"]),
            "加密；写了 tls_ca_file 时缺省为 verify-identity，否则由服务器决定",
            "encryption; verify-identity by default with tls_ca_file, else the server's choice",
        ),
        key(
            "tls_ca_file",
            Shape::Text,
            "CA 证书：PEM 文件的路径，或 PEM 文本",
            "the authorities: path of a PEM file, or the text itself",
        ),
        key(
            "tls_certificate_file",
            Shape::Text,
            "客户端证书：同上",
            "the client's certificate, as tls_ca_file",
        ),
        key("tls_key_file", Shape::Text, "客户端私钥：同上", "the client's key, as tls_ca_file"),
    ]
}

fn collection() -> Vec<Key> {
    vec![
        key("key", Shape::list(Shape::Text), "构成行编号的字段", "fields whose values make a row's id")
            .required(),
        key(
            "file",
            Shape::Text,
            "weir collections load 缺省读取的文件，相对于本文件",
            "what weir collections load reads when no file is named; relative to this file",
        ),
        key("title", Shape::Object("title"), "给人看的标题", "its title for people"),
    ]
}
