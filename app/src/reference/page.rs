//! The page in one language. `docs/language.md` and `docs/language.zh-CN.md` are what this gives.

use std::fmt::Write as _;

use weir_expr::reference::{DIFFERENCES, Entry, Group, NoteKind, entries};
use weir_model::flow::Language as Settings;
use weir_processors::{
    codes,
    reference::{CALCULATIONS, OPERATORS},
};

use super::{
    examples::{CHECKS, FILTERED, NOTHING, REFUSED, SETTINGS},
    markdown::{anchor, code, table, text},
};
use crate::{
    cli::Language,
    schema::{File, Key, Object, Shape},
};

/// Writes the page.
pub fn page(language: Language) -> String {
    let mut page = Page { language, text: String::new() };
    page.introduction();
    page.contents();
    for group in Group::ALL {
        page.group(group);
    }
    page.operators();
    page.metadata();
    page.calculations();
    page.beside();
    page.settings();
    page.differences();
    page.assumptions();
    page.codes();
    let trimmed = page.text.trim_end().len();
    page.text.truncate(trimmed);
    page.text.push('\n');
    page.text
}

struct Page {
    language: Language,
    text: String,
}

/// Parts behind those of the expression language: anchor, Chinese, English.
const PARTS: [(&str, &str, &str); 8] = [
    ("conditions", "条件运算符", "Operators of condition"),
    ("metadata", "元数据的键", "Keys of metadata"),
    ("calculations", "groupCalculate 的算法", "Calculations of groupCalculate"),
    ("beside", "检查、查询与别名", "Checks, lookups, aliases"),
    ("settings", "语言设置", "Settings of the language"),
    ("differences", "与 MySQL 的不同", "Differences from MySQL"),
    ("assumptions", "假定一览", "Assumptions"),
    ("codes", "拒绝记录的错误码", "Codes of refusals"),
];

/// The mappings of pasted metadata: name, Chinese, English.
const METADATA: [(&str, &str, &str); 9] = [
    ("source_metadata", "来源侧 source.metadata", "The source's side, source.metadata"),
    ("target_metadata", "目标侧 target.metadata", "The target's side, target.metadata"),
    ("item", "request 与 otherRequest 的一项", "An item of request or otherRequest"),
    ("parser", "parser", "parser"),
    ("condition", "condition 的一项", "A condition"),
    ("derived_field", "formatResponse 的一项", "An item of formatResponse"),
    ("operation", "operation", "operation"),
    ("group_calculate", "groupCalculate", "groupCalculate"),
    ("omission_remedy", "omissionRemedy", "omissionRemedy"),
];

impl Page {
    fn pick<'t>(&self, zh: &'t str, en: &'t str) -> &'t str {
        match self.language {
            Language::Zh => zh,
            Language::En => en,
        }
    }

    fn paragraph(&mut self, zh: &str, en: &str) {
        let text = self.pick(zh, en).to_owned();
        let _ = writeln!(self.text, "{text}\n");
    }

    fn heading(&mut self, depth: usize, id: &str, zh: &str, en: &str) {
        let title = self.pick(zh, en).to_owned();
        let _ = writeln!(self.text, "{} {} {title}\n", "#".repeat(depth), anchor(id));
    }

    fn part(&mut self, id: &str) {
        if let Some((_, zh, en)) = PARTS.iter().find(|(known, ..)| *known == id) {
            self.heading(2, id, zh, en);
        }
    }

    fn introduction(&mut self) {
        self.paragraph("# 映射语言", "# The mapping language");
        self.paragraph(
            "<!-- 由 cargo xtask generate 生成，请勿手改。 -->\n\nEnglish: [language.md](language.md)",
            "<!-- Written by cargo xtask generate; do not edit. -->\n\n中文：[language.zh-CN.md](language.zh-CN.md)",
        );
        self.paragraph(
            "流程文件的两个 `metadata` 用轻易云平台的元数据语言写成，在流程加载时编译一次。本页由编译器所用的表生成，每个例子都作为测试运行；`weir describe language` 显示的就是本页，加 `--json` 供程序读取。",
            "The two `metadata` sections of a flow file are written in the metadata language of the 轻易云 platform and compiled once, when the flow is loaded. This page is made from the tables that the compiler uses, and every example is run as a test. `weir describe language` prints it, `--json` for programs.",
        );
        self.paragraph(
            "例子写作 *表达式* · *记录* → *结果*，其中 NOW() 为 2024-03-14 16:00:00；结果是一句英文说明的，表示该记录被拒绝。标记：**≠** 有意与 MySQL 不同；**◐** 没有公开资料，是 Weir 的假定，多数可由[语言设置](#settings)更改；**ⓘ** 值得知道。",
            "Examples are written *expression* · *record* → *result*; NOW() is 2024-03-14 16:00:00 in them. A result that is a sentence is the reason for which the record is refused. Marks: **≠** differs from MySQL on purpose; **◐** no public source says it, Weir assumes it, and a [setting](#settings) changes most of these; **ⓘ** good to know.",
        );
    }

    fn contents(&mut self) {
        let groups = Group::ALL.map(Group::title);
        for (id, zh, en) in groups.into_iter().chain(PARTS) {
            let title = self.pick(zh, en).to_owned();
            let names: Vec<String> = entries()
                .filter(|entry| entry.group.title().0 == id && id != "operators")
                .map(|entry| format!("[{}](#{})", text(entry.name), id_of(entry)))
                .collect();
            let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(" ")) };
            let _ = writeln!(self.text, "- [{title}](#{id}){names}");
        }
        self.text.push('\n');
    }

    fn group(&mut self, group: Group) {
        let (id, zh, en) = group.title();
        self.heading(2, id, zh, en);
        let head = [self.pick("写法", "Written"), self.pick("含义", "Means"), self.pick("例子", "Examples")];
        let rows: Vec<Vec<String>> =
            entries().filter(|entry| entry.group == group).map(|entry| self.entry(entry)).collect();
        table(&mut self.text, &head, rows);
    }

    fn entry(&self, entry: &Entry) -> Vec<String> {
        let mut written = format!("{}{}", anchor(&id_of(entry)), code(entry.name));
        if entry.signature != entry.name {
            let _ = write!(written, "<br>{}", code(entry.signature));
        }
        for alias in entry.aliases {
            let _ = write!(written, "<br>= {}", code(alias));
        }
        let mut means = text(self.pick(entry.zh, entry.en));
        if let Some(note) = entry.note {
            let mark = match note.kind {
                NoteKind::Difference => "≠",
                NoteKind::Assumption => "◐",
                NoteKind::Remark => "ⓘ",
            };
            let _ = write!(means, "<br>**{mark}** {}", text(self.pick(note.zh, note.en)));
        }
        let examples: Vec<String> = entry
            .examples
            .iter()
            .map(|example| {
                let given = match (entry.group, example.record) {
                    (Group::Type, record) => code(record),
                    (_, "{}") => code(example.expression),
                    (_, record) => format!("{} · {}", code(example.expression), code(record)),
                };
                let empty = self.pick("空文本", "empty text").to_owned();
                let result = if example.result.is_empty() { empty } else { code(example.result) };
                format!("{given} → {result}")
            })
            .collect();
        vec![written, means, examples.join("<br>")]
    }

    fn operators(&mut self) {
        self.part("conditions");
        self.paragraph(
            "`condition` 是列表的列表：外层为“或”，内层为“且”。`字段` 为 `数组.字段` 时逐行判断：不符的行被去掉，`strictMode` 时去掉整条记录。",
            "`condition` is a list of lists: the outer one is or, an inner one is and. Where `field` is `list.field` each row is judged: rows that fail are removed, with `strictMode` the whole record.",
        );
        let head = [
            "logic",
            self.pick("含义", "Means"),
            "value",
            self.pick("符合", "Holds for"),
            self.pick("不符合", "Fails for"),
        ];
        let rows: Vec<Vec<String>> = OPERATORS
            .iter()
            .map(|operator| {
                let mark = if operator.assumed { " **◐**" } else { "" };
                let value = if operator.value.is_empty() { "–".to_owned() } else { code(operator.value) };
                let means = text(self.pick(operator.zh, operator.en));
                let id = format!("condition-{}", operator.name);
                vec![
                    format!("{}{}{mark}", anchor(&id), code(operator.name)),
                    means,
                    value,
                    code(operator.holds),
                    code(operator.fails),
                ]
            })
            .collect();
        table(&mut self.text, &head, rows);
    }

    fn metadata(&mut self) {
        self.part("metadata");
        self.paragraph(
            "元数据原样粘贴即可。不认识的键保留并给出警告，不起作用；编辑器能按[模式文件](editor.zh-CN.md)补全这些键。",
            "Metadata is pasted as it is. An unknown key is kept, with a warning and without effect; an editor completes the keys by the [schemas](editor.md).",
        );
        let objects = File::Flow.objects();
        for (name, zh, en) in METADATA {
            self.heading(3, &format!("key-{}", name.replace('_', "-")), zh, en);
            self.keys(&objects, name);
        }
    }

    fn keys(&mut self, objects: &[Object], name: &str) {
        let Some(object) = objects.iter().find(|object| object.name == name) else { return };
        let head = [
            self.pick("键", "Key"),
            self.pick("内容", "Holds"),
            self.pick("缺省", "Default"),
            self.pick("含义", "Means"),
        ];
        let rows: Vec<Vec<String>> =
            object.keys.iter().filter(|key| !key.is_idle).map(|key| self.key(key)).collect();
        table(&mut self.text, &head, rows);
        let idle: Vec<String> =
            object.keys.iter().filter(|key| key.is_idle).map(|key| code(key.name)).collect();
        if !idle.is_empty() {
            let list = idle.join(" ");
            self.paragraph(&format!("接受但不起作用：{list}"), &format!("Accepted, without effect: {list}"));
        }
    }

    fn key(&self, key: &Key) -> Vec<String> {
        let default = match (key.is_required, key.default) {
            (true, _) => self.pick("必填", "required").to_owned(),
            (false, "") => "–".to_owned(),
            (false, json) => code(json.trim_matches('"')),
        };
        vec![code(key.name), self.holds(&key.shape), default, text(self.pick(key.zh, key.en))]
    }

    fn holds(&self, shape: &Shape) -> String {
        match shape {
            Shape::Text | Shape::Like(_) => self.pick("文本", "text").to_owned(),
            Shape::Name => self.pick("名称", "a name").to_owned(),
            Shape::Flag => "`true` / `false`".to_owned(),
            Shape::True => "`true`".to_owned(),
            Shape::Count(low, high) => format!("{low} – {high}"),
            Shape::Duration => self.pick("时长，如 `60s`", "a duration such as `60s`").to_owned(),
            Shape::Choice(words) | Shape::Word(words) if words.len() <= 8 => {
                words.iter().map(|word| code(word)).collect::<Vec<_>>().join(" ")
            }
            Shape::Choice(_) | Shape::Word(_) => self.pick("一个词", "a word").to_owned(),
            Shape::Names => {
                self.pick("字段名：列表，或逗号分隔的文本", "names: a list, or text with commas").to_owned()
            }
            Shape::List(of) => format!("{}{}", self.pick("列表：", "a list: "), self.holds(of)),
            Shape::Map(of) => format!("{}{}", self.pick("键值：", "by name: "), self.holds(of)),
            Shape::Object(name) => {
                let name = name.replace('_', "-");
                let is_here = METADATA.iter().any(|(known, ..)| known.replace('_', "-") == name);
                let title = code(&name);
                if is_here {
                    format!("[{title}](#key-{name})")
                } else {
                    self.pick("键值映射", "a mapping").to_owned()
                }
            }
            Shape::Either(shapes) => shapes
                .iter()
                .map(|shape| self.holds(shape))
                .collect::<Vec<_>>()
                .join(self.pick("，或 ", ", or ")),
            Shape::Any => self.pick("任意", "anything").to_owned(),
        }
    }

    fn calculations(&mut self) {
        self.part("calculations");
        let head = [
            self.pick("算法", "Calculation"),
            self.pick("含义", "Gives"),
            self.pick("对 10、2、10", "Over 10, 2 and 10"),
        ];
        let row = |calculation: &weir_processors::reference::Calculation| {
            let gives = text(self.pick(calculation.zh, calculation.en));
            vec![code(calculation.name), gives, code(calculation.example)]
        };
        let rows: Vec<Vec<String>> = CALCULATIONS.iter().map(row).collect();
        table(&mut self.text, &head, rows);
    }

    /// Our own keys that the mapping rests on.
    fn beside(&mut self) {
        self.part("beside");
        let objects = File::Flow.objects();
        self.heading(3, "checks", "checks 的一项", "An item of checks");
        self.paragraph(
            "每个检查恰好有一种规则。`reject` 级未通过的记录以 `M-CHECK` 被拒绝；`warn` 级只计数。",
            "A check has exactly one rule. A record that fails one of severity `reject` is refused with `M-CHECK`; one of severity `warn` is only counted.",
        );
        self.keys(&objects, "check");
        let head = [
            self.pick("规则", "Rule"),
            self.pick("例子", "Example"),
            self.pick("符合", "Holds for"),
            self.pick("不符合", "Fails for"),
        ];
        let row = |example: &super::examples::CheckExample| {
            [example.rule, example.check, example.holds, example.fails].map(code).to_vec()
        };
        let rows: Vec<Vec<String>> = CHECKS.iter().map(row).collect();
        table(&mut self.text, &head, rows);
        self.heading(3, "lookups", "lookups 下的每个集合", "A collection under lookups");
        self.keys(&objects, "lookup");
        self.heading(3, "aliases", "aliases", "aliases");
        self.paragraph(
            "`aliases: {f9720649-…: shops}` 让表达式中的名称（如方案的 UUID）指向 `weir.yaml` 中声明的集合。",
            "`aliases: {f9720649-…: shops}` lets a name in expressions, such as the UUID of a scheme, mean a collection that `weir.yaml` declares.",
        );
    }

    fn settings(&mut self) {
        self.part("settings");
        self.paragraph(
            "写在流程文件的 `language:` 下。没有公开资料定义之处，每处一个设置；第一个值是缺省，也是 Weir 的假定。例子中的目标字段是 `x`，集合 `shops` 中有两行 `shop_no: S01`。",
            "They stand under `language:` of the flow file: one for each question that no public source answers. The first value is the default, and what Weir assumes. In the examples `x` is the target's field, and the collection `shops` has two rows with `shop_no: S01`.",
        );
        for setting in Settings::SETTINGS {
            self.heading(3, &format!("setting-{}", setting.key.replace('_', "-")), setting.key, setting.key);
            let (zh, en) = (text(setting.zh), text(setting.en));
            let source = setting.source;
            self.paragraph(&format!("{zh}。（{source}）"), &format!("{}. ({source})", capitalised(&en)));
            let Some(example) = SETTINGS.iter().find(|example| example.key == setting.key) else { continue };
            let mut given = vec![code(example.item), code(example.record)];
            if !example.metadata.is_empty() {
                given.insert(0, code(example.metadata));
            }
            let head = [setting.key, "x"];
            let outcome = |result: &str| match result {
                FILTERED => self.pick("被过滤", "the record is left out").to_owned(),
                REFUSED => self.pick("被拒绝", "the record is refused").to_owned(),
                NOTHING => self.pick("没有该字段", "there is no such field").to_owned(),
                json => code(json),
            };
            let rows: Vec<Vec<String>> =
                example.results.iter().map(|(value, result)| vec![code(value), outcome(result)]).collect();
            let _ = writeln!(self.text, "{}\n", given.join(" · "));
            table(&mut self.text, &head, rows);
        }
    }

    fn differences(&mut self) {
        self.part("differences");
        self.paragraph(
            "以下都是有意为之，并对照真实的 MariaDB（排序规则 utf8mb4_bin）测试；其余写法得到与 MySQL 相同的文本。",
            "All of these are on purpose, and held against a real MariaDB (collation utf8mb4_bin). Everything else gives the same text as MySQL.",
        );
        let head = [self.pick("表达式", "Expression"), "MySQL", "Weir", self.pick("为什么", "Why")];
        let rows: Vec<Vec<String>> = DIFFERENCES
            .iter()
            .map(|difference| {
                let why = text(self.pick(difference.zh, difference.en));
                vec![code(difference.expression), code(difference.mysql), code(difference.weir), why]
            })
            .collect();
        table(&mut self.text, &head, rows);
    }

    fn assumptions(&mut self) {
        self.part("assumptions");
        self.paragraph(
            "标有 **◐** 的各项，以及[语言设置](#settings)的缺省值：",
            "Whatever bears **◐**, beside the defaults of the [settings](#settings):",
        );
        let assumed = entries().filter_map(|entry| {
            let note = entry.note.filter(|note| note.kind == NoteKind::Assumption)?;
            Some((code(entry.name), id_of(entry), text(self.pick(note.zh, note.en))))
        });
        let operators = OPERATORS.iter().filter(|operator| operator.assumed).map(|operator| {
            let id = format!("condition-{}", operator.name);
            (code(operator.name), id, text(self.pick(operator.zh, operator.en)))
        });
        let lines: Vec<String> =
            assumed.chain(operators).map(|(name, id, what)| format!("- [{name}](#{id}): {what}\n")).collect();
        self.text.push_str(&lines.concat());
        self.text.push('\n');
    }

    fn codes(&mut self) {
        self.part("codes");
        let codes = codes::ALL.map(|code| format!("[{0}](errors/{0}.md)", code.as_str()));
        self.paragraph(
            &format!("映射以这些错误码拒绝记录，各有一页说明：{}。", codes.join("、")),
            &format!(
                "A mapping refuses a record under one of these, each with a page: {}.",
                codes.join(", ")
            ),
        );
    }
}

/// The anchor of an entry: its group and its name, of letters and digits.
fn id_of(entry: &Entry) -> String {
    let position =
        entries().filter(|other| other.group == entry.group).position(|other| other.name == entry.name);
    let name: String = entry.name.chars().filter(char::is_ascii_alphanumeric).collect();
    let group = entry.group.title().0;
    match position {
        // An operator has no letters to be named by.
        Some(position) if name.is_empty() => format!("{group}-{position}"),
        _ => format!("{group}-{}", name.to_lowercase()),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
