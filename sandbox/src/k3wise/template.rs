//! The template of a sales order (FTranType 81) and the base data it refers to, as tables (contract kingdee-k3wise §4).
//!
//! Field names have the template's irregular case; what is sent is matched without regard to it.

use serde_json::{Value, json};

use super::body::Fields;

/// A field of a page.
#[derive(Debug)]
pub struct Field {
    pub key: &'static str,
    pub label: &'static str,
    pub kind: Kind,
    pub need: Need,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Anything.
    Free,
    /// A date, with or without a time of day.
    Date,
    /// A decimal that is not negative.
    Decimal,
    /// A decimal above zero.
    Positive,
    /// True or false, as a text or a number.
    Flag,
    /// A reference, written `{"FNumber":"…","FName":"…"}`.
    Reference(Base),
}

/// Whether a field must be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Optional,
    /// Only when the site is strict.
    Strict,
    Always,
}

/// A kind of base data.
#[derive(Debug, Clone, Copy)]
pub enum Base {
    /// Customers `C0001` to `C9999`, but every 45th was not entered yet.
    Customers,
    /// Rows of number and name.
    Rows(&'static [(&'static str, &'static str)]),
}

impl Base {
    /// The name of a number, which is found without regard to case.
    pub fn name(self, number: &str) -> Option<String> {
        match self {
            Self::Customers => {
                let digits = number.strip_prefix(['C', 'c']).filter(|digits| digits.len() == 4)?;
                let index: u32 = digits.parse().ok()?;
                (!index.is_multiple_of(45)).then(|| format!("客户{digits}"))
            }
            Self::Rows(rows) => {
                let row = rows.iter().find(|(known, _)| known.eq_ignore_ascii_case(number))?;
                Some(row.1.to_owned())
            }
        }
    }
}

const fn field(key: &'static str, label: &'static str, kind: Kind, need: Need) -> Field {
    Field { key, label, kind, need }
}

const DEPARTMENTS: Base = Base::Rows(&[("D20", "外贸部"), ("D21", "内销部")]);
const EMPLOYEES: Base = Base::Rows(&[("2747", "王敏"), ("2748", "陈强")]);
const CURRENCIES: Base = Base::Rows(&[
    ("RMB", "人民币"),
    ("USD", "美元"),
    ("EUR", "欧元"),
    ("GBP", "英镑"),
    ("HKD", "港币"),
    ("JPY", "日元"),
]);
const RATE_TYPES: Base = Base::Rows(&[("01", "公司汇率")]);
const SALES_RANGES: Base = Base::Rows(&[("1", "购销"), ("2", "调拨")]);
const SALE_STYLES: Base = Base::Rows(&[("FXF01", "现销"), ("FXF02", "赊销")]);
const SETTLEMENTS: Base = Base::Rows(&[("JF01", "现金"), ("JF02", "电汇")]);
const PLAN_CATEGORIES: Base = Base::Rows(&[("STD", "标准")]);
const PLAN_MODES: Base = Base::Rows(&[("MTS", "MTS计划模式"), ("MTO", "MTO计划模式")]);
const UNITS: Base = Base::Rows(&[("S01", "个"), ("S02", "套"), ("PCS", "个"), ("SET", "套")]);
const ITEMS: Base = Base::Rows(&[
    ("5.B2-1116", "不锈钢合页4寸"),
    ("5.B2-1117", "不锈钢合页5寸"),
    ("5.B2-2040", "闭门器60公斤"),
    ("5.C1-0301", "LED球泡9瓦"),
    ("5.C1-0302", "LED球泡12瓦"),
    ("5.C1-0710", "投光灯50瓦"),
    ("5.D4-8801", "花园水管15米"),
    ("5.D4-8802", "花园水管30米"),
    ("5.D4-9100", "喷头"),
    ("5.E7-0012", "螺丝刀24件套"),
    ("5.E7-0045", "卷尺5米"),
    ("5.E7-0100", "工具箱16寸"),
]);

/// The header.
pub static PAGE_1: [Field; 22] = [
    field("FBillNo", "单据编号", Kind::Free, Need::Optional),
    field("Fdate", "日期", Kind::Date, Need::Always),
    field("FCustID", "客户代码", Kind::Reference(Base::Customers), Need::Always),
    field("FDeptID", "部门", Kind::Reference(DEPARTMENTS), Need::Strict),
    field("FEmpID", "业务员", Kind::Reference(EMPLOYEES), Need::Strict),
    field("FCurrencyID", "币别", Kind::Reference(CURRENCIES), Need::Optional),
    field("FExchangeRateType", "汇率类型", Kind::Reference(RATE_TYPES), Need::Optional),
    field("FExchangeRate", "汇率", Kind::Positive, Need::Optional),
    field("FAreaPS", "销售范围", Kind::Reference(SALES_RANGES), Need::Optional),
    field("FSaleStyle", "销售方式", Kind::Reference(SALE_STYLES), Need::Optional),
    field("FSettleID", "结算方式", Kind::Reference(SETTLEMENTS), Need::Optional),
    field("FPlanCategory", "计划类别", Kind::Reference(PLAN_CATEGORIES), Need::Optional),
    field("FMangerID", "主管", Kind::Free, Need::Optional),
    field("FBillerID", "制单人", Kind::Free, Need::Optional),
    field("FCheckerID", "审核人", Kind::Free, Need::Optional),
    field("FCancellation", "作废标志", Kind::Flag, Need::Optional),
    field("FTranType", "单据类型", Kind::Free, Need::Optional),
    field("FClassTypeID", "事务类型", Kind::Free, Need::Optional),
    field("FStatus", "状态", Kind::Free, Need::Optional),
    field("FSysStatus", "系统状态", Kind::Free, Need::Optional),
    field("FVersionNo", "版本号", Kind::Free, Need::Optional),
    field("FExplanation", "摘要", Kind::Free, Need::Optional),
];

/// The rows. One of the two prices must be filled.
pub static PAGE_2: [Field; 15] = [
    field("FEntryID2", "行号", Kind::Free, Need::Optional),
    field("FItemID", "物料代码", Kind::Reference(ITEMS), Need::Always),
    field("FUnitID", "单位", Kind::Reference(UNITS), Need::Strict),
    field("Fauxqty", "数量", Kind::Positive, Need::Always),
    field("FQty", "基本单位数量", Kind::Decimal, Need::Optional),
    field("FAuxTaxPrice", "含税单价", Kind::Decimal, Need::Optional),
    field("Fauxprice", "单价", Kind::Decimal, Need::Optional),
    field("Famount", "金额", Kind::Decimal, Need::Optional),
    field("FCess", "税率", Kind::Decimal, Need::Optional),
    field("FDate1", "交货日期", Kind::Date, Need::Strict),
    field("FPlanMode", "计划模式", Kind::Reference(PLAN_MODES), Need::Optional),
    field("Fnote", "备注", Kind::Free, Need::Optional),
    field("FMapName", "对应名称", Kind::Free, Need::Optional),
    field("FItemName", "物料名称", Kind::Free, Need::Optional),
    field("FItemModel", "规格型号", Kind::Free, Need::Optional),
];

/// A field of a page by its key, whatever its case.
pub fn by_key(page: &'static [Field], key: &str) -> Option<&'static Field> {
    page.iter().find(|field| field.key.eq_ignore_ascii_case(key))
}

/// A page of the template with the values it comes with.
pub fn blank(page: &'static [Field]) -> Fields {
    let reference = |number: &str, name: &str| json!({ "FNumber": number, "FName": name });
    let value = |field: &Field| match (field.key, field.kind) {
        ("FTranType", _) => json!(81),
        ("FClassTypeID" | "FStatus" | "FSysStatus", _) => json!(0),
        ("FVersionNo", _) => json!("000"),
        ("FExchangeRate" | "FEntryID2", _) => json!(1),
        ("FCurrencyID", _) => reference("RMB", "人民币"),
        ("FExchangeRateType", _) => reference("01", "公司汇率"),
        (_, Kind::Reference(_)) => reference("", ""),
        (_, Kind::Flag) => json!(false),
        (_, Kind::Decimal | Kind::Positive) => json!(0),
        _ => Value::from(""),
    };
    page.iter().map(|field| (field.key.to_owned(), value(field))).collect()
}

/// Whether a key is a field that a customer added to the form: `FHeadSelfS01xx` and `FEntrySelfS01xx`.
pub fn is_custom(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.starts_with("fheadselfs01") || key.starts_with("fentryselfs01")
}
