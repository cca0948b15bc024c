//! `FilterString`: the SQL-like text and the array form, read into one tree (contract kingdee-galaxy §3).
//!
//! Understood are `and`, `or`, parentheses, `=`, `<>`, `!=`, `<`, `<=`, `>`, `>=`, `in (…)` and `not in (…)`; texts stand
//! in single quotes, a quote within is doubled. Anything else is refused with MsgCode 8 rather than half understood.

use serde_json::{Map, Value};

use super::{
    body::{find, text},
    envelope::Failure,
    forms::Form,
    store::{Column, Document, same_text},
};

/// A filter that can be asked about documents.
#[derive(Debug)]
pub enum Filter {
    /// Every document.
    Everything,
    Or(Box<Filter>, Box<Filter>),
    And(Box<Filter>, Box<Filter>),
    Compare(Column, Comparison, String),
    /// The value is among these, written in lower case (or, with `false`, is not).
    In(Column, bool, Vec<String>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Literal(String),
    Compare(Comparison),
    Open,
    Close,
    Comma,
}

impl Filter {
    /// Reads a filter; an absent or blank one lets everything pass.
    ///
    /// # Errors
    /// When it cannot be understood (code 8), or names a field the form does not have (code 9).
    pub fn read(form: &Form, given: Option<&Value>) -> Result<Self, Failure> {
        let tokens = match given {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => tokens_of_text(text)?,
            Some(Value::Array(conditions)) => tokens_of_array(conditions)?,
            Some(other) => return Err(not_understood(&other.to_string())),
        };
        if tokens.is_empty() {
            return Ok(Self::Everything);
        }
        let mut parser = Parser { form, tokens: tokens.into_iter().peekable() };
        let filter = parser.either()?;
        match parser.tokens.next() {
            None => Ok(filter),
            Some(token) => Err(not_understood(&format!("{token:?}"))),
        }
    }

    /// The columns that are compared.
    pub fn columns(&self) -> Vec<Column> {
        match self {
            Self::Everything => Vec::new(),
            Self::Or(left, right) | Self::And(left, right) => [left.columns(), right.columns()].concat(),
            Self::Compare(column, ..) | Self::In(column, ..) => vec![*column],
        }
    }

    /// Whether a document passes, with one of its rows.
    pub fn passes(&self, document: &Document, row: usize) -> bool {
        match self {
            Self::Everything => true,
            Self::Or(left, right) => left.passes(document, row) || right.passes(document, row),
            Self::And(left, right) => left.passes(document, row) && right.passes(document, row),
            Self::Compare(column, comparison, wanted) => {
                comparison.holds(&text(&column.value(document, row)), wanted)
            }
            Self::In(column, among, wanted) => {
                let value = text(&column.value(document, row));
                wanted.contains(&value.to_lowercase()) == *among
            }
        }
    }
}

impl Comparison {
    fn parse(text: &str) -> Option<Self> {
        match text {
            // 67 is the operator code of "equals" in the array form.
            "=" | "67" => Some(Self::Equal),
            "<>" | "!=" => Some(Self::Unequal),
            "<" => Some(Self::Less),
            "<=" => Some(Self::LessOrEqual),
            ">" => Some(Self::Greater),
            ">=" => Some(Self::GreaterOrEqual),
            _ => None,
        }
    }

    /// Whether the comparison holds: by value for whole numbers, else as the database compares texts.
    fn holds(self, value: &str, wanted: &str) -> bool {
        let order = match (value.parse::<i128>(), wanted.parse::<i128>()) {
            (Ok(value), Ok(wanted)) => value.cmp(&wanted),
            _ => value.to_lowercase().cmp(&wanted.to_lowercase()),
        };
        match self {
            Self::Equal => same_text(value, wanted),
            Self::Unequal => !same_text(value, wanted),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

struct Parser<'f, T: Iterator<Item = Token>> {
    form: &'f Form,
    tokens: std::iter::Peekable<T>,
}

impl<T: Iterator<Item = Token>> Parser<'_, T> {
    fn either(&mut self) -> Result<Filter, Failure> {
        let mut filter = self.both()?;
        while self.skip_word("or") {
            filter = Filter::Or(Box::new(filter), Box::new(self.both()?));
        }
        Ok(filter)
    }

    fn both(&mut self) -> Result<Filter, Failure> {
        let mut filter = self.condition()?;
        while self.skip_word("and") {
            filter = Filter::And(Box::new(filter), Box::new(self.condition()?));
        }
        Ok(filter)
    }

    fn condition(&mut self) -> Result<Filter, Failure> {
        let name = match self.tokens.next() {
            Some(Token::Open) => {
                let filter = self.either()?;
                self.expect(&Token::Close)?;
                return Ok(filter);
            }
            Some(Token::Word(name)) => name,
            other => return Err(not_understood(&format!("{other:?}"))),
        };
        let column =
            Column::parse(self.form, &name).ok_or_else(|| Failure::new(9, format!("字段{name}不存在")))?;
        let negated = self.skip_word("not");
        if self.skip_word("in") {
            return Ok(Filter::In(column, !negated, self.list()?));
        }
        match (self.tokens.next(), self.tokens.next()) {
            (Some(Token::Compare(comparison)), Some(Token::Literal(wanted))) if !negated => {
                Ok(Filter::Compare(column, comparison, wanted))
            }
            // A bare number is a word until here.
            (Some(Token::Compare(comparison)), Some(Token::Word(wanted)))
                if !negated && wanted.parse::<i128>().is_ok() =>
            {
                Ok(Filter::Compare(column, comparison, wanted))
            }
            other => Err(not_understood(&format!("{name} {other:?}"))),
        }
    }

    fn list(&mut self) -> Result<Vec<String>, Failure> {
        self.expect(&Token::Open)?;
        let mut values = Vec::new();
        loop {
            match self.tokens.next() {
                Some(Token::Literal(value) | Token::Word(value)) => values.push(value.to_lowercase()),
                other => return Err(not_understood(&format!("{other:?}"))),
            }
            match self.tokens.next() {
                Some(Token::Comma) => {}
                Some(Token::Close) => return Ok(values),
                other => return Err(not_understood(&format!("{other:?}"))),
            }
        }
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let is_next = |token: &Token| matches!(token, Token::Word(next) if next.eq_ignore_ascii_case(word));
        self.tokens.next_if(is_next).is_some()
    }

    fn expect(&mut self, wanted: &Token) -> Result<(), Failure> {
        match self.tokens.next() {
            Some(token) if token == *wanted => Ok(()),
            other => Err(not_understood(&format!("{other:?}"))),
        }
    }
}

fn not_understood(part: &str) -> Failure {
    Failure::new(8, format!("过滤条件FilterString解析失败，“{part}”附近有语法错误"))
}

fn tokens_of_text(text: &str) -> Result<Vec<Token>, Failure> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            _ if char.is_whitespace() => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            ',' => tokens.push(Token::Comma),
            '\'' => tokens.push(Token::Literal(literal(&mut chars)?)),
            '=' | '<' | '>' | '!' => {
                let mut operator = String::from(char);
                while let Some(next) = chars.next_if(|next| matches!(next, '=' | '>')) {
                    operator.push(next);
                }
                let comparison = Comparison::parse(&operator).ok_or_else(|| not_understood(&operator))?;
                tokens.push(Token::Compare(comparison));
            }
            _ if is_word(char) => {
                let mut word = String::from(char);
                while let Some(next) = chars.next_if(|next| is_word(*next)) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
            _ => return Err(not_understood(&char.to_string())),
        }
    }
    Ok(tokens)
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '.' | '-')
}

/// The rest of a text after its opening quote.
fn literal(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, Failure> {
    let mut text = String::new();
    while let Some(char) = chars.next() {
        if char != '\'' {
            text.push(char);
        } else if chars.next_if_eq(&'\'').is_some() {
            text.push('\'');
        } else {
            return Ok(text);
        }
    }
    Err(not_understood(&text))
}

/// The array form: `{Left,FieldName,Compare,Value,Right,Logic}`, where the logic joins a condition to the next one.
fn tokens_of_array(conditions: &[Value]) -> Result<Vec<Token>, Failure> {
    let mut tokens = Vec::new();
    for (index, condition) in conditions.iter().enumerate() {
        let Some(condition) = condition.as_object() else {
            return Err(not_understood(&condition.to_string()));
        };
        let part = |name: &str| part_of(condition, name);
        tokens.extend(part("Left").chars().filter(|char| *char == '(').map(|_| Token::Open));
        tokens.push(Token::Word(part("FieldName")));
        let compare = part("Compare");
        tokens.push(Token::Compare(Comparison::parse(&compare).ok_or_else(|| not_understood(&compare))?));
        tokens.push(Token::Literal(part("Value")));
        tokens.extend(part("Right").chars().filter(|char| *char == ')').map(|_| Token::Close));
        if index + 1 < conditions.len() {
            let logic = match part("Logic").to_ascii_lowercase().as_str() {
                "" | "0" | "and" => "and",
                "1" | "or" => "or",
                other => return Err(not_understood(other)),
            };
            tokens.push(Token::Word(logic.to_owned()));
        }
    }
    Ok(tokens)
}

fn part_of(condition: &Map<String, Value>, name: &str) -> String {
    find(condition, name).map(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kingdee::store::DocumentStatus;

    fn document(number: &str, organisation: &str) -> Document {
        let fields =
            json!({ "FNumber": number, "FName": "O'Neil", "FCreateOrgId": { "FNUMBER": organisation } });
        Document {
            id: 100_001,
            number: number.to_owned(),
            organisation: organisation.to_owned(),
            status: DocumentStatus::Audited,
            fields: fields.as_object().unwrap().clone(),
            creates: 1,
            updates: 0,
        }
    }

    fn passes(filter: &Value) -> bool {
        let form = Form::by_id("BD_Customer").unwrap();
        Filter::read(form, Some(filter)).unwrap().passes(&document("A", "100"), 0)
    }

    #[test]
    fn the_text_form() {
        for (filter, wanted) in [
            ("FNumber in ('A','B') and FCreateOrgId.FNumber = '100'", true),
            ("fnumber IN ('a') AND FCreateOrgId.FNumber='101'", false),
            ("FNumber = 'X' or FNumber = 'A'", true),
            ("FNumber = 'X' or FNumber = 'A' and FCUSTID = 5", false),
            ("(FNumber = 'A' or FNumber = 'X') and FCUSTID >= 100001", true),
            ("FName = 'O''Neil'", true),
            ("FNumber not in ('A')", false),
            ("FDocumentStatus <> 'C'", false),
            ("FCreateOrgId = 1", true),
            ("FCUSTID in (100001, 100002)", true),
            ("  ", true),
        ] {
            assert_eq!(passes(&json!(filter)), wanted, "{filter}");
        }
    }

    #[test]
    fn the_array_form() {
        let condition = |left, field, compare, value, right, logic| json!({ "Left": left, "FieldName": field, "Compare": compare, "Value": value, "Right": right, "Logic": logic });
        assert!(passes(&json!([
            condition("(", "FNumber", "67", "X", "", "1"),
            condition("", "FNumber", "=", "A", ")", "AND"),
            condition("", "FCreateOrgId.FNumber", "=", "100", "", "0"),
        ])));
        assert!(passes(&json!([])));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let form = Form::by_id("BD_Customer").unwrap();
        for (filter, code) in [
            ("FNumber like '%A%'", 8),
            ("FNumber = 'A", 8),
            ("FNumber in ('A'", 8),
            ("FNumber = 'A' FName", 8),
            ("FNoSuch = 'A'", 9),
            ("FName.FNumber = 'A'", 9),
        ] {
            let failure = Filter::read(form, Some(&json!(filter))).unwrap_err();
            assert_eq!(failure.msg_code, code, "{filter}");
        }
    }
}
