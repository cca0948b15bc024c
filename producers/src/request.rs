//! A source's `request` items made into the parameters of a call (contract qeasy-metadata §2, §3).
//!
//! Compiled once, strictly: what is not understood is a problem of the flow file and never a wrong request. The time
//! macros mean the window: `LAST_SYNC_TIME` its begin, `CURRENT_TIME` its settled end (contract decisions "Settle lag").

mod template;

#[cfg(test)]
mod tests;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Map;
use weir_model::{
    Json,
    digest::Digest,
    flow::Item,
    settings::{Localized, Problems},
};

pub use template::Macro;
use template::Template;

/// What the macros mean in one call.
#[derive(Clone, Debug)]
pub struct Moment<'a> {
    /// Begin of the window.
    pub from: Timestamp,
    /// Its settled end.
    pub to: Timestamp,
    /// Number of the page, from 1.
    pub page: u32,
    /// Rows per page.
    pub page_size: u32,
    /// The connection's zone.
    pub zone: &'a TimeZone,
}

/// The compiled items, in the file's order.
#[derive(Clone, Debug, Default)]
pub struct Request {
    fields: Vec<(String, Node)>,
}

#[derive(Clone, Debug)]
enum Node {
    Text(Template),
    /// `int` and `float`: a number whose text the template gives.
    Number(Template),
    /// `bool`, and JSON that is sent as configured.
    Fixed(Json),
    Object(Request),
    /// `array` with children: they are evaluated once.
    List(Request),
}

/// A value that is no number although its item says so.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("parameter {field} must be a number, and is {text:?}")]
pub struct NotANumber {
    /// The parameter.
    pub field: String,
    /// Its text.
    pub text: String,
}

impl Request {
    /// Compiles the items; everything that cannot be sent is in `problems`.
    pub fn compile(items: &[Item], problems: &mut Problems) -> Self {
        let compiled = items.iter().filter_map(|item| {
            let node = compile_item(item, problems)?;
            Some((item.field.clone(), node))
        });
        Self { fields: compiled.collect() }
    }

    /// The parameters of a call.
    ///
    /// # Errors
    /// When a number's macros give no number.
    pub fn render(&self, moment: &Moment<'_>) -> Result<Map<String, Json>, NotANumber> {
        let rendered =
            self.fields.iter().map(|(field, node)| Ok((field.clone(), node.render(field, moment)?)));
        rendered.collect()
    }

    /// Whether the parameter `field` is made of this macro.
    pub fn uses(&self, field: &str, name: Macro) -> bool {
        let own = |node: &Node| matches!(node, Node::Text(text) | Node::Number(text) if text.uses(name));
        self.fields.iter().any(|(known, node)| known == field && own(node))
    }

    /// The whole number that the parameter `field` is fixed to, when it is.
    pub fn fixed_number(&self, field: &str) -> Option<u64> {
        let (_, node) = self.fields.iter().find(|(known, _)| known == field)?;
        match node {
            Node::Text(text) | Node::Number(text) => text.literal()?.trim().parse().ok(),
            Node::Fixed(_) | Node::Object(_) | Node::List(_) => None,
        }
    }

    /// A digest of everything but the window and the page.
    pub fn digest(&self) -> Digest {
        Digest::of(format!("{:?}", self.fields).as_bytes())
    }
}

impl Node {
    fn render(&self, field: &str, moment: &Moment<'_>) -> Result<Json, NotANumber> {
        Ok(match self {
            Self::Text(template) => Json::String(template.render(moment)),
            Self::Number(template) => {
                let text = template.render(moment);
                match serde_json::from_str::<serde_json::Number>(text.trim()) {
                    Ok(number) => Json::Number(number),
                    Err(_) => return Err(NotANumber { field: field.to_owned(), text }),
                }
            }
            Self::Fixed(value) => value.clone(),
            Self::Object(children) => Json::Object(children.render(moment)?),
            Self::List(children) => Json::Array(vec![Json::Object(children.render(moment)?)]),
        })
    }
}

/// `None` when nothing is to be sent, or it cannot be and a problem says so.
fn compile_item(item: &Item, problems: &mut Problems) -> Option<Node> {
    if item.parser.is_some() {
        let message = Localized::new("来源请求中不支持 parser", "a source's request has no parsers");
        let suggestion = Localized::new("删除 parser", "remove the parser");
        problems.error_with(format!("{}.parser", item.path), message, suggestion);
        return None;
    }
    let children = !item.children.is_empty();
    match item.kind.as_str() {
        "object" if children => return Some(Node::Object(Request::compile(&item.children, problems))),
        "array" if children => return Some(Node::List(Request::compile(&item.children, problems))),
        _ => {}
    }
    let Some(value) = item.value.as_ref().or(item.default.as_ref()) else {
        if item.required {
            problems.error_with(
                format!("{}.value", item.path),
                Localized::new("缺少必填项", "is required"),
                Localized::new("补上 value 或 default", "add a value or a default"),
            );
        }
        return None;
    };
    compile_value(item, value, problems)
}

fn compile_value(item: &Item, value: &str, problems: &mut Problems) -> Option<Node> {
    let path = format!("{}.value", item.path);
    match item.kind.as_str() {
        "bool" => match value.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(Node::Fixed(Json::Bool(true))),
            "false" | "0" => Some(Node::Fixed(Json::Bool(false))),
            _ => wrong_kind(path, value, &Localized::new("true 或 false", "true or false"), problems),
        },
        "object" | "array" => {
            let fixed: Option<Json> = serde_json::from_str(value).ok();
            let fits =
                fixed.filter(|json| if item.kind == "array" { json.is_array() } else { json.is_object() });
            match fits {
                Some(json) => Some(Node::Fixed(json)),
                None => {
                    wrong_kind(path, value, &Localized::new("JSON 或子项", "JSON, or children"), problems)
                }
            }
        }
        "int" | "float" => {
            let template = Template::compile(value, &path, problems)?;
            match template.literal() {
                Some(text) if serde_json::from_str::<serde_json::Number>(text.trim()).is_err() => {
                    wrong_kind(path, text, &Localized::new("数字", "a number"), problems)
                }
                _ => Some(Node::Number(template)),
            }
        }
        _ => Template::compile(value, &path, problems).map(Node::Text),
    }
}

fn wrong_kind(path: String, value: &str, want: &Localized, problems: &mut Problems) -> Option<Node> {
    let message = Localized::new(
        format!("应为{}，实际是 {value:?}", want.zh),
        format!("expected {}, found {value:?}", want.en),
    );
    problems.error(path, message);
    None
}
