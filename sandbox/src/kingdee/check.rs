//! Whether a document can be stored: mandatory fields, values, references (contract kingdee-galaxy §5 and §8).

use serde_json::Value;

use super::{
    body::text,
    envelope::Failure,
    forms::{Entity, Field, Form, Kind},
    store::{Document, reference_number},
};

/// How strictly a document is checked.
#[derive(Debug, Clone, Copy)]
pub struct Strictness {
    /// Mandatory fields must be filled; a draft's need not.
    pub mandatory: bool,
    /// Numbers of base data that do not exist are refused; otherwise they resolve to nothing.
    pub base_data: bool,
}

/// Every reason for which a document's fields cannot be stored.
pub fn failures(form: &Form, document: &Document, strictness: Strictness) -> Vec<Failure> {
    let check = |field: &'static Field| {
        let value = document.value(None, 0, field);
        check_field(field, value, strictness).err().map(|objection| objection.of_header(field))
    };
    let mut failures: Vec<_> = form.fields.iter().filter_map(check).collect();
    for entity in form.entities {
        failures.extend(entity_failures(entity, document, strictness));
    }
    failures
}

fn entity_failures(entity: &Entity, document: &Document, strictness: Strictness) -> Vec<Failure> {
    let rows = match document.fields.get(entity.key) {
        Some(Value::Array(rows)) if entity.has_rows && rows.iter().all(Value::is_object) => rows.len(),
        Some(Value::Object(_)) if !entity.has_rows => 1,
        None | Some(Value::Null) if !entity.has_rows => 1,
        None | Some(Value::Null) => 0,
        Some(_) => {
            let words = format!("单据体“{}”的值格式不正确", entity.title);
            return vec![Failure::of_field(entity.key, words)];
        }
    };
    if rows == 0 && strictness.mandatory {
        return vec![Failure::of_field(entity.key, format!("单据体“{}”至少要有一行分录", entity.title))];
    }
    let places = (0..rows).flat_map(|row| entity.fields.iter().map(move |field| (row, field)));
    let check = |(row, field): (usize, &'static Field)| {
        let objection = check_field(field, document.value(Some(entity), row, field), strictness).err()?;
        Some(if entity.has_rows { objection.of_row(entity, row, field) } else { objection.of_header(field) })
    };
    places.filter_map(check).collect()
}

/// What is wrong with a value.
enum Objection {
    Missing,
    /// The words that follow the field's label.
    Value(String),
    /// A number no base data has.
    Unknown(String),
}

impl Objection {
    fn of_header(self, field: &Field) -> Failure {
        let words = match self {
            Self::Missing => format!("字段“{}”是必填项", field.label),
            other => other.words(field),
        };
        Failure::of_field(field.key, words)
    }

    /// The row's number is in the text alone.
    fn of_row(self, entity: &Entity, row: usize, field: &Field) -> Failure {
        let place = format!("单据体实体【{}】第【{}】行分录，", entity.title, row + 1);
        let words = match self {
            Self::Missing => format!("{place}【{}】字段必录", field.label),
            other => format!("{place}{}", other.words(field)),
        };
        Failure::of_field(field.key, words)
    }

    fn words(self, field: &Field) -> String {
        match self {
            Self::Missing => format!("字段“{}”是必填项", field.label),
            Self::Value(words) => format!("字段“{}”{words}", field.label),
            Self::Unknown(number) => format!("字段“{}”的基础资料编码“{number}”不存在", field.label),
        }
    }
}

fn check_field(field: &Field, value: Option<&Value>, strictness: Strictness) -> Result<(), Objection> {
    let value = value.unwrap_or(&Value::Null);
    let malformed = || Objection::Value("的值格式不正确".to_owned());
    if let Kind::Reference(base) = field.kind {
        if !value.is_null() && !value.is_object() {
            return Err(malformed());
        }
        return match reference_number(value) {
            Some(number) if base.row(&number).is_none() && strictness.base_data => {
                Err(Objection::Unknown(number))
            }
            // Not verified, an unknown number resolves to nothing.
            Some(number) if base.row(&number).is_some() => Ok(()),
            _ if field.mandatory && strictness.mandatory => Err(Objection::Missing),
            _ => Ok(()),
        };
    }
    if value.is_object() || value.is_array() {
        return Err(malformed());
    }
    let text = text(value);
    if text.trim().is_empty() {
        let must = field.mandatory && strictness.mandatory;
        return if must { Err(Objection::Missing) } else { Ok(()) };
    }
    match field.kind {
        Kind::Text(longest) | Kind::LocalText(longest) => match text.chars().count() {
            length if length > longest => {
                Err(Objection::Value(format!("的长度{length}超过最大长度{longest}")))
            }
            _ => Ok(()),
        },
        Kind::Decimal if text.trim().parse::<serde_json::Number>().is_err() => Err(malformed()),
        Kind::Flag if !matches!(text.to_ascii_lowercase().as_str(), "true" | "false") => Err(malformed()),
        Kind::Date if !is_date(&text) => Err(malformed()),
        Kind::Decimal | Kind::Flag | Kind::Date | Kind::Reference(_) => Ok(()),
    }
}

/// Whether a text is a date, with or without a time of day.
fn is_date(text: &str) -> bool {
    let text = text.trim().replace('T', " ");
    text.parse::<jiff::civil::Date>().is_ok() || text.parse::<jiff::civil::DateTime>().is_ok()
}
