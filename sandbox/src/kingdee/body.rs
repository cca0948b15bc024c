//! The body of a call: the five forms seen in real clients, read into one (contract kingdee-galaxy §1).

use serde_json::{Map, Value};

use super::envelope::Failure;

/// What a call carries.
#[derive(Debug, Default)]
pub struct Request {
    /// The form the call is about; empty when the call names none.
    pub form_id: String,
    /// The parameters.
    pub data: Map<String, Value>,
    /// The positional parameters, as logins carry them.
    pub positional: Vec<Value>,
    /// What `ExcuteOperation` is to do (`opNumber`); empty for other calls.
    pub operation: String,
    /// Whether the call is to be begun and asked for later (`beginmethod`).
    pub is_begun: bool,
}

impl Request {
    /// Reads a body of form A, B, C, D or E.
    ///
    /// # Errors
    /// When it is none of them: the text of an unhandled exception, without the mark in front.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(fields)) => Self::from_object(fields),
            Ok(_) => Err("Value cannot be cast to JSONObject".to_owned()),
            Err(error) => {
                let fields: Map<_, _> = url::form_urlencoded::parse(body)
                    .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
                    .collect();
                if find(&fields, "data").is_none() {
                    return Err(format!("Unterminated or invalid JSON: {error}"));
                }
                Self::from_object(fields)
            }
        }
    }

    fn from_object(fields: Map<String, Value>) -> Result<Self, String> {
        let mut request = Self::default();
        if let Some(Value::Array(parameters)) = find(&fields, "parameters") {
            request.positional.clone_from(parameters);
            // Data calls name the form first, query calls do not.
            for parameter in parameters {
                match parsed_object(parameter) {
                    Some(data) => request.data = data,
                    None if request.form_id.is_empty() => request.form_id = text(parameter),
                    None if request.operation.is_empty() => request.operation = text(parameter),
                    None => {}
                }
            }
        } else if let Some(data) = find(&fields, "data") {
            request.operation = find(&fields, "opNumber").map(text).unwrap_or_default();
            request.is_begun = find(&fields, "beginmethod").map(text).as_deref() == Some("BeginQueryImpl");
            request.data = parsed_object(data).ok_or("data is not a JSON object")?;
            request.form_id = find(&fields, "formid").map(text).unwrap_or_default();
        } else {
            request.data = fields;
        }
        if request.form_id.is_empty() {
            request.form_id = find(&request.data, "FormId").map(text).unwrap_or_default();
        }
        Ok(request)
    }

    /// A parameter, whatever the case of its name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        find(&self.data, name)
    }

    /// A parameter as text; empty when absent.
    pub fn text(&self, name: &str) -> String {
        self.get(name).map(text).unwrap_or_default()
    }

    /// A switch, which may be a text.
    pub fn switch(&self, name: &str) -> bool {
        self.text(name).eq_ignore_ascii_case("true")
    }

    /// A whole number, which may be a text; 0 when absent.
    ///
    /// # Errors
    /// When it is something else.
    pub fn whole(&self, name: &str) -> Result<usize, Failure> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(0);
        }
        text.parse().map_err(|_| Failure::new(8, format!("参数{name}必须是整数")))
    }

    /// A list of names; a comma-joined text is one as well.
    pub fn names(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Array(items)) => items.iter().map(text).collect(),
            Some(Value::String(joined)) => split(joined),
            _ => Vec::new(),
        }
    }
}

/// The parts of a comma-joined text.
pub fn split(joined: &str) -> Vec<String> {
    joined.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A key of an object, whatever its case.
pub fn find<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    fields
        .get(name)
        .or_else(|| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// A text, number or switch as text; empty for everything else.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => String::new(),
    }
}

/// An object, also when it is written as a text.
pub fn parsed_object(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_forms_say_the_same() {
        let save = [
            r#"{"formid":"BD_Customer","data":{"Model":{"FName":"x"}}}"#,
            r#"{"FormId":"BD_Customer","data":"{\"Model\":{\"FName\":\"x\"}}"}"#,
            r#"{"parameters":["BD_Customer","{\"Model\":{\"FName\":\"x\"}}"]}"#,
        ];
        for body in save {
            let request = Request::read(body.as_bytes()).unwrap();
            assert_eq!(request.form_id, "BD_Customer", "{body}");
            assert_eq!(request.get("Model").unwrap()["FName"], "x", "{body}");
        }
        let query = [
            r#"{"data":{"FormId":"BD_Customer","Limit":"5"}}"#,
            r#"{"parameters":["{\"FormId\":\"BD_Customer\",\"Limit\":5}"]}"#,
            "data=%7B%22FormId%22%3A%22BD_Customer%22%2C%22Limit%22%3A5%7D",
        ];
        for body in query {
            let request = Request::read(body.as_bytes()).unwrap();
            assert_eq!(
                (request.form_id.as_str(), request.whole("Limit").unwrap()),
                ("BD_Customer", 5),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_no_call_is_refused() {
        assert!(Request::read(b"{\"formid\":\"BD_").is_err());
        assert!(Request::read(b"[]").is_err());
        assert!(Request::read(br#"{"data":"no json"}"#).is_err());
    }
}
