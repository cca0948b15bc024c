//! The four signatures of 旺店通 (contracts wangdiantong-enterprise §3 and §4, wangdiantong-flagship §2 and §3).
//!
//! Each is computed over the parameters as they were received, decoded, whatever part of the request they travelled in.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use serde_json::Value;

/// The parameters of a call by name: the order in which they are signed.
pub type Fields = BTreeMap<String, String>;

/// How the enterprise gateway measures a text: clients disagree, and ASCII is the same in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthUnit {
    Chars,
    Bytes,
}

impl LengthUnit {
    fn measure(self, text: &str) -> usize {
        match self {
            Self::Chars => text.chars().count(),
            Self::Bytes => text.len(),
        }
    }
}

fn signed(fields: &Fields) -> impl Iterator<Item = (&String, &String)> {
    fields.iter().filter(|(name, _)| *name != "sign")
}

fn lower_md5(text: &str) -> String {
    hex::encode(Md5::digest(text))
}

/// The signature of an openapi2 call: every pair with its lengths, then the secret; lower-case hex MD5.
pub fn openapi2(secret: &str, fields: &Fields, unit: LengthUnit) -> String {
    let pairs = signed(fields)
        .map(|(name, value)| format!("{:02}-{name}:{:04}-{value}", unit.measure(name), unit.measure(value)));
    lower_md5(&(pairs.collect::<Vec<_>>().join(";") + secret))
}

/// The signature of a flagship call at the vendor's own gateway, over the query and the exact text of the body.
pub fn direct(secret: &str, query: &Fields, body: &str) -> String {
    let mut fields = query.clone();
    fields.insert("body".to_owned(), body.to_owned());
    let text: String = signed(&fields).map(|(name, value)| format!("{name}{value}")).collect();
    lower_md5(&format!("{secret}{text}{secret}"))
}

/// How a Qimen call is signed: its parameter `sign_method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopDigest {
    Md5,
    Hmac,
}

/// The signature of a Qimen call: upper-case hex over all parameters that have a value.
pub fn top(secret: &str, fields: &Fields, digest: TopDigest) -> String {
    let pairs = signed(fields).filter(|(_, value)| !value.is_empty());
    let text: String = pairs.map(|(name, value)| format!("{name}{value}")).collect();
    match digest {
        TopDigest::Md5 => hex::encode_upper(Md5::digest(format!("{secret}{text}{secret}"))),
        // HMAC takes a key of any length.
        TopDigest::Hmac => Hmac::<Md5>::new_from_slice(secret.as_bytes()).map_or_else(
            |_| String::new(),
            |mut mac| {
                mac.update(text.as_bytes());
                hex::encode_upper(mac.finalize().into_bytes())
            },
        ),
    }
}

/// The inner signature of a flagship call through Qimen, over its business parameters and the method.
pub fn wdt(secret: &str, method: &str, business: &Fields) -> String {
    let mut fields = business.clone();
    fields.retain(|name, _| name != "wdt3_customer_id" && name != "wdt_sign");
    // A scenario's prefix is no part of the name that is signed.
    let bare = method.find("wdt.").and_then(|start| method.get(start..)).unwrap_or(method);
    fields.insert("method".to_owned(), bare.to_owned());
    let mut text = String::new();
    for (name, value) in &fields {
        text.push_str(name);
        walk_text(value, &mut text);
    }
    lower_md5(&format!("{secret}{text}{secret}"))
}

/// Writes a text, or what it holds when it is the JSON of an object or a list.
fn walk_text(value: &str, text: &mut String) {
    match serde_json::from_str::<Value>(value) {
        Ok(inner @ (Value::Object(_) | Value::Array(_))) => walk(&inner, text),
        _ => text.push_str(value),
    }
}

/// Writes names and values without quotes, braces or separators, names sorted at each level; nulls are left out.
fn walk(value: &Value, text: &mut String) {
    match value {
        Value::Null => {}
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(inner) => walk_text(inner, text),
        Value::Array(items) => items.iter().for_each(|item| walk(item, text)),
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().filter(|(_, member)| !member.is_null()).collect();
            for (name, member) in sorted {
                text.push_str(name);
                walk(member, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn openapi2_pair(secret: &str, pairs: &[(&str, &str)]) -> (String, String) {
        let fields = fields(pairs);
        (openapi2(secret, &fields, LengthUnit::Chars), openapi2(secret, &fields, LengthUnit::Bytes))
    }

    #[test]
    fn enterprise_vectors_a1_to_a3() {
        let a1 = [
            ("appkey", "test2-xx"),
            ("end_time", "2016-08-01 13:00:00"),
            ("page_no", "0"),
            ("page_size", "40"),
            ("sid", "test2"),
            ("start_time", "2016-08-01 12:00:00"),
            ("timestamp", "1470042310"),
        ];
        let wanted = "ad4e6fe037ea6e3ba4768317be9d1309".to_owned();
        assert_eq!(openapi2_pair("12345", &a1), (wanted.clone(), wanted));
        let a2 = [
            ("appkey", "demo-app"),
            ("end_time", "2024-01-14 23:59:59"),
            ("page_no", "0"),
            ("page_size", "40"),
            ("sid", "demo-sid"),
            ("start_time", "2024-01-14 00:00:00"),
            ("time_type", "0"),
            ("timestamp", "1705284000"),
            ("sign", "is left out"),
        ];
        let wanted = "7548a9ff5c0520f97328fef0dc393ce9".to_owned();
        assert_eq!(openapi2_pair("demo-secret", &a2), (wanted.clone(), wanted));
        let a3 = [
            ("sid", "demo-sid"),
            ("appkey", "demo-app"),
            ("timestamp", "1705284000"),
            ("shop_no", "旗舰店01"),
            ("page_no", "0"),
            ("page_size", "40"),
        ];
        let (chars, bytes) = openapi2_pair("demo-secret", &a3);
        assert_eq!(chars, "192483405b25bcb2ea39b25bc09afe13");
        assert_eq!(bytes, "c6d10115258a29c4aae4af11a4d51f1b");
    }

    #[test]
    fn enterprise_qimen_vectors() {
        let mut call = fields(&[
            ("app_key", "12345678"),
            ("end_time", "2024-01-14 23:59:59"),
            ("format", "json"),
            ("method", "wdt.refund.query"),
            ("page_no", "0"),
            ("page_size", "40"),
            ("sid", "demo-sid"),
            ("sign_method", "md5"),
            ("start_time", "2024-01-14 00:00:00"),
            ("target_app_key", "21363512"),
            ("timestamp", "2024-01-15 10:00:00"),
            ("v", "2.0"),
            ("session", ""),
        ]);
        assert_eq!(top("topsecret", &call, TopDigest::Md5), "B2CB5C3431CCBF7AE7EBE48B365F1F24");
        call.insert("sign_method".to_owned(), "hmac".to_owned());
        assert_eq!(top("topsecret", &call, TopDigest::Hmac), "A798F47D15CB259E35516CD4197D6BF0");
    }

    #[test]
    fn flagship_vectors_a1_and_a2() {
        let a1 = fields(&[
            ("key", "appkey"),
            ("method", "goods.Goods.queryWithSpec"),
            ("salt", "salt"),
            ("sid", "wdtapi3"),
            ("timestamp", "100"),
            ("v", "1.0"),
        ]);
        assert_eq!(direct("secret", &a1, r#"[{"goods_no":"G001"}]"#), "703b2c4b5b16565883e6b58d18e254a2");
        let a2 = fields(&[
            ("calc_total", "1"),
            ("key", "demo3-app"),
            ("method", "aftersales.refund.Refund.search"),
            ("page_no", "0"),
            ("page_size", "50"),
            ("salt", "demosalt"),
            ("sid", "demo3"),
            ("timestamp", "379936800"),
            ("v", "1.0"),
        ]);
        let body = r#"[{"modified_from":"2024-01-14 00:00:00","modified_to":"2024-01-14 23:59:59"}]"#;
        assert_eq!(direct("demosecret", &a2, body), "122e579b9f41bcac9252d70aca02210b");
    }

    #[test]
    fn flagship_qimen_vector_b1() {
        let business = fields(&[
            ("datetime", "2020-09-17 19:22:26"),
            ("pager", r#"{"page_no":1,"page_size":"10"}"#),
            (
                "params",
                r#"{"warehouse_no":"1001","start_date":"2020-08-23 00:00:00","end_date":"2020-09-20 00:00:00","spec_no":null}"#,
            ),
            ("wdt3_customer_id", "wdtapi3"),
            ("wdt_appkey", "wdt_appkey"),
            ("wdt_salt", "salt"),
        ]);
        let method = "3ldsmu02o9.wdt.wms.stockspec.querychangehistory";
        assert_eq!(wdt("secret", method, &business), "1f5e87bbbc8bc68f4f0af70f79620b7d");
    }

    #[test]
    fn flagship_qimen_vector_b2() {
        let params = r#"{"modified_from":"2024-01-14 00:00:00","modified_to":"2024-01-14 23:59:59"}"#;
        let mut call = fields(&[
            ("datetime", "2024-01-15 10:00:00"),
            ("pager", r#"{"page_size":50,"page_no":1}"#),
            ("params", params),
            ("wdt3_customer_id", "demo3"),
            ("wdt_appkey", "demo3-app"),
            ("wdt_salt", "demosalt"),
        ]);
        let method = "wdt.aftersales.refund.refund.search";
        let inner = wdt("demosecret", method, &call);
        assert_eq!(inner, "97451cafcd3eccd8122ec98f371e21f4");
        call.extend(fields(&[
            ("app_key", "12345678"),
            ("format", "json"),
            ("method", method),
            ("sign_method", "md5"),
            ("target_app_key", "21363512"),
            ("timestamp", "2024-01-15 10:00:00"),
            ("v", "2.0"),
            ("wdt_sign", &inner),
        ]));
        assert_eq!(top("topsecret", &call, TopDigest::Md5), "79E5BD1FCDBBC6E1E3C6C22663E9F04E");
    }
}
