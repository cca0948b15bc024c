//! `language:` in the flow file: what the mapping language leaves open, one named setting each (contract
//! qeasy-metadata; contract decisions "Mapping language"). The defaults are the contract's assumptions.

use crate::settings::{Fields, Problems};

/// How the mapping language is read where its sources are silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Language {
    /// How texts are compared in `_function`.
    pub collation: Collation,
    /// Decimals that a division adds to those of the dividend.
    pub div_scale: DivScale,
    /// What a failed expression makes of the document.
    pub on_failure: OnFailure,
    /// Whether the parked filter is applied.
    pub condition_bk: ConditionBk,
    /// The moment that `DAYS_AGO_n` names.
    pub days_ago: DaysAgo,
    /// Which row answers where several match a lookup.
    pub several_matches: SeveralMatches,
    /// What becomes of a record whose rows a filter all removed.
    pub no_rows_left: NoRowsLeft,
    /// What empty text under an object parser becomes.
    pub blank_under_object: BlankUnderObject,
    /// Whether a row's key may carry the list's name.
    pub row_keys: RowKeys,
    /// What a required field without a value makes of the document.
    pub required_missing: RequiredMissing,
    /// Whether `between` includes its ends.
    pub between: Between,
    /// Whether `isnull` holds for empty text.
    pub blank: Blank,
    /// What `beatFlat` makes of a record whose list is empty.
    pub empty_list: EmptyList,
}

/// A setting as the reference shows it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its key under `language:`.
    pub key: &'static str,
    /// The values; the first is the default.
    pub values: &'static [&'static str],
    /// What it decides, in Chinese.
    pub zh: &'static str,
    /// What it decides, in English.
    pub en: &'static str,
    /// Where the question is left open.
    pub source: &'static str,
}

macro_rules! setting {
    ($(#[$doc:meta])* $name:ident $key:literal, $zh:literal, $en:literal, $source:literal,
     $first:ident $first_word:literal $first_doc:literal $(, $value:ident $word:literal $value_doc:literal)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            #[doc = $first_doc]
            #[default]
            $first,
            $(#[doc = $value_doc] $value,)*
        }

        impl $name {
            const CHOICES: &'static [(&'static str, Self)] =
                &[($first_word, Self::$first) $(, ($word, Self::$value))*];

            /// How the reference shows it.
            pub const SETTING: Setting = Setting {
                key: $key,
                values: &[$first_word $(, $word)*],
                zh: $zh,
                en: $en,
                source: $source,
            };

            fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Self {
                fields.choice($key, Self::CHOICES, Self::$first, problems)
            }
        }
    };
}

setting!(
    /// How texts are compared in `_function`.
    Collation "collation",
    "_function 中文本如何比较：utf8mb4_bin 逐字符比较；general_ci 不分大小写，与 MySQL 常见设置一致。两者都不计尾部空格，同 MySQL",
    "how `_function` compares texts: utf8mb4_bin letter by letter, general_ci without case, as MySQL usually does. Blanks at the end count in neither, as in MySQL",
    "decisions, Mapping language",
    Binary "utf8mb4_bin" "Letter by letter.",
    GeneralCi "general_ci" "Without letter case."
);
setting!(
    /// What a failed expression makes of the document.
    OnFailure "on_failure",
    "表达式求值失败时：reject 拒绝该单据并在错误中列出表达式；text 像轻易云那样送出未求值的文本",
    "a failed expression: reject refuses the document and tells the expression, text sends the unevaluated text as the vendor does",
    "qeasy-metadata §4",
    Reject "reject" "The document is refused.",
    Text "text" "The unevaluated text is the value, as on the vendor's platform."
);
setting!(
    /// Whether the parked filter is applied.
    ConditionBk "condition_bk",
    "condition_bk 的读法：ignore 视为停用的备份；apply 作为过滤条件，与 condition 同时成立",
    "how condition_bk is read: ignore takes it for a parked copy, apply filters by it, beside condition",
    "qeasy-metadata §8; decisions, Mapping language",
    Ignore "ignore" "It filters nothing.",
    Apply "apply" "It filters as `condition` does; both must hold."
);
setting!(
    /// The moment that `DAYS_AGO_n` names.
    DaysAgo "days_ago",
    "DAYS_AGO_n 的时刻：moment 为此刻减去 n 天；midnight 为那一天的零点",
    "what DAYS_AGO_n names: moment is n days before the moment, midnight the beginning of that day",
    "qeasy-metadata §3",
    Moment "moment" "The moment, n days before.",
    Midnight "midnight" "The beginning of that day."
);
setting!(
    /// Which row answers where several match a lookup.
    SeveralMatches "several_matches",
    "_findCollection 匹配多行时：first 取编号最小的一行；reject 拒绝该单据",
    "a lookup that matches several rows: first takes the one with the smallest id, reject refuses the document",
    "qeasy-metadata §4",
    First "first" "The one with the smallest id.",
    Reject "reject" "The document is refused."
);
setting!(
    /// What becomes of a record whose rows a filter all removed.
    NoRowsLeft "no_rows_left",
    "condition 筛掉所有明细行时：drop 整条记录不再处理；keep 保留没有明细的记录",
    "a record whose rows the condition all removed: drop leaves it out, keep goes on without rows",
    "qeasy-metadata §8",
    Drop "drop" "The record is filtered.",
    Keep "keep" "The record stays, without rows."
);
setting!(
    /// What empty text under an object parser becomes.
    BlankUnderObject "blank_under_object",
    "对象解析器下的空文本：drop 不发送该字段；keep 发送 {\"FNumber\":\"\"}",
    "empty text under an object parser: drop sends nothing, keep sends {\"FNumber\":\"\"}",
    "qeasy-metadata §2",
    Drop "drop" "The field is not sent.",
    Keep "keep" "The object is sent with empty text."
);
setting!(
    /// Whether a row's key may carry the list's name.
    RowKeys "row_keys",
    "行字段的查找：optional_prefix 先按原名，再去掉“数组名_”前缀；exact 只按原名",
    "how a row's field is found: optional_prefix as written and then without `<array>_`, exact only as written",
    "qeasy-metadata §3",
    OptionalPrefix "optional_prefix" "As written, then without `<array>_`.",
    Exact "exact" "As written only."
);
setting!(
    /// What a required field without a value makes of the document.
    RequiredMissing "required_missing",
    "必填项没有值时：reject 拒绝该单据；leave_out 不带该字段发送，由目标系统判断",
    "a required field without a value: reject refuses the document, leave_out sends it without and lets the target decide",
    "qeasy-metadata §2",
    Reject "reject" "The document is refused.",
    LeaveOut "leave_out" "The document is sent without the field."
);
setting!(
    /// Whether `between` includes its ends.
    Between "between",
    "between 是否包含两端：closed 包含；open 不包含",
    "whether between includes its ends: closed does, open does not",
    "qeasy-metadata §8",
    Closed "closed" "Both ends count.",
    Open "open" "Neither end counts."
);
setting!(
    /// Whether `isnull` holds for empty text.
    Blank "blank",
    "isnull 与 notnull 如何看待空文本：null 视为空值；value 视为有值",
    "how isnull and notnull see empty text: null takes it for nothing, value for a value",
    "qeasy-metadata §8",
    Null "null" "Empty text is nothing.",
    Value "value" "Empty text is a value."
);
setting!(
    /// What `beatFlat` makes of a record whose list is empty.
    EmptyList "empty_list",
    "beatFlat 遇到空数组时：keep 保留一条没有明细的记录；drop 不再处理",
    "beatFlat over an empty list: keep makes one record without it, drop leaves the record out",
    "qeasy-metadata §7",
    Keep "keep" "One row, without the list's fields.",
    Drop "drop" "The record is filtered."
);

/// Decimals that a division adds to those of the dividend: MySQL's `div_precision_increment`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DivScale(pub u32);

impl DivScale {
    const KEY: &'static str = "div_scale";
    const MOST: u64 = 30;

    /// How the reference shows it.
    pub const SETTING: Setting = Setting {
        key: Self::KEY,
        values: &["mysql", "0", "…", "30"],
        zh: "除法结果比被除数多保留的小数位数；mysql 为 4 位，末尾的零随后去掉",
        en: "decimals that a division adds to those of the dividend; mysql is 4; trailing zeros are removed afterwards",
        source: "qeasy-metadata §4; decisions, Mapping language",
    };

    fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Self {
        if fields.get(Self::KEY).and_then(|value| value.as_str()) == Some("mysql") {
            return Self::default();
        }
        let default = Self::default().0;
        let digits = fields.count(Self::KEY, default.into(), 0..=Self::MOST, problems);
        Self(u32::try_from(digits).unwrap_or(default))
    }
}

impl Default for DivScale {
    fn default() -> Self {
        Self(4)
    }
}

impl Language {
    /// Every setting, for the reference and the JSON Schema.
    pub const SETTINGS: [Setting; 13] = [
        Collation::SETTING,
        DivScale::SETTING,
        OnFailure::SETTING,
        ConditionBk::SETTING,
        DaysAgo::SETTING,
        SeveralMatches::SETTING,
        NoRowsLeft::SETTING,
        BlankUnderObject::SETTING,
        RowKeys::SETTING,
        RequiredMissing::SETTING,
        Between::SETTING,
        Blank::SETTING,
        EmptyList::SETTING,
    ];

    /// Reads the section.
    pub fn read(mut fields: Fields<'_>, problems: &mut Problems) -> Self {
        let read = Self {
            collation: Collation::read(&mut fields, problems),
            div_scale: DivScale::read(&mut fields, problems),
            on_failure: OnFailure::read(&mut fields, problems),
            condition_bk: ConditionBk::read(&mut fields, problems),
            days_ago: DaysAgo::read(&mut fields, problems),
            several_matches: SeveralMatches::read(&mut fields, problems),
            no_rows_left: NoRowsLeft::read(&mut fields, problems),
            blank_under_object: BlankUnderObject::read(&mut fields, problems),
            row_keys: RowKeys::read(&mut fields, problems),
            required_missing: RequiredMissing::read(&mut fields, problems),
            between: Between::read(&mut fields, problems),
            blank: Blank::read(&mut fields, problems),
            empty_list: EmptyList::read(&mut fields, problems),
        };
        fields.finish(problems);
        read
    }
}

/// What `id_check` of a source means (contract decisions "All sources").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdCheck {
    /// A record is taken when its digest differs from the newest state taken of its id.
    #[default]
    Digest,
    /// The first state of an id is kept for ever: the vendor's literal reading.
    First,
}

impl IdCheck {
    /// The words and what they mean; the first is the default.
    pub const CHOICES: [(&'static str, Self); 2] = [("digest", Self::Digest), ("first", Self::First)];

    /// What it is, for the reference.
    pub const MEANING: (&'static str, &'static str) = (
        "idCheck 的读法：digest 内容有变化即更新；first 同一编号只取第一次的内容",
        "how idCheck is read: digest takes every changed state, first keeps the first state of an id for ever",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::parse_mapping;

    fn read(text: &str) -> (Language, Vec<String>) {
        let mut problems = Problems::new("f.yaml");
        let tree = parse_mapping(text, &mut problems).unwrap();
        let language = Language::read(Fields::of(&tree, "language", &mut problems), &mut problems);
        (language, problems.list().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn nothing_said_is_the_contracts_assumption() {
        assert_eq!(read("{}"), (Language::default(), Vec::new()));
        let all: String =
            Language::SETTINGS.iter().map(|s| format!("{}: \"{}\"\n", s.key, s.values[0])).collect();
        assert_eq!(read(&all), (Language::default(), Vec::new()));
    }

    #[test]
    fn every_value_is_read() {
        for setting in Language::SETTINGS {
            for value in setting.values.iter().filter(|value| **value != "…") {
                let (language, problems) = read(&format!("{}: \"{value}\"", setting.key));
                assert!(problems.is_empty(), "{problems:?}");
                assert_eq!(language == Language::default(), *value == setting.values[0], "{value}");
            }
        }
    }

    #[test]
    fn other_words_are_refused() {
        let (_, problems) = read("{collation: genral_ci, div_scale: 31, on_fail: text}");
        assert_eq!(problems.len(), 3, "{problems:#?}");
        assert!(problems[0].contains("did you mean \"general_ci\"?"), "{problems:#?}");
    }
}
