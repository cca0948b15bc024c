//! Contract jushuitan §9.

use weir_clients::class::{Class, Reaction};
use weir_clients::error::CallError;
use weir_clients::governor::Lane;
use weir_clients::http;
use weir_clients::jushuitan::endpoints::DISTRIBUTOR_QUERY;
use weir_clients::jushuitan::{Client, Credentials, Endpoint, Settings, errors};
use weir_model::secret::Secret;
use weir_sandbox::{Fault, Running};

use crate::row::{Row, TRANSPORT, expect_covered, received, refusal, start};

const CALL: &str = "distributor";

const ROWS: &[Row] = &[
    refusal("10", "", Class::Credential, Reaction::Halt),
    refusal("100", "", Class::TokenExpired, Reaction::Halt).repeated_once(),
    refusal("100", "token超时", Class::TokenExpired, Reaction::Halt).repeated_once(),
    refusal("100", "", Class::TokenExpired, Reaction::Halt).by(Fault::ExpiredToken).repeated_once(),
    refusal("110", "", Class::Permission, Reaction::Halt),
    refusal("120", "签名无效", Class::Credential, Reaction::Halt),
    refusal("130", "空数据", Class::Argument, Reaction::Halt),
    refusal("140", "", Class::ClockSkew, Reaction::Halt).repeated_once(),
    refusal("140", "timestamp is invalid", Class::ClockSkew, Reaction::Halt).repeated_once(),
    refusal("140", "参数不合法：page_size", Class::Argument, Reaction::Halt),
    refusal("150", "", Class::Credential, Reaction::Halt),
    refusal("150", "内部错误", Class::Unclear, Reaction::RepeatBounded),
    refusal("160", "保存失败", Class::Validation, Reaction::Refuse),
    refusal("170", "店铺不存在", Class::Reference, Reaction::Refuse),
    refusal("180", "时间戳无效", Class::ClockSkew, Reaction::Halt).repeated_once(),
    refusal("190", "", Class::Permission, Reaction::Halt),
    refusal("199", "", Class::Throttled, Reaction::Repeat).rest(1),
    refusal("200", "", Class::Throttled, Reaction::Repeat).rest(60),
    refusal("200", "参数page_index不能为空", Class::Argument, Reaction::Halt),
    refusal("4711", "别的", Class::Unclear, Reaction::RepeatBounded),
];

fn client(sandbox: &Running) -> Client {
    let settings = Settings {
        connection: "jst".into(),
        base_url: sandbox.base_url().parse().unwrap(),
        credentials: Credentials {
            app_key: "demo-key".into(),
            app_secret: Secret::new("demo-secret"),
            access_token: Secret::new("demo-token"),
            refresh_token: Some(Secret::new("demo-refresh")),
        },
        http: http::Options::default(),
    };
    Client::new(settings, None).unwrap()
}

async fn refused(client: &Client) -> CallError {
    let endpoint = Endpoint::from(&DISTRIBUTOR_QUERY);
    client.call(&endpoint, r#"{"page_index":1,"page_size":50}"#, Lane::Live).await.unwrap_err()
}

#[tokio::test]
async fn every_code_leads_to_the_class_of_the_contract() {
    for row in ROWS.iter().chain(&TRANSPORT) {
        // A sandbox of its own, because a renewal ends the token that the next row starts with.
        let sandbox = start().await;
        let (handle, client) = (sandbox.handle(), client(&sandbox));
        row.set(&handle, CALL);
        let error = refused(&client).await;
        row.expect(&error, received(&handle, CALL), row.code);
        row.expect_resting(client.governor().left()[DISTRIBUTOR_QUERY.path].rest);
    }
}

#[test]
fn no_code_of_the_client_is_without_a_row() {
    expect_covered(errors::TABLE, ROWS, |row| row.code.to_owned());
}
