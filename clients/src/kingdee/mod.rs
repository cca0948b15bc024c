//! Placeholder.
pub mod endpoints {
    pub const ALL: &[&crate::describe::Api] = &[];
}
