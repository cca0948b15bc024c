//! Contract kingdee-galaxy §5, §6 and §9. A document's own text goes before the call's `MsgCode` (contract decisions
//! "Kingdee Galaxy"), so there is a row for each code without telling words, and one for each of the words by which the
//! client knows a failure.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use weir_clients::class::{Class, Reaction};
use weir_clients::error::Cause;
use weir_clients::governor::{Lane, Limit, Turn};
use weir_clients::http;
use weir_clients::kingdee::{Application, Client, Credentials, Proof, Settings, errors};
use weir_model::secret::Secret;
use weir_model::target::Ownership;
use weir_sandbox::{Fault, Running};

use crate::row::{Row, TRANSPORT, expect_covered, expect_words_covered, received, refusal, start};

const CALL: &str = "BatchSave";

/// A text that no table explains.
const BARE: &str = "系统异常";

const CODES: &[Row] = &[
    refusal("0", BARE, Class::Unclear, Reaction::RepeatBounded),
    refusal("1", BARE, Class::Credential, Reaction::Halt),
    refusal("2", BARE, Class::Permission, Reaction::Halt),
    refusal("3", BARE, Class::Argument, Reaction::Halt),
    refusal("4", BARE, Class::Unclear, Reaction::RepeatBounded),
    refusal("5", BARE, Class::Argument, Reaction::Halt),
    refusal("6", "数据库操作失败", Class::Transient, Reaction::Repeat),
    refusal("7", BARE, Class::Licence, Reaction::Repeat),
    refusal("8", BARE, Class::Argument, Reaction::Halt),
    refusal("9", BARE, Class::Validation, Reaction::Refuse),
    refusal("10", BARE, Class::Absent, Reaction::Refuse),
    refusal("11", BARE, Class::Validation, Reaction::Refuse),
    refusal("12", BARE, Class::State, Reaction::Refuse),
    refusal("13", BARE, Class::Locked, Reaction::Repeat),
    refusal("14", BARE, Class::Throttled, Reaction::Repeat).rest(1),
    refusal("15", BARE, Class::Permission, Reaction::Halt),
    refusal("-10001", BARE, Class::TokenExpired, Reaction::Halt),
    refusal("99", BARE, Class::Unclear, Reaction::RepeatBounded),
    refusal("519/4002", "", Class::Credential, Reaction::Halt),
    refusal("519/4006", "", Class::ClockSkew, Reaction::Halt),
    refusal("519/5001", "", Class::Argument, Reaction::Halt),
];

const TEXTS: &[Row] = &[
    refusal("11", "违反字段唯一性要求：编码[TK1]", Class::Duplicate, Reaction::Refuse),
    refusal("11", "编码唯一。[TK1]", Class::Duplicate, Reaction::Refuse),
    refusal("11", "[TK1]在当前系统中已经被使用", Class::Duplicate, Reaction::Refuse),
    refusal("4", "会话信息已丢失，请重新登录", Class::Credential, Reaction::Halt),
    refusal("4", "会话已超时", Class::TokenExpired, Reaction::Halt),
    refusal("4", "用户未登录", Class::TokenExpired, Reaction::Halt),
    refusal("4", "System.NullReferenceException: ctx == null", Class::TokenExpired, Reaction::Halt),
    refusal("4", "网络控制冲突", Class::Locked, Reaction::Repeat),
    refusal("4", "网控冲突", Class::Locked, Reaction::Repeat),
    refusal("4", "单据正在被其他用户编辑", Class::Locked, Reaction::Repeat),
    refusal("4", "数据已锁定", Class::Locked, Reaction::Repeat),
    refusal("11", "字段“客户”是必填项", Class::Mandatory, Reaction::Refuse),
    refusal(
        "11",
        "单据体实体【明细信息】第【2】行分录，【仓库】字段必录",
        Class::Mandatory,
        Reaction::Refuse,
    ),
    refusal("11", "名称不能为空", Class::Mandatory, Reaction::Refuse),
    refusal("12", "编码为“C1”的客户，已审核", Class::State, Reaction::Refuse),
    refusal("12", "单据已经审核", Class::State, Reaction::Refuse),
    refusal("12", "单据审核中", Class::State, Reaction::Refuse),
    refusal("12", "单据已提交", Class::State, Reaction::Refuse),
    refusal("12", "单据已关闭", Class::State, Reaction::Refuse),
    refusal("12", "单据已作废", Class::State, Reaction::Refuse),
    refusal("4", "事务被死锁在锁资源上", Class::Transient, Reaction::Repeat),
    refusal("4", "Transaction was deadlocked", Class::Transient, Reaction::Repeat),
    refusal("4", "执行超时", Class::Transient, Reaction::Repeat),
    refusal("4", "Timeout expired", Class::Transient, Reaction::Repeat),
    refusal("4", "调用次数超过限制", Class::Throttled, Reaction::Repeat).rest(1),
    refusal("4", "没有权限", Class::Permission, Reaction::Halt),
    refusal("4", "用户无权限", Class::Permission, Reaction::Halt),
    refusal("4", "表单不存在", Class::Argument, Reaction::Halt),
    refusal("4", "业务对象BD_Nothing不存在", Class::Argument, Reaction::Halt),
    refusal("4", "找不到元数据", Class::Argument, Reaction::Halt),
    refusal("9", "字段不存在", Class::Validation, Reaction::Refuse),
    refusal("4", "表单标识不存在", Class::Argument, Reaction::Halt),
    refusal("11", "传递的编码值不存在", Class::Reference, Reaction::Refuse),
    refusal("11", "物料已禁用", Class::Reference, Reaction::Refuse),
    refusal("11", "引用了未审核的基础资料", Class::Reference, Reaction::Refuse),
    refusal("response_error", "", Class::Unclear, Reaction::RepeatBounded),
];

/// "401, 403, 404, 413: permanent; connect failure, 502, 503, 504: look up, then resend".
const STATUSES: &[Row] = &[
    refusal("401", "", Class::Credential, Reaction::Halt).by(Fault::Http5xx),
    refusal("403", "", Class::Permission, Reaction::Halt).by(Fault::Http5xx),
    refusal("404", "", Class::Argument, Reaction::Halt).by(Fault::Http5xx),
    refusal("413", "", Class::Argument, Reaction::Halt).by(Fault::Http5xx),
    refusal("504", "", Class::Transient, Reaction::Repeat).by(Fault::Http5xx),
    refusal("", "", Class::Transient, Reaction::Repeat).by(Fault::CutRequest),
];

fn client(sandbox: &Running) -> Client {
    client_within(sandbox, vec![Limit { calls: 100, seconds: 1 }])
}

fn client_within(sandbox: &Running, limits: Vec<Limit>) -> Client {
    Client::new(Settings {
        connection: "galaxy".into(),
        base_url: format!("{}/k3cloud/", sandbox.base_url()).parse().unwrap(),
        credentials: Credentials {
            account_id: "65f0c0ffee0001".into(),
            user_name: "integration".into(),
            language: 2052,
            proof: Proof::Signature(Application {
                app_id: Secret::new("200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz"),
                app_secret: Secret::new("0123456789abcdef0123456789abcdef"),
                organisation: "0".into(),
            }),
        },
        limits,
        http: http::Options::default(),
    })
    .unwrap()
}

/// The code as the client tells it.
fn shown(row: &Row) -> &'static str {
    match row.code {
        "response_error" => "4",
        code => code.strip_prefix("519/").unwrap_or(code),
    }
}

#[tokio::test]
async fn every_code_and_every_text_leads_to_the_class_of_the_contract() {
    let sandbox = start().await;
    let handle = sandbox.handle();
    let customer = json!({"Model": [{"FNumber": "A", "FName": "甲"}]});
    for row in CODES.iter().chain(TEXTS).chain(STATUSES).chain(&TRANSPORT) {
        let (client, before) = (client(&sandbox), received(&handle, CALL));
        row.set(&handle, CALL);
        let answered = client.batch_save("BD_Customer", &customer, Lane::Live.into()).await;
        row.clear(&handle);
        let calls = received(&handle, CALL) - before;
        match answered {
            Err(error) => row.expect(&error, calls, shown(row)),
            // What is no failure of the call is read per document.
            Ok(status) => {
                let document = status.documents(1).remove(0);
                row.expect_class(document.class(status.msg_code, true), calls);
            }
        }
        row.expect_resting(client.governor().left()["account"].rest);
    }
}

#[tokio::test]
async fn a_write_whose_work_was_taken_over_while_it_waited_for_the_quota_is_not_made() {
    let sandbox = start().await;
    let limits = vec![Limit { calls: 1, seconds: 1 }];
    let (client, before) = (client_within(&sandbox, limits), received(&sandbox.handle(), CALL));
    let customer = json!({"Model": [{"FNumber": "A", "FName": "甲"}]});
    client.batch_save("BD_Customer", &customer, Lane::Live.into()).await.unwrap();
    let is_ours = AtomicBool::new(true);
    let holds = || is_ours.load(Ordering::SeqCst);
    let turn = Turn::while_ours(Lane::Live, Ownership::new(&holds));
    // The first poll takes the call into the queue; it is ours then, and no longer when its turn comes.
    let (second, ()) = tokio::join!(client.batch_save("BD_Customer", &customer, turn), async {
        is_ours.store(false, Ordering::SeqCst);
    });
    assert!(matches!(second.unwrap_err().cause(), Cause::Withdrawn));
    assert_eq!(received(&sandbox.handle(), CALL) - before, 1);
}

#[test]
fn no_code_and_no_words_of_the_client_are_without_a_row() {
    expect_covered(errors::TABLE, CODES, |row| row.code.to_owned());
    expect_words_covered(errors::TEXTS, TEXTS);
}
