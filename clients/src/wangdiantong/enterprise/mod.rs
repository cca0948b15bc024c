//! 旺店通·企业版 (contract wangdiantong-enterprise): the vendor's own gateway with the length-prefixed signature, and Qimen.

pub mod direct;
pub mod endpoints;
pub mod errors;
pub mod qimen;

pub use direct::{Direct, LengthUnit};
pub use qimen::Qimen;

/// The name in configuration, metrics and descriptions.
pub const SYSTEM: &str = "wangdiantong-enterprise";
