//! The forms of the site, as tables: a further form is one more [`Form`] here.

use super::base_data::{self, BaseData};

/// A form: the description of a kind of document.
#[derive(Debug)]
pub struct Form {
    pub id: &'static str,
    pub title: &'static str,
    /// The internal id: 0 or absent creates, a positive one updates.
    pub id_key: &'static str,
    /// The business number.
    pub number_key: &'static str,
    /// What the number of a document begins with that comes without one.
    pub number_prefix: &'static str,
    /// The organisation within which the number is unique; blank when it is unique on the whole site.
    pub organisation_key: &'static str,
    /// The header's fields.
    pub fields: &'static [Field],
    /// The parts beside the header.
    pub entities: &'static [Entity],
}

/// A part of a document: one object beside the header, or rows.
#[derive(Debug)]
pub struct Entity {
    pub key: &'static str,
    pub title: &'static str,
    pub has_rows: bool,
    pub fields: &'static [Field],
}

/// A field of a form.
#[derive(Debug)]
pub struct Field {
    pub key: &'static str,
    pub label: &'static str,
    pub kind: Kind,
    pub mandatory: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text of at most so many characters.
    Text(usize),
    /// A text that View tells per language, of at most so many characters.
    LocalText(usize),
    /// A decimal number, which may be written as a text.
    Decimal,
    /// A date with or without a time of day.
    Date,
    /// True or false, which may be written as a text.
    Flag,
    /// A reference to a base data row, written `{"FNumber":"…"}`.
    Reference(&'static BaseData),
}

impl Form {
    /// The form of an id, as it is spelt (contract kingdee-galaxy §6: an unknown form is code 4).
    pub fn by_id(id: &str) -> Option<&'static Self> {
        FORMS.iter().copied().find(|form| form.id == id)
    }

    /// A field of the header or of a part, by its key, whatever its case: filters and field lists are SQL-like.
    pub fn field(&self, key: &str) -> Option<(Option<&'static Entity>, &'static Field)> {
        let of_header = by_key(self.fields, key).map(|field| (None, field));
        let mut of_entities =
            self.entities.iter().filter_map(|entity| Some((Some(entity), by_key(entity.fields, key)?)));
        of_header.or_else(|| of_entities.next())
    }

    /// A part, by its key as it is spelt.
    pub fn entity(&self, key: &str) -> Option<&'static Entity> {
        self.entities.iter().find(|entity| entity.key == key)
    }

    /// Whether a key may stand in `Model`, as it is spelt.
    pub fn knows(&self, key: &str) -> bool {
        key == self.id_key || self.fields.iter().any(|field| field.key == key) || self.entity(key).is_some()
    }
}

fn by_key(fields: &'static [Field], key: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.key.eq_ignore_ascii_case(key))
}

impl Entity {
    /// Whether a key may stand in the part, as it is spelt.
    pub fn knows(&self, key: &str) -> bool {
        key == ENTRY_ID || self.fields.iter().any(|field| field.key == key)
    }
}

/// The id of a row, which an update may carry.
pub const ENTRY_ID: &str = "FEntryID";

/// The name View uses for a key: without its leading F.
pub fn property(key: &'static str) -> &'static str {
    key.strip_prefix('F').unwrap_or(key)
}

const fn field(key: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { key, label, kind, mandatory: false }
}

const fn mandatory(key: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { key, label, kind, mandatory: true }
}

/// 客户 (contract kingdee-galaxy §8).
static CUSTOMER: Form = Form {
    id: "BD_Customer",
    title: "客户",
    id_key: "FCUSTID",
    number_key: "FNumber",
    number_prefix: "CUST",
    organisation_key: "FCreateOrgId",
    fields: &[
        mandatory("FCreateOrgId", "创建组织", Kind::Reference(&base_data::ORGANISATIONS)),
        mandatory("FUseOrgId", "使用组织", Kind::Reference(&base_data::ORGANISATIONS)),
        field("FNumber", "客户编码", Kind::Text(30)),
        mandatory("FName", "客户名称", Kind::LocalText(100)),
        field("FDescription", "描述", Kind::LocalText(255)),
        field("FSELLER", "销售员", Kind::Reference(&base_data::SELLERS)),
        field("FTRADINGCURRID", "结算币别", Kind::Reference(&base_data::CURRENCIES)),
        field("FGroup", "客户分组", Kind::Reference(&base_data::CUSTOMER_GROUPS)),
        field("FCustTypeId", "客户类别", Kind::Reference(&base_data::CUSTOMER_TYPES)),
        field("FINVOICETITLE", "发票抬头", Kind::Text(255)),
        field("FADDRESS", "通讯地址", Kind::Text(255)),
        field("FTEL", "联系电话", Kind::Text(50)),
    ],
    entities: &[],
};

/// 销售退货单 (contract kingdee-galaxy §8). What the contract calls needed in practice is not mandatory here.
static RETURN_STOCK: Form = Form {
    id: "SAL_RETURNSTOCK",
    title: "销售退货单",
    id_key: "FID",
    number_key: "FBillNo",
    number_prefix: "XSTHD",
    organisation_key: "",
    fields: &[
        mandatory("FBillTypeID", "单据类型", Kind::Reference(&base_data::RETURN_BILL_TYPES)),
        field("FBillNo", "单据编号", Kind::Text(80)),
        mandatory("FDate", "日期", Kind::Date),
        mandatory("FSaleOrgId", "销售组织", Kind::Reference(&base_data::ORGANISATIONS)),
        mandatory("FStockOrgId", "库存组织", Kind::Reference(&base_data::ORGANISATIONS)),
        mandatory("FRetcustId", "客户", Kind::Reference(&base_data::CUSTOMERS)),
        field("FReceiveCustId", "收货方", Kind::Reference(&base_data::CUSTOMERS)),
        field("FSettleCustId", "结算方", Kind::Reference(&base_data::CUSTOMERS)),
        field("FPayCustId", "付款方", Kind::Reference(&base_data::CUSTOMERS)),
        field("FSalesManId", "销售员", Kind::Reference(&base_data::SELLERS)),
        field("FHeadNote", "备注", Kind::Text(255)),
    ],
    entities: &[
        Entity {
            key: "SubHeadEntity",
            title: "财务信息",
            has_rows: false,
            fields: &[
                mandatory("FSettleOrgId", "结算组织", Kind::Reference(&base_data::ORGANISATIONS)),
                mandatory("FSettleCurrId", "结算币别", Kind::Reference(&base_data::CURRENCIES)),
                field("FLocalCurrId", "本位币", Kind::Reference(&base_data::CURRENCIES)),
                field("FExchangeTypeId", "汇率类型", Kind::Reference(&base_data::RATE_TYPES)),
                field("FExchangeRate", "汇率", Kind::Decimal),
            ],
        },
        Entity {
            key: "FEntity",
            title: "明细信息",
            has_rows: true,
            fields: &[
                mandatory("FMaterialId", "物料编码", Kind::Reference(&base_data::MATERIALS)),
                field("FUnitID", "库存单位", Kind::Reference(&base_data::UNITS)),
                mandatory("FRealQty", "实退数量", Kind::Decimal),
                field("FPriceUnitId", "计价单位", Kind::Reference(&base_data::UNITS)),
                field("FSalUnitID", "销售单位", Kind::Reference(&base_data::UNITS)),
                field("FTaxPrice", "含税单价", Kind::Decimal),
                field("FPrice", "单价", Kind::Decimal),
                field("FEntryTaxRate", "税率", Kind::Decimal),
                field("FIsFree", "是否赠品", Kind::Flag),
                mandatory("FReturnType", "退货类型", Kind::Reference(&base_data::RETURN_TYPES)),
                mandatory("FOwnerTypeId", "货主类型", Kind::Text(36)),
                mandatory("FOwnerId", "货主", Kind::Reference(&base_data::ORGANISATIONS)),
                mandatory("FStockId", "仓库", Kind::Reference(&base_data::STOCKS)),
                field("FDeliveryDate", "退货日期", Kind::Date),
                field("FLot", "批号", Kind::Reference(&base_data::LOTS)),
                field("FProduceDate", "生产日期", Kind::Date),
                field("FNote", "备注", Kind::Text(255)),
            ],
        },
    ],
};

/// Every form of the site.
static FORMS: [&Form; 2] = [&CUSTOMER, &RETURN_STOCK];
