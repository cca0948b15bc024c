//! How documents are treated: by the target section of the flow version that made them, which may not be the version that
//! runs (design §7).

use std::sync::Arc;

use weir_model::{
    flow::{OnLeave, language::IdCheck},
    outcome::Refusal,
    target::Target,
};

use crate::stage::StageError;

/// How the documents of a flow version are treated. Cheap to clone.
#[derive(Clone)]
pub struct Treatment {
    /// Where they go.
    pub target: Arc<dyn Target>,
    /// What is decided from receipts alone.
    pub rules: Rules,
}

/// What a flow version says about records that come again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Which states of a record are taken.
    pub id_check: IdCheck,
    /// What becomes of a record that was delivered and that a rule leaves out now.
    pub on_leave: OnLeave,
}

/// Finds the treatment of any flow version whose documents stand in the topic.
pub trait Treatments: Send + Sync {
    /// How documents of the flow's version `ordinal` are treated. May block for as long as reading `weir.control` takes;
    /// called again for each batch, so it remembers what it found.
    fn of(&self, ordinal: u32) -> Result<Treatment, Untreatable>;
}

/// Why a document cannot be treated.
#[derive(Debug)]
pub enum Untreatable {
    /// Its version cannot be used, and a person must act; its partition is held (invariant 3).
    Halted(Refusal),
    /// The version could not be looked up; it is tried again.
    Failed(StageError),
}

impl From<StageError> for Untreatable {
    fn from(error: StageError) -> Self {
        Self::Failed(error)
    }
}

/// One treatment for every version, as tests and tools have it.
impl Treatments for Treatment {
    fn of(&self, _ordinal: u32) -> Result<Treatment, Untreatable> {
        Ok(self.clone())
    }
}
