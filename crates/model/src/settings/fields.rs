//! Typed access to a tree: the fields of a mapping, each with its path, and the ones nobody asked for.

use std::{collections::BTreeSet, time::Duration};

use super::{Localized, Problems};
use crate::{Json, secret::Secret};

/// The fields of a mapping. Ask for every known key, then call [`Fields::finish`].
#[derive(Debug)]
pub struct Fields<'a> {
    entries: Option<&'a serde_json::Map<String, Json>>,
    path: String,
    asked: BTreeSet<&'static str>,
    /// Something else stands there and was reported: that its keys are missing says nothing new.
    is_other: bool,
}

impl<'a> Fields<'a> {
    /// The fields of `value`; something else than a mapping is a problem, and reads as empty.
    pub fn of(value: &'a Json, path: impl Into<String>, problems: &mut Problems) -> Self {
        let path = path.into();
        let entries = value.as_object();
        let is_other = entries.is_none() && !value.is_null();
        if is_other {
            let got = kind_of(value);
            let message = Localized::new(
                format!("这里应为键值映射，实际是{}", got.zh),
                format!("expected a mapping, found {}", got.en),
            );
            let suggestion = Localized::new("逐行写“键: 值”，并缩进", "write key: value lines, indented");
            problems.error_with(&path, message, suggestion);
        }
        Self { entries, path, asked: BTreeSet::new(), is_other }
    }

    /// Path of this mapping.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Path of one of its keys; a key of no letters is shown as `""`.
    pub fn path_of(&self, key: &str) -> String {
        let key = if key.is_empty() { "\"\"" } else { key };
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value under `key`; `null` counts as absent.
    pub fn get(&mut self, key: &'static str) -> Option<&'a Json> {
        self.asked.insert(key);
        self.entries.and_then(|entries| entries.get(key)).filter(|value| !value.is_null())
    }

    /// Whether `key` is there. It does not count as asked for: of several forms of a mapping, each has keys of its own.
    pub fn has(&self, key: &str) -> bool {
        self.entries.and_then(|entries| entries.get(key)).is_some_and(|value| !value.is_null())
    }

    /// The mapping under `key`, empty when absent.
    pub fn mapping(&mut self, key: &'static str, problems: &mut Problems) -> Fields<'a> {
        let path = self.path_of(key);
        match self.get(key) {
            Some(value) => Fields::of(value, path, problems),
            None => Fields { entries: None, path, asked: BTreeSet::new(), is_other: false },
        }
    }

    /// The list under `key`, empty when absent.
    pub fn list(&mut self, key: &'static str, problems: &mut Problems) -> &'a [Json] {
        match self.get(key) {
            None => &[],
            Some(Json::Array(items)) => items,
            Some(other) => {
                let suggestion = Localized::new("写成列表：[a, b]", "write a list: [a, b]");
                self.wrong_kind(
                    key,
                    &Localized::new("列表", "a list"),
                    &kind_of(other),
                    suggestion,
                    problems,
                );
                &[]
            }
        }
    }

    /// Text under `key`. Numbers and booleans are taken as the text they were written as.
    pub fn text(&mut self, key: &'static str, problems: &mut Problems) -> Option<String> {
        match self.get(key)? {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            Json::Bool(flag) => Some(flag.to_string()),
            other => {
                // The value is not shown: it may be a credential (invariant 8).
                let suggestion = Localized::new("写成带引号的文本", "write text, in quotes");
                self.wrong_kind(key, &Localized::new("文本", "text"), &kind_of(other), suggestion, problems);
                None
            }
        }
    }

    /// Text that must be there and not blank; otherwise a problem, and empty text to go on with.
    pub fn required_text(&mut self, key: &'static str, problems: &mut Problems) -> String {
        self.required(key, "…", problems)
    }

    /// A credential that must be there.
    pub fn required_secret(&mut self, key: &'static str, problems: &mut Problems) -> Secret {
        Secret::new(self.required(key, "${env:NAME}", problems))
    }

    fn required(&mut self, key: &'static str, example: &str, problems: &mut Problems) -> String {
        let known = problems.list().len();
        match self.text(key, problems) {
            Some(text) if !text.trim().is_empty() => text,
            _ => {
                if problems.list().len() == known {
                    self.missing_such_as(key, example, problems);
                }
                String::new()
            }
        }
    }

    /// A credential.
    pub fn secret(&mut self, key: &'static str, problems: &mut Problems) -> Option<Secret> {
        self.text(key, problems).map(Secret::new)
    }

    /// A truth value; the texts `true`, `false`, `1`, `0` count too (contract qeasy-metadata §2).
    pub fn flag(&mut self, key: &'static str, default: bool, problems: &mut Problems) -> bool {
        let Some(value) = self.get(key) else { return default };
        let text = match value {
            Json::Bool(flag) => return *flag,
            Json::String(text) => text.to_ascii_lowercase(),
            Json::Number(number) => number.to_string(),
            _ => String::new(),
        };
        match text.as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => {
                let suggestion = Localized::new("写 true 或 false", "write true or false");
                let want = Localized::new("布尔值", "a truth value");
                self.wrong_kind(key, &want, &shown(value), suggestion, problems);
                default
            }
        }
    }

    /// A whole number within `range`.
    pub fn count(
        &mut self,
        key: &'static str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
        problems: &mut Problems,
    ) -> u64 {
        let Some(value) = self.get(key) else { return default };
        let parsed = match value {
            Json::Number(number) => number.to_string().parse().ok(),
            Json::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        match parsed {
            Some(number) if range.contains(&number) => number,
            _ => {
                let (low, high) = (range.start(), range.end());
                let suggestion = Localized::new(
                    format!("写 {low} 到 {high} 之间的整数"),
                    format!("write a whole number from {low} to {high}"),
                );
                let want = Localized::new("整数", "a whole number");
                let want = if parsed.is_some() {
                    Localized::new(format!("{low} 到 {high}"), format!("{low} to {high}"))
                } else {
                    want
                };
                self.wrong_kind(key, &want, &shown(value), suggestion, problems);
                default
            }
        }
    }

    /// A length of time such as `500ms`, `60s`, `5m`, `2h`, `7d`.
    pub fn duration(&mut self, key: &'static str, default: Duration, problems: &mut Problems) -> Duration {
        let Some(value) = self.get(key) else { return default };
        match value.as_str().and_then(parse_duration) {
            Some(duration) => duration,
            None => {
                let suggestion = match value {
                    Json::Number(number) => {
                        Localized::new(format!("写上单位：{number}s"), format!("give the unit: {number}s"))
                    }
                    _ => Localized::new("例如 60s、5m、2h、7d", "such as 60s, 5m, 2h or 7d"),
                };
                self.wrong_kind(
                    key,
                    &Localized::new("时长", "a duration"),
                    &shown(value),
                    suggestion,
                    problems,
                );
                default
            }
        }
    }

    /// One of a few words; `choices` pairs each word with its meaning, the first is the default.
    pub fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
        default: T,
        problems: &mut Problems,
    ) -> T {
        let Some(text) = self.text(key, problems) else { return default };
        if let Some((_, meaning)) = choices.iter().find(|(word, _)| *word == text) {
            return *meaning;
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        unknown_word(self.path_of(key), &text, &words, problems);
        default
    }

    /// The keys that were not asked for, with their values.
    pub fn unknown(&self) -> impl Iterator<Item = (&'a str, &'a Json)> + '_ {
        let entries = self.entries.into_iter().flatten();
        entries
            .filter(|(key, _)| !self.asked.contains(key.as_str()))
            .map(|(key, value)| (key.as_str(), value))
    }

    /// The file's `version`, which must be 1, the only one there is so far.
    pub fn version(&mut self, problems: &mut Problems) {
        let suggestion = Localized::new("写 version: 1", "write version: 1");
        let message = match self.get("version") {
            None => Localized::new("缺少必填项", "is required"),
            Some(value) if value.as_u64() == Some(1) => return,
            Some(value) => {
                let got = shown(value);
                Localized::new(
                    format!("本程序不认识版本{}", got.zh),
                    format!("this program does not know version {}", got.en),
                )
            }
        };
        problems.error_with(self.path_of("version"), message, suggestion);
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self, problems: &mut Problems) {
        for (key, _) in self.unknown() {
            let message = Localized::new(format!("不认识的键 {key:?}"), format!("unknown key {key:?}"));
            problems.error_with(self.path_of(key), message, self.other_key(key));
        }
    }

    /// What to write instead of `key`: the nearest of the keys that were asked for, or all of them.
    pub fn other_key(&self, key: &str) -> Localized {
        let known: Vec<&str> = self.asked.iter().copied().collect();
        match nearest(key, &known) {
            Some(best) => Localized::new(format!("是否想写 {best:?}？"), format!("did you mean {best:?}?")),
            None => {
                let list = known.join(", ");
                Localized::new(format!("这里可用的键：{list}"), format!("known keys here: {list}"))
            }
        }
    }

    /// Reports that `key` must be there.
    pub fn missing(&self, key: &str, problems: &mut Problems) {
        self.missing_such_as(key, "…", problems);
    }

    /// Reports that `key` must be there, with an example of its value.
    pub fn missing_such_as(&self, key: &str, example: &str, problems: &mut Problems) {
        if self.is_other {
            return;
        }
        let suggestion = Localized::new(format!("补上 {key}: {example}"), format!("add {key}: {example}"));
        problems.error_with(self.path_of(key), Localized::new("缺少必填项", "is required"), suggestion);
    }

    fn wrong_kind(
        &self,
        key: &str,
        want: &Localized,
        got: &Localized,
        suggestion: Localized,
        problems: &mut Problems,
    ) {
        let message = Localized::new(
            format!("应为{}，实际是{}", want.zh, got.zh),
            format!("expected {}, found {}", want.en, got.en),
        );
        problems.error_with(self.path_of(key), message, suggestion);
    }
}

/// Reports a word that is none of `words`, with the nearest of them.
pub fn unknown_word(path: String, word: &str, words: &[&str], problems: &mut Problems) {
    let list = words.join(", ");
    let message = Localized::new(format!("不认识的值 {word:?}"), format!("unknown value {word:?}"));
    let suggestion = match nearest(word, words) {
        Some(best) => Localized::new(format!("是否想写 {best:?}？"), format!("did you mean {best:?}?")),
        None => Localized::new(format!("可用的值：{list}"), format!("known values: {list}")),
    };
    problems.error_with(path, message, suggestion);
}

/// The known word nearest to `word`, when it is near enough to be what was meant.
pub fn nearest<'w>(word: &str, words: &[&'w str]) -> Option<&'w str> {
    let best = words.iter().min_by_key(|known| strsim::damerau_levenshtein(known, word))?;
    let distance = strsim::damerau_levenshtein(best, word);
    (distance <= 1 + best.chars().count() / 4).then_some(*best)
}

/// Reads a length of time such as `250ms`, `60s`, `5m`, `2h`, `7d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// A short plain value itself, of anything else its kind. Not for keys that hold credentials (invariant 8).
fn shown(value: &Json) -> Localized {
    match value {
        Json::Number(_) | Json::String(_) | Json::Bool(_) if value.to_string().len() <= 40 => {
            Localized::new(format!(" {value}"), value.to_string())
        }
        _ => kind_of(value),
    }
}

fn kind_of(value: &Json) -> Localized {
    let (zh, en) = match value {
        Json::Null => ("空值", "nothing"),
        Json::Bool(_) => ("布尔值", "a boolean"),
        Json::Number(_) => ("数字", "a number"),
        Json::String(_) => ("文本", "text"),
        Json::Array(_) => ("列表", "a list"),
        Json::Object(_) => ("键值映射", "a mapping"),
    };
    Localized::new(zh, en)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_problems_come_at_once_with_suggestions() {
        let tree = json!({"evry": "60s", "every": "soon", "pages": 0, "mode": "fats", "name": " "});
        let mut problems = Problems::new("f.yaml");
        let mut fields = Fields::of(&tree, "poll", &mut problems);
        fields.duration("every", Duration::from_secs(1), &mut problems);
        fields.count("pages", 5, 1..=9, &mut problems);
        fields.choice("mode", &[("fast", 1), ("slow", 2)], 1, &mut problems);
        fields.required_text("name", &mut problems);
        fields.required_text("id", &mut problems);
        fields.finish(&mut problems);
        let said: Vec<String> = problems.list().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "f.yaml: poll.every: expected a duration, found \"soon\" (such as 60s, 5m, 2h or 7d)",
                "f.yaml: poll.pages: expected 1 to 9, found 0 (write a whole number from 1 to 9)",
                "f.yaml: poll.mode: unknown value \"fats\" (did you mean \"fast\"?)",
                "f.yaml: poll.name: is required (add name: …)",
                "f.yaml: poll.id: is required (add id: …)",
                "f.yaml: poll.evry: unknown key \"evry\" (did you mean \"every\"?)",
            ]
        );
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("7d"), Some(Duration::from_secs(7 * 86_400)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        for bad in ["7", "d", "-1s", "1w", "99999999999999999999d"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }
}
