//! What the company's books hold: sales orders, and the history of every write, so that a test can see a double.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::body::{Fields, reference_number, text};

/// A stored sales order. Its keys are spelt as the template spells them; values are as they were sent.
#[derive(Debug, Clone, Serialize)]
pub struct Order {
    /// The internal id (`FInterID`).
    pub id: i64,
    /// The document number (`FBillNo`).
    pub number: String,
    /// Whether it was audited (`CheckBill`).
    pub audited: bool,
    /// `Page1[0]`.
    pub header: Fields,
    /// `Page2`.
    pub rows: Vec<Fields>,
    /// How often a document of this number was created: more than 1 is a create after a delete.
    pub creates: usize,
    /// How often it was updated.
    pub updates: u32,
}

impl Order {
    /// A value of the header or of one of its rows, by the template's key; a reference is its number.
    pub fn value(&self, key: &str, row: Option<&Fields>) -> String {
        match key {
            "FBillNo" => self.number.clone(),
            "FInterID" => self.id.to_string(),
            "FStatus" => u8::from(self.audited).to_string(),
            _ => {
                let value = row.and_then(|row| row.get(key)).or_else(|| self.header.get(key));
                value.map(plain).unwrap_or_default()
            }
        }
    }
}

/// A value as a text to compare: a reference is its number.
fn plain(value: &Value) -> String {
    if value.is_object() { reference_number(value) } else { text(value) }
}

/// One write, in the order of the writes.
#[derive(Debug, Clone, Serialize)]
pub struct Write {
    /// What was done: `create`, `update`, `audit`, `delete`.
    pub action: &'static str,
    /// The internal id.
    pub id: i64,
    /// The document number.
    pub number: String,
}

/// Everything that was stored.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Store {
    /// The sales orders in the order of their ids.
    orders: BTreeMap<i64, Order>,
    /// Every write in its order.
    writes: Vec<Write>,
    /// Keys the template does not know, as `Page1.<key>`, and how often they came.
    unknown_keys: BTreeMap<String, u64>,
    /// Saves that were refused because the number is in use, by number.
    duplicate_creates: BTreeMap<String, u64>,
    /// Ids by lower-case number.
    #[serde(skip)]
    ids: BTreeMap<String, i64>,
    /// How often a document of a lower-case number was created.
    #[serde(skip)]
    creates: BTreeMap<String, usize>,
    #[serde(skip)]
    created: i64,
}

impl Store {
    /// The sales orders in the order of their ids.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// A sales order by its number, without regard to case.
    pub fn order(&self, number: &str) -> Option<&Order> {
        self.orders.get(self.ids.get(&number.to_lowercase())?)
    }

    /// Every write in its order.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Keys the template does not know, as `Page1.<key>`, and how often they came.
    pub fn unknown_keys(&self) -> &BTreeMap<String, u64> {
        &self.unknown_keys
    }

    /// Saves that were refused because the number is in use, by number.
    pub fn duplicate_creates(&self) -> &BTreeMap<String, u64> {
        &self.duplicate_creates
    }

    /// The number of a document that comes without one.
    pub(super) fn next_number(&self) -> String {
        format!("SEORD{:06}", self.created + 1)
    }

    /// Stores a new sales order; gives its internal id.
    pub(super) fn create(&mut self, number: &str, header: Fields, rows: Vec<Fields>) -> i64 {
        self.created += 1;
        let id = 13_351 + self.created;
        let creates = self.creates.entry(number.to_lowercase()).or_insert(0);
        *creates += 1;
        let order = Order {
            id,
            number: number.to_owned(),
            audited: false,
            header,
            rows,
            creates: *creates,
            updates: 0,
        };
        self.ids.insert(number.to_lowercase(), id);
        self.orders.insert(id, order);
        self.note("create", id, number);
        id
    }

    /// Changes a sales order, and notes what was done. Nothing happens when there is none of this id.
    pub(super) fn change(&mut self, id: i64, action: &'static str, change: impl FnOnce(&mut Order)) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        change(order);
        let number = order.number.clone();
        self.note(action, id, &number);
    }

    /// Takes a sales order away.
    pub(super) fn delete(&mut self, id: i64) {
        if let Some(order) = self.orders.remove(&id) {
            self.ids.remove(&order.number.to_lowercase());
            self.note("delete", id, &order.number);
        }
    }

    pub(super) fn note_unknown_key(&mut self, page: &str, key: &str) {
        *self.unknown_keys.entry(format!("{page}.{key}")).or_insert(0) += 1;
    }

    pub(super) fn note_duplicate_create(&mut self, number: &str) {
        *self.duplicate_creates.entry(number.to_owned()).or_insert(0) += 1;
    }

    fn note(&mut self, action: &'static str, id: i64, number: &str) {
        self.writes.push(Write { action, id, number: number.to_owned() });
    }
}
