//! Parsers (contract qeasy-metadata §5): what is done to a value last.

use serde_json::json;
use weir_model::{
    Json,
    flow::{Parser as Spec, language::BlankUnderObject},
};

use crate::{
    convert::{Output, write_text},
    error::{Cause, CompileError},
};

/// The parsers' names.
pub const NAMES: [&str; 8] = [
    "ConvertObjectParser",
    "ConvertTwoStageObjectParser",
    "StringToArray",
    "ArrayToString",
    "ArrayUnique",
    "ConvertJson",
    "K3WiseHeiHuCustomParser",
    "workflowRequestTableFields",
];

/// The parsers of an item, from left to right; none is the usual case.
#[derive(Clone, Debug, Default)]
pub struct Parsers {
    steps: Vec<Step>,
    /// Keys of the objects around the value, outermost first, with what is written for them.
    wrap: Vec<Box<str>>,
    prefix: Vec<u8>,
    keep_blank: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Split(Box<str>),
    Join(Box<str>),
    Unique,
    KeyValues,
    KeyNamed(Box<str>),
    /// The keys beside `fieldValue`: those before and those after it.
    TableField(Option<Json>, Vec<(&'static str, Json)>),
}

impl Parsers {
    /// Compiles a `parser` entry; `blank` says what empty text under an object parser becomes.
    pub fn compile(spec: &Spec, blank: BlankUnderObject) -> Result<Self, CompileError> {
        let mut parsers = Self { keep_blank: blank == BlankUnderObject::Keep, ..Self::default() };
        for name in spec.name.split(',').map(str::trim) {
            if !parsers.wrap.is_empty() {
                return Err(CompileError::new(
                    format!("{name:?} 不能跟在对象解析器之后"),
                    format!("{name:?} cannot follow an object parser"),
                ));
            }
            match name {
                "ConvertObjectParser" => parsers.wrap.push(parameter(name, "params", spec.params.as_ref())?),
                "ConvertTwoStageObjectParser" => {
                    parsers.wrap.push(parameter(name, "params1", spec.params1.as_ref())?);
                    parsers.wrap.push(parameter(name, "params2", spec.params2.as_ref())?);
                }
                "StringToArray" => parsers.steps.push(Step::Split(separator(name, spec)?)),
                "ArrayToString" => parsers.steps.push(Step::Join(separator(name, spec)?)),
                "ArrayUnique" => parsers.steps.push(Step::Unique),
                "ConvertJson" => parsers.steps.push(Step::KeyValues),
                "K3WiseHeiHuCustomParser" => {
                    parsers.steps.push(Step::KeyNamed(parameter(name, "params", spec.params.as_ref())?));
                }
                "workflowRequestTableFields" => parsers.steps.push(table_field(spec)),
                unknown => return Err(CompileError::unknown("解析器", "parser", unknown, &NAMES)),
            }
        }
        for key in &parsers.wrap {
            parsers.prefix.push(b'{');
            write_text(key, &mut parsers.prefix);
            parsers.prefix.push(b':');
        }
        Ok(parsers)
    }

    /// The keys of the objects that the value is put into, outermost first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.wrap.iter().map(AsRef::as_ref)
    }

    /// Runs the parsers that change the value itself. Under an object parser empty text becomes nothing, unless the
    /// flow keeps it: an empty `{"FNumber":""}` is a harmful request for Kingdee.
    pub fn run<'a>(&self, mut value: Output<'a>) -> Result<Output<'a>, Cause> {
        for step in &self.steps {
            if value != Output::Null {
                value = step.run(value)?;
            }
        }
        let dropped = !self.wrap.is_empty() && !self.keep_blank && value.is_blank();
        Ok(if dropped { Output::Null } else { value })
    }

    /// Appends the value and the objects around it as JSON.
    pub fn write(&self, value: &Output<'_>, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.prefix);
        value.write(body);
        body.extend(self.wrap.iter().map(|_| b'}'));
    }
}

fn parameter(parser: &str, name: &str, value: Option<&String>) -> Result<Box<str>, CompileError> {
    match value.filter(|value| !value.is_empty()) {
        Some(value) => Ok(value.as_str().into()),
        None => Err(CompileError::new(
            format!("解析器 {parser} 缺少 {name}"),
            format!("the parser {parser} needs {name}"),
        )
        .suggest(
            format!("例如 parser: {{name: {parser}, {name}: …}}"),
            format!("such as parser: {{name: {parser}, {name}: …}}"),
        )),
    }
}

fn separator(parser: &str, spec: &Spec) -> Result<Box<str>, CompileError> {
    parameter(parser, "params", spec.params.as_ref())
}

/// A field of an OA product's form (contract qeasy-metadata §5); the shape `{fieldId, fieldValue, view, edit}` is an
/// assumption. Parameters that are not given are left out.
fn table_field(spec: &Spec) -> Step {
    let text = |value: &Option<String>| value.as_deref().map(Json::from);
    let after = [("view", text(&spec.view)), ("edit", text(&spec.edit))];
    Step::TableField(
        text(&spec.field_id),
        after.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect(),
    )
}

impl Step {
    fn run<'a>(&self, value: Output<'a>) -> Result<Output<'a>, Cause> {
        let tree = value.into_tree();
        let wrong = |tree: &Json| Cause::WrongShape(crate::value::shorten(&tree.to_string()));
        Ok(match (self, tree) {
            (Self::Split(_), Json::Array(list)) => Output::Tree(Json::Array(list)),
            (Self::Split(separator), tree) => {
                let text = scalar(&tree).ok_or_else(|| wrong(&tree))?;
                let parts = text.split(separator.as_ref()).filter(|_| !text.trim().is_empty());
                Output::Tree(parts.map(Json::from).collect())
            }
            (Self::Join(separator), Json::Array(list)) => {
                let texts: Option<Vec<String>> = list.iter().map(scalar).collect();
                let texts = texts.ok_or(Cause::NotScalar)?;
                Output::Text(texts.join(separator).into())
            }
            (Self::Join(_), tree) => Output::Text(scalar(&tree).ok_or_else(|| wrong(&tree))?.into()),
            (Self::Unique, Json::Array(list)) => {
                let mut kept: Vec<Json> = Vec::with_capacity(list.len());
                for item in list {
                    if !kept.contains(&item) {
                        kept.push(item);
                    }
                }
                Output::Tree(Json::Array(kept))
            }
            (Self::KeyValues, tree) => Output::Tree(key_values(&tree).ok_or_else(|| wrong(&tree))?),
            (Self::KeyNamed(name), tree) => Output::Tree(json!([{"keyName": name, "keyValue": tree}])),
            (Self::TableField(id, others), tree) => {
                let mut field = serde_json::Map::new();
                field.extend(id.iter().map(|id| ("fieldId".to_owned(), id.clone())));
                field.insert("fieldValue".to_owned(), tree);
                field.extend(others.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
                Output::Tree(Json::Object(field))
            }
            (_, tree) => return Err(wrong(&tree)),
        })
    }
}

fn scalar(tree: &Json) -> Option<String> {
    match tree {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// `{k: v}`, as an object or its text, to `[{"Key":k,"Value":v}]`; line feeds are removed.
fn key_values(tree: &Json) -> Option<Json> {
    let plain = scalar(tree).unwrap_or_else(|| tree.to_string()).replace(['\r', '\n'], "");
    let tree: Json = serde_json::from_str(&plain).ok()?;
    Some(tree.as_object()?.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str) -> Spec {
        Spec { name: name.into(), ..Spec::default() }
    }

    fn parse(name: &str, params: Option<&str>, value: Output<'_>) -> String {
        let spec = Spec {
            params: params.map(Into::into),
            params1: Some("a".into()),
            params2: Some("b\"".into()),
            view: Some("1".into()),
            field_id: Some("f7".into()),
            ..spec(name)
        };
        let parsers =
            Parsers::compile(&spec, BlankUnderObject::Drop).unwrap_or_else(|error| panic!("{error}"));
        match parsers.run(value) {
            Ok(Output::Null) => "nothing".into(),
            Ok(value) => {
                let mut body = Vec::new();
                parsers.write(&value, &mut body);
                String::from_utf8(body).unwrap()
            }
            Err(cause) => cause.to_string(),
        }
    }

    #[test]
    fn each_parser() {
        let text = |text: &'static str| Output::Text(text.into());
        assert_eq!(parse("ConvertObjectParser", Some("FNUMBER"), text("1'\"")), r#"{"FNUMBER":"1'\""}"#);
        assert_eq!(parse("ConvertObjectParser", Some("FNumber"), text("")), "nothing");
        assert_eq!(parse("ConvertTwoStageObjectParser", None, Output::Bool(true)), r#"{"a":{"b\"":true}}"#);
        assert_eq!(parse("StringToArray", Some(","), text("a,b,a")), r#"["a","b","a"]"#);
        assert_eq!(parse("StringToArray,ArrayUnique", Some(","), text("a,b,a")), r#"["a","b"]"#);
        assert_eq!(parse("StringToArray", Some(","), text(" ")), "[]");
        assert_eq!(parse("ArrayToString", Some(","), Output::Tree(json!(["a", 1]))), "\"a,1\"");
        assert_eq!(parse("ConvertJson", None, text("{\"k\":\n\"v\"}")), r#"[{"Key":"k","Value":"v"}]"#);
        assert_eq!(
            parse("K3WiseHeiHuCustomParser", Some("n"), text("v")),
            r#"[{"keyName":"n","keyValue":"v"}]"#
        );
        assert_eq!(
            parse("workflowRequestTableFields", None, text("v")),
            r#"{"fieldId":"f7","fieldValue":"v","view":"1"}"#
        );
    }

    #[test]
    fn blanks_under_an_object_can_be_kept() {
        let spec = Spec { params: Some("FNumber".into()), ..spec("ConvertObjectParser") };
        let parsers = Parsers::compile(&spec, BlankUnderObject::Keep).unwrap();
        let blank = || Output::Text("".into());
        assert_eq!(parsers.run(blank()), Ok(blank()));
    }

    #[test]
    fn unknown_ones_are_refused_with_a_suggestion() {
        let error = Parsers::compile(&spec("ConvertObjectPaser"), BlankUnderObject::Drop).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown parser \"ConvertObjectPaser\" (did you mean \"ConvertObjectParser\"?)"
        );
        let error = Parsers::compile(&spec("ConvertObjectParser"), BlankUnderObject::Drop).unwrap_err();
        assert!(error.to_string().contains("needs params"));
    }
}
