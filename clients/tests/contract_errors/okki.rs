//! Contract xiaoman-okki §9, and the errors of OAuth2 of §3.

use weir_clients::class::{Class, Reaction};
use weir_clients::error::CallError;
use weir_clients::governor::{Lane, Limit};
use weir_clients::http;
use weir_clients::okki::endpoints::{ACCESS_TOKEN, ORDER_LIST};
use weir_clients::okki::{Client, Grant, Login, Settings, errors};
use weir_model::secret::Secret;
use weir_sandbox::{Fault, Running};

use crate::row::{Row, TRANSPORT, expect_covered, expect_words_covered, received, refusal, start};

const BUSINESS: &[Row] = &[
    refusal("401", "", Class::TokenExpired, Reaction::Halt).repeated_once(),
    refusal("401", "", Class::TokenExpired, Reaction::Halt).by(Fault::ExpiredToken).repeated_once(),
    refusal("400", "access_denied", Class::TokenExpired, Reaction::Halt).repeated_once(),
    refusal("403", "no permission invoices scopes", Class::Permission, Reaction::Halt),
    refusal("400", "no permission company scopes", Class::Permission, Reaction::Halt),
    refusal("403", "forbidden", Class::Permission, Reaction::Halt),
    refusal("404", "", Class::Absent, Reaction::Refuse),
    refusal("400", "Not Found Resource", Class::Absent, Reaction::Refuse),
    refusal("429", "", Class::Throttled, Reaction::Repeat).rest(1),
    refusal("400", "Request frequency limit", Class::Throttled, Reaction::Repeat).rest(1),
    refusal("400", "Too Many Requests", Class::Throttled, Reaction::Repeat).rest(1),
    refusal("400", "操作频繁，请稍后再试", Class::Throttled, Reaction::Repeat).rest(1),
    refusal("500", "", Class::Transient, Reaction::Repeat),
    refusal("400", "server_error", Class::Transient, Reaction::Repeat),
    refusal("503", "busy", Class::Transient, Reaction::Repeat),
    refusal("1", "系统开小差", Class::Unclear, Reaction::RepeatBounded),
];

/// Errors of the grant itself: no other token can help.
const GRANT: &[Row] = &[
    refusal("invalid_client", "", Class::Credential, Reaction::Halt),
    refusal("invalid_credentials", "", Class::Credential, Reaction::Halt),
    refusal("invalid_scope", "", Class::Credential, Reaction::Halt),
    refusal("invalid_grant", "", Class::Credential, Reaction::Halt),
    refusal("invalid_request", "", Class::Credential, Reaction::Halt),
    refusal("unsupported_grant_type", "", Class::Credential, Reaction::Halt),
    refusal("access_denied", "", Class::Credential, Reaction::Halt),
    refusal("server_error", "", Class::Transient, Reaction::Repeat),
];

fn client(sandbox: &Running) -> Client {
    Client::new(Settings {
        connection: "okki".into(),
        base_url: sandbox.base_url().parse().unwrap(),
        login: Login::OAuth2 {
            client_id: "demo-client".into(),
            client_secret: Secret::new("demo-secret"),
            scope: "invoices company".into(),
            grant: Grant::ClientCredentials,
        },
        limits: vec![Limit { calls: 100, seconds: 1 }],
        http: http::Options::default(),
    })
    .unwrap()
}

async fn expect(rows: impl Iterator<Item = &Row>, on: &str) {
    let sandbox = start().await;
    let handle = sandbox.handle();
    for row in rows {
        let (client, before) = (client(&sandbox), received(&handle, on));
        row.set(&handle, on);
        let error: CallError =
            client.list(ORDER_LIST.path, &[], ORDER_LIST.list_path, Lane::Live).await.unwrap_err();
        row.clear(&handle);
        // The one error of a grant that has an HTTP status of the server's own failure.
        let shown = if row.code == "server_error" { "" } else { row.code };
        row.expect(&error, received(&handle, on) - before, shown);
        row.expect_resting(client.governor().left()["account"].rest);
    }
}

#[tokio::test]
async fn every_code_of_a_business_call_leads_to_the_class_of_the_contract() {
    expect(BUSINESS.iter().chain(&TRANSPORT), ORDER_LIST.path).await;
}

#[tokio::test]
async fn every_error_of_a_grant_leads_to_the_class_of_the_contract() {
    expect(GRANT.iter(), ACCESS_TOKEN.path).await;
}

#[test]
fn no_code_of_the_client_is_without_a_row() {
    let rows: Vec<Row> = BUSINESS.iter().chain(GRANT).copied().collect();
    expect_covered(errors::TABLE, &rows, |row| row.code.to_owned());
    expect_words_covered(errors::TEXTS, &rows);
}
