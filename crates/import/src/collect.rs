//! The pieces of one or more printed texts, put together into a source side and a target side.

mod example;
mod items;

use serde_json::Map;
use weir_model::Json;

use crate::{
    piece::{Evidence, Piece, Role, are_call_items, are_query_items, pieces},
    report::{Kind, Report},
    scan::Scanned,
    systems,
};

/// A side, as far as it was printed.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Its metadata.
    pub metadata: Map<String, Json>,
    /// How many pieces it was put together from.
    pub pieces: usize,
    /// Line of its first piece.
    pub line: usize,
    /// Whether its request comes from an example of a call rather than from metadata.
    pub by_example: bool,
}

/// Both sides and the prose.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// The queried side.
    pub source: Option<Side>,
    /// The written side.
    pub target: Option<Side>,
    /// Title of the text.
    pub title: Option<String>,
    /// Prose with its lines.
    pub prose: Vec<(usize, String)>,
    /// Lines where the print left something out.
    pub cuts: Vec<usize>,
}

/// The order of keys in a side that was put together from several pieces.
const ORDER: [&str; 21] = [
    "api",
    "effect",
    "type",
    "method",
    "number",
    "id",
    "name",
    "idCheck",
    "operation",
    "request",
    "otherRequest",
    "pagination",
    "condition",
    "condition_bk",
    "beatFlat",
    "formatResponse",
    "omissionRemedy",
    "response",
    "otherResponse",
    "autoFillResponse",
    "buildModel",
];

impl Side {
    /// Text under a key.
    pub fn text(&self, key: &str) -> &str {
        self.metadata.get(key).and_then(Json::as_str).unwrap_or_default()
    }

    /// The items under a key.
    pub fn items(&self, key: &str) -> &[Json] {
        self.metadata.get(key).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The items under a key, to be changed; made when there are none.
    pub fn items_mut(&mut self, key: &str) -> Option<&mut Vec<Json>> {
        self.metadata.entry(key).or_insert_with(|| Json::Array(Vec::new())).as_array_mut()
    }

    /// Puts the keys of a side of several pieces into their usual order.
    pub fn sort(&mut self) {
        if self.pieces < 2 && !self.by_example {
            return;
        }
        let place = |key: &String| ORDER.iter().position(|known| known == key).unwrap_or(ORDER.len());
        let mut members: Vec<(String, Json)> = std::mem::take(&mut self.metadata).into_iter().collect();
        members.sort_by_key(|(key, _)| place(key));
        self.metadata = members.into_iter().collect();
    }
}

/// Takes the texts apart and puts their pieces together.
pub fn collect(texts: &[&str], report: &mut Report) -> Collected {
    let mut collected = Collected::default();
    let mut later = Vec::new();
    let mut last = None;
    for text in texts {
        let scanned = Scanned::new(text);
        collected.title = collected.title.or_else(|| scanned.title());
        report.extend(scanned.left_out);
        for block in &scanned.blocks {
            report.extend(block.repairs.iter().cloned());
            collected.cuts.extend(&block.cuts);
            for piece in pieces(block) {
                match piece {
                    Piece::Metadata(role, evidence, members) => {
                        if evidence == Evidence::Keys {
                            assume_side(role, &members, block.line, report);
                        }
                        collected.add(role, &members, block.line, report);
                        last = Some(role);
                    }
                    other => later.push((other, block.line, last)),
                }
            }
        }
        collected.prose.extend(scanned.prose);
    }
    // Examples and loose items only fill what the metadata leaves open, wherever they stand.
    later.sort_by_key(|(piece, ..)| rank(piece));
    for (piece, line, before) in later {
        collected.add_later(piece, line, before, report);
    }
    for side in [&mut collected.source, &mut collected.target].into_iter().flatten() {
        side.sort();
    }
    collected
}

/// Containers come before the loose items that may belong into them.
fn rank(piece: &Piece) -> u8 {
    match piece {
        Piece::Items(items) if items.iter().any(|item| item.get("children").is_some()) => 1,
        Piece::Items(_) => 2,
        _ => 0,
    }
}

fn assume_side(role: Role, members: &Map<String, Json>, line: usize, report: &mut Report) {
    let keys: Vec<&str> = members.keys().map(String::as_str).collect();
    let (keys, zh) = (keys.join(", "), if role == Role::Source { "来源" } else { "目标" });
    report.add(
        Kind::Assumed,
        Some(line),
        format!("按键名（{keys}）判断此片段属于{zh}"),
        format!("by its keys ({keys}) this piece is taken for a part of the {}", role.as_str()),
    );
}

impl Collected {
    fn side(&mut self, role: Role, line: usize) -> &mut Side {
        let side = match role {
            Role::Source => &mut self.source,
            Role::Target => &mut self.target,
        };
        let side = side.get_or_insert_with(|| Side { line, ..Side::default() });
        side.pieces += 1;
        side
    }

    fn add(&mut self, role: Role, members: &Map<String, Json>, line: usize, report: &mut Report) {
        let side = self.side(role, line);
        for (key, value) in members {
            items::merge_key(&mut side.metadata, key, value, line, report);
        }
    }

    fn add_later(&mut self, piece: Piece, line: usize, before: Option<Role>, report: &mut Report) {
        match piece {
            Piece::Metadata(..) => {}
            Piece::Either(members) => self.add_either(&members, line, before, report),
            Piece::QueryExample(example) => self.add_query(&example, line, report),
            Piece::DocumentExample(document) => {
                let read = example::document_items(&document, report);
                report.add(
                    Kind::Assumed,
                    Some(line),
                    "打印的是单据示例：按字段还原为 request 的项目",
                    "an example of a document is printed: its fields are read as items of the request",
                );
                let side = self.side(Role::Target, line);
                items::place(side, read, line, report);
            }
            Piece::CallExample(members) => {
                let read = example::call_items(&members);
                let side = self.side(Role::Target, line);
                items::merge_list(&mut side.metadata, "otherRequest", read, line, report);
            }
            Piece::Items(loose) => self.add_items(loose, line, report),
            Piece::Unknown(keys) => report.add(
                Kind::LeftOut,
                Some(line),
                format!("不是元数据的 JSON（键：{}），未采用", keys.join(", ")),
                format!("JSON that is no metadata (keys: {}): left out", keys.join(", ")),
            ),
        }
    }

    fn add_either(
        &mut self,
        members: &Map<String, Json>,
        line: usize,
        before: Option<Role>,
        report: &mut Report,
    ) {
        let role = before.unwrap_or(if self.target.is_some() { Role::Target } else { Role::Source });
        let known = match role {
            Role::Source => self.source.as_ref(),
            Role::Target => self.target.as_ref(),
        };
        let says_nothing_new = known
            .is_some_and(|side| members.iter().all(|(key, value)| side.metadata.get(key) == Some(value)));
        if !says_nothing_new {
            assume_side(role, members, line, report);
            self.add(role, members, line, report);
        }
    }

    fn add_query(&mut self, example: &Map<String, Json>, line: usize, report: &mut Report) {
        let known = self.source.as_ref();
        let api = example.get("api").and_then(Json::as_str).unwrap_or_default();
        if systems::target_system(api, "").is_some() {
            report.add(
                Kind::LeftOut,
                Some(line),
                format!("写入接口 {api} 的调用示例，未采用"),
                format!("an example of a call of {api}, which writes: left out"),
            );
            return;
        }
        if known.is_some_and(|side| !side.by_example && side.metadata.contains_key("request")) {
            report.add(
                Kind::LeftOut,
                Some(line),
                "来源的调用示例：已有元数据，不采用示例",
                "an example of the source's call: the metadata is there, the example is left out",
            );
            return;
        }
        report.add(
            Kind::Assumed,
            Some(line),
            "打印的是调用示例：参数按 request 的项目还原",
            "an example of the call is printed: its parameters are read as items of the request",
        );
        let window = systems::source(api).map(|row| row.window);
        let params = example.get("params").and_then(Json::as_object).cloned().unwrap_or_default();
        let read = example::query_items(&params, window, line, report);
        let fixed = example::fixed_values(&read);
        if !fixed.is_empty() {
            report.add(
                Kind::Assumed,
                Some(line),
                format!("示例中的固定参数值照抄，请确认是否需要：{fixed}"),
                format!(
                    "fixed values of the example's parameters are kept; see whether they are meant: {fixed}"
                ),
            );
        }
        let side = self.side(Role::Source, line);
        side.by_example = true;
        for (key, value) in example.iter().filter(|(key, _)| *key != "params") {
            items::merge_key(&mut side.metadata, key, value, line, report);
        }
        items::merge_list(&mut side.metadata, "request", read, line, report);
    }

    fn add_items(&mut self, loose: Vec<Json>, line: usize, report: &mut Report) {
        if are_call_items(&loose) {
            let side = self.side(Role::Target, line);
            items::merge_list(&mut side.metadata, "otherRequest", loose, line, report);
        } else if are_query_items(&loose) {
            let side = self.side(Role::Source, line);
            items::merge_list(&mut side.metadata, "request", loose, line, report);
        } else {
            let side = self.side(Role::Target, line);
            items::place(side, loose, line, report);
        }
    }
}
