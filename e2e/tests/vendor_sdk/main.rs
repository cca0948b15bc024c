//! The sandbox's 金蝶云星空 under the vendor's own client, `kingdee-cdp-webapi-sdk` from PyPI: what that client signs, sends
//! and takes is right by definition, so a sandbox that it cannot work with has misread the contract.
//!
//! Needs a Python with that client, which `WEIR_KINGDEE_SDK` names; `cargo xtask test` makes one of `requirements.txt`.

#[cfg(test)]
mod client;
#[cfg(test)]
mod site;
