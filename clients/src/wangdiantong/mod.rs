//! 旺店通 (Wangdiantong): the enterprise and the flagship edition, two products with little in common but the vendor, and
//! Qimen (奇门 / TOP), the second path to both (contracts wangdiantong-enterprise, wangdiantong-flagship).
//!
//! ```text
//! Call ──▶ quota of the sid ──▶ Gateway: signed request ──▶ POST ──▶ Gateway: answer ──▶ Answer { rows, total }
//!                                  │ direct: the edition's own signature     │ a refused time: the server's clock, once
//!                                  │ qimen:  TOP signature around it
//! ```
//!
//! A [`Gateway`] is pure: the time is handed in, and it calls nothing. The [`Client`] calls, for both paths of one account, so
//! that they share its quota (contract decisions "旺店通").

pub mod answer;
pub mod client;
pub mod enterprise;
pub mod flagship;
pub mod gateway;
pub mod operation;
pub mod top;

pub use answer::Answer;
pub use client::{Client, Settings};
pub use gateway::{Access, Call, Gateway, Gateways};
pub use operation::{Edition, Endpoint, Operation};

use crate::describe::Api;

/// Every API of both editions.
pub const ALL: &[&Api] = &[
    &enterprise::endpoints::REFUND_QUERY,
    &enterprise::endpoints::HIS_REFUND_QUERY,
    &enterprise::endpoints::QIMEN_REFUND_QUERY,
    &flagship::endpoints::REFUND_SEARCH,
    &flagship::endpoints::REFUND_SEARCH_HISTORY,
    &flagship::endpoints::QIMEN_REFUND_SEARCH,
    &flagship::endpoints::QIMEN_REFUND_SEARCH_HISTORY,
];
