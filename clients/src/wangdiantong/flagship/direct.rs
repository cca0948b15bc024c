//! The vendor's own gateway (contract wangdiantong-flagship §2): parameters in the query, the arguments as a JSON array in
//! the body, both signed together.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use super::super::answer::{self, Misread, Names, Reading, Refusal};
use super::super::gateway::{Call, Gateway, Outgoing, Verdict, concatenated};
use super::{Account, errors};

/// 2012-01-01 00:00:00 +08:00, where this gateway's clock begins.
const EPOCH: i64 = 1_325_347_200;

/// The gateway and who calls it.
#[derive(Debug, Clone)]
pub struct Direct {
    /// `http://wdt.wangdian.cn/openapi`.
    pub url: Url,
    /// Who calls.
    pub account: Account,
}

impl Direct {
    /// The query parameters, signed together with `body`.
    fn query(
        &self,
        method: &str,
        page: &[(&str, String)],
        body: &str,
        now: Timestamp,
    ) -> Vec<(String, String)> {
        let account = &self.account;
        let own = [
            ("key", account.app_key.clone()),
            ("method", method.to_owned()),
            ("salt", account.salt.expose().to_owned()),
            ("sid", account.sid.clone()),
            ("timestamp", (now.as_second() - EPOCH).to_string()),
            ("v", "1.0".to_owned()),
        ];
        let pairs = page.iter().cloned().chain(own);
        let mut query: Vec<(String, String)> = pairs.map(|(name, value)| (name.to_owned(), value)).collect();
        query.push(("body".to_owned(), body.to_owned()));
        let signature = account.sign(&concatenated(&query));
        query.pop();
        query.push(("sign".to_owned(), signature));
        query
    }
}

impl Gateway for Direct {
    fn outgoing(&self, call: &Call<'_>, now: Timestamp) -> Result<Outgoing, String> {
        let body = Value::Array(vec![Value::Object(given(call.parameters))]).to_string();
        let page = [
            ("calc_total", u8::from(call.wants_total).to_string()),
            ("page_no", call.page_no.to_string()),
            ("page_size", call.page_size.to_string()),
        ];
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(self.query(call.operation, &page, &body, now));
        Ok(Outgoing { url, content_type: "application/json", body: Bytes::from(body) })
    }

    fn read(&self, body: &Bytes, list_path: &str) -> Result<Reading, Misread> {
        answer::read(body, &Names { code: "status", text: "message" }, list_path)
    }

    fn verdict(&self, refusal: &Refusal) -> Verdict {
        errors::verdict(refusal)
    }
}

/// The query object without what has no value: nulls are signed differently by the vendor's languages (contract §11), and
/// an empty filter is none.
pub(super) fn given(parameters: &Map<String, Value>) -> Map<String, Value> {
    let has_value = |value: &Value| !value.is_null() && value.as_str() != Some("");
    let given = parameters.iter().filter(|(_, value)| has_value(value));
    given.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_model::secret::Secret;

    use super::*;

    fn direct(sid: &str, app_key: &str, issued: &str) -> Direct {
        let url = Url::parse("http://wdt.wangdian.cn/openapi").unwrap();
        Direct { url, account: Account::new(sid.into(), app_key.into(), &Secret::new(issued)).unwrap() }
    }

    #[test]
    fn vector_a1_of_a_public_client() {
        let direct = direct("wdtapi3", "appkey", "secret:salt");
        let now = Timestamp::from_second(EPOCH + 100).unwrap();
        let query = direct.query("goods.Goods.queryWithSpec", &[], r#"[{"goods_no":"G001"}]"#, now);
        assert_eq!(query.last().unwrap().1, "703b2c4b5b16565883e6b58d18e254a2");
        assert!(query.iter().all(|(name, _)| name != "body"));
    }

    #[test]
    fn vector_a2_on_the_wire() {
        let parameters = json!({
            "modified_from": "2024-01-14 00:00:00", "modified_to": "2024-01-14 23:59:59", "tid": null, "shop_nos": ""
        });
        let parameters = serde_json::from_value(parameters).unwrap();
        let call = Call {
            operation: "aftersales.refund.Refund.search",
            parameters: &parameters,
            page_no: 0,
            page_size: 50,
            wants_total: true,
        };
        let direct = direct("demo3", "demo3-app", "demosecret:demosalt");
        let outgoing = direct.outgoing(&call, Timestamp::from_second(1_705_284_000).unwrap()).unwrap();
        assert_eq!(
            outgoing.body.as_ref(),
            br#"[{"modified_from":"2024-01-14 00:00:00","modified_to":"2024-01-14 23:59:59"}]"#
        );
        assert_eq!(
            outgoing.url.as_str(),
            "http://wdt.wangdian.cn/openapi?calc_total=1&page_no=0&page_size=50&key=demo3-app&method=aftersales.refund.Refund.search&salt=demosalt&sid=demo3&timestamp=379936800&v=1.0&sign=122e579b9f41bcac9252d70aca02210b"
        );
    }

    #[test]
    fn an_issued_secret_has_two_parts() {
        for issued in ["secret", "secret:", ":salt", ""] {
            assert!(Account::new("s".into(), "k".into(), &Secret::new(issued)).is_none(), "{issued}");
        }
        let direct = direct("s", "k", "hush:hush-salt");
        assert!(!format!("{direct:?}").contains("hush"));
    }
}
