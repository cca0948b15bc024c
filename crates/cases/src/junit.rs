//! Results as JUnit XML, which CI systems read: a test suite per test file, a test case per case.

use std::fmt::Write as _;

use crate::CaseResult;

/// One test file's results.
#[derive(Clone, Debug)]
pub struct Group<'r> {
    /// The test file.
    pub file: &'r str,
    /// The flow's name.
    pub flow: &'r str,
    /// Its cases.
    pub results: &'r [CaseResult],
}

/// The XML document.
pub fn write(groups: &[Group<'_>]) -> String {
    let all = || groups.iter().flat_map(|group| group.results);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (tests, failures) = (all().count(), all().filter(|result| !result.passed()).count());
    let _ = writeln!(
        xml,
        "<testsuites name=\"weir test\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    );
    for group in groups {
        suite(group, &mut xml);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(group: &Group<'_>, xml: &mut String) {
    let (tests, failures) =
        (group.results.len(), group.results.iter().filter(|result| !result.passed()).count());
    let (file, flow) = (escape(group.file), escape(group.flow));
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">"
    );
    for result in group.results {
        let name = escape(&result.name);
        let _ = write!(xml, "    <testcase classname=\"{flow}\" name=\"{name}\" file=\"{file}\"");
        if result.passed() {
            xml.push_str("/>\n");
        } else {
            failure(result, xml);
        }
    }
    xml.push_str("  </testsuite>\n");
}

fn failure(result: &CaseResult, xml: &mut String) {
    let lines: Vec<String> = result
        .differences
        .iter()
        .map(|difference| {
            let place = if difference.path.is_empty() { "result" } else { &difference.path };
            format!("{place}: expected {}, got {}", difference.expected.en, difference.got.en)
        })
        .collect();
    let message = escape(lines.first().map_or("", String::as_str));
    let _ = writeln!(
        xml,
        ">\n      <failure message=\"{message}\" type=\"difference\">{}</failure>\n    </testcase>",
        escape(&lines.join("\n"))
    );
}

/// Text for an attribute or an element. Characters that XML 1.0 cannot hold in any form become U+FFFD.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\r' | '\t' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Difference;

    #[test]
    fn whatever_a_value_holds_the_xml_stays_whole() {
        let differences = vec![
            Difference::of_texts("FName", "\"a<b\"", "\"]]>\u{0}\u{1b}&\""),
            Difference::of_texts("", "1", "2"),
        ];
        let results = [
            CaseResult { name: "客户 \"A\" & <B>".to_owned(), path: "cases[0]".to_owned(), differences },
            CaseResult { name: "fine".to_owned(), path: "cases[1]".to_owned(), differences: Vec::new() },
        ];
        let xml = write(&[Group { file: "a.test.yaml", flow: "a", results: &results }]);
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <testsuites name=\"weir test\" tests=\"2\" failures=\"1\" errors=\"0\">\n\
            \x20 <testsuite name=\"a.test.yaml\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\">\n\
            \x20   <testcase classname=\"a\" name=\"客户 &quot;A&quot; &amp; &lt;B&gt;\" file=\"a.test.yaml\">\n\
            \x20     <failure message=\"FName: expected &quot;a&lt;b&quot;, got &quot;]]&gt;\u{fffd}\u{fffd}&amp;&quot;\" \
            type=\"difference\">FName: expected &quot;a&lt;b&quot;, got &quot;]]&gt;\u{fffd}\u{fffd}&amp;&quot;&#10;\
            result: expected 1, got 2</failure>\n\
            \x20   </testcase>\n\
            \x20   <testcase classname=\"a\" name=\"fine\" file=\"a.test.yaml\"/>\n\
            \x20 </testsuite>\n\
            </testsuites>\n";
        assert_eq!(xml, expected);
    }
}
