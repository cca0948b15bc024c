//! The client against prepared answers: what it repeats, how it slows down, what it says.

use serde_json::{Map, Value, json};
use url::Url;
use weir_model::secret::Secret;

use super::*;
use crate::scripted::Scripted;
use crate::wangdiantong::gateway::Access;
use crate::wangdiantong::top::{Application, SignMethod, TARGET_APP_KEY};
use crate::wangdiantong::{enterprise, flagship};

fn application(url: &Url) -> Application {
    Application {
        url: url.clone(),
        app_key: "12345678".into(),
        app_secret: Secret::new("top-secret"),
        target_app_key: TARGET_APP_KEY.into(),
        sign_method: SignMethod::Md5,
    }
}

fn gateways(edition: Edition, url: &Url) -> Gateways {
    let application = application(url);
    match edition {
        Edition::Enterprise => Gateways {
            direct: Some(Box::new(enterprise::Direct {
                base_url: url.clone(),
                sid: "sid".into(),
                app_key: "key".into(),
                app_secret: Secret::new("own-secret"),
                length_unit: enterprise::LengthUnit::Chars,
            })),
            qimen: Some(Box::new(enterprise::Qimen { application, sid: "sid".into() })),
        },
        Edition::Flagship => {
            let issued = Secret::new("own-secret:own-salt");
            let account = flagship::Account::new("sid".into(), "key".into(), &issued).unwrap();
            Gateways {
                direct: Some(Box::new(flagship::Direct { url: url.clone(), account: account.clone() })),
                qimen: Some(Box::new(flagship::Qimen { application, account })),
            }
        }
    }
}

fn client(edition: Edition, server: &Scripted) -> Client {
    let gateways = gateways(edition, &server.base_url);
    let http = http::Options::default();
    Client::new(Settings { connection: "wdt-main".into(), edition, gateways, http }).unwrap()
}

async fn call(client: &Client, access: Access) -> Result<Answer, CallError> {
    let operation = &client.settings.edition.operations()[0];
    let endpoint = Endpoint::new(access, operation.on(access).unwrap(), "");
    let parameters: Map<String, Value> = serde_json::from_value(json!({"shop_no": "1"})).unwrap();
    let operation = endpoint.operation.clone();
    let call =
        Call { operation: &operation, parameters: &parameters, page_no: 0, page_size: 40, wants_total: true };
    client.call(&endpoint, &call, Lane::Live).await
}

const EVERY: [(Edition, Access, &str); 4] = [
    (Edition::Enterprise, Access::Direct, r#"{"code":0,"total_count":"1","refunds":[{"a":"1.10"}]}"#),
    (
        Edition::Enterprise,
        Access::Qimen,
        r#"{"response":{"errorcode":0,"total_count":1,"refunds":[{"a":"1.10"}]}}"#,
    ),
    (Edition::Flagship, Access::Direct, r#"{"status":0,"data":{"total_count":1,"order":[{"a":"1.10"}]}}"#),
    (
        Edition::Flagship,
        Access::Qimen,
        r#"{"response":{"status":"0","data":{"total_count":1,"order":[{"a":"1.10"}]}}}"#,
    ),
];

#[tokio::test]
async fn each_path_of_each_edition_brings_its_rows() {
    for (edition, access, body) in EVERY {
        let server = Scripted::serve(&[body]).await;
        let answer = call(&client(edition, &server), access).await.unwrap();
        assert_eq!((answer.rows[0].as_ref(), answer.total), (&br#"{"a":"1.10"}"#[..], Some(1)));
        let seen = &server.seen()[0];
        assert!(!seen.contains("own-secret") && !seen.contains("top-secret"), "{seen}");
    }
}

fn dated(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nDate: Mon, 15 Jan 2024 02:00:00 GMT\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_refused_time_takes_the_servers_clock_and_repeats_once() {
    for ((edition, access, good), refused, time) in EVERY
        .into_iter()
        .zip([
            (r#"{"code":2030,"message":"sign"}"#, "timestamp=17052840"),
            (
                r#"{"response":{"flag":"failure","code":"31","message":"Invalid timestamp"}}"#,
                "2024-01-15+10%3A00%3A0",
            ),
            (r#"{"status":7,"message":"timestamp"}"#, "timestamp=3799368"),
            (r#"{"response":{"status":"7","message":"timestamp"}}"#, "datetime=2024-01-15+10%3A00%3A0"),
        ])
        .map(|(way, (refused, time))| (way, dated(refused), time))
    {
        let server = Scripted::serve(&[&refused, good]).await;
        call(&client(edition, &server), access).await.unwrap();
        assert!(server.seen()[1].contains(time), "{}", server.seen()[1]);

        let server = Scripted::serve(&[&refused, &refused]).await;
        let error = call(&client(edition, &server), access).await.unwrap_err();
        assert!(matches!(error.class(), Class::ClockSkew | Class::Credential), "{error}");
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_limit_inside_a_200_slows_both_paths_down() {
    for ((edition, access, _), (answer, code, rest)) in EVERY.into_iter().zip([
        (r#"{"code":1012,"message":"太快"}"#, "1012", 31),
        (r#"{"response":{"flag":"failure","code":7,"message":"App Call Limited"}}"#, "TOP 7", 60),
        (r#"{"status":"100","message":"超过每分钟最大调用频率限制，请稍后"}"#, "100", 60),
        (r#"{"response":{"status":100,"message":"超过每分钟最大并发次数限制,请稍后"}}"#, "100", 60),
    ]) {
        let server = Scripted::serve(&[answer]).await;
        let client = client(edition, &server);
        let error = call(&client, access).await.unwrap_err();
        assert_eq!((error.class(), error.code()), (Class::Throttled, Some(code)));
        assert_eq!(error.rest(), Some(Duration::from_secs(rest)));
        let left = client.governor().left();
        assert_eq!(left.keys().collect::<Vec<_>>(), ["account"], "one quota for both paths");
        assert_eq!(left["account"].rate_permille, 500);
        assert!(left["account"].rest > Duration::from_secs(rest - 1));
    }
}

#[tokio::test]
async fn the_words_of_a_refusal_reach_the_user() {
    let body = r#"{"response":{"flag":"failure","code":"25","message":"Invalid signature","sub_code":"isv.sign","sub_message":"check"}}"#;
    let server = Scripted::serve(&[body]).await;
    let error = call(&client(Edition::Enterprise, &server), Access::Qimen).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "wangdiantong-enterprise call wdt.refund.query on connection wdt-main was refused with code TOP 25: \
         Invalid signature: check (isv.sign)"
    );
    assert_eq!((error.class(), error.effect()), (Class::Credential, Effect::None));
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_carries_its_bytes_and_a_busy_server_its_rest() {
    let server = Scripted::serve(&[r#"{"code":0,"refunds":[{"#]).await;
    let error = call(&client(Edition::Enterprise, &server), Access::Direct).await.unwrap_err();
    assert_eq!(
        (error.class(), error.body().map(AsRef::as_ref)),
        (Class::Unreadable, Some(&br#"{"code":0,"refunds":[{"#[..]))
    );

    let busy = "HTTP/1.1 429 x\r\nRetry-After: 9\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let server = Scripted::serve(&[busy]).await;
    let error = call(&client(Edition::Flagship, &server), Access::Direct).await.unwrap_err();
    assert_eq!((error.class(), error.rest()), (Class::Throttled, Some(Duration::from_secs(9))));
}

#[tokio::test]
async fn a_path_without_credentials_is_not_called_and_no_text_shows_a_secret() {
    let server = Scripted::serve(&[]).await;
    let mut client = client(Edition::Flagship, &server);
    let shown = format!("{client:?}");
    for secret in ["own-secret", "own-salt", "top-secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    client.settings.gateways.qimen = None;
    let error = call(&client, Access::Qimen).await.unwrap_err();
    assert_eq!((error.class(), server.seen().len()), (Class::Argument, 0));
}
