//! Qimen for the enterprise edition (contract wangdiantong-enterprise §4): the TOP signature alone and `sid`; there is no
//! inner signature.

use bytes::Bytes;
use jiff::Timestamp;

use super::super::answer::{self, Misread, Names, Reading, Refusal, Speaker};
use super::super::gateway::{Call, Gateway, Outgoing, Verdict};
use super::super::top::{self, Application};
use super::{direct, errors};

/// The gateway and who calls it.
#[derive(Debug, Clone)]
pub struct Qimen {
    /// The caller at Qimen.
    pub application: Application,
    /// The seller.
    pub sid: String,
}

impl Gateway for Qimen {
    fn outgoing(&self, call: &Call<'_>, now: Timestamp) -> Result<Outgoing, String> {
        let mut business = direct::parameters(call);
        business.push(("sid".to_owned(), self.sid.clone()));
        business.sort_unstable();
        Ok(self.application.outgoing(call.operation, &business, now))
    }

    fn read(&self, body: &Bytes, list_path: &str) -> Result<Reading, Misread> {
        answer::read_wrapped(body, &Names { code: "errorcode", text: "message" }, list_path)
    }

    fn verdict(&self, refusal: &Refusal) -> Verdict {
        match refusal.speaker {
            Speaker::Vendor => errors::verdict(refusal),
            Speaker::Top => top::verdict(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use url::Url;
    use weir_model::secret::Secret;

    use super::*;
    use crate::wangdiantong::top::{SignMethod, TARGET_APP_KEY};

    #[test]
    fn the_contracts_vector_on_the_wire() {
        let application = Application {
            url: Url::parse("http://hu3cgwt0tc.api.taobao.com/router/qm").unwrap(),
            app_key: "12345678".into(),
            app_secret: Secret::new("topsecret"),
            target_app_key: TARGET_APP_KEY.into(),
            sign_method: SignMethod::Md5,
        };
        let qimen = Qimen { application, sid: "demo-sid".into() };
        let query = json!({"start_time": "2024-01-14 00:00:00", "end_time": "2024-01-14 23:59:59"});
        let parameters = serde_json::from_value(query).unwrap();
        let call = Call {
            operation: "wdt.refund.query",
            parameters: &parameters,
            page_no: 0,
            page_size: 40,
            wants_total: true,
        };
        let outgoing = qimen.outgoing(&call, Timestamp::from_second(1_705_284_000).unwrap()).unwrap();
        assert_eq!(
            outgoing.url.as_str(),
            "http://hu3cgwt0tc.api.taobao.com/router/qm?app_key=12345678&format=json&method=wdt.refund.query&sign_method=md5&target_app_key=21363512&timestamp=2024-01-15+10%3A00%3A00&v=2.0&sign=B2CB5C3431CCBF7AE7EBE48B365F1F24"
        );
        assert_eq!(
            outgoing.body.as_ref(),
            b"end_time=2024-01-14+23%3A59%3A59&page_no=0&page_size=40&sid=demo-sid&start_time=2024-01-14+00%3A00%3A00"
        );
        assert!(!format!("{qimen:?}").contains("topsecret"));
    }
}
