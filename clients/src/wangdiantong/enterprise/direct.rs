//! The vendor's own gateway (contract wangdiantong-enterprise §2, §3): everything in one form, signed with lengths.

use bytes::Bytes;
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use url::Url;
use weir_model::secret::Secret;

use super::super::answer::{self, Misread, Names, Reading, Refusal};
use super::super::gateway::{Call, FORM, Gateway, Outgoing, Verdict, form, text_of};
use super::errors;

/// What the lengths in the signed text count. The vendor's text says characters, several clients count bytes; for ASCII
/// they agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthUnit {
    /// Characters.
    Chars,
    /// UTF-8 bytes.
    Bytes,
}

/// The gateway and who calls it.
#[derive(Debug, Clone)]
pub struct Direct {
    /// `https://api.wangdian.cn/openapi2/`; the endpoint's file is joined to it.
    pub base_url: Url,
    /// The seller.
    pub sid: String,
    /// The interface account; public.
    pub app_key: String,
    /// Its secret.
    pub app_secret: Secret,
    /// What lengths count.
    pub length_unit: LengthUnit,
}

impl Gateway for Direct {
    fn outgoing(&self, call: &Call<'_>, now: Timestamp) -> Result<Outgoing, String> {
        let url = self.base_url.join(call.operation).map_err(|error| error.to_string())?;
        let mut pairs = parameters(call);
        for (name, value) in [
            ("sid", self.sid.clone()),
            ("appkey", self.app_key.clone()),
            ("timestamp", now.as_second().to_string()),
        ] {
            pairs.push((name.to_owned(), value));
        }
        pairs.sort_unstable();
        let signature = sign(self.length_unit, &self.app_secret, &pairs);
        pairs.push(("sign".to_owned(), signature));
        Ok(Outgoing { url, content_type: FORM, body: form(&pairs) })
    }

    fn read(&self, body: &Bytes, list_path: &str) -> Result<Reading, Misread> {
        answer::read(body, &Names { code: "code", text: "message" }, list_path)
    }

    fn verdict(&self, refusal: &Refusal) -> Verdict {
        errors::verdict(refusal)
    }
}

/// The query and its page, as text, the same on both paths (contract §5).
pub(super) fn parameters(call: &Call<'_>) -> Vec<(String, String)> {
    let page = [("page_no", call.page_no), ("page_size", call.page_size)];
    let own = call.parameters.iter().filter(|(name, _)| page.iter().all(|(known, _)| known != name));
    let own = own.filter_map(|(name, value)| Some((name.clone(), text_of(value)?)));
    own.chain(page.map(|(name, number)| (name.to_owned(), number.to_string()))).collect()
}

/// Signs all parameters but `sign`, given in the order of their names.
fn sign(unit: LengthUnit, secret: &Secret, parameters: &[(String, String)]) -> String {
    let length = |text: &str| match unit {
        LengthUnit::Chars => text.chars().count(),
        LengthUnit::Bytes => text.len(),
    };
    let parts: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{:02}-{name}:{:04}-{value}", length(name), length(value)))
        .collect();
    let mut hash = Md5::new();
    hash.update(parts.join(";"));
    hash.update(secret.expose());
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn sent(unit: LengthUnit, account: [&str; 3], call: &Call<'_>, now: i64) -> String {
        let direct = Direct {
            base_url: Url::parse("https://api.wangdian.cn/openapi2/").unwrap(),
            sid: account[0].into(),
            app_key: account[1].into(),
            app_secret: Secret::new(account[2]),
            length_unit: unit,
        };
        let outgoing = direct.outgoing(call, Timestamp::from_second(now).unwrap()).unwrap();
        assert_eq!(outgoing.url.as_str(), "https://api.wangdian.cn/openapi2/refund_query.php");
        String::from_utf8(outgoing.body.to_vec()).unwrap()
    }

    fn call(parameters: &Map<String, Value>) -> Call<'_> {
        Call { operation: "refund_query.php", parameters, page_no: 0, page_size: 40, wants_total: true }
    }

    fn fields(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn vector_a1_of_the_vendor() {
        let query = fields(json!({"start_time": "2016-08-01 12:00:00", "end_time": "2016-08-01 13:00:00"}));
        let body = sent(LengthUnit::Chars, ["test2", "test2-xx", "12345"], &call(&query), 1_470_042_310);
        assert!(body.ends_with("&sign=ad4e6fe037ea6e3ba4768317be9d1309"), "{body}");
    }

    #[test]
    fn vector_a2_is_the_same_on_the_wire() {
        let query = fields(json!({
            "start_time": "2024-01-14 00:00:00", "end_time": "2024-01-14 23:59:59", "time_type": 0,
            "shop_no": "", "tid": null, "page_no": "7"
        }));
        let account = ["demo-sid", "demo-app", "demo-secret"];
        assert_eq!(
            sent(LengthUnit::Chars, account, &call(&query), 1_705_284_000),
            "appkey=demo-app&end_time=2024-01-14+23%3A59%3A59&page_no=0&page_size=40&sid=demo-sid&start_time=2024-01-14+00%3A00%3A00&time_type=0&timestamp=1705284000&sign=7548a9ff5c0520f97328fef0dc393ce9",
            "empty values and the flow's own page are not sent"
        );
    }

    #[test]
    fn vector_a3_counts_characters_or_bytes() {
        let query = fields(json!({"shop_no": "旗舰店01"}));
        for (unit, expect) in [
            (LengthUnit::Chars, "192483405b25bcb2ea39b25bc09afe13"),
            (LengthUnit::Bytes, "c6d10115258a29c4aae4af11a4d51f1b"),
        ] {
            let account = ["demo-sid", "demo-app", "demo-secret"];
            let body = sent(unit, account, &call(&query), 1_705_284_000);
            assert!(body.ends_with(&format!("&sign={expect}")), "{body}");
        }
    }

    #[test]
    fn a_long_length_is_written_in_full() {
        let pair = [("n".to_owned(), "x".repeat(10_000))];
        let mut hash = Md5::new();
        hash.update(format!("01-n:10000-{}s", "x".repeat(10_000)));
        assert_eq!(sign(LengthUnit::Chars, &Secret::new("s"), &pair), hex::encode(hash.finalize()));
    }
}
