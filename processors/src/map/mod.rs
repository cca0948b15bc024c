//! The mapping of a flow: the target's request tree, compiled, and the document it writes.

mod column;
mod item;
mod rows;
#[cfg(test)]
mod tests;
mod tree;

use weir_expr::{Context, Scope};
use weir_model::{
    flow::{FlowSpec, TableSpec},
    outcome::Refusal,
    settings::{Fields, Localized, Problems},
};

use self::{item::Item, rows::Rows, tree::TreeWriter};
use crate::{filter::RowMasks, flatten::Flatten, key::KeyParts};

/// Targets whose documents are rows.
const SQL_SYSTEMS: [&str; 2] = ["mysql", "sqlite"];

/// A compiled request tree.
#[derive(Debug)]
pub struct Mapping {
    /// Paths of the business key.
    key: Vec<String>,
    form: Form,
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
        let mut items = item::compile(request, "", scope, problems);
        let form = if SQL_SYSTEMS.contains(&target.system.as_str()) {
            let mut read = problems.fork();
            let mut fields = Fields::of(&target.settings, "target.settings", &mut read);
            let table = TableSpec::read(&mut fields, &target.key, &mut read);
            // The sink reads the same settings and may have reported the same problems.
            problems.merge(read);
            Form::Rows(Rows::compile(items, table, target, problems))
        } else {
            if !flow.source.metadata.beat_flat.is_empty() {
                let message = Localized::new(
                    "beatFlat 到 ERP 单据需要 groupCalculate，本版本尚不支持",
                    "beatFlat into an ERP document needs groupCalculate, which this version does not support",
                );
                problems.error(format!("{}.beatFlat", flow.source.metadata.path), message);
            }
            for (part, path) in target.key.iter().enumerate() {
                if !item::mark_key(&mut items, path, part) {
                    unknown_key_path(path, &items, problems);
                }
            }
            Form::Document(items)
        };
        Self { key: target.key.clone(), form }
    }

    /// Maps a record whose head stands in `context`: the business key and the body.
    pub fn run<'a>(
        &'a self,
        flatten: &'a Flatten,
        context: &mut Context<'_, 'a>,
        masks: &RowMasks,
    ) -> Result<(String, Vec<u8>), Refusal> {
        let mut key = KeyParts::new(&self.key);
        let mut body = Vec::with_capacity(1024);
        match &self.form {
            Form::Document(items) => TreeWriter::new(&mut body, &mut key, masks).object(items, context)?,
            Form::Rows(rows) => {
                body.extend_from_slice(b"{\"rows\":[");
                let mut first = true;
                flatten.rows(context, masks, &mut |context| {
                    if !std::mem::take(&mut first) {
                        body.push(b',');
                    }
                    rows.write(context, &mut key, &mut body)
                })?;
                body.extend_from_slice(b"]}");
            }
        }
        Ok((key.join()?, body))
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
