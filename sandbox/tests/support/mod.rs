//! A tiny HTTP/1.1 client, and calls signed independently of the server's code only in what they put together.
//!
//! It relies on nothing but the socket, so that a cut connection, a short body and a status are seen as they come.

#![allow(dead_code, reason = "every test file uses its own part")]

pub mod wangdiantong;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use weir_sandbox::{Options, Running, Sandbox};

pub const DISTRIBUTORS: &str = "/open/jushuitan/distributor/query";
pub const MOVEMENTS: &str = "/open/webapi/wmsapi/skusn/queryinoutitemskusns";

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A sandbox on a free port without quotas, changed by `change`.
pub async fn sandbox(change: impl FnOnce(&mut Options)) -> Running {
    let mut options = Options { customers: 120, movements: 300, ..Options::default() };
    options.jushuitan.quota = None;
    change(&mut options);
    Sandbox::start(options, "127.0.0.1:0").await.unwrap()
}

/// Sends one request on a connection of its own; `None` when it was cut without an answer.
pub async fn send(
    running: &Running,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n");
    request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(body);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A reset after the request counts as a cut connection as well.
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(Answer { status, headers, body: body.to_owned() })
}

pub async fn get(running: &Running, path: &str) -> Value {
    send(running, "GET", path, &[], "").await.unwrap().json()
}

fn now_text() -> String {
    now().to_string()
}

/// The present in Unix seconds.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Unix seconds as Jushuitan writes them.
pub fn time_text(seconds: i64) -> String {
    let timestamp = jiff::Timestamp::from_second(seconds).unwrap();
    jiff::tz::offset(8).to_datetime(timestamp).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The body of a Jushuitan call, signed with `secret`.
pub fn jushuitan_body(secret: &str, fields: &[(&str, &str)]) -> String {
    let sorted: BTreeMap<_, _> = fields.iter().copied().collect();
    let text: String = sorted.iter().map(|(name, value)| format!("{name}{value}")).collect();
    let sign = hex::encode(Md5::digest(format!("{secret}{text}")));
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields).append_pair("sign", &sign);
    body.finish()
}

/// A Jushuitan call with the default credentials; `None` when the connection was cut.
pub async fn jushuitan(running: &Running, path: &str, token: &str, biz: &Value) -> Option<Answer> {
    let biz = biz.to_string();
    let fields = [
        ("app_key", "demo-key"),
        ("access_token", token),
        ("timestamp", &now_text()),
        ("charset", "utf-8"),
        ("version", "2"),
        ("biz", &biz),
    ];
    send(running, "POST", path, &[], &jushuitan_body("demo-secret", &fields)).await
}

/// As [`jushuitan`], for calls that are answered with JSON.
pub async fn ask(running: &Running, path: &str, biz: &Value) -> Value {
    jushuitan(running, path, "demo-token", biz).await.unwrap().json()
}

/// A call of a token endpoint.
pub async fn token_call(running: &Running, path: &str, more: &[(&str, &str)]) -> Value {
    let timestamp = now_text();
    let mut fields = vec![("app_key", "demo-key"), ("timestamp", timestamp.as_str()), ("charset", "utf-8")];
    fields.extend_from_slice(more);
    let body = jushuitan_body("demo-secret", &fields);
    send(running, "POST", path, &[], &body).await.unwrap().json()
}

pub fn kingdee_path(service: &str) -> String {
    format!("/k3cloud/Kingdee.BOS.WebApi.ServicesStub.{service}.common.kdsvc")
}

fn hex_hmac(key: &str, text: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    BASE64.encode(hex::encode(mac.finalize().into_bytes()))
}

/// The signed headers of a Kingdee call with the worked example's credentials.
pub fn signed(path: &str, timestamp: &str, secret: &str) -> Vec<(&'static str, String)> {
    let app_id = "200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz";
    let data = "65f0c0ffee0001,integration,2052,0";
    let text = format!(
        "POST\n{}\n\nx-api-nonce:{timestamp}\nx-api-timestamp:{timestamp}\n",
        path.replace('/', "%2F")
    );
    vec![
        ("X-Api-ClientID", "200001".to_owned()),
        ("X-Api-Auth-Version", "2.0".to_owned()),
        ("x-api-timestamp", timestamp.to_owned()),
        ("x-api-nonce", timestamp.to_owned()),
        ("x-api-signheaders", "x-api-timestamp,x-api-nonce".to_owned()),
        ("X-Api-Signature", hex_hmac("Q1FbUARcQRoCRkIeR1ZSXE8CDQEYQwFA", &text)),
        ("X-Kd-Appkey", app_id.to_owned()),
        ("X-Kd-Appdata", BASE64.encode(data)),
        ("X-Kd-Signature", hex_hmac(secret, &format!("{app_id}{data}"))),
    ]
}

/// A signed Kingdee call; `None` when the connection was cut.
pub async fn kingdee_raw(running: &Running, operation: &str, body: &Value) -> Option<Answer> {
    let path = kingdee_path(&format!("DynamicFormService.{operation}"));
    let headers = signed(&path, &now_text(), "0123456789abcdef0123456789abcdef");
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    send(running, "POST", &path, &headers, &body.to_string()).await
}

/// As [`kingdee_raw`], for calls that are answered with JSON.
pub async fn kingdee(running: &Running, operation: &str, body: &Value) -> Value {
    kingdee_raw(running, operation, body).await.unwrap().json()
}

/// A customer as a flow writes it.
pub fn customer(number: &str, name: &str) -> Value {
    serde_json::json!({
        "FCreateOrgId": { "FNumber": "100" }, "FUseOrgId": { "FNumber": "100" }, "FNumber": number, "FName": name,
        "FDescription": "10000001", "FSELLER": { "FNumber": "GW000001_1" },
    })
}

/// A BatchSave of customers that are audited at once.
pub async fn save_customers(running: &Running, models: &[Value]) -> Option<Answer> {
    let body = serde_json::json!({
        "formid": "BD_Customer", "data": { "IsAutoSubmitAndAudit": true, "Model": models },
    });
    kingdee_raw(running, "BatchSave", &body).await
}
