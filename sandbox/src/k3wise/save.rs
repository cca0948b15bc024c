//! Save, Update, Delete and CheckBill: what writes (contract kingdee-k3wise §3, §4 and §8).
//!
//! One document with its rows per call, all or nothing. A number that is in use is refused (assumption of the contract).

use serde_json::Value;

use crate::{Fault, Rule, calls::Call, clock, world::World};

use super::{
    Mandatory, Refusal,
    body::{Body, Fields, Sign, find, reference_number, sign_of, text},
    store::Order,
    template::{self, Field, Kind, Need, PAGE_1, PAGE_2},
};

/// A document that was written.
pub struct Written {
    pub id: i64,
    pub number: String,
}

/// `SO/Save`: a new document.
pub fn save(world: &mut World, body: &Body) -> Result<Written, Refusal> {
    let (header, rows) = pages(world, body.data()?)?;
    let header = header.ok_or_else(|| Refusal::of_document("Page1必须有且只有一条记录"))?;
    let rows = rows.ok_or_else(|| Refusal::of_document("Page2至少要有一条分录"))?;
    check(world, &header, &rows)?;
    let mut number = header.get("FBillNo").map(text).unwrap_or_default().trim().to_owned();
    if number.is_empty() {
        number = world.k3wise.store.next_number();
    }
    check_refused(world, &number)?;
    let store = &mut world.k3wise.store;
    if store.order(&number).is_some() {
        store.note_duplicate_create(&number);
        return Err(Refusal::of_document(format!("单据编号 [{number}] 已存在")));
    }
    let id = store.create(&number, header, rows);
    Ok(Written { id, number })
}

/// `SO/Update`: the fields that are sent over those there are; rows that are sent replace all rows.
pub fn update(world: &mut World, body: &Body) -> Result<Written, Refusal> {
    let former = named(world, &body.text("FBillNo"))?;
    if former.audited {
        return Err(Refusal::of_document(format!("单据 [{}] 已审核，不能修改", former.number)));
    }
    let (sent, rows) = pages(world, body.data()?)?;
    let mut header = former.header;
    // The number at the top names the document; it does not change.
    header.extend(sent.unwrap_or_default().into_iter().filter(|(key, _)| key != "FBillNo"));
    let rows = rows.unwrap_or(former.rows);
    check(world, &header, &rows)?;
    check_refused(world, &former.number)?;
    world.k3wise.store.change(former.id, "update", |order| {
        order.header = header;
        order.rows = rows;
        order.updates += 1;
    });
    Ok(Written { id: former.id, number: former.number })
}

/// `SO/Delete`: every document named, or none.
pub fn delete(world: &mut World, body: &Body) -> Result<(), Refusal> {
    let mut named_orders = Vec::new();
    for fields in body.data_list()? {
        let order = named(world, &find(fields, "FBillNo").map(text).unwrap_or_default())?;
        if order.audited {
            return Err(Refusal::of_document(format!("单据 [{}] 已审核，不能删除", order.number)));
        }
        named_orders.push(order.id);
    }
    for id in named_orders {
        world.k3wise.store.delete(id);
    }
    Ok(())
}

/// `SO/CheckBill`: audits the documents named.
pub fn audit(world: &mut World, call: &Call, body: &Body) -> Result<(), Refusal> {
    for fields in body.data_list()? {
        let order = named(world, &find(fields, "FBillNo").map(text).unwrap_or_default())?;
        if order.audited {
            return Err(Refusal::of_document(format!("单据 [{}] 已审核，不能重复审核", order.number)));
        }
        if world.strikes(Fault::AuditRefused, call).is_some() {
            return Err(Refusal::of_document(format!(
                "单据 [{}] 审核失败：当前用户没有审核权限",
                order.number
            )));
        }
        world.k3wise.store.change(order.id, "audit", |order| order.audited = true);
    }
    Ok(())
}

/// Audits or deletes the documents that a write names, as a person does who works with them at the same time.
pub fn act_as_person(world: &mut World, body: &Body, rule: &Rule) {
    let listed = body.data_list().unwrap_or_default();
    let mut numbers: Vec<String> =
        listed.iter().filter_map(|fields| find(fields, "FBillNo")).map(text).collect();
    numbers.push(body.text("FBillNo"));
    for id in
        numbers.iter().filter_map(|number| Some(world.k3wise.store.order(number)?.id)).collect::<Vec<_>>()
    {
        match rule.code.as_deref() {
            Some("delete") => world.k3wise.store.delete(id),
            _ => world.k3wise.store.change(id, "audit", |order| order.audited = true),
        }
    }
}

/// A document by its number.
pub fn named(world: &World, number: &str) -> Result<Order, Refusal> {
    let found = world.k3wise.store.order(number.trim()).cloned();
    found.ok_or_else(|| Refusal::of_document(format!("单据编号 [{number}] 不存在")))
}

/// Both pages as they were sent, with the template's keys; `None` for a page that was not sent.
fn pages(world: &mut World, data: &Fields) -> Result<(Option<Fields>, Option<Vec<Fields>>), Refusal> {
    let objects = |key: &str| -> Result<Option<Vec<Fields>>, Refusal> {
        let Some(page) = find(data, key) else { return Ok(None) };
        let items = page.as_array().filter(|items| !items.is_empty());
        let objects = items.and_then(|items| items.iter().map(|item| item.as_object().cloned()).collect());
        objects.map(Some).ok_or_else(|| Refusal::of_document(format!("{key}必须是非空的对象数组")))
    };
    let (page_1, page_2) = (objects("Page1")?, objects("Page2")?);
    let header = match page_1.map(<[Fields; 1]>::try_from) {
        None => None,
        Some(Ok([header])) => Some(spelt(world, "Page1", &PAGE_1, header)),
        Some(Err(_)) => return Err(Refusal::of_document("Page1必须有且只有一条记录")),
    };
    let rows = page_2.map(|rows| rows.into_iter().map(|row| spelt(world, "Page2", &PAGE_2, row)).collect());
    Ok((header, rows))
}

/// Fields under the template's spelling of their keys. What the template does not know passes through, and is noted.
fn spelt(world: &mut World, page: &str, template: &'static [Field], fields: Fields) -> Fields {
    let mut spelt = Fields::new();
    for (key, value) in fields {
        match template::by_key(template, &key) {
            Some(field) => spelt.insert(field.key.to_owned(), value),
            None => {
                if !template::is_custom(&key) {
                    world.k3wise.store.note_unknown_key(page, &key);
                }
                spelt.insert(key, value)
            }
        };
    }
    spelt
}

/// Refuses a document for the first reason there is.
fn check(world: &World, header: &Fields, rows: &[Fields]) -> Result<(), Refusal> {
    let strict = world.k3wise.settings.mandatory == Mandatory::Strict;
    for field in &PAGE_1 {
        check_field(field, header, strict).map_err(Refusal::of_document)?;
    }
    for (index, row) in rows.iter().enumerate() {
        let refuse = |words: String| Refusal::of_document(format!("第 {} 行分录：{words}", index + 1));
        for field in &PAGE_2 {
            check_field(field, row, strict).map_err(refuse)?;
        }
        if is_blank(row.get("FAuxTaxPrice")) && is_blank(row.get("Fauxprice")) {
            return Err(refuse("含税单价 [FAuxTaxPrice] 和单价 [Fauxprice] 不能同时为空".to_owned()));
        }
    }
    Ok(())
}

/// Refuses the documents the knobs name.
fn check_refused(world: &World, number: &str) -> Result<(), Refusal> {
    if world.faults.knobs().refused_numbers().contains(number) {
        return Err(Refusal::of_document(format!("单据 [{number}] 已超出客户信用额度，不能保存")));
    }
    Ok(())
}

fn is_blank(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(_)) => value.map(reference_number).is_none_or(|number| number.trim().is_empty()),
        Some(value) => text(value).trim().is_empty(),
    }
}

fn check_field(field: &Field, fields: &Fields, strict: bool) -> Result<(), String> {
    let Field { key, label, kind, need } = field;
    let value = fields.get(*key).unwrap_or(&Value::Null);
    if is_blank(Some(value)) {
        let must = *need == Need::Always || (*need == Need::Strict && strict);
        return if must { Err(format!("{label} [{key}] 必录，不能为空")) } else { Ok(()) };
    }
    let text = text(value);
    let sign = sign_of(text.trim());
    match kind {
        Kind::Free => Ok(()),
        Kind::Date if is_date(&text) => Ok(()),
        Kind::Date => Err(format!("{label} [{key}] 的值 [{text}] 不是有效日期")),
        Kind::Flag if matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "0" | "1") => Ok(()),
        Kind::Flag => Err(format!("{label} [{key}] 的值 [{text}] 不是布尔值")),
        Kind::Decimal | Kind::Positive if sign.is_none() => {
            Err(format!("{label} [{key}] 的值 [{text}] 不是数值"))
        }
        Kind::Decimal if sign != Some(Sign::Negative) => Ok(()),
        Kind::Decimal => Err(format!("{label} [{key}] 不能小于零")),
        Kind::Positive if sign == Some(Sign::Positive) => Ok(()),
        Kind::Positive => Err(format!("{label} [{key}] 必须大于零")),
        Kind::Reference(_) if !value.is_object() => Err(format!("{label} [{key}] 的格式不正确")),
        Kind::Reference(base) => {
            let number = reference_number(value);
            let known = base.name(number.trim()).is_some();
            if known { Ok(()) } else { Err(format!("{label} [{number}] 不存在")) }
        }
    }
}

/// Whether a text is a date, with or without a time of day.
fn is_date(text: &str) -> bool {
    let text = text.trim().replace('T', " ");
    clock::from_text(&text).or_else(|| clock::from_text(&format!("{text} 00:00:00"))).is_some()
}
