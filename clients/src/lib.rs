//! What speaks to the remote systems: one module a system, with its signing, envelopes, limits, error table and
//! endpoint descriptions.
//!
//! It relies on nothing of the rest but `weir_model::secret::Secret`, and is the only crate that names an HTTP library.
//! A client makes one call and tells exactly what is known about it; whether and when to call again is decided by who
//! called, from the [`class::Class`] and the [`error::Effect`] of the error. The exceptions are the ones that the
//! contracts allow once per call: a renewed token, a corrected clock, a lost session.

pub mod class;
pub mod describe;
pub mod error;
pub mod governor;
pub mod http;
pub mod jushuitan;
pub mod k3wise;
pub mod kingdee;
pub mod okki;
pub mod registry;
pub mod seal;
pub mod wangdiantong;

#[cfg(test)]
mod scripted;
