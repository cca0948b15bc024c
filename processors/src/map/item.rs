//! A request item (contract qeasy-metadata §2), compiled.

use std::{borrow::Cow, collections::BTreeSet};

use weir_expr::{
    Cells, CompileError, Context, Expression, Kind, Output, Parsers, Reference, Scope, Shape, Value,
};
use weir_model::{
    flow::{Item as Spec, language::RequiredMissing},
    outcome::Refusal,
    settings::{Localized, Problems},
};

use crate::{codes, flatten::read_element, stop::Stop};

/// An output field and how its value is made.
#[derive(Debug)]
pub struct Item {
    /// Output key.
    pub field: String,
    /// Path in the document, for messages.
    pub name: String,
    /// Where it stands in the file.
    pub path: String,
    /// The key as JSON with its colon.
    pub prefix: Vec<u8>,
    /// How its value is made.
    pub content: Content,
}

/// How an item's value is made.
#[derive(Debug)]
pub enum Content {
    /// One value.
    Scalar(Box<Scalar>),
    /// An object of sub-items.
    Object(Vec<Item>),
    /// A list: one object per element of a source list, or exactly one.
    List(Option<BoundList>, Vec<Item>),
}

/// A source list that an item is bound to.
#[derive(Debug)]
pub struct BoundList {
    /// Its name.
    pub name: String,
    /// The list itself.
    pub list: Reference,
    /// Reads one element.
    pub shape: Shape,
}

impl BoundList {
    /// Calls `each` for every element, whose fields stand in the innermost frame meanwhile.
    pub fn each<'a>(
        &'a self,
        rows: Vec<&'a str>,
        context: &mut Context<'_, 'a>,
        each: &mut dyn FnMut(usize, &mut Context<'_, 'a>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        // One buffer serves all elements.
        let mut cells = Cells::new();
        for (index, json) in rows.into_iter().enumerate() {
            read_element(&self.shape, json, &self.name, &mut cells)?;
            context.frames.push(cells);
            let done = each(index, context);
            cells = context.frames.pop().unwrap_or_default();
            done?;
        }
        Ok(())
    }
}

/// One value: expression, type, parser, and what a missing value means.
#[derive(Debug)]
pub struct Scalar {
    expression: Option<Expression>,
    kind: Kind,
    default: Option<String>,
    /// Whether a document without it is refused.
    required: bool,
    /// The parser's name as the flow has it.
    parser: Option<String>,
    /// What is done to the value last.
    pub parsers: Parsers,
    /// Its place in the business key.
    pub key_part: Option<usize>,
}

impl Scalar {
    /// The expression; `None` when the item has only a default.
    pub fn expression(&self) -> Option<&Expression> {
        self.expression.as_ref()
    }

    /// The parser's name as the flow has it.
    pub fn parser(&self) -> Option<&str> {
        self.parser.as_deref()
    }

    /// What the expression reads on this record, for messages.
    pub fn inputs(&self, context: &Context<'_, '_>) -> Vec<(String, String)> {
        self.expression.as_ref().map(|expression| expression.inputs(context)).unwrap_or_default()
    }

    /// Evaluates, falls back, converts, parses, and refuses what is missing: in this order (contract qeasy-metadata
    /// §2, §5).
    pub fn value<'a>(&'a self, name: &str, context: &Context<'_, 'a>) -> Result<Output<'a>, Stop> {
        let mut value = match &self.expression {
            None => Value::Null,
            Some(expression) => {
                expression.evaluate(context).map_err(|error| Stop::of_evaluation(error, name))?
            }
        };
        if let Some(default) = self.default.as_deref().filter(|_| value.is_blank()) {
            value = Value::Text(Cow::Borrowed(default));
        }
        let converted =
            self.kind.convert(value, context.world.zone).and_then(|value| self.parsers.run(value));
        let value = converted.map_err(|cause| {
            let message = match &self.expression {
                Some(expression) => expression.failed(cause, context).to_string(),
                None => cause.to_string(),
            };
            Refusal::new(codes::TYPE, message).at(name)
        })?;
        if self.required && value.is_blank() {
            let message = match &self.expression {
                Some(expression) => format!("required, and {:?} gives no value", expression.text()),
                None => "required, and has neither value nor default".to_owned(),
            };
            return Err(Refusal::new(codes::REQUIRED, message).at(name).into());
        }
        Ok(value)
    }
}

/// Compiles sibling items. Items that can never have a value are left out.
pub fn compile(specs: &[Spec], parent: &str, scope: &mut Scope, problems: &mut Problems) -> Vec<Item> {
    let mut names = BTreeSet::new();
    let mut items = Vec::with_capacity(specs.len());
    for spec in specs {
        if !names.insert(spec.field.as_str()) && !spec.field.is_empty() {
            let field = &spec.field;
            let message =
                Localized::new(format!("字段 {field:?} 重复"), format!("the field {field:?} is there twice"));
            let suggestion = Localized::new("删除其中一个", "remove one of them");
            problems.error_with(format!("{}.field", spec.path), message, suggestion);
        }
        let name = if parent.is_empty() { spec.field.clone() } else { format!("{parent}.{}", spec.field) };
        if let Some(content) = content(spec, &name, scope, problems) {
            let mut prefix = Vec::with_capacity(spec.field.len() + 3);
            Output::Text(Cow::Borrowed(&spec.field)).write(&mut prefix);
            prefix.push(b':');
            items.push(Item { field: spec.field.clone(), name, path: spec.path.clone(), prefix, content });
        }
    }
    items
}

fn content(spec: &Spec, name: &str, scope: &mut Scope, problems: &mut Problems) -> Option<Content> {
    let kind = match Kind::parse(&spec.kind) {
        Ok(kind) => kind,
        Err(error) => {
            report(&format!("{}.type", spec.path), error, problems);
            Kind::Text
        }
    };
    if spec.children.is_empty() {
        return scalar(spec, kind, scope, problems).map(|scalar| Content::Scalar(Box::new(scalar)));
    }
    if spec.parser.is_some() {
        let message = Localized::new("有子项的字段不能带解析器", "an item with children takes no parser");
        let suggestion = Localized::new(
            "把解析器写在子项上，或删除它",
            "give the parser to one of the children, or remove it",
        );
        problems.error_with(format!("{}.parser", spec.path), message, suggestion);
    }
    match (kind, spec.value.as_deref().map(str::trim).filter(|value| !value.is_empty())) {
        (Kind::List, Some(list)) if list.contains(['{', '}', ' ']) => {
            let bare = list.trim_matches(['{', '}', ' ']);
            let error = CompileError::new(
                format!("这里应为来源数组的名称，实际是 {list:?}"),
                format!("expected the bare name of a source list, found {list:?}"),
            );
            let error = error.suggest(format!("写 {bare}"), format!("write {bare}"));
            report(&format!("{}.value", spec.path), error, problems);
            None
        }
        (Kind::List, Some(list)) => {
            let reference = scope.enter(list);
            let items = compile(&spec.children, name, scope, problems);
            let bound = BoundList { name: list.to_owned(), list: reference, shape: scope.leave() };
            Some(Content::List(Some(bound), items))
        }
        (Kind::List, None) => Some(Content::List(None, compile(&spec.children, name, scope, problems))),
        (Kind::Object, _) => Some(Content::Object(compile(&spec.children, name, scope, problems))),
        _ => {
            let message = Localized::new(
                "有子项的字段类型应为 object 或 array",
                "an item with children is of type object or array",
            );
            let suggestion =
                Localized::new("写 type: object 或 type: array", "write type: object or type: array");
            problems.error_with(format!("{}.type", spec.path), message, suggestion);
            None
        }
    }
}

fn scalar(spec: &Spec, kind: Kind, scope: &mut Scope, problems: &mut Problems) -> Option<Scalar> {
    let mut expression = None;
    if let Some(text) = &spec.value {
        match Expression::compile(text, scope) {
            Ok(compiled) => expression = Some(compiled),
            Err(error) => report(&format!("{}.value", spec.path), error, problems),
        }
    }
    let mut parsers = Parsers::default();
    if let Some(parser) = &spec.parser {
        match Parsers::compile(parser, scope.language().blank_under_object) {
            Ok(compiled) => parsers = compiled,
            Err(error) => report(&format!("{}.parser", spec.path), error, problems),
        }
    }
    if spec.value.is_none() && spec.default.is_none() {
        if spec.required {
            let message = Localized::new("必填项没有值", "required, and has neither value nor default");
            let suggestion = Localized::new("补上 value 或 default", "add a value or a default");
            problems.error_with(spec.path.clone(), message, suggestion);
        }
        return None;
    }
    let parser = spec.parser.as_ref().map(|parser| parser.name.clone());
    // `required_missing: leave_out` lets the target decide.
    let required = spec.required && scope.language().required_missing == RequiredMissing::Reject;
    let default = spec.default.clone();
    Some(Scalar { expression, kind, default, required, parser, parsers, key_part: None })
}

/// Reports an expression or parser that cannot be compiled.
pub fn report(path: &str, error: CompileError, problems: &mut Problems) {
    match error.suggestion {
        Some(suggestion) => problems.error_with(path, error.message, suggestion),
        None => problems.error(path, error.message),
    }
}

/// Marks the scalar at `path`, such as `FCreateOrgId.FNumber`, as a part of the business key. False when there is
/// none; fields of lists that are bound to a source list are no parts of a key.
pub fn mark_key(items: &mut [Item], path: &str, part: usize) -> bool {
    for item in items {
        let Some(rest) = path.strip_prefix(item.field.as_str()) else { continue };
        let marked = match &mut item.content {
            Content::Scalar(scalar) => {
                let keys: String = scalar.parsers.keys().map(|key| format!(".{key}")).collect();
                let same = keys == rest;
                if same {
                    scalar.key_part = Some(part);
                }
                same
            }
            // A list without a source list has exactly one element.
            Content::Object(children) | Content::List(None, children) => {
                rest.strip_prefix('.').is_some_and(|rest| mark_key(children, rest, part))
            }
            Content::List(Some(_), _) => false,
        };
        if marked {
            return true;
        }
    }
    false
}

/// Every path that may be part of a business key.
pub fn key_paths(items: &[Item], paths: &mut Vec<String>) {
    for item in items {
        match &item.content {
            Content::Scalar(scalar) => {
                let keys: String = scalar.parsers.keys().map(|key| format!(".{key}")).collect();
                paths.push(format!("{}{keys}", item.name));
            }
            Content::Object(children) | Content::List(None, children) => key_paths(children, paths),
            Content::List(Some(_), _) => {}
        }
    }
}

/// Every scalar below these items, in the document's order.
pub fn scalars<'i>(items: &'i [Item], found: &mut Vec<(&'i str, &'i Scalar)>) {
    for item in items {
        match &item.content {
            Content::Scalar(scalar) => found.push((&item.name, scalar)),
            Content::Object(children) | Content::List(_, children) => scalars(children, found),
        }
    }
}
