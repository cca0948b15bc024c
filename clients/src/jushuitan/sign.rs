//! The signature, pure (contract jushuitan §3): the secret, then every parameter but `sign` as name and value in the
//! order of the names, as lower-case hex MD5 of the UTF-8 bytes.

use md5::{Digest as _, Md5};
use weir_model::secret::Secret;

/// Signs `parameters`, given in any order and without `sign`. Values are signed as the exact text that is sent.
pub fn sign(secret: &Secret, parameters: &[(&str, &str)]) -> String {
    let mut sorted: Vec<_> = parameters.to_vec();
    sorted.sort_unstable();
    let mut hash = Md5::new();
    hash.update(secret.expose());
    for (name, value) in sorted {
        hash.update(name);
        hash.update(value);
    }
    hex::encode(hash.finalize())
}

/// The form body of signed parameters, percent-encoded as a form.
pub fn form(parameters: &[(&str, &str)], signature: &str) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(parameters);
    form.append_pair("sign", signature);
    form.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMESTAMP: &str = "1705284000";

    fn business(biz: &str) -> [(&'static str, &str); 6] {
        [
            ("app_key", "demo-key"),
            ("access_token", "demo-token"),
            ("timestamp", TIMESTAMP),
            ("charset", "utf-8"),
            ("version", "2"),
            ("biz", biz),
        ]
    }

    fn check(parameters: &[(&str, &str)], expect: &str) {
        assert_eq!(sign(&Secret::new("demo-secret"), parameters), expect);
    }

    #[test]
    fn vector_j1() {
        let biz = r#"{"page_index":1,"page_size":50,"modified_begin":"2024-01-08 00:00:00","modified_end":"2024-01-14 23:59:59"}"#;
        check(&business(biz), "87728f971ea78e9f373bae99525aec1a");
    }

    #[test]
    fn vector_j2_with_chinese_text() {
        let biz = r#"{"page_index":"1","page_size":"50","drp_co_ids":[{"drp_co_name":"示例分销商"}]}"#;
        check(&business(biz), "c8738b0a92f8c3d1938ecad5700683d8");
    }

    #[test]
    fn vector_j3_refresh_token() {
        let parameters = [
            ("app_key", "demo-key"),
            ("timestamp", TIMESTAMP),
            ("grant_type", "refresh_token"),
            ("charset", "utf-8"),
            ("refresh_token", "demo-refresh"),
            ("scope", "all"),
        ];
        check(&parameters, "808ccfea0fe728b2f5291631195601c2");
    }

    #[test]
    fn vector_j4_first_token() {
        let parameters = [
            ("app_key", "demo-key"),
            ("timestamp", TIMESTAMP),
            ("grant_type", "authorization_code"),
            ("charset", "utf-8"),
            ("code", "123456"),
        ];
        check(&parameters, "55edcea5d5276c58460ba5c285742b22");
    }

    #[test]
    fn vector_j5_is_the_same_on_the_wire() {
        let biz = r#"{"page_index":"1","page_size":"1000","create_time_start":"2024-01-14 00:00:00","create_time_end":"2024-01-14 23:59:59"}"#;
        let parameters = business(biz);
        let signature = sign(&Secret::new("demo-secret"), &parameters);
        assert_eq!(
            form(&parameters, &signature),
            "app_key=demo-key&access_token=demo-token&timestamp=1705284000&charset=utf-8&version=2&biz=%7B%22page_index%22%3A%221%22%2C%22page_size%22%3A%221000%22%2C%22create_time_start%22%3A%222024-01-14+00%3A00%3A00%22%2C%22create_time_end%22%3A%222024-01-14+23%3A59%3A59%22%7D&sign=ea662c4869ea4214b5638ed863c203ad"
        );
    }
}
