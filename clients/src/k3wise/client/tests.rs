//! The client against prepared answers: the token's life, failures inside a 200, what is sent.

use super::super::errors;
use super::*;
use crate::scripted::Scripted;

const CODE: &str = "5a3fc0de00112233445566778899aabbccddeeff00112233";
const TOKEN_1: &str =
    r#"{"StatusCode":200,"Message":"Successful","Data":{"Code":"Y","Token":"AA11","Validity":3600}}"#;
const TOKEN_2: &str =
    r#"{"StatusCode":200,"Message":"Successful","Data":{"Code":"Y","Token":"BB22","Validity":"3600"}}"#;
const SAVED: &str = r#"{"StatusCode":200,"Message":"Successful","Data":{"BillNo":"XM1","InterID":13352}}"#;
const EXPIRED: &str = r#"{"StatusCode":401,"Message":"Token has expired","Data":null}"#;

fn client(server: &Scripted) -> Client {
    Client::new(Settings {
        connection: "k3".into(),
        base_url: server.base_url.join("K3API/").unwrap(),
        authority_code: Secret::new(CODE),
        limits: vec![Limit { calls: 100, seconds: 1 }],
        http: http::Options::default(),
    })
    .unwrap()
}

async fn save(client: &Client) -> Result<Saved, CallError> {
    let data: Value =
        serde_json::from_str(r#"{"Page1":[{"FBillNo":"XM1","FExchangeRate":0.10}],"Page2":[]}"#).unwrap();
    client.save("SO", &data, Lane::Live.into()).await
}

#[tokio::test]
async fn one_token_serves_many_calls_and_decimals_stay_as_written() {
    let server = Scripted::serve(&[TOKEN_1, SAVED, SAVED]).await;
    let client = client(&server);
    assert_eq!(save(&client).await.unwrap(), Saved { number: Some("XM1".into()), id: "13352".into() });
    save(&client).await.unwrap();
    let seen = server.seen();
    assert!(
        seen[0].starts_with(&format!("GET /K3API/Token/Create?authorityCode={CODE} HTTP/1.1")),
        "{}",
        seen[0]
    );
    assert!(seen[1].starts_with("POST /K3API/SO/Save?Token=AA11 HTTP/1.1"), "{}", seen[1]);
    assert!(seen[1].ends_with(r#"{"Data":{"Page1":[{"FBillNo":"XM1","FExchangeRate":0.10}],"Page2":[]}}"#));
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_once_when_it_is_refused() {
    let short = TOKEN_1.replace("3600", "1");
    let server = Scripted::serve(&[&short, SAVED, TOKEN_2, EXPIRED, TOKEN_1, SAVED]).await;
    let client = client(&server);
    save(&client).await.unwrap();
    // At 80 percent of its life, whatever the machine's pace: as if it had passed.
    client.token.lock().await.as_mut().unwrap().renew_at = Instant::now();
    save(&client).await.unwrap();
    let seen = server.seen();
    let calls: Vec<&str> = seen.iter().map(|request| request.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(calls[3], "/K3API/SO/Save?Token=BB22");
    assert!(calls[4].starts_with("/K3API/Token/Create"));
    assert_eq!(calls[5], "/K3API/SO/Save?Token=AA11");
}

#[tokio::test]
async fn a_token_refused_twice_halts_without_a_storm() {
    let server = Scripted::serve(&[TOKEN_1, EXPIRED, TOKEN_2, EXPIRED]).await;
    let error = save(&client(&server)).await.unwrap_err();
    assert_eq!((error.class(), error.effect()), (Class::TokenExpired, Effect::None));
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn failures_say_what_is_known_of_the_effect() {
    for (answer, class, effect) in [
        (
            r#"{"StatusCode":200,"Message":"Successful","Data":[{"FStatus":false,"FMessage":"客户不存在"}]}"#,
            Class::Reference,
            Effect::None,
        ),
        (r#"{"StatusCode":201,"Message":"单据编号 XM1 已存在","Data":null}"#, Class::Duplicate, Effect::None),
        (r#"{"StatusCode":500,"Message":"deadlock victim","Data":null}"#, Class::Locked, Effect::None),
        (r#"{"StatusCode":403,"Message":"模块未授权","Data":null}"#, Class::Permission, Effect::None),
        ("HTTP/1.1 503 x\r\nConnection: close\r\n\r\n", Class::Transient, Effect::Unknown),
        ("HTTP/1.1 413 x\r\nConnection: close\r\n\r\n", Class::Argument, Effect::None),
        ("", Class::Transient, Effect::Unknown),
        (r#"{"StatusCode":2"#, Class::Unreadable, Effect::Unknown),
    ] {
        let server = Scripted::serve(&[TOKEN_1, answer]).await;
        let error = save(&client(&server)).await.unwrap_err();
        assert_eq!((error.class(), error.effect()), (class, effect), "{answer}: {error}");
    }
}

#[tokio::test]
async fn without_a_token_nothing_was_written_and_no_text_shows_the_code() {
    let refused = format!(r#"{{"StatusCode":201,"Message":"unknown {CODE}","Data":{{"Code":"N"}}}}"#);
    for (answer, class) in [(refused.as_str(), Class::Credential), ("", Class::Transient)] {
        let server = Scripted::serve(&[answer]).await;
        let client = client(&server);
        let error = save(&client).await.unwrap_err();
        assert_eq!((error.class(), error.effect()), (class, Effect::None));
        let shown = format!("{client:?} {error} {error:?}");
        assert!(!shown.contains(CODE), "{shown}");
    }
}

#[tokio::test]
async fn a_document_is_read_and_its_number_looked_for() {
    let found =
        r#"{"StatusCode":200,"Message":"Successful","Data":{"Page1":[{"FBillNo":"X'1"}],"Page2":[]}}"#;
    let absent = r#"{"StatusCode":201,"Message":"单据不存在","Data":null}"#;
    let listed =
        r#"{"StatusCode":200,"Message":"Successful","Data":{"DATA":[{"FBillNo":"X'1"}],"ROWCOUNT":1}}"#;
    let odd = r#"{"StatusCode":200,"Message":"Successful","Data":"?"}"#;
    let denied = r#"{"StatusCode":403,"Message":"模块未授权","Data":null}"#;
    let server = Scripted::serve(&[TOKEN_1, found, absent, listed, odd, denied]).await;
    let client = client(&server);
    let pages = client.detail("SO", "X'1", Lane::Live).await.unwrap().unwrap();
    assert_eq!(pages["Page1"][0]["FBillNo"], "X'1");
    assert_eq!(client.detail("SO", "X'1", Lane::Live).await.unwrap(), None);
    assert_eq!(client.numbers_like("SO", "X'1", Lane::Live).await.unwrap(), ["X'1"]);
    let error = client.numbers_like("SO", "X'1", Lane::Live).await.unwrap_err();
    assert_eq!(error.class(), Class::Unreadable);
    assert_eq!(client.detail("SO", "X'1", Lane::Live).await.unwrap_err().class(), Class::Permission);
    let seen = server.seen();
    assert!(seen[1].ends_with(r#"{"Data":{"FBillNo":"X'1"}}"#));
    assert!(seen[3].contains(r#""Filter":"[FBillNo]='X''1'""#), "{}", seen[3]);
}

#[tokio::test]
async fn an_update_names_the_document_above_its_data() {
    let server = Scripted::serve(&[TOKEN_1, SAVED]).await;
    client(&server).update("SO", "XM1", &json!({"Page1": [{}]}), Lane::Live.into()).await.unwrap();
    let seen = server.seen();
    assert!(seen[1].starts_with("POST /K3API/SO/Update?Token=AA11"));
    assert!(seen[1].ends_with(r#"{"FBillNo":"XM1","Data":{"Page1":[{}]}}"#), "{}", seen[1]);
}

#[tokio::test]
async fn an_audit_names_the_document_and_its_refusal_is_read_by_the_servers_own_words() {
    let held = r#"{"StatusCode":201,"Message":"信用额度不足","Data":null}"#;
    let server = Scripted::serve(&[TOKEN_1, SAVED, held]).await;
    let words = errors::Classifier::new([("信用额度".to_owned(), Class::Validation)]);
    let client = client(&server).classifying_by(words);
    client.check_bill("SO", "XM1", Lane::Live.into()).await.unwrap();
    let seen = server.seen();
    assert!(seen[1].starts_with("POST /K3API/SO/CheckBill?Token=AA11"), "{}", seen[1]);
    assert!(seen[1].ends_with(r#"{"data":{"FBillNo":"XM1"}}"#), "{}", seen[1]);
    let error = client.check_bill("SO", "XM1", Lane::Live.into()).await.unwrap_err();
    assert_eq!(error.class(), Class::Validation);
}
