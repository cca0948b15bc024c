//! A request with some of its items replaced: the mapping of removed records is the target's own with a few fields
//! changed (`on_delete: {request: […]}`, contract decisions "All sources").

use std::collections::BTreeSet;

use weir_model::{
    flow::{Item, TargetSpec},
    settings::{Localized, Problems},
};

/// A request laid over another.
#[derive(Debug)]
pub struct Overlay {
    /// The whole request.
    pub request: Vec<Item>,
    /// Names of the fields that were replaced, such as `Page1.FCancellation`.
    pub replaced: Vec<String>,
}

impl Overlay {
    /// Lays `items` over the target's request. An item takes the place of the one with its field; where both have
    /// children, the children do. What it cannot replace goes into `problems`.
    pub fn new(target: &TargetSpec, items: &[Item], problems: &mut Problems) -> Self {
        let mut laying = Laying { key: &target.key, replaced: Vec::new(), problems };
        let request = laying.level(&target.metadata.request, items, "");
        Self { request, replaced: laying.replaced }
    }
}

struct Laying<'l> {
    /// Paths of the business key, which must stay.
    key: &'l [String],
    replaced: Vec<String>,
    problems: &'l mut Problems,
}

impl Laying<'_> {
    fn level(&mut self, below: &[Item], items: &[Item], parent: &str) -> Vec<Item> {
        let mut level = below.to_vec();
        let mut seen = BTreeSet::new();
        for item in items.iter().filter(|item| !item.field.is_empty()) {
            if !seen.insert(item.field.as_str()) {
                let message = Localized::new(
                    format!("字段 {:?} 重复", item.field),
                    format!("the field {:?} is there twice", item.field),
                );
                let suggestion = Localized::new("删除其中一个", "remove one of them");
                self.problems.error_with(format!("{}.field", item.path), message, suggestion);
                continue;
            }
            let name =
                if parent.is_empty() { item.field.clone() } else { format!("{parent}.{}", item.field) };
            match level.iter_mut().find(|known| known.field == item.field) {
                None => self.unknown(item, &name, below),
                Some(known) if known.children.is_empty() || item.children.is_empty() => {
                    self.keep_key(item, &name);
                    *known = item.clone();
                    self.replaced.push(name);
                }
                Some(known) => known.children = self.level(&known.children, &item.children, &name),
            }
        }
        level
    }

    fn unknown(&mut self, item: &Item, name: &str, below: &[Item]) {
        let message = Localized::new(
            format!("target.metadata.request 中没有字段 {name:?}，无从替换"),
            format!("target.metadata.request has no field {name:?} that this could replace"),
        );
        let known: Vec<&str> = below.iter().map(|known| known.field.as_str()).collect();
        let suggestion = match weir_expr::nearest(&item.field, &known) {
            Some(best) => Localized::new(format!("是否想写 {best:?}？"), format!("did you mean {best:?}?")),
            None => {
                let known = known.join(", ");
                Localized::new(format!("这里可用的字段：{known}"), format!("fields here: {known}"))
            }
        };
        self.problems.error_with(format!("{}.field", item.path), message, suggestion);
    }

    /// A removal must find the document that was written, so the business key stays.
    fn keep_key(&mut self, item: &Item, name: &str) {
        let holds = |path: &str, part: &str| {
            path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let Some(key) = self.key.iter().find(|path| holds(path, name)) else { return };
        let message = Localized::new(
            format!("业务主键 {key:?} 不能替换：删除时须找到已写入的单据"),
            format!("the key {key:?} cannot be replaced: a removal must find the document that was written"),
        );
        let suggestion = Localized::new("删除这一项", "remove this item");
        self.problems.error_with(item.path.clone(), message, suggestion);
    }
}
