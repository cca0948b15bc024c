//! The base data of the site, as tables: what the references of forms name.

/// A kind of base data.
#[derive(Debug, PartialEq, Eq)]
pub struct BaseData {
    rows: &'static [(i64, &'static str, &'static str)],
    series: Option<Series>,
}

/// Base data whose numbers run on, such as `S0001` to `S9999`; what follows a hyphen is a variant of the row.
#[derive(Debug, PartialEq, Eq)]
struct Series {
    prefix: char,
    digits: usize,
    first_id: i64,
    name: &'static str,
}

/// A row of base data.
#[derive(Debug, PartialEq, Eq)]
pub struct BaseRow {
    pub id: i64,
    pub number: String,
    pub name: String,
}

impl BaseData {
    /// The row of a number, without regard to case as the database compares.
    pub fn row(&self, number: &str) -> Option<BaseRow> {
        let mut rows = self.rows.iter();
        let listed = rows.find(|(_, known, _)| known.eq_ignore_ascii_case(number));
        let listed = listed.map(|(id, number, name)| BaseRow {
            id: *id,
            number: (*number).into(),
            name: (*name).into(),
        });
        listed.or_else(|| self.series.as_ref()?.row(number))
    }
}

impl Series {
    fn row(&self, number: &str) -> Option<BaseRow> {
        let number = number.to_ascii_uppercase();
        let (digits, _) = number.strip_prefix(self.prefix)?.split_once('-').unwrap_or((number.get(1..)?, ""));
        if digits.len() != self.digits || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let index: i64 = digits.parse().ok().filter(|index| *index > 0)?;
        let name = format!("{}{number}", self.name);
        Some(BaseRow { id: self.first_id + index, number, name })
    }
}

const fn rows(rows: &'static [(i64, &'static str, &'static str)]) -> BaseData {
    BaseData { rows, series: None }
}

/// 组织.
pub static ORGANISATIONS: BaseData =
    rows(&[(1, "100", "总公司"), (100_101, "101", "仓储公司"), (100_102, "102", "销售公司")]);

/// 销售员.
pub static SELLERS: BaseData = rows(&[
    (200_001, "GW000001_1", "王敏"),
    (200_002, "GW000002_1", "陈强"),
    (200_003, "GW000003_1", "林静"),
]);

/// 币别.
pub static CURRENCIES: BaseData = rows(&[(1, "PRE001", "人民币"), (7, "PRE007", "美元")]);

/// 汇率类型.
pub static RATE_TYPES: BaseData = rows(&[(1, "HLTX01_SYS", "固定汇率")]);

/// 客户分组.
pub static CUSTOMER_GROUPS: BaseData = rows(&[(300_001, "KH01", "分销商"), (300_002, "KH02", "直营门店")]);

/// 客户类别.
pub static CUSTOMER_TYPES: BaseData =
    rows(&[(400_001, "KHLB001_SYS", "普通销售客户"), (400_002, "KHLB002_SYS", "寄售客户")]);

/// 单据类型 of 销售退货单.
pub static RETURN_BILL_TYPES: BaseData =
    rows(&[(500_001, "XSTHD01_SYS", "标准销售退货单"), (500_006, "XSTHD06_SYS", "退货补货单")]);

/// 退货类型.
pub static RETURN_TYPES: BaseData =
    rows(&[(510_001, "THLX01_SYS", "退货"), (510_002, "THLX02_SYS", "退货补货")]);

/// 仓库.
pub static STOCKS: BaseData = rows(&[
    (520_001, "CK001", "成品仓"),
    (520_002, "CK002", "退货仓"),
    (520_003, "WH01", "一号仓"),
    (520_004, "WH02", "二号仓"),
]);

/// 单位.
pub static UNITS: BaseData = rows(&[(530_001, "Pcs", "件"), (530_002, "Tao", "套")]);

/// 客户 that documents refer to: `S0001` to `S9999`.
pub static CUSTOMERS: BaseData = BaseData {
    rows: &[],
    series: Some(Series { prefix: 'S', digits: 4, first_id: 600_000, name: "客户" }),
};

/// 批号: `L0001` to `L9999`.
pub static LOTS: BaseData = BaseData {
    rows: &[],
    series: Some(Series { prefix: 'L', digits: 4, first_id: 800_000, name: "批号" }),
};

/// 物料: `G001` to `G999` with their variants (`G001-RED`), and the one of the contract's sample.
pub static MATERIALS: BaseData = BaseData {
    rows: &[(700_000, "SKU-1", "样品")],
    series: Some(Series { prefix: 'G', digits: 3, first_id: 700_000, name: "物料" }),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_series_run_on() {
        assert_eq!(CUSTOMERS.row("s0001").unwrap().number, "S0001");
        assert_eq!(MATERIALS.row("G017-RED").unwrap().id, 700_017);
        assert_eq!(MATERIALS.row("sku-1").unwrap().name, "样品");
        for number in ["", "S", "S1", "S0000", "S00001", "G0x1", "客户"] {
            assert!(CUSTOMERS.row(number).is_none() && MATERIALS.row(number).is_none(), "{number}");
        }
    }
}
