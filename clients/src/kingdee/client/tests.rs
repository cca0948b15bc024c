//! The client against prepared answers: sessions, failures of the call, what is sent.

use super::*;
use crate::scripted::Scripted;

const STORED: &str = r#"{"Result":{"ResponseStatus":{"IsSuccess":true,"Errors":[],"SuccessEntitys":[{"Id":1,"Number":"C1","DIndex":0}],"MsgCode":0}}}"#;
const LOST: &str = r#"{"Result":{"ResponseStatus":{"IsSuccess":false,"MsgCode":1,"Errors":[{"FieldName":null,"Message":"会话信息已丢失，请重新登录","DIndex":0}]}}}"#;

fn client(server: &Scripted) -> Client {
    client_by(
        server,
        Proof::Signature(Application {
            app_id: Secret::new("200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz"),
            app_secret: Secret::new("0123456789abcdef0123456789abcdef"),
            organisation: "0".into(),
        }),
    )
}

fn client_by(server: &Scripted, proof: Proof) -> Client {
    Client::new(Settings {
        connection: "galaxy".into(),
        base_url: server.base_url.join("k3cloud/").unwrap(),
        credentials: Credentials {
            account_id: "65f0c0ffee0001".into(),
            user_name: "integration".into(),
            language: 2052,
            proof,
        },
        limits: Vec::new(),
        http: http::Options::default(),
    })
    .unwrap()
}

async fn save(client: &Client) -> Result<ResponseStatus, CallError> {
    let data: Value = serde_json::from_str(r#"{"Model":[{"FNumber":"C1","FRATE":0.10}]}"#).unwrap();
    client.batch_save("BD_Customer", &data, Lane::Live.into()).await
}

fn with_cookie(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nSet-Cookie: kdservice-sessionid=s1; path=/\r\nSet-Cookie: ASP.NET_SessionId=s2\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn the_session_of_the_first_answer_is_used_again_and_decimals_stay_as_written() {
    let server = Scripted::serve(&[&with_cookie(STORED), STORED]).await;
    let client = client(&server);
    assert!(save(&client).await.unwrap().documents(1)[0].is_done());
    save(&client).await.unwrap();
    let seen = server.seen();
    assert!(seen[0].starts_with(&format!("POST /k3cloud/{} HTTP/1.1", BATCH_SAVE.path)), "{}", seen[0]);
    assert!(!seen[0].contains("kdservice-sessionid"));
    assert!(
        seen[0].ends_with(r#"{"formid":"BD_Customer","data":{"Model":[{"FNumber":"C1","FRATE":0.10}]}}"#)
    );
    assert!(seen[1].contains("kdservice-sessionid: s1"));
    assert!(
        seen[1].contains("cookie: Theme=standard;ASP.NET_SessionId=s2;kdservice-sessionid=s1"),
        "{}",
        seen[1]
    );
}

#[tokio::test]
async fn a_lost_context_is_wrong_credentials_and_with_a_session_is_tried_once_more_without_it() {
    let server = Scripted::serve(&[LOST]).await;
    let error = save(&client(&server)).await.unwrap_err();
    assert_eq!((error.class(), error.effect(), error.code()), (Class::Credential, Effect::None, Some("1")));
    assert_eq!(server.seen().len(), 1, "no retry storm");

    let server = Scripted::serve(&[&with_cookie(STORED), LOST, STORED]).await;
    let client = client(&server);
    save(&client).await.unwrap();
    save(&client).await.unwrap();
    assert!(!server.seen()[2].contains("kdservice-sessionid"));
}

fn logged_in(id: &str) -> String {
    format!(
        r#"{{"LoginResultType":1,"Message":null,"Context":{{"SessionId":"{id}"}},"KDSVCSessionId":"{id}","FormId":null,"IsSuccessByAPI":true}}"#
    )
}

const NO_LOGIN: &str =
    r#"{"LoginResultType":0,"Message":"用户名或密码错误 pass-word","KDSVCSessionId":null}"#;

fn by_password(server: &Scripted) -> Client {
    client_by(server, Proof::Password(Secret::new("pass-word")))
}

#[tokio::test]
async fn one_login_serves_many_calls_without_a_signature() {
    let server = Scripted::serve(&[&logged_in("s1"), &with_cookie(STORED), STORED]).await;
    let client = by_password(&server);
    save(&client).await.unwrap();
    save(&client).await.unwrap();
    let seen = server.seen();
    assert!(seen[0].contains("AuthService.ValidateUser."), "{}", seen[0]);
    let login = r#"{"acctID":"65f0c0ffee0001","username":"integration","password":"pass-word","lcid":2052}"#;
    assert!(seen[0].ends_with(login), "{}", seen[0]);
    for call in &seen[1..] {
        assert!(call.contains("kdservice-sessionid: s1") && !call.contains("x-api-signature"), "{call}");
        // A session that another answer sets is nobody's.
        assert!(!call.contains("ASP.NET_SessionId=s2"), "{call}");
    }
}

#[tokio::test]
async fn a_lost_session_is_renewed_once_for_saves_and_queries() {
    let timed_out = r#"[[{"Result":{"ResponseStatus":{"IsSuccess":false,"ErrorCode":-10001,"Errors":[{"Message":"?"}]}}}]]"#;
    let (one, two, three) = (logged_in("s1"), logged_in("s2"), logged_in("s3"));
    let exception = "response_error: System.NullReferenceException: ctx == null";
    let server =
        Scripted::serve(&[&one, LOST, &two, STORED, timed_out, &three, "[]", exception, &one, STORED]).await;
    let client = by_password(&server);
    save(&client).await.unwrap();
    let query =
        Query { form: "F".into(), fields: vec!["FID".into()], filter: String::new(), order: String::new() };
    assert!(client.execute_bill_query(&query, Lane::Live).await.unwrap().is_empty());
    save(&client).await.unwrap();
    let seen = server.seen();
    for (at, session) in [(1, "s1"), (3, "s2"), (4, "s2"), (6, "s3"), (7, "s3"), (9, "s1")] {
        assert!(seen[at].contains(&format!("kdservice-sessionid: {session}")), "{at}: {}", seen[at]);
    }
}

#[tokio::test]
async fn a_session_that_is_lost_twice_halts_without_a_storm() {
    let server = Scripted::serve(&[&logged_in("s1"), LOST, &logged_in("s2"), LOST]).await;
    let error = save(&by_password(&server)).await.unwrap_err();
    assert_eq!((error.class(), error.effect()), (Class::Credential, Effect::None));
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_refused_login_halts_in_the_sites_words_and_is_not_tried_again_at_once() {
    let inspection =
        r#"{"LoginResultType":1,"KDSVCSessionId":null,"FormId":"BOS_Licence","IsSuccessByAPI":true}"#;
    let policy = r#"{"LoginResultType":-5,"Message":"密码已过期","KDSVCSessionId":"s1"}"#;
    for (answer, words) in
        [(NO_LOGIN, "用户名或密码错误 …"), (inspection, "BOS_Licence"), (policy, "密码已过期")]
    {
        let server = Scripted::serve(&[answer]).await;
        let client = by_password(&server);
        for _ in 0..2 {
            let error = save(&client).await.unwrap_err();
            assert_eq!((error.class(), error.effect()), (Class::Credential, Effect::None));
            let shown = format!("{client:?} {error} {error:?}");
            assert!(shown.contains(words) && !shown.contains("pass-word"), "{shown}");
        }
        assert_eq!(server.seen().len(), 1, "a second wrong password may lock the account");
    }
}

#[tokio::test]
async fn a_login_that_broke_off_wrote_nothing_and_may_be_tried_again() {
    for (answer, class) in [
        ("", Class::Transient),
        ("<html>", Class::Unreadable),
        ("response_error: 数据库死锁", Class::Transient),
        (r#"{"LoginResultType":0,"Message":"数据库连接超时"}"#, Class::Transient),
    ] {
        let server = Scripted::serve(&[answer, &logged_in("s1"), STORED]).await;
        let client = by_password(&server);
        let error = save(&client).await.unwrap_err();
        assert_eq!((error.class(), error.effect()), (class, Effect::None), "{answer}");
        save(&client).await.unwrap();
    }
}

#[tokio::test]
async fn failures_of_the_call_say_what_is_known_of_the_effect() {
    let gateway = "HTTP/1.1 519 x\r\nConnection: close\r\n\r\n{\"errcode\":4006,\"description_cn\":\"过期\"}";
    for (answer, class, effect) in [
        ("response_error: 未将对象引用设置到对象的实例", Class::Unclear, Effect::Unknown),
        ("response_error: 数据库死锁", Class::Transient, Effect::Unknown),
        ("HTTP/1.1 502 x\r\nConnection: close\r\n\r\n", Class::Transient, Effect::Unknown),
        ("HTTP/1.1 413 x\r\nConnection: close\r\n\r\n", Class::Argument, Effect::None),
        (gateway, Class::ClockSkew, Effect::None),
        ("", Class::Transient, Effect::Unknown),
        (r#"{"Result":{"#, Class::Unreadable, Effect::Unknown),
        (r#"{"Other":1}"#, Class::Unreadable, Effect::Unknown),
    ] {
        let server = Scripted::serve(&[answer]).await;
        let error = save(&client(&server)).await.unwrap_err();
        assert_eq!((error.class(), error.effect()), (class, effect), "{answer}: {error}");
    }
}

#[tokio::test]
async fn a_limit_answer_slows_the_account_down() {
    let server =
        Scripted::serve(&[r#"{"Result":{"ResponseStatus":{"IsSuccess":false,"MsgCode":14,"Errors":[]}}}"#])
            .await;
    let client = client(&server);
    let error = save(&client).await.unwrap_err();
    assert_eq!((error.class(), error.rest()), (Class::Throttled, Some(REST.0)));
    assert_eq!(client.governor().left()["account"].rate_permille, 500);
}

#[tokio::test]
async fn queries_give_rows_and_their_errors_come_inside_the_array() {
    let query = Query {
        form: "BD_Customer".into(),
        fields: vec!["FCUSTID".into(), "FNumber".into()],
        filter: super::super::query::in_list("FNumber", ["C1"]),
        order: String::new(),
    };
    let refused = r#"[[{"Result":{"ResponseStatus":{"IsSuccess":false,"MsgCode":9,"Errors":[{"Message":"字段不存在"}]}}}]]"#;
    let server = Scripted::serve(&["[[1,\"C1\"]]", "[]", refused, "[{\"FCUSTID\":1}]", "{}"]).await;
    let client = client(&server);
    assert_eq!(client.execute_bill_query(&query, Lane::Live).await.unwrap(), [[json!(1), json!("C1")]]);
    assert!(client.execute_bill_query(&query, Lane::Live).await.unwrap().is_empty());
    let error = client.execute_bill_query(&query, Lane::Live).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::Validation, Some("9")));
    assert_eq!(client.bill_query(&query, Lane::Live).await.unwrap().len(), 1);
    assert_eq!(client.bill_query(&query, Lane::Live).await.unwrap_err().class(), Class::Unreadable);
    assert!(server.seen()[0].contains(r#""FilterString":"FNumber in ('C1')""#));
}

#[tokio::test]
async fn view_tells_absent_from_refused() {
    let absent = r#"{"Result":{"ResponseStatus":{"IsSuccess":false,"MsgCode":4,"Errors":[{"Message":"传递的编码值不存在"}]}}}"#;
    let found = r#"{"Result":{"ResponseStatus":{"IsSuccess":true},"Result":{"Id":1,"Number":"C1"}}}"#;
    let denied =
        r#"{"Result":{"ResponseStatus":{"IsSuccess":false,"MsgCode":2,"Errors":[{"Message":"没有权限"}]}}}"#;
    let server = Scripted::serve(&[absent, found, denied]).await;
    let client = client(&server);
    assert_eq!(client.view("BD_Customer", "C1", Lane::Live).await.unwrap(), None);
    assert_eq!(client.view("BD_Customer", "C1", Lane::Live).await.unwrap().unwrap()["Number"], "C1");
    assert_eq!(client.view("BD_Customer", "C1", Lane::Live).await.unwrap_err().class(), Class::Permission);
}

#[tokio::test]
async fn submit_audit_and_un_audit_send_numbers_as_a_list_and_ids_as_one_text() {
    let server = Scripted::serve(&[STORED, STORED, STORED]).await;
    let client = client(&server);
    let ids = Selection::Ids(vec!["1".into(), "2".into()]);
    client.submit("BD_Customer", &Selection::Numbers(vec!["C1".into()]), Lane::Live.into()).await.unwrap();
    client.audit("BD_Customer", &ids, Lane::Live.into()).await.unwrap();
    client.un_audit("BD_Customer", &ids, Lane::Live.into()).await.unwrap();
    let seen = server.seen();
    assert!(seen[0].ends_with(r#"{"formid":"BD_Customer","data":{"Numbers":["C1"]}}"#));
    assert!(seen[1].contains("Service.Audit.") && seen[1].ends_with(r#""data":{"Ids":"1,2"}}"#));
    assert!(seen[2].contains("Service.UnAudit."));
}

#[tokio::test]
async fn no_text_shows_a_secret() {
    let server = Scripted::serve(&[LOST]).await;
    let client = client(&server);
    let error = save(&client).await.unwrap_err();
    let shown = format!("{client:?} {error} {error:?}");
    for secret in ["c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz", "0123456789abcdef"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
