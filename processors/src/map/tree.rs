//! Writing a document as JSON, straight into its bytes. What has no value is left out, at any depth.

use weir_expr::{Context, Output};

use super::item::{BoundList, Content, Item, Scalar};
use crate::{filter::RowMasks, flatten::kept_elements, key::KeyParts, stop::Stop, trace::Watch};

/// Writes one document.
pub struct TreeWriter<'r, 'k> {
    body: &'r mut Vec<u8>,
    key: &'r mut KeyParts<'k>,
    masks: &'r RowMasks,
    watch: Watch<'r>,
}

impl<'r, 'k> TreeWriter<'r, 'k> {
    /// A writer that appends to `body`.
    pub fn new(
        body: &'r mut Vec<u8>,
        key: &'r mut KeyParts<'k>,
        masks: &'r RowMasks,
        watch: Watch<'r>,
    ) -> Self {
        Self { body, key, masks, watch }
    }

    /// Appends an object of these items; it may be empty.
    pub fn object<'a>(&mut self, items: &'a [Item], context: &mut Context<'_, 'a>) -> Result<(), Stop> {
        self.body.push(b'{');
        let mut empty = true;
        for item in items {
            let before = self.body.len();
            if !empty {
                self.body.push(b',');
            }
            self.body.extend_from_slice(&item.prefix);
            if self.content(item, context)? {
                empty = false;
            } else {
                self.body.truncate(before);
            }
        }
        self.body.push(b'}');
        Ok(())
    }

    /// Appends an item's value; false when it has none, and what was appended does not count.
    fn content<'a>(&mut self, item: &'a Item, context: &mut Context<'_, 'a>) -> Result<bool, Stop> {
        match &item.content {
            Content::Scalar(scalar) => self.scalar(&item.name, scalar, context),
            Content::Object(items) => {
                let start = self.body.len();
                self.object(items, context)?;
                Ok(self.body.len() > start + 2)
            }
            Content::List(None, items) => {
                self.body.push(b'[');
                self.watch.enter(&item.name, 0);
                self.object(items, context)?;
                self.watch.leave();
                self.body.push(b']');
                Ok(true)
            }
            Content::List(Some(bound), items) => self.list(&item.name, bound, items, context),
        }
    }

    fn scalar<'a>(
        &mut self,
        name: &str,
        scalar: &'a Scalar,
        context: &Context<'_, 'a>,
    ) -> Result<bool, Stop> {
        let value = scalar.value(name, context);
        self.watch.field(name, Some(scalar), context, value.as_ref());
        let value = value?;
        if value == Output::Null {
            return Ok(false);
        }
        if let (Some(part), Some(text)) = (scalar.key_part, value.key_text()) {
            self.key.take(part, text);
        }
        scalar.parsers.write(&value, self.body);
        Ok(true)
    }

    /// One object per element; no list in the record is no list in the document.
    fn list<'a>(
        &mut self,
        name: &str,
        bound: &'a BoundList,
        items: &'a [Item],
        context: &mut Context<'_, 'a>,
    ) -> Result<bool, Stop> {
        let Some(rows) = kept_elements(&bound.list, &bound.name, context, self.masks)? else {
            return Ok(false);
        };
        self.body.push(b'[');
        let mut first = true;
        let watch = self.watch;
        bound.each(rows, context, &mut |index, context| {
            if !std::mem::take(&mut first) {
                self.body.push(b',');
            }
            watch.enter(name, index);
            self.object(items, context)?;
            watch.leave();
            Ok(())
        })?;
        self.body.push(b']');
        Ok(true)
    }
}
