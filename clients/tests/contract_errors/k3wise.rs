//! Contract kingdee-k3wise §5 and §7. The vendor publishes no texts, so there is a row for each kind of failure and for
//! each of the words by which the client knows it.

use serde_json::json;
use weir_clients::class::{Class, Reaction};
use weir_clients::error::CallError;
use weir_clients::governor::{Lane, Limit};
use weir_clients::http;
use weir_clients::k3wise::{Client, Settings, errors};
use weir_model::secret::Secret;
use weir_sandbox::{Fault, Running};

use crate::row::{Row, TRANSPORT, expect_covered, expect_words_covered, received, refusal, start};

const AUTHORITY: &str = "4f1c0a6b8e2d4c7f9a3b5d6e7f8091a2b3c4d5e6f7081920";
const CALL: &str = "SO/Save";

const ROWS: &[Row] = &[
    refusal("401", "Token无效或已过期", Class::TokenExpired, Reaction::Halt).repeated_once(),
    refusal("401", "", Class::TokenExpired, Reaction::Halt).by(Fault::ExpiredToken).repeated_once(),
    refusal("403", "", Class::TokenExpired, Reaction::Halt).repeated_once(),
    refusal("500", "令牌已失效", Class::TokenExpired, Reaction::Halt).repeated_once(),
    refusal("403", "模块未授权", Class::Permission, Reaction::Halt),
    refusal("201", "没有权限操作此单据", Class::Permission, Reaction::Halt),
    refusal("201", "用户无权限", Class::Permission, Reaction::Halt),
    refusal("201", "授权码已停用", Class::Credential, Reaction::Halt),
    refusal("201", "authorityCode is disabled", Class::Credential, Reaction::Halt),
    refusal("201", "许可并发数已超出，请稍后再试", Class::Licence, Reaction::Repeat),
    refusal("201", "License count exceeded", Class::Licence, Reaction::Repeat),
    refusal("201", "事务被死锁在锁资源上", Class::Locked, Reaction::Repeat),
    refusal("201", "Transaction was deadlocked", Class::Locked, Reaction::Repeat),
    refusal("201", "记录已被其他用户锁定", Class::Locked, Reaction::Repeat),
    refusal("201", "单据正在被编辑", Class::Locked, Reaction::Repeat),
    refusal("201", "执行超时", Class::Transient, Reaction::Repeat),
    refusal("201", "Timeout expired", Class::Transient, Reaction::Repeat),
    refusal("201", "单据编号 XM1 已存在", Class::Duplicate, Reaction::Refuse),
    refusal("201", "单据编号已经存在", Class::Duplicate, Reaction::Refuse),
    refusal("201", "单据编号重复", Class::Duplicate, Reaction::Refuse),
    refusal("201", "bill already exists", Class::Duplicate, Reaction::Refuse),
    refusal("201", "duplicate key", Class::Duplicate, Reaction::Refuse),
    refusal("201", "字段[数量]必录", Class::Mandatory, Reaction::Refuse),
    refusal("201", "部门必填", Class::Mandatory, Reaction::Refuse),
    refusal("201", "日期不能为空", Class::Mandatory, Reaction::Refuse),
    refusal("201", "FDate1 is required", Class::Mandatory, Reaction::Refuse),
    refusal("201", "单据已审核", Class::State, Reaction::Refuse),
    refusal("201", "单据已关闭", Class::State, Reaction::Refuse),
    refusal("201", "当前期间已结账", Class::State, Reaction::Refuse),
    refusal("201", "date lies in a closed period", Class::State, Reaction::Refuse),
    refusal("201", "客户 C9 不存在", Class::Reference, Reaction::Refuse),
    refusal("201", "item does not exist", Class::Reference, Reaction::Refuse),
    refusal("201", "unit not found", Class::Reference, Reaction::Refuse),
    refusal("201", "物料已禁用", Class::Reference, Reaction::Refuse),
    refusal("201", "数量必须大于零", Class::Validation, Reaction::Refuse),
    refusal("201", "数量必须大于0", Class::Validation, Reaction::Refuse),
    refusal("201", "单价不能小于零", Class::Validation, Reaction::Refuse),
    refusal("201", "单价不能小于0", Class::Validation, Reaction::Refuse),
    refusal("201", "数量不能为零", Class::Validation, Reaction::Refuse),
    refusal("201", "数量不能为负", Class::Validation, Reaction::Refuse),
    refusal("201", "超出客户信用额度", Class::Validation, Reaction::Refuse),
    refusal("201", "税率不合法", Class::Validation, Reaction::Refuse),
    refusal("201", "汇率不正确", Class::Validation, Reaction::Refuse),
    refusal("201", "不是有效的日期", Class::Validation, Reaction::Refuse),
    refusal("201", "数量不是数值", Class::Validation, Reaction::Refuse),
    refusal("201", "摘要超过最大长度", Class::Validation, Reaction::Refuse),
    refusal("201", "Faild", Class::Unclear, Reaction::RepeatBounded),
    refusal("500", "别的", Class::Unclear, Reaction::RepeatBounded),
];

/// Failures inside a success, and what the web server says: "4xx permanent".
const SHAPES: &[(Row, &str)] = &[
    (refusal("row", "", Class::Reference, Reaction::Refuse), "200"),
    (refusal("failed_row", "", Class::Reference, Reaction::Refuse), "201"),
    (refusal("404", "", Class::Argument, Reaction::Halt).by(Fault::Http5xx), ""),
    (refusal("413", "", Class::Argument, Reaction::Halt).by(Fault::Http5xx), ""),
    (refusal("504", "", Class::Transient, Reaction::Repeat).by(Fault::Http5xx), ""),
    (refusal("", "", Class::Transient, Reaction::Repeat).by(Fault::CutRequest), ""),
];

fn client(sandbox: &Running, authority_code: &str) -> Client {
    Client::new(Settings {
        connection: "k3".into(),
        base_url: format!("{}/K3API/", sandbox.base_url()).parse().unwrap(),
        authority_code: Secret::new(authority_code),
        limits: vec![Limit { calls: 100, seconds: 1 }],
        http: http::Options::default(),
    })
    .unwrap()
}

async fn save(client: &Client) -> Result<(), CallError> {
    let page = json!({"Page1": [{"FBillNo": "XM1"}], "Page2": []});
    client.save("SO", &page, Lane::Live.into()).await.map(drop)
}

#[tokio::test]
async fn every_failure_leads_to_the_class_of_the_contract() {
    let sandbox = start().await;
    let handle = sandbox.handle();
    let plain = ROWS.iter().chain(&TRANSPORT).map(|row| (row, row.code));
    for (row, shown) in plain.chain(SHAPES.iter().map(|(row, shown)| (row, *shown))) {
        let (client, before) = (client(&sandbox, AUTHORITY), received(&handle, CALL));
        row.set(&handle, CALL);
        let error = save(&client).await.unwrap_err();
        row.clear(&handle);
        row.expect(&error, received(&handle, CALL) - before, shown);
        row.expect_resting(client.governor().left()["account"].rest);
    }
}

#[tokio::test]
async fn an_authority_code_that_is_refused_stops_the_flow_and_is_not_repeated() {
    let sandbox = start().await;
    let error = save(&client(&sandbox, "5f")).await.unwrap_err();
    assert_eq!((error.class(), error.class().reaction()), (Class::Credential, Reaction::Halt), "{error}");
    assert_eq!(received(&sandbox.handle(), "k3wise"), 1);
}

#[test]
fn no_code_and_no_words_of_the_client_are_without_a_row() {
    expect_covered(errors::TABLE, ROWS, |row| row.code.to_owned());
    expect_words_covered(errors::TEXTS, ROWS);
}
