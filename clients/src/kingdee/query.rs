//! Queries over forms (contract kingdee-galaxy §3): the filter text, the page, the rows.

use serde_json::{Value, json};

/// Rows of one page: the newer help allows 10,000, the 7.5 help 2,000.
pub const PAGE_ROWS: usize = 2_000;

/// A query over one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The form, such as `BD_Customer`.
    pub form: String,
    /// The fields to read; a reference as `FCreateOrgId.FNumber`.
    pub fields: Vec<String>,
    /// The condition, SQL-like; see [`in_list`] and [`equals`].
    pub filter: String,
    /// The order, needed for a result of several pages.
    pub order: String,
}

impl Query {
    /// The body of one page. `TopRowCount` is an absolute last row, so it is 0.
    pub(super) fn page(&self, start: usize) -> Value {
        json!({"data": {
            "FormId": self.form,
            "FieldKeys": self.fields.join(","),
            "FilterString": self.filter,
            "OrderString": self.order,
            "TopRowCount": 0,
            "StartRow": start,
            "Limit": PAGE_ROWS,
        }})
    }
}

/// `field in ('a','b')`, quotes doubled.
pub fn in_list<'a>(field: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<_> = values.into_iter().map(quoted).collect();
    format!("{field} in ({})", values.join(","))
}

/// `field = 'a'`, quotes doubled.
pub fn equals(field: &str, value: &str) -> String {
    format!("{field} = {}", quoted(value))
}

/// `field >= 'a' and field < 'b'`, quotes doubled; of times, a day and the next (contract kingdee-galaxy §3: the text is
/// SQL-like).
pub fn within(field: &str, from: &str, until: &str) -> String {
    format!("{field} >= {} and {field} < {}", quoted(from), quoted(until))
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        assert_eq!(in_list("FNumber", ["A", "B') or ('1'='1"]), "FNumber in ('A','B'') or (''1''=''1')");
        assert_eq!(
            within("FDate", "2024-01-14", "2024-01-15' or '1"),
            "FDate >= '2024-01-14' and FDate < '2024-01-15'' or ''1'"
        );
        assert_eq!(equals("FCreateOrgId.FNumber", "100"), "FCreateOrgId.FNumber = '100'");
    }
}
