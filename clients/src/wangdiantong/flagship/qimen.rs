//! Qimen for the flagship edition (contract wangdiantong-flagship §3): the inner `wdt_sign` over the business parameters,
//! the TOP signature around all.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::answer::{self, Misread, Names, Reading, Refusal, Speaker};
use super::super::gateway::{Call, Gateway, Outgoing, Verdict, beijing_text};
use super::super::operation::without_scenario;
use super::super::top::{self, Application};
use super::direct::given;
use super::{Account, errors};

/// The gateway and who calls it.
#[derive(Debug, Clone)]
pub struct Qimen {
    /// The caller at Qimen.
    pub application: Application,
    /// The account at 旺店通.
    pub account: Account,
}

impl Gateway for Qimen {
    fn outgoing(&self, call: &Call<'_>, now: Timestamp) -> Result<Outgoing, String> {
        let pager = json!({"page_size": call.page_size, "page_no": call.page_no}).to_string();
        let params = Value::Object(given(call.parameters)).to_string();
        let mut business = vec![
            ("datetime".to_owned(), beijing_text(now)),
            ("pager".to_owned(), pager),
            ("params".to_owned(), params),
            ("wdt_appkey".to_owned(), self.account.app_key.clone()),
            ("wdt_salt".to_owned(), self.account.salt.expose().to_owned()),
        ];
        let inner = self.account.sign(&inner_text(call.operation, &business));
        business.push(("wdt_sign".to_owned(), inner));
        business.push(("wdt3_customer_id".to_owned(), self.account.sid.clone()));
        Ok(self.application.outgoing(call.operation, &business, now))
    }

    fn read(&self, body: &Bytes, list_path: &str) -> Result<Reading, Misread> {
        answer::read_wrapped(body, &Names { code: "status", text: "message" }, list_path)
    }

    fn verdict(&self, refusal: &Refusal) -> Verdict {
        match refusal.speaker {
            Speaker::Vendor => errors::verdict(refusal),
            Speaker::Top => top::verdict(refusal),
        }
    }
}

/// The text that `wdt_sign` signs: the business parameters and the method without its scenario.
fn inner_text(method: &str, business: &[(String, String)]) -> String {
    let method = ("method".to_owned(), without_scenario(method).to_owned());
    let all = business.iter().cloned().chain([method]);
    let mut text = String::new();
    walk(&Value::Object(all.map(|(name, value)| (name, Value::String(value))).collect()), &mut text);
    text
}

/// Writes names, sorted at each level, and values; text that is a JSON object or array is walked too.
fn walk(value: &Value, text: &mut String) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(own) => match serde_json::from_str::<Value>(own) {
            Ok(nested @ (Value::Object(_) | Value::Array(_))) => walk(&nested, text),
            _ => text.push_str(own),
        },
        Value::Array(items) => items.iter().for_each(|item| walk(item, text)),
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().filter(|(_, value)| !value.is_null()).collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in sorted {
                text.push_str(name);
                walk(value, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use url::Url;
    use weir_model::secret::Secret;

    use super::*;
    use crate::wangdiantong::top::{SignMethod, TARGET_APP_KEY};

    fn account(sid: &str, app_key: &str, issued: &str) -> Account {
        Account::new(sid.into(), app_key.into(), &Secret::new(issued)).unwrap()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn vector_b1_of_a_public_client() {
        let business = pairs(&[
            ("datetime", "2020-09-17 19:22:26"),
            ("pager", r#"{"page_size":"10","page_no":1}"#),
            (
                "params",
                r#"{"warehouse_no":"1001","start_date":"2020-08-23 00:00:00","spec_no":null,"end_date":"2020-09-20 00:00:00"}"#,
            ),
            ("wdt_appkey", "wdt_appkey"),
            ("wdt_salt", "salt"),
        ]);
        let account = account("wdtapi3", "wdt_appkey", "secret:salt");
        for scenario in ["", "3ldsmu02o9."] {
            let method = format!("{scenario}wdt.wms.stockspec.querychangehistory");
            assert_eq!(account.sign(&inner_text(&method, &business)), "1f5e87bbbc8bc68f4f0af70f79620b7d");
        }
    }

    #[test]
    fn vector_b2_on_the_wire() {
        let application = Application {
            url: Url::parse("http://3ldsmu02o9.api.taobao.com/router/qm").unwrap(),
            app_key: "12345678".into(),
            app_secret: Secret::new("topsecret"),
            target_app_key: TARGET_APP_KEY.into(),
            sign_method: SignMethod::Md5,
        };
        let account = account("demo3", "demo3-app", "demosecret:demosalt");
        let parameters =
            json!({"modified_from": "2024-01-14 00:00:00", "modified_to": "2024-01-14 23:59:59"});
        let parameters = serde_json::from_value(parameters).unwrap();
        let call = Call {
            operation: "wdt.aftersales.refund.refund.search",
            parameters: &parameters,
            page_no: 1,
            page_size: 50,
            wants_total: true,
        };
        let now = Timestamp::from_second(1_705_284_000).unwrap();
        let outgoing = Qimen { application, account }.outgoing(&call, now).unwrap();
        let query: HashMap<_, _> = outgoing.url.query_pairs().into_owned().collect();
        assert_eq!(query["sign"], "79E5BD1FCDBBC6E1E3C6C22663E9F04E");
        let sent: HashMap<_, _> = url::form_urlencoded::parse(&outgoing.body).into_owned().collect();
        assert_eq!(sent["wdt_sign"], "97451cafcd3eccd8122ec98f371e21f4");
        assert_eq!(sent["wdt3_customer_id"], "demo3");
        assert_eq!(sent["pager"], r#"{"page_size":50,"page_no":1}"#);
    }

    #[test]
    fn lists_are_walked_in_order_and_booleans_are_words() {
        let business = pairs(&[("params", r#"{"b":[2,"x",{"d":true,"c":0.10}],"a":"[1"}"#)]);
        assert_eq!(inner_text("m", &business), "methodmparamsa[1b2xc0.10dtrue");
    }
}
