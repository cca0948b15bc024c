//! Jobs that bring records into a flow again, beside the live ones (design §8).
//!
//! | Module | Holds |
//! | --- | --- |
//! | `gate` | whether a job may publish its next chunk |

mod gate;

pub use self::gate::{CHUNK, Gate};
