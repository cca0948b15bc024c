//! The signature of a call (contract jushuitan §3).

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};

/// The text that is hashed: the secret, then every field but `sign` by name, names and values without separators.
fn text_to_sign(secret: &str, fields: &BTreeMap<String, String>) -> String {
    let mut text = secret.to_owned();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "sign") {
        text.push_str(name);
        text.push_str(value);
    }
    text
}

/// The signature that belongs to the fields as they were received: lower-case hex MD5 of the UTF-8 bytes.
pub fn signature(secret: &str, fields: &BTreeMap<String, String>) -> String {
    hex::encode(Md5::digest(text_to_sign(secret, fields)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jushuitan::form::Form;

    const J1_BIZ: &str = r#"{"page_index":1,"page_size":50,"modified_begin":"2024-01-08 00:00:00","modified_end":"2024-01-14 23:59:59"}"#;
    const J2_BIZ: &str = r#"{"page_index":"1","page_size":"50","drp_co_ids":[{"drp_co_name":"示例分销商"}]}"#;

    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn business(biz: &str) -> BTreeMap<String, String> {
        fields(&[
            ("app_key", "demo-key"),
            ("access_token", "demo-token"),
            ("timestamp", "1705284000"),
            ("charset", "utf-8"),
            ("version", "2"),
            ("biz", biz),
            ("sign", "is left out"),
        ])
    }

    #[test]
    fn vectors_j1_and_j2_business_calls() {
        let text = format!(
            "demo-secretaccess_tokendemo-tokenapp_keydemo-keybiz{J1_BIZ}charsetutf-8timestamp1705284000version2"
        );
        assert_eq!(text_to_sign("demo-secret", &business(J1_BIZ)), text);
        assert_eq!(signature("demo-secret", &business(J1_BIZ)), "87728f971ea78e9f373bae99525aec1a");
        assert_eq!(signature("demo-secret", &business(J2_BIZ)), "c8738b0a92f8c3d1938ecad5700683d8");
    }

    #[test]
    fn vectors_j3_and_j4_tokens() {
        let refresh = fields(&[
            ("app_key", "demo-key"),
            ("timestamp", "1705284000"),
            ("grant_type", "refresh_token"),
            ("charset", "utf-8"),
            ("refresh_token", "demo-refresh"),
            ("scope", "all"),
        ]);
        assert_eq!(signature("demo-secret", &refresh), "808ccfea0fe728b2f5291631195601c2");
        let first = fields(&[
            ("app_key", "demo-key"),
            ("timestamp", "1705284000"),
            ("grant_type", "authorization_code"),
            ("charset", "utf-8"),
            ("code", "123456"),
        ]);
        assert_eq!(signature("demo-secret", &first), "55edcea5d5276c58460ba5c285742b22");
    }

    #[test]
    fn vector_j5_as_it_travels() {
        let body = "app_key=demo-key&access_token=demo-token&timestamp=1705284000&charset=utf-8&version=2&biz=%7B%22page_index%22%3A%221%22%2C%22page_size%22%3A%221000%22%2C%22create_time_start%22%3A%222024-01-14+00%3A00%3A00%22%2C%22create_time_end%22%3A%222024-01-14+23%3A59%3A59%22%7D&sign=ea662c4869ea4214b5638ed863c203ad";
        let form = Form::read(body.as_bytes()).unwrap();
        assert_eq!(signature("demo-secret", form.fields()), form.required("sign").unwrap());
    }
}
