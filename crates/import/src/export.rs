//! A flow file's metadata as JSON again: every key and value, in its order, numbers with their text.

use serde_json::Map;
use thiserror::Error;
use weir_model::Json;

use crate::{piece::Role, yaml};

/// The metadata of a flow file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exported {
    /// The source's, when the file has that side.
    pub source: Option<Json>,
    /// The target's.
    pub target: Option<Json>,
}

/// Why a file has no metadata to give.
#[derive(Debug, Error)]
pub enum ExportError {
    /// It is no YAML.
    #[error("the flow file is no YAML; `weir check` tells where")]
    NotYaml(#[source] Box<serde_saphyr::Error>),
    /// It is YAML without a metadata section.
    #[error("the file has no metadata: name a flow file, which has source.metadata or target.metadata")]
    NoMetadata,
    /// It has the other side only.
    #[error("the file has no {0} side: leave --side out, or name the other side")]
    NoSide(&'static str),
}

/// Reads the metadata of a flow file or a fragment.
///
/// # Errors
/// When the text is no YAML or holds no metadata.
pub fn export(text: &str) -> Result<Exported, ExportError> {
    let tree = yaml::read(text).map_err(|error| ExportError::NotYaml(Box::new(error)))?;
    let side = |role: Role| tree.get(role.as_str())?.get("metadata").filter(|metadata| metadata.is_object());
    let exported = Exported { source: side(Role::Source).cloned(), target: side(Role::Target).cloned() };
    if exported.source.is_none() && exported.target.is_none() {
        return Err(ExportError::NoMetadata);
    }
    Ok(exported)
}

impl Exported {
    /// One side's metadata as it stood on the vendor's platform.
    ///
    /// # Errors
    /// When the file does not have that side.
    pub fn side(&self, role: Role) -> Result<&Json, ExportError> {
        let side = match role {
            Role::Source => &self.source,
            Role::Target => &self.target,
        };
        side.as_ref().ok_or(ExportError::NoSide(role.as_str()))
    }

    /// Both sides in one object, `{"source": …, "target": …}`; what [`crate::import`] reads.
    pub fn both(&self) -> Json {
        let sides = [("source", &self.source), ("target", &self.target)];
        let there = sides.into_iter().filter_map(|(name, side)| Some((name.to_owned(), side.clone()?)));
        Json::Object(Map::from_iter(there))
    }
}
