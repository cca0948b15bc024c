//! `reconcile:`: which fields of a record tell its day, shop, pieces and money, and which of its document hold the same at
//! the target, so that both sides can be counted and compared.

use std::time::Duration;

use super::TargetSpec;
use crate::{
    Json,
    figures::{Measure, Paths},
    settings::{Fields, Localized, Problems, nearest},
};

/// What `weir reconcile` compares.
#[derive(Clone, Debug, PartialEq)]
pub struct ReconcileSpec {
    /// Field of the source's record with the day that it belongs to, a local time of the connection's zone or milliseconds;
    /// and what it counts. The paths are those of the record as the source sent it, before it is flattened.
    pub source: Paths,
    /// The same at the target: columns of a table, or paths in the document. Without a day, rows too many are not looked
    /// for.
    pub target: Paths,
    /// How long after its day a record may still change: so far a census reads the source. `None` for up to now, or, when the
    /// day is the record's time of modification, for the day alone.
    pub changes_for: Option<Duration>,
}

impl ReconcileSpec {
    /// Reads `reconcile:`; `None` when the flow has none.
    pub(super) fn read(
        fields: &mut Fields<'_>,
        target: &TargetSpec,
        problems: &mut Problems,
    ) -> Option<Self> {
        fields.get("reconcile")?;
        let mut inner = fields.mapping("reconcile", problems);
        let path = inner.path_of("target");
        let mut there = inner.mapping("target", problems);
        let target_paths = paths(&mut there, false, problems);
        there.finish(problems);
        let source = paths(&mut inner, true, problems);
        let has_limit = inner.get("changes_for").is_some();
        let spec = Self {
            source,
            target: target_paths,
            changes_for: has_limit.then(|| inner.duration("changes_for", Duration::ZERO, problems)),
        };
        inner.finish(problems);
        spec.check_sides(&path, problems);
        spec.check_target(&path, target, problems);
        Some(spec)
    }

    /// What is counted on one side only cannot be compared.
    fn check_sides(&self, path: &str, problems: &mut Problems) {
        let sides = [
            ("pieces", self.source.pieces.is_some(), self.target.pieces.is_some()),
            ("amount", self.source.amount.is_some(), self.target.amount.is_some()),
        ];
        for (name, here, there) in sides {
            if there && !here {
                let message =
                    Localized::new("来源一侧没有对应的字段", "has no counterpart on the side of the source");
                let hint = format!("reconcile.{name}");
                let hint = Localized::new(format!("补上 {hint}"), format!("add {hint}"));
                problems.error_with(format!("{path}.{name}"), message, hint);
            }
        }
        let lists: Vec<&str> = [&self.target.pieces, &self.target.amount]
            .into_iter()
            .flatten()
            .filter_map(Measure::list)
            .filter(|list| !list.is_empty())
            .collect();
        if let [one, other] = lists.as_slice()
            && one != other
        {
            let message = Localized::new(
                format!("{one} 与 {other} 是两个明细，不能一起读回"),
                format!("{one} and {other} are two lists, which cannot be read back together"),
            );
            problems.error(path, message);
        }
    }

    /// The fields must be there: columns of the table, or items of the mapping.
    fn check_target(&self, path: &str, target: &TargetSpec, problems: &mut Problems) {
        let known = known_fields(target);
        if known.is_empty() {
            return;
        }
        let words: Vec<&str> = known.iter().map(String::as_str).collect();
        for (key, field) in self.target.named() {
            if known.iter().any(|known| known == field) {
                continue;
            }
            let message = Localized::new(
                format!("目标没有字段 {field:?}"),
                format!("the target has no field {field:?}"),
            );
            let at = format!("{path}.{key}");
            match nearest(field, &words) {
                Some(best) => {
                    let hint = Localized::new(format!("是否想写 {best}？"), format!("did you mean {best}?"));
                    problems.error_with(at, message, hint);
                }
                None => problems.error(at, message),
            }
        }
    }
}

fn paths(fields: &mut Fields<'_>, day_is_needed: bool, problems: &mut Problems) -> Paths {
    let day = if day_is_needed {
        Some(fields.required_text("day", problems))
    } else {
        fields.text("day", problems)
    };
    Paths {
        day,
        shop: fields.text("shop", problems),
        pieces: measure(fields, "pieces", problems),
        amount: measure(fields, "amount", problems),
    }
}

fn measure(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Option<Measure> {
    let at = fields.path_of(key);
    let (text, is_summed) = match fields.get(key)? {
        Json::String(text) => (text.clone(), false),
        Json::Object(_) => {
            let mut inner = fields.mapping(key, problems);
            let text = inner.required_text("sum", problems);
            inner.finish(problems);
            if text.is_empty() {
                return None;
            }
            (text, true)
        }
        _ => (String::new(), true),
    };
    let measure = Measure::parse(&text, is_summed);
    if measure.is_none() {
        let message =
            Localized::new("应为字段名，或 {sum: 明细.字段}", "expected a field, or {sum: list.field}");
        let hint = "{sum: goods.num * goods.price}";
        problems.error_with(at, message, Localized::new(format!("如 {hint}"), format!("such as {hint}")));
    }
    measure
}

/// The fields of what is written: columns, else paths of the mapping's items. Empty when these cannot be listed.
fn known_fields(target: &TargetSpec) -> Vec<String> {
    if let Some(columns) = target.settings.get("columns").and_then(Json::as_array) {
        let name = |column: &Json| column.get("name").and_then(Json::as_str).map(str::to_owned);
        return columns.iter().filter_map(name).collect();
    }
    let mut known = Vec::new();
    items(&target.metadata.request, "", &mut known);
    known
}

fn items(items: &[super::Item], above: &str, known: &mut Vec<String>) {
    for item in items {
        let path = if above.is_empty() { item.field.clone() } else { format!("{above}.{}", item.field) };
        // A parser makes the object itself, such as {FNumber: …}.
        let inner = item.parser.as_ref().and_then(|parser| parser.params.as_deref());
        known.extend(inner.map(|inner| format!("{path}.{inner}")));
        self::items(&item.children, &path, known);
        known.push(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::FlowSpec;

    fn read(reconcile: &str) -> (Option<ReconcileSpec>, Vec<String>) {
        let text = format!(
            "version: 1\nflow: a\nsource: {{name: s, system: x, metadata: {{api: /a, id: id}}}}\n\
             target: {{system: mysql, key: [id], settings: {{table: t, columns: [{{name: id}}, {{name: made}}, \
             {{name: num}}, {{name: price}}]}}, metadata: {{api: x}}}}\nreconcile: {reconcile}\n"
        );
        let mut problems = Problems::new("f.yaml");
        let spec = FlowSpec::parse(&text, &mut problems).unwrap().reconcile;
        let reported = problems.list().iter();
        let paths = reported.map(|problem| problem.path.clone()).filter(|path| path.starts_with("reconcile"));
        (spec, paths.collect())
    }

    #[test]
    fn both_sides_are_read() {
        let (spec, problems) = read(
            "{day: created, shop: shop_no, pieces: {sum: goods.num}, changes_for: 30d, amount: {sum: goods.num * goods.price}, \
             target: {day: made, pieces: {sum: num}, amount: {sum: num * price}}}",
        );
        assert_eq!(problems, Vec::<String>::new());
        let spec = spec.unwrap();
        assert_eq!(spec.source.day.as_deref(), Some("created"));
        assert_eq!(spec.changes_for, Some(Duration::from_secs(30 * 86_400)));
        assert_eq!(spec.target.amount, Measure::parse("num * price", true));
    }

    #[test]
    fn what_cannot_be_compared_is_told() {
        for (bad, paths) in [
            ("{shop: x}", &["reconcile.day"][..]),
            ("{day: d, target: {day: mad}}", &["reconcile.target.day"]),
            ("{day: d, target: {amount: price}}", &["reconcile.target.amount"]),
            ("{day: d, pieces: {max: num}}", &["reconcile.pieces.sum", "reconcile.pieces.max"]),
            ("{day: d, pieces: 7}", &["reconcile.pieces"]),
            ("{day: d, pieces: a * }", &["reconcile.pieces"]),
            ("{day: d, piece: num}", &["reconcile.piece"]),
        ] {
            assert_eq!(read(bad).1, paths, "{bad}");
        }
        assert_eq!(read("{day: d}").1, Vec::<String>::new());
    }
}
