//! How far the demo is: two or three lines that stay in place on a terminal, plain lines elsewhere.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{cli::Language, tallies::FlowCounts};

/// How often the spinner turns.
const SPIN: Duration = Duration::from_millis(120);
/// Pause between plain lines.
const PLAIN: Duration = Duration::from_secs(5);

/// Tells the counts of every flow on standard error.
pub struct Progress {
    way: Way,
    language: Language,
}

enum Way {
    /// A terminal: lines that are drawn over.
    Bar(ProgressBar),
    /// A file or a pipe: a line now and then; holds when the next is due.
    Plain(Duration),
    /// An answer in JSON has no company.
    Silent,
}

impl Progress {
    /// Chooses the way for where standard error leads to.
    pub fn start(json: bool, language: Language) -> Self {
        let way = if json {
            Way::Silent
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(SPIN);
            Way::Bar(bar)
        } else {
            Way::Plain(Duration::ZERO)
        };
        Self { way, language }
    }

    /// Shows the counts after `elapsed`.
    pub fn show(&mut self, flows: &[FlowCounts], elapsed: Duration) {
        let language = self.language;
        match &mut self.way {
            // One short line a flow, as a line that is wider than the terminal wraps and cannot be drawn over.
            Way::Bar(bar) => {
                let lines: Vec<String> =
                    flows.iter().map(|flow| format!("\n  {}", line(flow, language))).collect();
                bar.set_message(lines.concat());
            }
            Way::Plain(due) if elapsed >= *due => {
                *due = elapsed + PLAIN;
                let lines: Vec<String> = flows.iter().map(|flow| line(flow, language)).collect();
                eprintln!("{:>3} s  {}", elapsed.as_secs(), lines.join(" | "));
            }
            Way::Plain(_) | Way::Silent => {}
        }
    }

    /// Takes the lines away.
    pub fn finish(self) {
        if let Way::Bar(bar) = self.way {
            bar.finish_and_clear();
        }
    }
}

fn line(flow: &FlowCounts, language: Language) -> String {
    let (name, polled, dead) = (flow.flow.as_str(), flow.counts.polled, flow.counts.dead);
    let ended = flow.counts.accounted();
    match language {
        Language::Zh => format!("{name:<30} 已拉取 {polled:>5}  已完成 {ended:>5}  死信 {dead:>3}"),
        Language::En => format!("{name:<30} {polled:>5} polled  {ended:>5} at their end  {dead:>3} dead"),
    }
}

#[cfg(test)]
mod tests {
    use weir_model::{names::FlowName, tally::Counts};

    use super::*;

    #[test]
    fn a_line_fits_into_eighty_columns() {
        let counts = Counts { polled: 20_000, delivered: 19_000, dead: 999, ..Counts::default() };
        let flow = FlowCounts { flow: FlowName::from("jushuitan-customer-to-kingdee"), counts, parts: 0 };
        for language in [Language::Zh, Language::En] {
            let line = line(&flow, language);
            assert!(crate::output::display_width(&line) + 2 < 80, "{line}");
            assert!(line.contains("19999"), "{line}");
        }
    }
}
