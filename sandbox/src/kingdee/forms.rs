//! The forms and the base data of the site, as tables: a further form is one more [`Form`] here.

/// A form: the description of a kind of document.
#[derive(Debug)]
pub struct Form {
    pub id: &'static str,
    pub title: &'static str,
    /// The internal id: 0 or absent creates, a positive one updates.
    pub id_key: &'static str,
    /// The business number.
    pub number_key: &'static str,
    /// The organisation within which the number is unique.
    pub organisation_key: &'static str,
    /// The header's fields.
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
    /// A reference to a base data row, written `{"FNumber":"…"}`.
    Reference(&'static BaseData),
}

/// A kind of base data with its rows.
#[derive(Debug, PartialEq, Eq)]
pub struct BaseData {
    pub rows: &'static [BaseRow],
}

/// A row of base data.
#[derive(Debug, PartialEq, Eq)]
pub struct BaseRow {
    pub id: i64,
    pub number: &'static str,
    pub name: &'static str,
}

impl Form {
    /// The form of an id, as it is spelt (contract kingdee-galaxy §6: an unknown form is code 4).
    pub fn by_id(id: &str) -> Option<&'static Self> {
        FORMS.iter().copied().find(|form| form.id == id)
    }

    /// A field by its key, whatever its case: filters and field lists are SQL-like.
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.key.eq_ignore_ascii_case(key))
    }

    /// Whether a key may stand in `Model`, as it is spelt.
    pub fn knows(&self, key: &str) -> bool {
        key == self.id_key || self.fields.iter().any(|field| field.key == key)
    }
}

impl Field {
    /// The name View uses: the key without its leading F.
    pub fn property(&self) -> &'static str {
        self.key.strip_prefix('F').unwrap_or(self.key)
    }
}

impl BaseData {
    /// The row of a number, without regard to case as the database compares.
    pub fn row(&self, number: &str) -> Option<&'static BaseRow> {
        self.rows.iter().find(|row| row.number.eq_ignore_ascii_case(number))
    }
}

const fn row(id: i64, number: &'static str, name: &'static str) -> BaseRow {
    BaseRow { id, number, name }
}

const fn field(key: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { key, label, kind, mandatory: false }
}

const fn mandatory(key: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { key, label, kind, mandatory: true }
}

static ORGANISATIONS: BaseData = BaseData {
    rows: &[row(1, "100", "总公司"), row(100_101, "101", "仓储公司"), row(100_102, "102", "销售公司")],
};

static SELLERS: BaseData = BaseData {
    rows: &[
        row(200_001, "GW000001_1", "王敏"),
        row(200_002, "GW000002_1", "陈强"),
        row(200_003, "GW000003_1", "林静"),
    ],
};

static CURRENCIES: BaseData = BaseData { rows: &[row(1, "PRE001", "人民币"), row(7, "PRE007", "美元")] };

static CUSTOMER_GROUPS: BaseData =
    BaseData { rows: &[row(300_001, "KH01", "分销商"), row(300_002, "KH02", "直营门店")] };

static CUSTOMER_TYPES: BaseData = BaseData {
    rows: &[row(400_001, "KHLB001_SYS", "普通销售客户"), row(400_002, "KHLB002_SYS", "寄售客户")],
};

/// 客户 (contract kingdee-galaxy §8).
static CUSTOMER: Form = Form {
    id: "BD_Customer",
    title: "客户",
    id_key: "FCUSTID",
    number_key: "FNumber",
    organisation_key: "FCreateOrgId",
    fields: &[
        mandatory("FCreateOrgId", "创建组织", Kind::Reference(&ORGANISATIONS)),
        mandatory("FUseOrgId", "使用组织", Kind::Reference(&ORGANISATIONS)),
        field("FNumber", "客户编码", Kind::Text(30)),
        mandatory("FName", "客户名称", Kind::LocalText(100)),
        field("FDescription", "描述", Kind::LocalText(255)),
        field("FSELLER", "销售员", Kind::Reference(&SELLERS)),
        field("FTRADINGCURRID", "结算币别", Kind::Reference(&CURRENCIES)),
        field("FGroup", "客户分组", Kind::Reference(&CUSTOMER_GROUPS)),
        field("FCustTypeId", "客户类别", Kind::Reference(&CUSTOMER_TYPES)),
        field("FINVOICETITLE", "发票抬头", Kind::Text(255)),
        field("FADDRESS", "通讯地址", Kind::Text(255)),
        field("FTEL", "联系电话", Kind::Text(50)),
    ],
};

/// Every form of the site.
static FORMS: [&Form; 1] = [&CUSTOMER];
