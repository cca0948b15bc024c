//! The mapping of a flow: the target's request tree, compiled, and the document it writes.

mod column;
mod item;
mod lists;
mod making;
mod rows;
#[cfg(test)]
mod tests;
mod tree;

use std::sync::atomic::AtomicUsize;

use weir_expr::{Expression, Scope};
use weir_model::{
    flow::{FlowSpec, TableSpec},
    lookup::LookupIndex,
    settings::{Fields, Localized, Problems},
};

use self::{item::Item, rows::Rows};
pub use self::{
    item::{BoundList, Scalar, report},
    making::Making,
};
use crate::explain::FieldInfo;

/// Targets whose documents are rows.
const SQL_SYSTEMS: [&str; 2] = ["mysql", "sqlite"];

/// Whether the documents for a system are rows.
pub fn is_sql(system: &str) -> bool {
    SQL_SYSTEMS.contains(&system)
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
            problems.error(format!("{}.request", target.metadata.path), message);
        }
        lists::check(request, problems);
        let mut items = item::compile(request, "", scope, problems);
        let form = if is_sql(&target.system) {
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
