//! Contracts wangdiantong-enterprise §9 and wangdiantong-flagship §8, by both gateways; contract decisions "旺店通".

use serde_json::{Map, Value, json};
use weir_clients::class::{Class, Reaction};
use weir_clients::error::CallError;
use weir_clients::governor::Lane;
use weir_clients::http;
use weir_clients::wangdiantong::top::{Application, SignMethod, TARGET_APP_KEY};
use weir_clients::wangdiantong::{
    Access, Call, Client, Edition, Endpoint, Gateways, Settings, enterprise, flagship,
};
use weir_model::secret::Secret;
use weir_sandbox::{Fault, Running};

use crate::row::{Row, TRANSPORT, expect_covered, received, refusal, start};

const ENTERPRISE: &[Row] = &[
    refusal("1012", "", Class::Throttled, Reaction::Repeat).rest(31),
    refusal("1012", "超过每分钟最大调用频率限制", Class::Throttled, Reaction::Repeat).rest(31),
    refusal("2030", "appkey不存在", Class::Credential, Reaction::Halt).repeated_once(),
    refusal("2060", "sign错误", Class::Credential, Reaction::Halt).repeated_once(),
    refusal("2100", "timestamp错误", Class::Credential, Reaction::Halt).repeated_once(),
    refusal("1", "缺少参数", Class::Argument, Reaction::Halt),
    refusal("100", "参数错误", Class::Argument, Reaction::Halt),
    refusal("2104", "时间跨度过大", Class::Argument, Reaction::Halt),
    refusal("2104", "接口权限不足", Class::Permission, Reaction::Halt),
    refusal("100", "无仓库访问权限", Class::Permission, Reaction::Halt),
    refusal("4711", "别的", Class::Unclear, Reaction::RepeatBounded),
];

const FLAGSHIP: &[Row] = &[
    refusal("1", "参数个数或类型错误", Class::Argument, Reaction::Halt),
    refusal("1", "sid is not exists", Class::Credential, Reaction::Halt),
    refusal("1", "app auth fail", Class::Credential, Reaction::Halt),
    refusal("1", "验证失败", Class::Credential, Reaction::Halt),
    refusal("2", "未知参数名", Class::Argument, Reaction::Halt),
    refusal("3", "启用了动态口令", Class::Credential, Reaction::Halt),
    // "Yes, limited": what limits the repeats is the back-off, for nothing is lost by waiting.
    refusal("4", "数据库错误", Class::Transient, Reaction::Repeat),
    refusal("5", "数据库错误", Class::Transient, Reaction::Repeat),
    refusal("6", "IP不允许", Class::Permission, Reaction::Halt),
    refusal("7", "时间戳错误", Class::ClockSkew, Reaction::Halt).repeated_once(),
    refusal("8", "v错误", Class::Argument, Reaction::Halt),
    refusal("99", "其他错误", Class::Unclear, Reaction::RepeatBounded),
    refusal("100", "超过每分钟最大调用频率限制，请稍后重试", Class::Throttled, Reaction::Repeat).rest(60),
    refusal("100", "超过每分钟最大调用频率限制,请稍后重试", Class::Throttled, Reaction::Repeat).rest(60),
    refusal("100", "超过每分钟最大并发次数限制，请稍后重试", Class::Throttled, Reaction::Repeat).rest(60),
    refusal("100", "超过每分钟最大并发次数限制,请稍后重试", Class::Throttled, Reaction::Repeat).rest(60),
    refusal("100", "您的查询时间过宽", Class::Argument, Reaction::Halt),
    refusal("100", "参数中必须包含起止时间", Class::Argument, Reaction::Halt),
    refusal("100", "此方法仅支持分页查询", Class::Argument, Reaction::Halt),
    refusal("100", "权限不足", Class::Permission, Reaction::Halt),
    refusal("100", "店铺不存在", Class::Argument, Reaction::Halt),
    refusal("100", "别的", Class::Unclear, Reaction::RepeatBounded),
    refusal("4711", "别的", Class::Unclear, Reaction::RepeatBounded),
];

/// A refusal of the TOP gateway, the same before both editions.
const fn top(code: &'static str, class: Class, reaction: Reaction) -> Row {
    refusal(code, "", class, reaction).by(Fault::GatewayFailure)
}

const TOP: &[Row] = &[
    top("7", Class::Throttled, Reaction::Repeat).rest(60),
    top("8", Class::Throttled, Reaction::Repeat).rest(60),
    top("10", Class::Transient, Reaction::Repeat),
    top("15", Class::Transient, Reaction::Repeat),
    top("isp.remote-service-error", Class::Transient, Reaction::Repeat),
    top("11", Class::Permission, Reaction::Halt),
    top("12", Class::Permission, Reaction::Halt),
    top("13", Class::Permission, Reaction::Halt),
    top("21", Class::Argument, Reaction::Halt),
    top("22", Class::Argument, Reaction::Halt),
    top("23", Class::Argument, Reaction::Halt),
    top("24", Class::Credential, Reaction::Halt),
    top("25", Class::Credential, Reaction::Halt),
    top("26", Class::Credential, Reaction::Halt),
    top("27", Class::Credential, Reaction::Halt),
    top("28", Class::Credential, Reaction::Halt),
    top("29", Class::Credential, Reaction::Halt),
    top("30", Class::Argument, Reaction::Halt),
    top("31", Class::ClockSkew, Reaction::Halt).repeated_once(),
    top("32", Class::Argument, Reaction::Halt),
    top("33", Class::Argument, Reaction::Halt),
    top("34", Class::Argument, Reaction::Halt),
    top("40", Class::Argument, Reaction::Halt),
    top("41", Class::Argument, Reaction::Halt),
    top("42", Class::Permission, Reaction::Halt),
    top("43", Class::Argument, Reaction::Halt),
    top("999", Class::Unclear, Reaction::RepeatBounded),
];

/// The code as the client tells it: both speakers number theirs from 1.
fn shown(row: &Row) -> String {
    match (row.fault, row.code) {
        (Fault::GatewayFailure, code) if code.starts_with("isp.") => "TOP 15".to_owned(),
        (Fault::GatewayFailure, code) => format!("TOP {code}"),
        (_, code) => code.to_owned(),
    }
}

fn client(edition: Edition, sandbox: &Running) -> Client {
    let url = |path: &str| format!("{}{path}", sandbox.base_url()).parse().unwrap();
    let application = Application {
        url: url("/router/qm"),
        app_key: "12345678".into(),
        app_secret: Secret::new("topsecret"),
        target_app_key: TARGET_APP_KEY.into(),
        sign_method: SignMethod::Md5,
    };
    let gateways = match edition {
        Edition::Enterprise => Gateways {
            direct: Some(Box::new(enterprise::Direct {
                base_url: url("/openapi2/"),
                sid: "demo-sid".into(),
                app_key: "demo-app".into(),
                app_secret: Secret::new("demo-secret"),
                length_unit: enterprise::LengthUnit::Chars,
            })),
            qimen: Some(Box::new(enterprise::Qimen { application, sid: "demo-sid".into() })),
        },
        Edition::Flagship => {
            let issued = Secret::new("demosecret:demosalt");
            let account = flagship::Account::new("demo3".into(), "demo3-app".into(), &issued).unwrap();
            let direct = flagship::Direct { url: url("/openapi"), account: account.clone() };
            Gateways {
                direct: Some(Box::new(direct)),
                qimen: Some(Box::new(flagship::Qimen { application, account })),
            }
        }
    };
    let http = http::Options::default();
    Client::new(Settings { connection: "wdt".into(), edition, gateways, http }).unwrap()
}

async fn refused(client: &Client, edition: Edition, access: Access) -> CallError {
    let endpoint = Endpoint::new(access, edition.operations()[0].on(access).unwrap(), "");
    let window = match edition {
        Edition::Enterprise => {
            json!({"start_time": "2024-01-14 00:00:00", "end_time": "2024-01-14 23:59:59"})
        }
        Edition::Flagship => {
            json!({"modified_from": "2024-01-14 00:00:00", "modified_to": "2024-01-14 23:59:59"})
        }
    };
    let parameters: Map<String, Value> = serde_json::from_value(window).unwrap();
    let operation = endpoint.operation.clone();
    let call =
        Call { operation: &operation, parameters: &parameters, page_no: 1, page_size: 40, wants_total: true };
    client.call(&endpoint, &call, Lane::Live).await.unwrap_err()
}

async fn expect(edition: Edition, access: Access, rows: impl Iterator<Item = &Row>) {
    let (sandbox, call) = (start().await, "wangdiantong");
    let handle = sandbox.handle();
    for row in rows {
        let (client, before) = (client(edition, &sandbox), received(&handle, call));
        row.set(&handle, call);
        let error = refused(&client, edition, access).await;
        row.clear(&handle);
        row.expect(&error, received(&handle, call) - before, &shown(row));
        row.expect_resting(client.governor().left()["account"].rest);
    }
}

#[tokio::test]
async fn every_code_of_the_enterprise_edition_leads_to_the_class_of_the_contract() {
    expect(Edition::Enterprise, Access::Direct, ENTERPRISE.iter().chain(&TRANSPORT)).await;
}

#[tokio::test]
async fn every_code_of_the_enterprise_edition_through_qimen_leads_to_the_class_of_the_contract() {
    expect(Edition::Enterprise, Access::Qimen, ENTERPRISE.iter().chain(TOP).chain(&TRANSPORT)).await;
}

#[tokio::test]
async fn every_code_of_the_flagship_edition_leads_to_the_class_of_the_contract() {
    expect(Edition::Flagship, Access::Direct, FLAGSHIP.iter().chain(&TRANSPORT)).await;
}

#[tokio::test]
async fn every_code_of_the_flagship_edition_through_qimen_leads_to_the_class_of_the_contract() {
    expect(Edition::Flagship, Access::Qimen, FLAGSHIP.iter().chain(TOP).chain(&TRANSPORT)).await;
}

#[test]
fn no_code_of_the_client_is_without_a_row() {
    // The rows of the client's tables that stand for words or for a family of codes.
    let named = |row: &Row| match (row.code, row.words) {
        ("isp.remote-service-error", _) => "TOP isp.*".to_owned(),
        ("100", words) if words.starts_with("超过每分钟最大并发") => "超过每分钟最大…".to_owned(),
        _ => shown(row),
    };
    for (own, tables) in [
        (ENTERPRISE, [&enterprise::errors::TABLE[..], &enterprise::errors::QIMEN_TABLE]),
        (FLAGSHIP, [&flagship::errors::TABLE[..], &flagship::errors::QIMEN_TABLE]),
    ] {
        let rows: Vec<Row> = own.iter().chain(TOP).copied().collect();
        tables.into_iter().for_each(|table| expect_covered(table, &rows, named));
    }
}
