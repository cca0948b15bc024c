//! What a code means and what to do about it: the first words of its page in `docs/errors`.

use crate::cli::Language;

/// The pages, by code.
const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/errors.rs"));

/// A code in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What it says.
    pub means: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// What a code means; none for one that this program does not know.
pub fn of(code: &str, language: Language) -> Option<Meaning> {
    let at = PAGES.binary_search_by_key(&code, |(code, _)| code).ok()?;
    let (_, page) = PAGES.get(at)?;
    let (heading, remedy) = match language {
        Language::Zh => ("## 中文", "**怎么办。**"),
        Language::En => ("## English", "**What to do.**"),
    };
    let section = page.split_once(heading)?.1;
    let section = section.split("\n## ").next().unwrap_or(section);
    let mut paragraphs = section.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    let means = paragraphs.next()?;
    let remedy = paragraphs.find_map(|paragraph| paragraph.strip_prefix(remedy)).map_or("", str::trim);
    Some(Meaning { means, remedy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_in_both_languages_what_to_do() {
        assert!(PAGES.len() > 40);
        for (code, _) in PAGES {
            for language in [Language::Zh, Language::En] {
                let meaning = of(code, language).unwrap_or_else(|| panic!("{code} means nothing"));
                assert!(!meaning.means.is_empty() && !meaning.means.starts_with("**"), "{code}: {meaning:?}");
                assert!(!meaning.remedy.is_empty(), "{code} has no remedy in {language:?}");
            }
        }
        assert_eq!(of("K-VALIDATION", Language::En).unwrap().means, "Kingdee refused the content.");
        assert_eq!(of("X-NOTHING", Language::En), None);
    }
}
