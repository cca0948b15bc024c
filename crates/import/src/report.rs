//! What an import did, line by line: nothing is repaired, assumed or left out without an entry here.

use std::fmt::Write as _;

use weir_model::settings::Localized;

/// What an entry tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A person should look at it before the flow runs.
    Doubtful,
    /// Not printed, and filled in.
    Assumed,
    /// Text that is no JSON, and what it was read as.
    Repaired,
    /// Found, and not used.
    LeftOut,
    /// Taken over as printed.
    Carried,
}

impl Kind {
    /// All, in the order of the report.
    pub const ALL: [Self; 5] = [Self::Doubtful, Self::Assumed, Self::Repaired, Self::LeftOut, Self::Carried];

    /// Its name in machine-readable answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Doubtful => "doubtful",
            Self::Assumed => "assumed",
            Self::Repaired => "repaired",
            Self::LeftOut => "left-out",
            Self::Carried => "carried",
        }
    }

    fn heading(self) -> Localized {
        let (zh, en) = match self {
            Self::Doubtful => ("需要人工确认", "To be looked at"),
            Self::Assumed => ("假设", "Assumed"),
            Self::Repaired => ("修复", "Repaired"),
            Self::LeftOut => ("未采用", "Left out"),
            Self::Carried => ("原样保留", "Carried over"),
        };
        Localized::new(zh, en)
    }
}

/// One thing the import did or saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it tells.
    pub kind: Kind,
    /// Line of the printed text, from 1; `None` when it is about no line.
    pub line: Option<usize>,
    /// The text.
    pub text: Localized,
}

/// Everything an import did and saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    entries: Vec<Entry>,
}

impl Report {
    /// Adds an entry; the same one twice says nothing new.
    pub(crate) fn add(
        &mut self,
        kind: Kind,
        line: Option<usize>,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) {
        // Names and values of the printed text are shown: they must not steer a terminal.
        let plain = |text: String| text.replace(char::is_control, " ");
        let entry = Entry { kind, line, text: Localized::new(plain(zh.into()), plain(en.into())) };
        if !self.entries.contains(&entry) {
            self.entries.push(entry);
        }
    }

    /// Adds the entries of another report.
    pub(crate) fn extend(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.entries.extend(entries);
    }

    /// The entries, in the order they were made.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Entries of one kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.kind == kind)
    }

    /// The report as a page for people, Chinese first and English after it.
    pub fn page(&self, flow: &str) -> String {
        let mut page = format!("# 导入报告：{flow}\n\nEnglish: [below](#import-report)\n");
        self.write_half(&mut page, |text| &text.zh, |line| format!("第 {line} 行："));
        page.push_str("\n<a id=\"import-report\"></a>\n\n");
        let _ = writeln!(page, "# Import report: {flow}");
        self.write_half(&mut page, |text| &text.en, |line| format!("line {line}: "));
        page
    }

    fn write_half(
        &self,
        page: &mut String,
        pick: impl Fn(&Localized) -> &String,
        place: impl Fn(usize) -> String,
    ) {
        for kind in Kind::ALL.into_iter().filter(|kind| self.of(*kind).next().is_some()) {
            let _ = writeln!(page, "\n## {}\n", pick(&kind.heading()));
            for entry in self.of(kind) {
                let line = entry.line.map(&place).unwrap_or_default();
                let _ = writeln!(page, "- {line}{}", pick(&entry.text));
            }
        }
    }
}
