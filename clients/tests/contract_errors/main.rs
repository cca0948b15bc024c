//! Every error code of the contracts' tables, given by the sandbox over HTTP and read by the client: it must lead to the
//! class, the reaction and the rest that the contract page gives it, after as many calls as that page allows.
//!
//! The rows are written from the contract pages and not from the clients' tables. Each system's last test turns this
//! round: no row of a client's table is without a row here.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside the test functions")]

#[cfg(test)]
mod jushuitan;
#[cfg(test)]
mod k3wise;
#[cfg(test)]
mod kingdee;
#[cfg(test)]
mod okki;
#[cfg(test)]
mod row;
#[cfg(test)]
mod wangdiantong;
