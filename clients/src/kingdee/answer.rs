//! Reading answers leniently (contract kingdee-galaxy §4, §5): booleans and numbers may come as text, fields may be null.

use serde_json::Value;

use crate::class::Class;

use super::errors::{SESSION_ENDED, classify_msg_code, classify_text, is_about_the_call};

/// `Result.ResponseStatus` of any operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseStatus {
    /// The summary flag. Never decides about a document.
    pub is_success: bool,
    /// `MsgCode`, one per call.
    pub msg_code: i64,
    /// What was refused.
    pub errors: Vec<DocumentError>,
    /// What was done.
    pub entities: Vec<Entity>,
}

/// An entry of `Errors`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentError {
    /// Which document; `None` when the answer does not say.
    pub index: Option<usize>,
    /// The field concerned, where one is named.
    pub field: Option<String>,
    /// The vendor's own words.
    pub text: String,
}

/// An entry of `SuccessEntitys`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entity {
    /// Which document.
    pub index: Option<usize>,
    /// The internal id as text.
    pub id: String,
    /// The number.
    pub number: String,
}

/// What an answer says about one document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentAnswer {
    /// Its position in the call.
    pub index: usize,
    /// Its entry among the done.
    pub entity: Option<Entity>,
    /// Its errors.
    pub errors: Vec<DocumentError>,
}

impl DocumentAnswer {
    /// Whether it was done. In both lists means failed (contract kingdee-galaxy §5).
    pub fn is_done(&self) -> bool {
        self.entity.is_some() && self.errors.is_empty()
    }

    /// Whether the answer says nothing of it: nobody knows what became of it.
    pub fn is_unmentioned(&self) -> bool {
        self.entity.is_none() && self.errors.is_empty()
    }

    /// All its errors in the vendor's words.
    pub fn text(&self) -> String {
        self.errors.iter().map(|error| error.text.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// What its errors mean: its own text first, the call's `MsgCode` only when it is the call's only failure.
    pub fn class(&self, msg_code: i64, only_failure: bool) -> Class {
        let by_text = self.errors.iter().find_map(|error| classify_text(&error.text));
        by_text.unwrap_or(if only_failure { classify_msg_code(msg_code) } else { Class::Unclear })
    }
}

impl ResponseStatus {
    /// Reads the status of an answer; `None` when it has none.
    pub fn of(answer: &Value) -> Option<Self> {
        let result = answer.get("Result")?;
        let status = result.get("ResponseStatus").filter(|status| status.is_object())?;
        let list =
            |name: &str| status.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut read = Self {
            is_success: flag(status.get("IsSuccess")),
            msg_code: number(status.get("ErrorCode"))
                .filter(|code| *code == SESSION_ENDED)
                .or_else(|| number(status.get("MsgCode")))
                .unwrap_or(0),
            errors: list("Errors").iter().map(DocumentError::read).collect(),
            entities: list("SuccessEntitys").iter().map(Entity::read).collect(),
        };
        // Save answers with one document beside the status; some servers leave the list empty then.
        let alone = Entity { index: Some(0), id: text(result.get("Id")), number: text(result.get("Number")) };
        if read.is_success && read.entities.is_empty() && !(alone.id.is_empty() && alone.number.is_empty()) {
            read.entities.push(alone);
        }
        Some(read)
    }

    /// Reads the status of an answer of any operation. Errors of a query arrive inside its array, as the first cell or
    /// row, or instead of it (contract kingdee-galaxy §3).
    pub fn anywhere(answer: &Value) -> Option<Self> {
        let inner = answer.pointer("/0/0").or_else(|| answer.pointer("/0"));
        inner.and_then(Self::of).or_else(|| Self::of(answer))
    }

    /// One answer per document of a call with `count` documents, in order. An entry without a position belongs to the only
    /// document of a call of one.
    pub fn documents(&self, count: usize) -> Vec<DocumentAnswer> {
        let of = |index: Option<usize>, at: usize| index == Some(at) || (index.is_none() && count == 1);
        let answer = |at: usize| DocumentAnswer {
            index: at,
            entity: self.entities.iter().find(|entity| of(entity.index, at)).cloned(),
            errors: self.errors.iter().filter(|error| of(error.index, at)).cloned().collect(),
        };
        (0..count).map(answer).collect()
    }

    /// All errors in the vendor's words.
    pub fn text(&self) -> String {
        self.errors.iter().map(|error| error.text.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// The class of a failure of the call as a whole: nothing was done, and the code or the text speaks of the call, the
    /// account or the form. `None` when the documents must be looked at one by one.
    pub fn call_failure(&self) -> Option<Class> {
        if self.is_success || !self.entities.is_empty() {
            return None;
        }
        if is_about_the_call(self.msg_code) {
            return Some(classify_msg_code(self.msg_code));
        }
        let by_text = classify_text(&self.text());
        by_text.filter(|class| {
            matches!(
                class,
                Class::Credential
                    | Class::TokenExpired
                    | Class::Permission
                    | Class::Argument
                    | Class::Throttled
            )
        })
    }
}

impl DocumentError {
    fn read(value: &Value) -> Self {
        let field = text(value.get("FieldName"));
        Self {
            index: position(value),
            field: (!field.is_empty()).then_some(field),
            text: text(value.get("Message")),
        }
    }
}

impl Entity {
    fn read(value: &Value) -> Self {
        let number = text(value.get("Number"));
        let number = if number.is_empty() { text(value.get("BillNo")) } else { number };
        Self { index: position(value), id: text(value.get("Id")), number }
    }
}

fn position(value: &Value) -> Option<usize> {
    number(value.get("DIndex")).and_then(|index| usize::try_from(index).ok())
}

/// A text or number as text; empty for anything else.
pub fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        _ => String::new(),
    }
}

fn number(value: Option<&Value>) -> Option<i64> {
    text(value).trim().parse().ok()
}

fn flag(value: Option<&Value>) -> bool {
    matches!(text(value).to_lowercase().as_str(), "true" | "1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mixed() -> ResponseStatus {
        let answer = json!({"Result": {"ResponseStatus": {"ErrorCode": 500, "IsSuccess": "false", "MsgCode": "11",
            "Errors": [
                {"FieldName": "FBillNo", "Message": "违反字段唯一性要求：编码唯一。[TK1]在当前系统中已经被使用。", "DIndex": 0},
                {"FieldName": null, "Message": "单据体实体【明细信息】第【2】行分录，【仓库】字段必录", "DIndex": "2"},
                {"FieldName": "", "Message": "奇怪的错误", "DIndex": 2},
                {"FieldName": "", "Message": "也在成功之中", "DIndex": 4}],
            "SuccessEntitys": [
                {"Id": 105410, "Number": "TK2", "DIndex": 1},
                {"Id": "9007199254740993123", "BillNo": "TK5", "DIndex": 4}],
            "SuccessMessages": []}, "NeedReturnData": [{}]}});
        ResponseStatus::of(&answer).unwrap()
    }

    #[test]
    fn each_document_has_its_own_answer_by_position() {
        let status = mixed();
        assert!(!status.is_success && status.call_failure().is_none());
        let documents = status.documents(5);
        assert_eq!(
            documents.iter().map(DocumentAnswer::is_done).collect::<Vec<_>>(),
            [false, true, false, false, false]
        );
        assert_eq!(documents[1].entity.as_ref().unwrap().id, "105410");
        assert_eq!(documents[0].class(status.msg_code, false), Class::Duplicate);
        assert_eq!(documents[2].errors.len(), 2);
        assert_eq!(documents[2].class(status.msg_code, false), Class::Mandatory);
        assert!(documents[3].is_unmentioned());
        assert_eq!(documents[4].entity.as_ref().unwrap().number, "TK5");
        assert_eq!(documents[4].class(11, false), Class::Unclear);
        assert_eq!(documents[4].class(11, true), Class::Validation);
    }

    #[test]
    fn a_failure_of_the_whole_call_is_told_from_one_of_a_document() {
        let fail = |code: i64, message: &str| {
            let status =
                json!({"IsSuccess": false, "MsgCode": code, "Errors": [{"Message": message, "DIndex": 0}]});
            ResponseStatus::of(&json!({"Result": {"ResponseStatus": status}})).unwrap().call_failure()
        };
        assert_eq!(fail(1, "会话信息已丢失，请重新登录"), Some(Class::Credential));
        assert_eq!(fail(4, "业务对象不存在"), Some(Class::Argument));
        assert_eq!(fail(14, ""), Some(Class::Throttled));
        assert_eq!(fail(11, "字段“客户”是必填项"), None);
        assert_eq!(fail(13, "网络控制冲突"), None);
        assert_eq!(fail(4, "未将对象引用设置到对象的实例"), None);
    }

    #[test]
    fn a_single_save_may_answer_beside_the_list() {
        let answer = json!({"Result": {"ResponseStatus": {"IsSuccess": true, "Errors": [], "SuccessEntitys": []},
            "Id": 7, "Number": "C7"}});
        let documents = ResponseStatus::of(&answer).unwrap().documents(1);
        assert!(documents[0].is_done());
        assert_eq!(documents[0].entity.as_ref().unwrap().number, "C7");
        assert_eq!(ResponseStatus::of(&json!({"Result": null})), None);
    }
}
