//! A person at the ERP: logs in and works with the same documents, by the vendor's plain interface.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use serde_json::{Value, json};

/// A session of a person.
pub struct Person {
    address: String,
    session: String,
}

impl Person {
    /// Logs in where a project's ERP is (contract kingdee-galaxy §2a).
    pub fn log_in(project: &Path) -> Self {
        let project = fs::read_to_string(project).unwrap();
        let url = project.split('\'').find_map(|text| text.strip_suffix("/k3cloud/")).unwrap();
        let address = url.strip_prefix("http://").unwrap().to_owned();
        let mut person = Self { address, session: String::new() };
        let login = json!({"acctID": "65f0c0ffee0001", "username": "integration", "password": "demo-password", "lcid": 2052});
        let answer = person.call("AuthService.ValidateUser", &login);
        person.session = answer["KDSVCSessionId"].as_str().unwrap().to_owned();
        person
    }

    /// Calls an operation on bills of returned goods.
    pub fn bills(&self, operation: &str, data: &Value) -> Value {
        let body = json!({"formid": "SAL_RETURNSTOCK", "data": data});
        let answer = self.call(&format!("DynamicFormService.{operation}"), &body);
        let status = &answer["Result"]["ResponseStatus"];
        assert!(status.is_null() || status["IsSuccess"] == json!(true), "{operation} {data}: {answer}");
        answer
    }

    fn call(&self, service: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST /k3cloud/Kingdee.BOS.WebApi.ServicesStub.{service}.common.kdsvc HTTP/1.1\r\nHost: {}\r\n\
             Content-Type: application/json\r\nkdservice-sessionid: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            self.session,
            body.len(),
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{service}: {error}: {answer}"))
    }
}
