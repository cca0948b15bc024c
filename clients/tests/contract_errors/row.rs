//! One line of a contract's error table, and what was seen of it.

use std::time::Duration;

use weir_clients::class::{Class, Reaction};
use weir_clients::describe::ErrorRow;
use weir_clients::error::CallError;
use weir_sandbox::When::Every;
use weir_sandbox::{Fault, Handle, Options, Rule, Running, Sandbox};

/// What a contract says of one code.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What the sandbox is told to do.
    pub fault: Fault,
    /// The vendor's code; empty where the failure has none.
    pub code: &'static str,
    /// The vendor's words; empty for those the sandbox knows.
    pub words: &'static str,
    class: Class,
    reaction: Reaction,
    /// The rest that the client takes and tells.
    rest: Option<u64>,
    /// Calls that are made of it: 2 where the contract allows one repeat.
    calls: u64,
}

/// A vendor's refusal.
pub const fn refusal(code: &'static str, words: &'static str, class: Class, reaction: Reaction) -> Row {
    Row { fault: Fault::VendorError, code, words, class, reaction, rest: None, calls: 1 }
}

/// A failure of the way there, the same for all systems: "HTTP 5xx, timeout, non-JSON".
pub const TRANSPORT: [Row; 7] = [
    transport(Fault::Http429, "", Class::Throttled, Reaction::Repeat).rest(1),
    transport(Fault::Http5xx, "500", Class::Transient, Reaction::Repeat),
    transport(Fault::Http5xx, "502", Class::Transient, Reaction::Repeat),
    transport(Fault::Http5xx, "503", Class::Transient, Reaction::Repeat),
    transport(Fault::LostReply, "", Class::Transient, Reaction::Repeat),
    transport(Fault::TruncatedJson, "", Class::Unreadable, Reaction::RepeatBounded),
    transport(Fault::HtmlAnswer, "", Class::Unreadable, Reaction::RepeatBounded),
];

const fn transport(fault: Fault, code: &'static str, class: Class, reaction: Reaction) -> Row {
    Row { fault, ..refusal(code, "", class, reaction) }
}

impl Row {
    /// With a rest of so many seconds.
    pub const fn rest(mut self, seconds: u64) -> Self {
        self.rest = Some(seconds);
        self
    }

    /// With the one repeat that the contract allows.
    pub const fn repeated_once(mut self) -> Self {
        self.calls = 2;
        self
    }

    /// By another fault than a vendor's refusal.
    pub const fn by(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }

    /// Switches the fault on for every call whose name contains `on`.
    pub fn set(&self, sandbox: &Handle, on: &str) {
        let rule = Rule::new(Every(1)).on(on);
        let rule = match (self.code, self.words) {
            ("", _) => rule,
            (code, "") => rule.code(code),
            (code, words) => rule.code(format!("{code} {words}")),
        };
        sandbox.set(self.fault, rule);
    }

    /// Switches it off again.
    pub fn clear(&self, sandbox: &Handle) {
        sandbox.clear(self.fault);
    }

    /// Compares with what the client said, and with how many calls it took; `shown` is the code as the client tells it.
    pub fn expect(&self, error: &CallError, calls: u64, shown: &str) {
        let seen = (error.class(), error.class().reaction(), error.rest().map(|rest| rest.as_secs()), calls);
        assert_eq!(seen, (self.class, self.reaction, self.rest, self.calls), "{self:?}: {error}");
        if self.fault == Fault::VendorError || self.fault == Fault::GatewayFailure {
            assert_eq!(error.code().unwrap_or_default(), shown, "{self:?}: {error}");
        }
    }

    /// Compares with a class that stands in a document's answer.
    pub fn expect_class(&self, class: Class, calls: u64) {
        assert_eq!((class, class.reaction(), calls), (self.class, self.reaction, self.calls), "{self:?}");
    }

    /// Whether the limiter rests now as long as the row says, give or take the test's own pace.
    pub fn expect_resting(&self, rest: Duration) {
        let expect = Duration::from_secs(self.rest.unwrap_or(0));
        assert!(rest <= expect && rest + Duration::from_secs(20) >= expect, "{self:?}: rests {rest:?}");
    }
}

/// Calls of this name that the sandbox has received.
pub fn received(sandbox: &Handle, on: &str) -> u64 {
    let calls = sandbox.state().calls;
    calls.iter().filter(|(name, _)| name.contains(on)).map(|(_, count)| count.received).sum()
}

/// A sandbox without limits of its own.
pub async fn start() -> Running {
    let mut options =
        Options { customers: 5, movements: 5, orders: 5, companies: 5, refunds: 5, ..Options::default() };
    options.jushuitan.quota = None;
    options.wangdiantong.calls_per_minute = None;
    Sandbox::start(options, "127.0.0.1:0").await.unwrap()
}

/// Ends the test when a row of a client's table has none here.
pub fn expect_covered(table: &[ErrorRow], rows: &[Row], shown: impl Fn(&Row) -> String) {
    let tested: Vec<String> = rows.iter().map(shown).collect();
    for row in table {
        assert!(
            tested.iter().any(|code| code == row.code),
            "code {} of the client's table has no test",
            row.code
        );
    }
}

/// Ends the test when words of a client's table stand in no row's text that leads to their class.
pub fn expect_words_covered(table: &[(&str, Class)], rows: &[Row]) {
    for (words, class) in table {
        let tested = |row: &Row| row.words.to_lowercase().contains(words) && row.class == *class;
        assert!(rows.iter().any(tested), "the words {words:?} of the client's table have no test");
    }
}
