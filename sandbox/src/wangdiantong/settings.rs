//! The accounts of a merchant at 旺店通, and how strictly the platform treats them.

use crate::{ListOrder, Secret};

/// An account of the enterprise edition (contract wangdiantong-enterprise §3).
#[derive(Debug, Clone)]
pub struct EnterpriseAccount {
    /// The seller's account.
    pub sid: String,
    /// The interface's account.
    pub app_key: String,
    /// What calls are signed with.
    pub app_secret: Secret,
}

/// An account of the flagship edition (contract wangdiantong-flagship §2). Its secret is issued as `secret:salt`.
#[derive(Debug, Clone)]
pub struct FlagshipAccount {
    /// The seller's account.
    pub sid: String,
    /// The interface's account.
    pub app_key: String,
    /// The part of the issued secret before the colon: what calls are signed with.
    pub secret: Secret,
    /// The part after the colon: a parameter.
    pub salt: String,
}

/// An application at the Qimen router (contract wangdiantong-enterprise §4).
#[derive(Debug, Clone)]
pub struct QimenApplication {
    /// The caller's key.
    pub app_key: String,
    /// What calls are signed with.
    pub secret: Secret,
    /// The key of the system that is called: Wangdiantong's.
    pub target_app_key: String,
}

/// Accounts and limits of both editions.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account of the enterprise edition.
    pub enterprise: EnterpriseAccount,
    /// The account of the flagship edition.
    pub flagship: FlagshipAccount,
    /// The application that calls both through Qimen.
    pub qimen: QimenApplication,
    /// Calls a minute per seller account, both ways in together; `None` is unlimited.
    pub calls_per_minute: Option<u32>,
    /// Without it no signature is looked at, and the path that the seed of the flagship edition calls is served.
    pub require_sign: bool,
    /// Refuses pages beyond 40 rows (enterprise) or 200 (flagship); otherwise any size passes.
    pub strict_page_size: bool,
    /// Records that were last modified longer ago, in whole days, are served by the history endpoints only.
    pub archive_after_days: u32,
    /// The order in which refunds are listed: unknown of the real platform, so a client must not rely on it.
    pub list_order: ListOrder,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enterprise: EnterpriseAccount {
                sid: "demo-sid".to_owned(),
                app_key: "demo-app".to_owned(),
                app_secret: Secret::new("demo-secret"),
            },
            flagship: FlagshipAccount {
                sid: "demo3".to_owned(),
                app_key: "demo3-app".to_owned(),
                secret: Secret::new("demosecret"),
                salt: "demosalt".to_owned(),
            },
            qimen: QimenApplication {
                app_key: "12345678".to_owned(),
                secret: Secret::new("topsecret"),
                target_app_key: "21363512".to_owned(),
            },
            calls_per_minute: Some(60),
            require_sign: true,
            strict_page_size: true,
            archive_after_days: 90,
            list_order: ListOrder::default(),
        }
    }
}
