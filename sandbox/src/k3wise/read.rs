//! GetTemplate, GetDetail and GetList: what reads (contract kingdee-k3wise §3 and §5).

use serde_json::{Map, Value, json};

use crate::world::World;

use super::{
    Refusal, SuccessShape,
    body::{Body, Fields, find, reference_number, text},
    filter::Filter,
    save::named,
    store::{Order, Store},
    template::{self, Field, Kind, PAGE_1, PAGE_2},
};

/// The most rows of a page: the constant the vendor's SDK holds.
const LARGEST_PAGE: usize = 10_000;

/// The template with the values it comes with, one layer deeper than other answers.
pub fn template() -> Value {
    json!({ "Data": { "Page1": [template::blank(&PAGE_1)], "Page2": [template::blank(&PAGE_2)] } })
}

/// One document by its number.
pub fn detail(world: &World, body: &Body) -> Result<Value, Refusal> {
    let number = find(body.data()?, "FBillNo").map(text).unwrap_or_default();
    let order = named(world, &number)?;
    let rows: Vec<_> = order.rows.iter().map(|row| named_references(&PAGE_2, row)).collect();
    let mut header = named_references(&PAGE_1, &order.header);
    for (key, value) in own_fields(&order) {
        header.insert(key.to_owned(), value);
    }
    Ok(json!({ "Page1": [header], "Page2": rows }))
}

/// What the system itself knows of a document.
fn own_fields(order: &Order) -> [(&'static str, Value); 3] {
    [
        ("FInterID", json!(order.id)),
        ("FBillNo", json!(order.number)),
        ("FStatus", json!(u8::from(order.audited))),
    ]
}

/// Fields as they are told: a reference has the name that belongs to its number.
fn named_references(page: &'static [Field], fields: &Fields) -> Fields {
    let told = |(key, value): (&String, &Value)| {
        let kind = template::by_key(page, key).map(|field| field.kind);
        let number = reference_number(value);
        let value = match kind {
            Some(Kind::Reference(base)) => json!({ "FNumber": number, "FName": base.name(&number) }),
            _ => value.clone(),
        };
        (key.clone(), value)
    };
    fields.iter().map(told).collect()
}

/// What a call of GetList asks for.
struct Listing {
    top: usize,
    page_size: usize,
    page_index: usize,
    /// Whether a document is told once for every row, which is how lists are told unless page 1 is chosen.
    by_row: bool,
    fields: Vec<String>,
    filter: Filter,
    order_by: Vec<(String, bool)>,
}

impl Listing {
    fn read(data: &Fields) -> Result<Self, Refusal> {
        let given = |name: &str| find(data, name).map(text).unwrap_or_default();
        let whole = |name: &str, absent: usize| match given(name).trim() {
            "" => Ok(absent),
            text => text.parse().map_err(|_| Refusal::of_document(format!("参数 {name} 必须是整数"))),
        };
        let parts = |name: &str| -> Vec<String> {
            let given = given(name);
            given.split(',').map(unbracketed).filter(|part| !part.is_empty()).collect()
        };
        let order_by = parts("OrderBy").into_iter().map(|part| {
            let (key, direction) = part.split_once(' ').unwrap_or((&part, ""));
            (unbracketed(key), direction.trim().eq_ignore_ascii_case("desc"))
        });
        let listing = Self {
            top: whole("Top", 0)?,
            page_size: whole("PageSize", 10)?,
            page_index: whole("PageIndex", 1)?,
            by_row: whole("SelectPage", 2)? != 1,
            order_by: order_by.collect(),
            fields: parts("Fields"),
            filter: Filter::read(&given("Filter"))?,
        };
        if listing.page_index == 0 || !(1..=LARGEST_PAGE).contains(&listing.page_size) {
            return Err(Refusal::of_document(format!(
                "PageIndex 从 1 开始，PageSize 为 1 至 {LARGEST_PAGE}"
            )));
        }
        let ordered = listing.order_by.iter().map(|(key, _)| key.as_str());
        let named = listing.fields.iter().map(String::as_str).chain(ordered).chain(listing.filter.fields());
        match named.into_iter().find(|key| known_key(key).is_none()) {
            Some(key) => Err(Refusal::of_document(format!("列名 '{key}' 无效"))),
            None => Ok(listing),
        }
    }

    /// The rows that match, sorted, with their documents.
    fn matching<'s>(&self, store: &'s Store) -> Vec<(&'s Order, Option<&'s Fields>)> {
        let mut matching = Vec::new();
        for order in store.orders() {
            let rows = order.rows.iter().map(Some).take(if self.by_row { usize::MAX } else { 0 });
            let header_only = [None].into_iter().take(usize::from(!self.by_row));
            matching.extend(rows.chain(header_only).map(|row| (order, row)));
        }
        let value = |(order, row): &(&Order, Option<&Fields>), key: &str| {
            order.value(known_key(key).unwrap_or(key), *row)
        };
        matching.retain(|found| self.filter.passes(&|key| value(found, key)));
        matching.sort_by(|one, other| {
            let mut orders = self.order_by.iter().map(|(key, descending)| {
                let order = value(one, key).cmp(&value(other, key));
                if *descending { order.reverse() } else { order }
            });
            orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        if self.top > 0 {
            matching.truncate(self.top);
        }
        matching
    }

    /// A row as the list tells it, under the names the call used.
    fn told(&self, order: &Order, row: Option<&Fields>) -> Value {
        let own: Map<_, _> =
            own_fields(order).into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let mut all = named_references(&PAGE_1, &order.header);
        all.extend(row.map(|row| named_references(&PAGE_2, row)).unwrap_or_default());
        all.extend(own);
        if self.fields.is_empty() {
            return Value::Object(all);
        }
        let named = self.fields.iter().map(|key| {
            let value = known_key(key).and_then(|known| all.get(known)).cloned();
            (key.clone(), value.unwrap_or(Value::Null))
        });
        Value::Object(named.collect())
    }
}

/// The template's spelling of a key that can be listed.
fn known_key(key: &str) -> Option<&'static str> {
    if key.eq_ignore_ascii_case("FInterID") {
        return Some("FInterID");
    }
    let field = template::by_key(&PAGE_1, key).or_else(|| template::by_key(&PAGE_2, key));
    field.map(|field| field.key)
}

fn unbracketed(text: &str) -> String {
    text.trim().replace(['[', ']'], "")
}

/// A page of documents. The keys' case varies by build.
pub fn list(world: &World, body: &Body) -> Result<Value, Refusal> {
    let listing = Listing::read(body.data()?)?;
    let matching = listing.matching(&world.k3wise.store);
    let skipped = (listing.page_index - 1).saturating_mul(listing.page_size);
    let rows = matching.iter().skip(skipped).take(listing.page_size);
    let rows: Vec<_> = rows.map(|(order, row)| listing.told(order, *row)).collect();
    let (total, size, index) = (matching.len(), listing.page_size, listing.page_index);
    Ok(match world.k3wise.settings.success_shape {
        SuccessShape::Message => {
            json!({ "RowCount": total, "PageSize": size, "PageIndex": index, "Data": rows })
        }
        _ => json!({ "ROWCOUNT": total, "PAGESIZE": size, "PAGEINDEX": index, "DATA": rows }),
    })
}
