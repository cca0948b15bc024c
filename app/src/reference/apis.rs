//! The page about the remote systems' APIs (`docs/apis.md`, `weir describe api`), written from the endpoint descriptions
//! that clients, checks and polling read.

use std::fmt::Write as _;

use weir_clients::{
    class::Text,
    describe::{Api, ErrorRow, Scope, all},
};

use super::markdown::{anchor, code, table, text};
use crate::cli::Language;

/// Writes the page about every system.
pub fn page(language: Language) -> String {
    let page = Page { language };
    let mut written = page.introduction();
    for system in systems() {
        written.push_str(&page.system(system));
    }
    ended(written)
}

/// Writes the part about one system; empty when Weir knows no API of it.
pub fn part(system: &str, language: Language) -> String {
    match systems().into_iter().find(|known| *known == system) {
        Some(system) => ended(Page { language }.system(system)),
        None => String::new(),
    }
}

/// What is said of a system that is reached by no HTTP API, such as a database.
pub fn nothing(language: Language) -> &'static str {
    match language {
        Language::Zh => "该系统不通过 HTTP 接口访问，没有接口说明",
        Language::En => "this system is not reached by an HTTP API, so there is nothing to describe",
    }
}

fn ended(mut written: String) -> String {
    written.truncate(written.trim_end().len());
    written.push('\n');
    written
}

/// The systems that have descriptions, in their order.
fn systems() -> Vec<&'static str> {
    let mut systems: Vec<&str> = Vec::new();
    for api in all() {
        if !systems.contains(&api.system) {
            systems.push(api.system);
        }
    }
    systems
}

struct Page {
    language: Language,
}

impl Page {
    fn pick<'t>(&self, zh: &'t str, en: &'t str) -> &'t str {
        match self.language {
            Language::Zh => zh,
            Language::En => en,
        }
    }

    fn said(&self, said: &Text) -> String {
        text(self.pick(said.zh, said.en))
    }

    fn introduction(&self) -> String {
        let mut page = self
            .pick(
                "# 远程系统的接口\n\n<!-- 由 cargo xtask generate 生成，请勿手改。 -->\n\nEnglish: [apis.md](apis.md)\n\n\
                 Weir 调用的每个接口：路径、参数、时间窗口、分页、配额、错误码及其含义。本页由客户端、检查和轮询所用的同一张表生成；\
                 `weir describe api SYSTEM` 显示其中一个系统，加 `--json` 供程序读取。配额是默认值，连接的设置可以更改。\n\n",
                "# The remote systems' APIs\n\n<!-- Written by cargo xtask generate; do not edit. -->\n\n\
                 中文：[apis.zh-CN.md](apis.zh-CN.md)\n\n\
                 Every API that Weir calls: path, parameters, time window, pages, quota, error codes and what they mean. This page is \
                 made from the tables that clients, checks and polling read; `weir describe api SYSTEM` prints one system of it, \
                 `--json` for programs. Quotas are the defaults; a connection's settings change them.\n\n",
            )
            .to_owned();
        for system in systems() {
            let _ = writeln!(page, "- [{system}](#{system})");
        }
        page.push('\n');
        page
    }

    fn system(&self, system: &'static str) -> String {
        let apis: Vec<_> = all().into_iter().filter(|api| api.system == system).collect();
        let mut page = format!("## {} {system}\n\n", anchor(system));
        apis.iter().for_each(|api| self.api(&mut page, api));
        self.errors(&mut page, &apis);
        page
    }

    fn api(&self, page: &mut String, api: &Api) {
        let _ = writeln!(page, "### {}\n\n{} {}\n", text(api.name), code(api.path), self.said(&api.summary));
        for fact in self.facts(api) {
            let _ = writeln!(page, "- {fact}");
        }
        page.push('\n');
        if !api.parameters.is_empty() {
            let head = [
                self.pick("参数", "Parameter"),
                self.pick("类型", "Type"),
                self.pick("必填", "Required"),
                self.pick("含义", "Means"),
            ];
            let rows = api.parameters.iter().map(|parameter| {
                let needed = if parameter.required { self.pick("是", "yes") } else { "" };
                vec![
                    code(parameter.name),
                    text(parameter.kind),
                    needed.to_owned(),
                    self.said(&parameter.meaning),
                ]
            });
            table(page, &head, rows);
        }
    }

    fn facts(&self, api: &Api) -> Vec<String> {
        let mut facts = Vec::new();
        if let Some(window) = &api.window {
            let (begin, end, days) = (code(window.begin), code(window.end), window.max_days);
            let by = match window.selects_by {
                "created" => self.pick("创建时间", "time of creation"),
                _ => self.pick("修改时间", "time of modification"),
            };
            facts.push(match self.language {
                Language::Zh => format!("窗口：{begin} 至 {end}，最长 {days} 天，按{by}"),
                Language::En => format!("window: {begin} to {end}, at most {days} days, by {by}"),
            });
        }
        if let Some(page) = &api.page {
            let (index, size) = (code(page.index), code(page.size));
            let total = page.total.map(code).unwrap_or_else(|| self.pick("不提供", "not told").to_owned());
            facts.push(match self.language {
                Language::Zh => {
                    format!(
                        "分页：{index} 从 {} 起，{size} 最多 {}；总数：{total}",
                        page.first, page.size_max
                    )
                }
                Language::En => {
                    format!(
                        "pages: {index} from {}, {size} at most {}; total: {total}",
                        page.first, page.size_max
                    )
                }
            });
        }
        facts.push(self.quota(api));
        let source = text(api.source);
        facts.push(format!("{}{source}", self.pick("依据：", "source: ")));
        facts
    }

    fn quota(&self, api: &Api) -> String {
        let limits: Vec<String> = api
            .quota
            .limits
            .iter()
            .map(|limit| match self.language {
                Language::Zh => format!("每 {} 秒 {} 次", limit.seconds, limit.calls),
                Language::En => format!("{} calls in {} s", limit.calls, limit.seconds),
            })
            .collect();
        let scope = match api.quota.scope {
            Scope::Account => self.pick("整个账号共用", "for the whole account"),
            Scope::AccountAndApi => self.pick("按账号和接口", "for the account and this API"),
        };
        let known = if api.quota.documented {
            self.pick("厂商公布", "told by the vendor")
        } else {
            self.pick("厂商未公布，Weir 的取值", "not told by the vendor, Weir's own caution")
        };
        let (name, comma) = (self.pick("配额：", "quota: "), self.pick("，", ", "));
        format!("{name}{}{comma}{scope}{comma}{known}", limits.join(comma))
    }

    /// The error tables of a system's APIs, each row once.
    fn errors(&self, page: &mut String, apis: &[&Api]) {
        let mut rows: Vec<&ErrorRow> = Vec::new();
        for row in apis.iter().flat_map(|api| api.errors) {
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        if rows.is_empty() {
            return;
        }
        let _ = writeln!(page, "### {}\n", self.pick("错误码", "Errors"));
        let head = [
            self.pick("错误码", "Code"),
            self.pick("类别", "Class"),
            self.pick("厂商的说法", "The vendor says"),
            self.pick("怎么办", "What to do"),
        ];
        let rows = rows.into_iter().map(|row| {
            vec![
                code(row.code),
                row.class.name().to_owned(),
                self.said(&row.meaning),
                self.said(&row.class.remedy()),
            ]
        });
        table(page, &head, rows);
    }
}
