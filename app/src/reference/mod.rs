//! The language reference (`docs/language.md`, `weir describe language`), written from the tables that compiler, filter,
//! settings and checks use. Nothing of it is written twice: what those tables lack is in [`examples`] and in [`page`].
//! [`apis`] does the same for the remote systems' APIs.

pub mod apis;
mod data;
mod examples;
mod markdown;
mod page;
#[cfg(test)]
mod tests;

pub use data::json;
pub use page::page;
