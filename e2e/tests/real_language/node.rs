//! A generated expression, and how it is written for both sides: Weir reads macros and a record, the server literals of
//! the same kind.

use std::{fmt::Write as _, sync::Arc};

use super::form::{Form, Kind, Scale};

/// An expression.
#[derive(Clone, Debug)]
pub enum Node {
    /// A value.
    Leaf(Leaf),
    /// An operator or function and its arguments.
    Call(Arc<Form>, Vec<Node>),
}

/// A value at the end of a branch.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Its kind.
    pub kind: Kind,
    /// Its text; `None` is NULL.
    pub text: Option<String>,
    /// Where it stands.
    pub place: Place,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the expression itself.
    Constant,
    /// In a field of the record, as JSON's own type.
    Field,
    /// In a field of the record that is text, or in the middle of a quoted text.
    Quoted,
}

/// An expression as both sides take it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Weir's text.
    pub expression: String,
    /// The record its macros read.
    pub record: String,
    /// The server's text.
    pub sql: String,
}

impl Case {
    /// Writes the expression.
    pub fn of(node: &Node) -> Self {
        let mut writer = Writer { expression: "_function ".into(), ..Writer::default() };
        writer.node(node);
        let Writer { expression, fields, sql } = writer;
        Self { expression, record: format!("{{{}}}", fields.join(",")), sql }
    }
}

impl Node {
    /// The divisions in it, itself included.
    pub fn divisions(&self) -> Vec<&Self> {
        let Self::Call(form, arguments) = self else { return Vec::new() };
        let mut found: Vec<&Self> = arguments.iter().flat_map(Self::divisions).collect();
        if matches!(form.scale, Scale::Quotient | Scale::WholeQuotient | Scale::Remainder) {
            found.push(self);
        }
        found
    }
}

#[derive(Default)]
struct Writer {
    expression: String,
    fields: Vec<String>,
    sql: String,
}

impl Writer {
    fn node(&mut self, node: &Node) {
        match node {
            Node::Leaf(leaf) if leaf.kind.is_number() => self.number(leaf),
            Node::Leaf(leaf) => self.text(leaf),
            Node::Call(form, arguments) => {
                let mut arguments = arguments.iter();
                for (index, piece) in form.pattern.split('?').enumerate() {
                    if index > 0 {
                        self.node(arguments.next().unwrap());
                    }
                    self.both(piece);
                }
            }
        }
    }

    fn both(&mut self, text: &str) {
        self.expression.push_str(text);
        self.sql.push_str(text);
    }

    /// A field of the record; the macro that reads it.
    fn field(&mut self, json: &str) -> String {
        let name = format!("f{}", self.fields.len());
        self.fields.push(format!("\"{name}\":{json}"));
        format!("{{{name}}}")
    }

    fn number(&mut self, leaf: &Leaf) {
        let Some(text) = &leaf.text else {
            // A bare NULL is a text to MySQL and would make doubles of its neighbours.
            self.sql.push_str("CAST(NULL AS DECIMAL(10))");
            let written = if leaf.place == Place::Constant { "NULL".into() } else { self.field("null") };
            self.expression.push_str(&written);
            return;
        };
        let written = match leaf.place {
            Place::Constant => format!("({text})"),
            Place::Field => self.field(text),
            Place::Quoted => self.field(&format!("\"{text}\"")),
        };
        self.expression.push_str(&written);
        // Whole numbers of more than 18 digits are decimals when they say so: `123.`.
        let point = if text.len() > 18 && !text.contains('.') { "." } else { "" };
        write!(self.sql, "({text}{point})").unwrap();
    }

    fn text(&mut self, leaf: &Leaf) {
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
        match (&leaf.text, leaf.place) {
            // Nothing inside quotes is empty text.
            (None, Place::Quoted) if leaf.kind == Kind::Text => {
                let written = self.field("null");
                write!(self.expression, "'{written}'").unwrap();
                self.sql.push_str("''");
            }
            (None, _) => {
                self.sql.push_str("CAST(NULL AS CHAR)");
                self.expression.push_str("NULL");
            }
            // Braces would be a macro.
            (Some(text), Place::Constant) if !text.contains(['{', '}']) => {
                let literal = quoted(text);
                self.both(&literal);
            }
            (Some(text), place) => {
                let written = self.field(&serde_json::to_string(text).unwrap());
                let around =
                    if place == Place::Quoted && leaf.kind == Kind::Text { ("<", ">") } else { ("", "") };
                write!(self.expression, "'{}{written}{}'", around.0, around.1).unwrap();
                self.sql.push_str(&quoted(&format!("{}{text}{}", around.0, around.1)));
            }
        }
    }
}

impl Kind {
    /// Whether its values are written without quotes.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Number | Self::Small | Self::Whole | Self::Truth | Self::Seconds)
    }
}
