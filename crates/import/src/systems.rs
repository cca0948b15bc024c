//! What the contracts tell about the APIs that metadata names: the system, and what a print often lacks. Every use of a
//! row is an assumption in the report, with the contract as its source.

/// An API that is polled.
#[derive(Debug)]
pub struct SourceApi {
    /// As the metadata writes it.
    pub api: &'static str,
    /// The system's name in flow files.
    pub system: &'static str,
    /// Where its facts stand.
    pub contract: &'static str,
    /// Field that identifies a record.
    pub id: &'static str,
    /// Field shown as the number.
    pub number: &'static str,
    /// Field with the modification time.
    pub modified: &'static str,
    /// Parameters of the window's begin and end.
    pub window: [&'static str; 2],
    /// Parameter of the page size, and its largest value where one is documented.
    pub page_size: (&'static str, Option<u64>),
    /// The list of a record's lines, when it has one.
    pub lines: Option<&'static str>,
    /// Fields that identify a row of a table, lines flattened.
    pub row_key: &'static [&'static str],
    /// A field that metadata uses as id although it repeats, and the fields that identify a record instead.
    pub repeating_id: Option<RepeatingId>,
}

/// An id that repeats.
#[derive(Debug)]
pub struct RepeatingId {
    /// The field.
    pub id: &'static str,
    /// What identifies a record.
    pub key: &'static [&'static str],
    /// What does where an answer lacks it.
    pub fallback: &'static [&'static str],
}

/// The APIs of the contracts.
pub const SOURCES: [SourceApi; 5] = [
    SourceApi {
        api: "/open/jushuitan/distributor/query",
        system: "jushuitan",
        contract: "jushuitan §4",
        id: "drp_co_id",
        number: "drp_co_id",
        modified: "modified",
        window: ["modified_begin", "modified_end"],
        page_size: ("page_size", Some(50)),
        lines: None,
        row_key: &["drp_co_id"],
        repeating_id: None,
    },
    SourceApi {
        api: "/open/webapi/wmsapi/skusn/queryinoutitemskusns",
        system: "jushuitan",
        contract: "jushuitan §5",
        id: "ioi_sn_id",
        number: "sku_sn",
        modified: "modified_time",
        window: ["create_time_start", "create_time_end"],
        page_size: ("page_size", Some(1000)),
        lines: None,
        row_key: &["ioi_sn_id"],
        repeating_id: Some(RepeatingId {
            id: "sku_sn",
            key: &["ioi_sn_id"],
            fallback: &["sku_sn", "io_id", "inout_type", "create_time"],
        }),
    },
    SourceApi {
        api: "wdt.refund.query",
        system: "wangdiantong-enterprise",
        contract: "wangdiantong-enterprise §5, §6",
        id: "refund_id",
        number: "refund_no",
        modified: "modified",
        window: ["start_time", "end_time"],
        page_size: ("page_size", Some(40)),
        lines: Some("refund_order_list"),
        row_key: &["refund_id", "refund_order_list_order_id"],
        repeating_id: None,
    },
    SourceApi {
        api: "wdt.aftersales.refund.refund.search",
        system: "wangdiantong-flagship",
        contract: "wangdiantong-flagship §4, §5; decisions, 旺店通",
        id: "refund_id",
        number: "refund_no",
        modified: "modified_date",
        window: ["modified_from", "modified_to"],
        page_size: ("page_size", Some(200)),
        lines: Some("detail_list"),
        row_key: &["refund_id", "detail_list_rec_id"],
        repeating_id: None,
    },
    SourceApi {
        api: "/v1/invoices/order/list",
        system: "xiaoman-okki",
        contract: "xiaoman-okki §4",
        id: "order_id",
        number: "order_no",
        modified: "update_time",
        window: ["start_time", "end_time"],
        page_size: ("count", None),
        lines: Some("product_list"),
        row_key: &["order_id"],
        repeating_id: None,
    },
];

/// The system of a K/3 WISE order; its number has a place of its own in the document.
pub const K3_WISE: &str = "kingdee-k3wise";
/// Kingdee Cloud Galaxy.
pub const GALAXY: &str = "kingdee-galaxy";
/// MySQL.
pub const MYSQL: &str = "mysql";

/// The contract's row of an API that is polled.
pub fn source(api: &str) -> Option<&'static SourceApi> {
    SOURCES.iter().find(|row| row.api == api)
}

/// The system of an API that is polled, known by its form where the API itself is not.
pub fn source_system(api: &str) -> Option<&'static str> {
    let forms =
        [("/open/jushuitan/", "jushuitan"), ("/open/webapi/", "jushuitan"), ("/open/api/", "jushuitan")];
    let by_form = || forms.iter().find(|(start, _)| api.starts_with(start)).map(|(_, system)| *system);
    source(api).map(|row| row.system).or_else(by_form)
}

/// The system of an operation that writes.
pub fn target_system(api: &str, method: &str) -> Option<&'static str> {
    match api {
        "batchSave" => Some(GALAXY),
        "/SO/Save" => Some(K3_WISE),
        "batchexecute" | "execute" => Some(MYSQL),
        _ if method.eq_ignore_ascii_case("SQL") => Some(MYSQL),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_apis_have_their_systems() {
        let sources = SOURCES.map(|row| source_system(row.api));
        assert!(sources.iter().all(Option::is_some));
        assert_eq!(source_system("/open/jushuitan/shops/query"), Some("jushuitan"));
        assert_eq!(target_system("insert", "sql"), Some(MYSQL));
        assert_eq!(target_system("/SO/Save", "POST"), Some(K3_WISE));
        assert_eq!(target_system("anything", "POST"), None);
    }
}
