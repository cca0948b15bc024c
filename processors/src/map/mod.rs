//! The mapping of a flow: the target's request tree, compiled, and the document it writes.

mod column;
mod item;
mod lists;
mod making;
mod overlay;
mod rows;
#[cfg(test)]
mod tests;
mod tree;

use std::sync::atomic::AtomicUsize;

use weir_expr::{Expression, Scope};
use weir_model::{
    flow::{FlowSpec, TableSpec, TargetSpec},
    lookup::LookupIndex,
    settings::{Fields, Localized, Problems},
};

use self::{item::Item, rows::Rows};
pub use self::{
    item::{BoundList, Scalar, report},
    making::Making,
    overlay::Overlay,
};
use crate::explain::FieldInfo;

/// Targets whose documents are rows, unless the flow runs statements of its own.
const SQL_SYSTEMS: [&str; 2] = ["mysql", "sqlite"];

/// Whether the documents for a target are rows of one table.
pub fn takes_rows(target: &TargetSpec) -> bool {
    SQL_SYSTEMS.contains(&target.system.as_str()) && !target.runs_statements()
}

/// A compiled request tree.
#[derive(Debug)]
pub struct Mapping {
    /// Paths of the business key.
    key: Vec<String>,
    form: Form,
    /// Bytes of the document that was made last: the next one is likely as long.
    usual_body: AtomicUsize,
}

#[derive(Debug)]
enum Form {
    /// One JSON object.
    Document(Vec<Item>),
    /// Rows of a table.
    Rows(Rows),
}

impl Mapping {
    /// Compiles the target's side of a flow against the fields of its source.
    pub fn compile(flow: &FlowSpec, scope: &mut Scope, problems: &mut Problems) -> Self {
        let target = &flow.target;
        let request = &target.metadata.request;
        if request.is_empty() {
            let message = Localized::new("没有映射任何字段", "no field is mapped");
            let suggestion =
                Localized::new("写 request: [{field: …, value: …}]", "write request: [{field: …, value: …}]");
            problems.error_with(format!("{}.request", target.metadata.path), message, suggestion);
        }
        lists::check(request, problems);
        let mut items = item::compile(request, "", scope, problems);
        let form = if takes_rows(target) {
            let mut read = problems.fork();
            let mut fields = Fields::of(&target.settings, "target.settings", &mut read);
            let table = TableSpec::read(&mut fields, &target.key, &mut read);
            // The sink reads the same settings and may have reported the same problems.
            problems.merge(read);
            Form::Rows(Rows::compile(items, table, target, problems))
        } else {
            for (part, path) in target.key.iter().enumerate() {
                if !item::mark_key(&mut items, path, part) {
                    unknown_key_path(path, &items, problems);
                }
            }
            warn_same_key(flow, problems);
            Form::Document(items)
        };
        Self { key: target.key.clone(), form, usual_body: AtomicUsize::new(1024) }
    }

    /// Every field, in the document's order.
    pub fn fields(&self) -> Vec<FieldInfo> {
        match &self.form {
            Form::Rows(rows) => rows.fields(),
            Form::Document(items) => {
                let mut scalars = Vec::new();
                item::scalars(items, &mut scalars);
                scalars.into_iter().map(|(path, scalar)| FieldInfo::new(path, Some(scalar))).collect()
            }
        }
    }

    /// What its expressions look up.
    pub fn lookups(&self) -> Vec<LookupIndex> {
        let mut scalars = Vec::new();
        match &self.form {
            Form::Rows(rows) => scalars.extend(rows.scalars()),
            Form::Document(items) => {
                let mut named = Vec::new();
                item::scalars(items, &mut named);
                scalars.extend(named.into_iter().map(|(_, scalar)| scalar));
            }
        }
        scalars.into_iter().filter_map(Scalar::expression).flat_map(Expression::lookups).collect()
    }
}

impl FieldInfo {
    fn new(path: &str, scalar: Option<&Scalar>) -> Self {
        let expression = scalar.and_then(Scalar::expression);
        Self {
            path: path.to_owned(),
            expression: expression.map(|expression| expression.text().to_owned()),
            branches: expression.map(|expression| expression.branches().to_vec()).unwrap_or_default(),
        }
    }
}

/// Rows that become documents of their own need keys of their own: the target would refuse the second one.
fn warn_same_key(flow: &FlowSpec, problems: &mut Problems) {
    let (lists, target) = (&flow.source.metadata.beat_flat, &flow.target);
    let merges = target.metadata.operation.as_ref().is_some_and(|operation| operation.method == "merge");
    if lists.is_empty() || merges || target.metadata.group.is_some() {
        return;
    }
    let of_row = |path: &str| lists.iter().any(|list| path.starts_with(&format!("{list}_")));
    let parts = target.key.iter().filter_map(|path| path.split('.').next());
    let items = parts.filter_map(|field| target.metadata.request.iter().find(|item| item.field == field));
    let mut texts = items
        .flat_map(|item| std::iter::once(item).chain(&item.children))
        .filter_map(|item| item.value.as_deref());
    if texts.any(|text| lists::macros(text).any(of_row)) {
        return;
    }
    let message = Localized::new(
        "每个明细行各成一张单据，但业务主键不含明细字段：同一记录的单据主键会相同",
        "every flat row is a document of its own, and the business key reads no field of the row: the documents of \
         one record will have the same key",
    );
    let list = lists.first().map(String::as_str).unwrap_or_default();
    let suggestion = Localized::new(
        format!("在主键字段中加入明细字段，如 {{{list}_…}}；或用 groupCalculate 合成一张单据"),
        format!("let the key read a field such as {{{list}_…}}, or make one document by groupCalculate"),
    );
    problems.warn_with("target.key", message, suggestion);
}

fn unknown_key_path(path: &str, items: &[Item], problems: &mut Problems) {
    let mut known = Vec::new();
    item::key_paths(items, &mut known);
    let message = Localized::new(
        format!("主键 {path:?} 不是所映射的字段"),
        format!("the key {path:?} is no field of the document"),
    );
    let near = weir_expr::nearest(path, &known.iter().map(String::as_str).collect::<Vec<_>>());
    let suggestion = match near {
        Some(best) => Localized::new(format!("是否想写 {best:?}？"), format!("did you mean {best:?}?")),
        None => {
            let known = known.join(", ");
            Localized::new(format!("可用的字段：{known}"), format!("fields: {known}"))
        }
    };
    problems.error_with("target.key", message, suggestion);
}
