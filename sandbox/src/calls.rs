//! Counts what came over the wire and what became of it, per call.

use std::collections::BTreeMap;

use serde::Serialize;

/// The systems served, as the knobs and counters name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    Jushuitan,
    Kingdee,
    Wangdiantong,
    Okki,
    K3Wise,
}

impl System {
    fn name(self) -> &'static str {
        match self {
            Self::Jushuitan => "jushuitan",
            Self::Kingdee => "kingdee",
            Self::Wangdiantong => "wangdiantong",
            Self::Okki => "okki",
            Self::K3Wise => "k3wise",
        }
    }
}

/// One call of a remote system: which system, and what it asks for.
#[derive(Debug, Clone)]
pub struct Call {
    pub system: System,
    /// The path of the endpoint, or the name of the operation.
    pub operation: String,
}

impl Call {
    /// A call of an operation of a system.
    pub fn new(system: System, operation: impl Into<String>) -> Self {
        Self { system, operation: operation.into() }
    }

    /// The name under which the call is counted, such as `kingdee BatchSave`.
    pub fn name(&self) -> String {
        format!("{} {}", self.system.name(), self.operation)
    }
}

/// How often one call came and what became of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CallCount {
    /// Calls received, whatever became of them.
    pub received: u64,
    /// Calls that were refused, by reason (a vendor's code, or a word).
    pub refused: BTreeMap<String, u64>,
    /// Faults the knobs brought about, by name.
    pub faults: BTreeMap<String, u64>,
}

/// The counters of every call that was ever seen.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Calls(BTreeMap<String, CallCount>);

impl Calls {
    /// The counters of one call.
    pub fn of(&mut self, call: &Call) -> &mut CallCount {
        self.0.entry(call.name()).or_default()
    }

    /// Every counter there is.
    pub fn counts(&self) -> BTreeMap<String, CallCount> {
        self.0.clone()
    }
}
