//! How Galaxy answers: the response status with its errors and entities per document (contract kingdee-galaxy §4–6).

use serde_json::{Map, Value, json};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code of the table in contract kingdee-galaxy §6.
    pub msg_code: i64,
    /// The field at fault, when there is one.
    pub field: Option<String>,
    /// The vendor's words.
    pub message: String,
}

impl Failure {
    /// A failure that is not about a field.
    pub fn new(msg_code: i64, message: impl Into<String>) -> Self {
        Self { msg_code, field: None, message: message.into() }
    }

    /// A validation that failed because of a field: code 11.
    pub fn of_field(field: &str, message: impl Into<String>) -> Self {
        Self { msg_code: 11, field: Some(field.to_owned()), message: message.into() }
    }

    /// A document that does not exist.
    pub fn no_such_document() -> Self {
        Self::new(10, "传递的编码值不存在")
    }
}

/// The outcome of a call, per document.
#[derive(Debug, Default)]
pub struct Status {
    errors: Vec<Value>,
    entities: Vec<Value>,
    msg_code: i64,
}

impl Status {
    /// The outcome of a call that failed as a whole.
    pub fn failed(failure: &Failure) -> Self {
        let mut status = Self::default();
        status.fail(0, failure);
        status
    }

    /// Notes what went wrong with the document at a position. The first failure gives the call its code.
    pub fn fail(&mut self, index: usize, failure: &Failure) {
        if self.errors.is_empty() {
            self.msg_code = failure.msg_code;
        }
        self.errors.push(json!({ "FieldName": failure.field, "Message": failure.message, "DIndex": index }));
    }

    /// Notes what went wrong without saying with which document.
    pub fn fail_unnamed(&mut self, failure: &Failure) {
        self.msg_code = failure.msg_code;
        self.errors.push(json!({ "FieldName": failure.field, "Message": failure.message }));
    }

    /// Leaves out what it says of the documents from a position on.
    pub fn forget_from(&mut self, position: usize) {
        let stays = |entry: &Value| entry["DIndex"].as_u64().is_none_or(|index| index < position as u64);
        self.errors.retain(stays);
        self.entities.retain(stays);
    }

    /// Notes that the document at a position went well.
    pub fn succeed(&mut self, index: usize, id: i64, number: &str) {
        self.entities.push(json!({ "Id": id, "Number": number, "DIndex": index }));
    }

    /// The code of the call: 0 unless something failed.
    pub fn msg_code(&self) -> i64 {
        self.msg_code
    }

    /// Whether any document failed.
    pub fn is_failure(&self) -> bool {
        !self.errors.is_empty()
    }

    /// The envelope: the status, and what else the operation tells.
    pub fn envelope(self, more: Map<String, Value>) -> Value {
        let mut status = Map::new();
        if self.is_failure() {
            status.insert("ErrorCode".to_owned(), 500.into());
        }
        status.insert("IsSuccess".to_owned(), (!self.is_failure()).into());
        status.insert("Errors".to_owned(), self.errors.into());
        status.insert("SuccessEntitys".to_owned(), self.entities.into());
        status.insert("SuccessMessages".to_owned(), json!([]));
        status.insert("MsgCode".to_owned(), self.msg_code.into());
        let mut result = Map::new();
        result.insert("ResponseStatus".to_owned(), status.into());
        result.extend(more);
        json!({ "Result": result })
    }
}
