//! Servers that behave, and misbehave, like the remote systems Weir talks to.
//!
//! Written from the contract pages alone and without a type shared with `clients`: two independent readings of one
//! contract catch each other's errors. One port serves every system, over real HTTP/1.1:
//!
//! | Module | System | Paths |
//! | --- | --- | --- |
//! | [`jushuitan`] | 聚水潭 open platform | `/open/…`, `/openWeb/auth/…` |
//! | [`kingdee`] | 金蝶云星空 (Kingdee Cloud Galaxy) | `/k3cloud/…`, any letter case |
//! | [`k3wise`] | 金蝶 K/3 WISE | `/K3API/…`, any letter case |
//! | [`okki`] | 小满 OKKI CRM | `/v1/…` |
//! | [`wangdiantong`] | 旺店通 enterprise and flagship | `/openapi2/…`, `/openapi`, `/router/qm` |
//! | `control` | the sandbox itself | `/_sandbox/…` |
//!
//! A further system is one more module with a `routes` function, one more field of the world, and one more line in
//! `server::router`.
//!
//! ```no_run
//! # async fn show() -> Result<(), weir_sandbox::StartError> {
//! let running = weir_sandbox::Sandbox::start(weir_sandbox::Options::default(), "127.0.0.1:0").await?;
//! println!("{}", running.base_url());
//! running.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod calls;
mod changes;
mod clock;
mod control;
mod faults;
mod json_text;
pub mod jushuitan;
pub mod k3wise;
pub mod kingdee;
mod made_up;
pub mod okki;
mod options;
mod reply;
mod server;
pub mod wangdiantong;
mod world;

pub use calls::CallCount;
pub use faults::{Fault, KnobError, Knobs, RefusedNumbers, Rule, When};
pub use options::{Change, ListOrder, Options, Secret};
pub use server::{Handle, Running, Sandbox, StartError};
pub use world::State;
