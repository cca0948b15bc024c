//! The knobs: faults that can be switched on per call, by chance, for the next calls, or for every nth call.
//!
//! A rule is asked at the place where its fault would strike, so a count of "next" calls is only used up by calls the
//! fault can strike at all.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::{Deserialize, Serialize};

use crate::calls::Call;

/// Something that can be made to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// HTTP 429 with `Retry-After: 1`; nothing is done.
    #[serde(rename = "http_429")]
    Http429,
    /// HTTP 502, or the rule's `code`; nothing is done.
    #[serde(rename = "http_5xx")]
    Http5xx,
    /// HTTP 200 with a failure of the vendor. Jushuitan: `code` 199 (default), 200, 100 or any other. Kingdee: `code`
    /// is a MsgCode, 13 (default), 14 or any other, `response_error`, or `519/4006` for a refusal of the old gateway
    /// (which has HTTP status 519); of a login a LoginResultType (default 0: too many logins), or `licence` for a page in
    /// place of a session. OKKI: `code` 429 (default), 401, 404 or any other; on its token endpoints an error of
    /// OAuth2 such as `invalid_grant` (default `server_error`). K/3: `locked` (default), `deadlock`, `licence`,
    /// `unauthorised`, `period`, `row` (`StatusCode` 200 with a row whose `FStatus` is false), `failed_row` (the same
    /// under 201), or a number. Wangdiantong: `code` 1012 (default, enterprise), 100 with one of its limit texts by turns
    /// (default, flagship), or any other. The vendor's words may follow a code that is a number (`100 权限不足`). Nothing
    /// is done.
    VendorError,
    /// The call is served and stored at once, but its answer takes `millis` (default 1000) longer: a client that gives up
    /// earlier does not know what became of it.
    Slow,
    /// The call is served and stored, then the connection is cut without an answer.
    LostReply,
    /// The connection is cut before anything is stored.
    CutRequest,
    /// The call is served, but only the first half of the answer's text arrives.
    TruncatedJson,
    /// OKKI: empty objects of an order arrive as `[]` (contract xiaoman-okki §5).
    EmptyObjectAsList,
    /// A gateway's HTML page with status 200; nothing is done.
    HtmlAnswer,
    /// Jushuitan: a page after the first carries the rows of the page that was served before it.
    RepeatedPage,
    /// Jushuitan: the first row of a page lacks its id.
    MissingId,
    /// Jushuitan movements: no row carries `ioi_sn_id` (contract jushuitan §12).
    WithoutRowIds,
    /// Jushuitan, OKKI and Wangdiantong: a page tells another total; `code` is what it says (default: 7 more).
    WrongTotal,
    /// Jushuitan, OKKI and K/3: the code of the envelope arrives as text (contract jushuitan §6).
    CodeAsText,
    /// Jushuitan: `msg` is null.
    NullMsg,
    /// Jushuitan: a page after the last is empty and still says `has_next`.
    HasNextOnEmptyPage,
    /// The access token or session of the call ends now, as if its time had come. Kingdee: `code` is what the site says
    /// of a session that is over, such as `未登录` or `ctx == null`.
    ExpiredToken,
    /// Wangdiantong: the Qimen router refuses the call itself; `code` is 7 (default), 8, 25 or any other, or a sub code
    /// such as `isp.remote-service-error`.
    GatewayFailure,
    /// Wangdiantong: a page that has rows arrives without them.
    EmptyPage,
    /// Wangdiantong: a page without rows arrives without its list (contracts: `refunds` or `order` may be missing).
    MissingList,
    /// Wangdiantong: every number of an answer arrives as text.
    NumbersAsText,
    /// Wangdiantong: the first record of a page is modified right after the page was made.
    RecordModified,
    /// Kingdee and K/3: the audit of a stored document is refused (asked once per document).
    AuditRefused,
    /// Kingdee: a BatchSave with a document that is refused stores none of its documents, and tells its failure without
    /// saying whose it is; with `code` `first` it names the first document, whoever is at fault.
    UnnamedRefusal,
    /// Kingdee: the documents of a BatchSave are stored, and its answer tells of the first half of them only.
    HalfTold,
    /// Kingdee and K/3: right before a write is carried out, a person takes a step with each document that the call is
    /// about: `code` is `audit` (default), `unaudit`, `submit` or `delete`; K/3 knows `audit` and `delete`.
    PersonActs,
}

/// When a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// With this probability per call, from 0 to 1.
    Probability(f64),
    /// On so many calls from now, then never again.
    Next(u64),
    /// On every nth call; 1 is every call.
    Every(u64),
}

/// One knob: when a fault strikes, on which calls, and with what details.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RuleText", into = "RuleText")]
pub struct Rule {
    /// When the fault strikes.
    pub when: When,
    /// Only calls whose name contains this text, for example `kingdee` or `BatchSave`.
    pub on: Option<String>,
    /// The code or status the fault uses, where it uses one.
    pub code: Option<String>,
    /// How long [`Fault::Slow`] takes.
    pub millis: Option<u64>,
}

impl Rule {
    /// A rule for every call.
    pub fn new(when: When) -> Self {
        Self { when, on: None, code: None, millis: None }
    }

    /// Keeps the rule to calls whose name contains `text`.
    pub fn on(mut self, text: impl Into<String>) -> Self {
        self.on = Some(text.into());
        self
    }

    /// Sets the code or status the fault uses.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The code, and the vendor's words where any follow it.
    pub(crate) fn code_and_words(&self) -> Option<(&str, Option<&str>)> {
        let text = self.code.as_deref()?;
        Some(text.split_once(' ').map_or((text, None), |(code, words)| (code, Some(words))))
    }

    /// Sets how long [`Fault::Slow`] takes.
    pub fn millis(mut self, millis: u64) -> Self {
        self.millis = Some(millis);
        self
    }
}

/// A rule as the JSON of `POST /_sandbox/knobs` writes it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RuleText {
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    millis: Option<u64>,
}

/// A knob that cannot be set as asked.
#[derive(Debug, thiserror::Error)]
pub enum KnobError {
    /// The rule does not say when, or says it twice.
    #[error("a knob needs exactly one of `probability`, `next` and `every`")]
    When,
    /// A probability outside its range.
    #[error("the probability {0} is not between 0 and 1")]
    Probability(f64),
    /// `every` counts from 1.
    #[error("`every` must be at least 1; use null to switch a knob off")]
    EveryZero,
    /// A text of the command line that is not `NAME=WHEN:VALUE[,KEY:VALUE…]`.
    #[error(
        "`{0}` is not of the form NAME=WHEN:VALUE[,KEY:VALUE…], for example lost_reply=every:10,on:BatchSave"
    )]
    Shorthand(String),
    /// Not JSON of the documented form.
    #[error("the knob cannot be read")]
    Json(#[from] serde_json::Error),
}

impl TryFrom<RuleText> for Rule {
    type Error = KnobError;

    fn try_from(text: RuleText) -> Result<Self, KnobError> {
        let when = match (text.probability, text.next, text.every) {
            (Some(value), None, None) if !(0.0..=1.0).contains(&value) => {
                return Err(KnobError::Probability(value));
            }
            (Some(value), None, None) => When::Probability(value),
            (None, Some(count), None) => When::Next(count),
            (None, None, Some(0)) => return Err(KnobError::EveryZero),
            (None, None, Some(count)) => When::Every(count),
            _ => return Err(KnobError::When),
        };
        Ok(Self { when, on: text.on, code: text.code, millis: text.millis })
    }
}

impl From<Rule> for RuleText {
    fn from(rule: Rule) -> Self {
        let mut text = Self { on: rule.on, code: rule.code, millis: rule.millis, ..Self::default() };
        match rule.when {
            When::Probability(value) => text.probability = Some(value),
            When::Next(count) => text.next = Some(count),
            When::Every(count) => text.every = Some(count),
        }
        text
    }
}

/// Documents of Kingdee and K/3 that are refused for good: the same document every time it comes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefusedNumbers {
    /// Refuses numbers that this divides; a number that is not one counts the sum of its bytes. 0 refuses none.
    pub every: u64,
    /// Refuses these numbers.
    pub numbers: Vec<String>,
}

impl RefusedNumbers {
    /// Whether a document with this number is refused.
    pub fn contains(&self, number: &str) -> bool {
        if self.numbers.iter().any(|refused| refused == number) {
            return true;
        }
        let value = number.parse::<u64>().unwrap_or_else(|_| number.bytes().map(u64::from).sum());
        self.every > 0 && value.is_multiple_of(self.every)
    }
}

/// The faults that are switched on.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Knobs {
    #[serde(flatten)]
    rules: BTreeMap<Fault, Rule>,
    refused_numbers: RefusedNumbers,
}

impl Knobs {
    /// Switches a fault on, in place of what it was set to.
    pub fn set(&mut self, fault: Fault, rule: Rule) {
        self.rules.insert(fault, rule);
    }

    /// Switches a fault off.
    pub fn clear(&mut self, fault: Fault) {
        self.rules.remove(&fault);
    }

    /// Chooses the documents Kingdee refuses for good.
    pub fn refuse_numbers(&mut self, refused: RefusedNumbers) {
        self.refused_numbers = refused;
    }

    /// The documents Kingdee refuses for good.
    pub fn refused_numbers(&self) -> &RefusedNumbers {
        &self.refused_numbers
    }

    /// Merges a JSON object of fault names and rules; `null` switches a fault off. All or nothing.
    ///
    /// # Errors
    /// When a name is unknown or a rule cannot be read.
    pub fn merge(&mut self, json: &str) -> Result<(), KnobError> {
        let given: BTreeMap<String, serde_json::Value> = serde_json::from_str(json)?;
        let mut merged = self.clone();
        for (name, value) in given {
            if name == "refused_numbers" {
                merged.refused_numbers = serde_json::from_value::<Option<_>>(value)?.unwrap_or_default();
                continue;
            }
            let fault: Fault = serde_json::from_value(serde_json::Value::from(name))?;
            match serde_json::from_value::<Option<Rule>>(value)? {
                Some(rule) => merged.set(fault, rule),
                None => merged.clear(fault),
            }
        }
        *self = merged;
        Ok(())
    }

    /// Merges a knob of the command line: `NAME=WHEN:VALUE[,KEY:VALUE…]`, such as `lost_reply=every:10,on:BatchSave`.
    ///
    /// # Errors
    /// When the text is not of that form, the name is unknown, or the rule cannot be read.
    pub fn merge_shorthand(&mut self, text: &str) -> Result<(), KnobError> {
        let malformed = || KnobError::Shorthand(text.to_owned());
        let (name, details) = text.split_once('=').ok_or_else(malformed)?;
        let mut rule = serde_json::Map::new();
        for detail in details.split(',') {
            let (key, value) = detail.split_once(':').ok_or_else(malformed)?;
            let json = match key {
                "on" | "code" => serde_json::Value::from(value),
                _ => serde_json::from_str(value).map_err(|_| malformed())?,
            };
            rule.insert(key.to_owned(), json);
        }
        self.merge(&serde_json::json!({ name: rule }).to_string())
    }
}

/// The knobs at work: with the counters of `every` and the dice of `probability`.
#[derive(Debug)]
pub struct FaultBox {
    knobs: Knobs,
    asked: BTreeMap<Fault, u64>,
    dice: StdRng,
}

impl FaultBox {
    /// Puts knobs to work; `seed` decides the faults that are a matter of chance.
    pub fn new(knobs: Knobs, seed: u64) -> Self {
        Self { knobs, asked: BTreeMap::new(), dice: StdRng::seed_from_u64(seed) }
    }

    /// The knobs as they stand; a count of next calls shows what is left of it.
    pub fn knobs(&self) -> &Knobs {
        &self.knobs
    }

    /// Turns the knobs. The counters of `every` start again for a fault that is set anew.
    pub fn turn(&mut self, knobs: Knobs) {
        let rules = &self.knobs.rules;
        self.asked.retain(|fault, _| knobs.rules.get(fault) == rules.get(fault));
        self.knobs = knobs;
    }

    /// Asks whether a fault strikes this call; the rule that made it strike is returned.
    pub fn strikes(&mut self, fault: Fault, call: &Call) -> Option<Rule> {
        let rule = self.knobs.rules.get_mut(&fault)?;
        if rule.on.as_ref().is_some_and(|on| !call.name().contains(on.as_str())) {
            return None;
        }
        let struck = match &mut rule.when {
            When::Probability(probability) => self.dice.random_bool(*probability),
            When::Next(0) => false,
            When::Next(left) => {
                *left -= 1;
                true
            }
            When::Every(count) => {
                let asked = self.asked.entry(fault).or_insert(0);
                *asked += 1;
                asked.is_multiple_of(*count)
            }
        };
        struck.then(|| rule.clone())
    }
}

impl Fault {
    /// The name of the fault, as in `POST /_sandbox/knobs`.
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => format!("{self:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::System;

    fn call() -> Call {
        Call::new(System::Kingdee, "BatchSave")
    }

    fn struck(when: When, calls: usize) -> Vec<bool> {
        let mut knobs = Knobs::default();
        knobs.set(Fault::LostReply, Rule::new(when));
        let mut faults = FaultBox::new(knobs, 7);
        (0..calls).map(|_| faults.strikes(Fault::LostReply, &call()).is_some()).collect()
    }

    #[test]
    fn rules_strike_when_they_say() {
        assert_eq!(struck(When::Next(2), 4), [true, true, false, false]);
        assert_eq!(struck(When::Every(2), 4), [false, true, false, true]);
        assert_eq!(struck(When::Probability(1.0), 2), [true, true]);
        let hits = struck(When::Probability(0.3), 1000).into_iter().filter(|hit| *hit).count();
        assert!((200..400).contains(&hits), "{hits}");
        assert_eq!(struck(When::Probability(0.3), 50), struck(When::Probability(0.3), 50));
    }

    #[test]
    fn a_rule_for_other_calls_is_not_used_up() {
        let mut knobs = Knobs::default();
        knobs.set(Fault::Slow, Rule::new(When::Next(1)).on("distributor"));
        let mut faults = FaultBox::new(knobs, 1);
        assert!(faults.strikes(Fault::Slow, &call()).is_none());
        let other = Call::new(System::Jushuitan, "/open/jushuitan/distributor/query");
        assert!(faults.strikes(Fault::Slow, &other).is_some());
    }

    #[test]
    fn json_and_shorthand_say_the_same() {
        let mut by_json = Knobs::default();
        by_json
            .merge(r#"{"http_5xx":{"every":3,"on":"BatchSave","code":"503"},"slow":{"next":1,"millis":5}}"#)
            .unwrap();
        let mut by_shorthand = Knobs::default();
        by_shorthand.merge_shorthand("http_5xx=every:3,on:BatchSave,code:503").unwrap();
        by_shorthand.merge_shorthand("slow=next:1,millis:5").unwrap();
        by_json.merge(r#"{"http_429":{"probability":0.25}}"#).unwrap();
        by_shorthand.merge_shorthand("http_429=probability:0.25").unwrap();
        assert_eq!(by_json.rules, by_shorthand.rules);
        by_json.merge(r#"{"slow":null}"#).unwrap();
        assert_eq!(by_json.rules.len(), 2);
    }

    #[test]
    fn unreadable_knobs_change_nothing() {
        let mut knobs = Knobs::default();
        for json in [
            r#"{"slow":{"next":1},"no_such_fault":{"next":1}}"#,
            r#"{"slow":{"next":1,"every":2}}"#,
            r#"{"slow":{"every":0}}"#,
            r#"{"slow":{"probability":1.5}}"#,
            r#"{"slow":{"next":1,"typo":2}}"#,
        ] {
            assert!(knobs.merge(json).is_err(), "{json}");
            assert!(knobs.rules.is_empty());
        }
        assert!(knobs.merge_shorthand("slow").is_err());
    }

    #[test]
    fn refused_numbers_are_the_same_every_time() {
        let refused = RefusedNumbers { every: 50, numbers: vec!["A".to_owned()] };
        assert!(refused.contains("100") && refused.contains("A"));
        assert!(!refused.contains("101") && !refused.contains("B"));
        assert!(!RefusedNumbers::default().contains("0"));
    }
}
