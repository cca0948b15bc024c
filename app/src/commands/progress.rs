//! How far the demo is: a line a flow that stays in place on a terminal, one plain line of sums now and then elsewhere.

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
                eprintln!("{:>3} s  {}", elapsed.as_secs(), sums(flows, language));
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
    let counts = told(flow.counts.polled, ended(flow), flow.counts.dead, language);
    format!("{:<30} {counts}", flow.flow.as_str())
}

fn sums(flows: &[FlowCounts], language: Language) -> String {
    let of = |count: fn(&FlowCounts) -> u64| flows.iter().map(count).sum();
    told(of(|flow| flow.counts.polled), flows.iter().map(ended).sum(), of(|flow| flow.counts.dead), language)
}

/// How many have come to their end: those that wait have not.
fn ended(flow: &FlowCounts) -> i128 {
    flow.counts.accounted() - i128::from(flow.counts.waiting)
}

fn told(polled: u64, ended: i128, dead: u64, language: Language) -> String {
    match language {
        Language::Zh => format!("已拉取 {polled:>5}  已完成 {ended:>5}  死信 {dead:>3}"),
        Language::En => format!("{polled:>5} polled  {ended:>5} at their end  {dead:>3} dead"),
    }
}

#[cfg(test)]
mod tests {
    use weir_model::{names::FlowName, tally::Counts};

    use super::*;

    #[test]
    fn a_line_fits_into_eighty_columns() {
        let counts = Counts { polled: 20_000, delivered: 19_000, dead: 999, ..Counts::default() };
        let flow =
            FlowCounts { flow: FlowName::from("jushuitan-customer-to-kingdee"), counts, parts: 0, waited: 0 };
        for language in [Language::Zh, Language::En] {
            let line = line(&flow, language);
            assert!(crate::output::display_width(&line) + 2 < 80, "{line}");
            assert!(line.contains("19999"), "{line}");
        }
    }
}
