//! A look at what a source holds now: one page, no cursor, nothing published.

use weir_model::{names::RecordId, record::RawRecord};

use super::SourcePoller;
use crate::{
    feed::{Ask, FeedError, PageAt},
    paging::Strategy,
    window::Window,
};

/// The records of one page and the window they were asked for.
#[derive(Debug)]
pub struct Sample {
    /// The window; it need not be settled, so records of it may still change.
    pub window: Window,
    /// Its first page's records. A row without an id has an empty one.
    pub records: Vec<RawRecord>,
}

impl SourcePoller {
    /// Calls once for the first page of the newest window. Nothing is kept of it: the source is polled as before.
    ///
    /// # Errors
    /// With the vendor's own words and what to do.
    pub async fn sample(&self) -> Result<Sample, FeedError> {
        let window = self.planner.newest(self.clock.now());
        let at = match self.settings.strategy {
            Strategy::RowCursor => PageAt::After(None),
            Strategy::LastPageFirst | Strategy::LastPageFirstUntilStill | Strategy::Forward => {
                PageAt::Number(1)
            }
        };
        let page_size = self.settings.page_size;
        let ask = Ask { from: window.from, to: window.to, at, page_size, lane: window.lane, archived: false };
        let answer = self.feed.page(&ask).await?;
        let polled_at = self.clock.now();
        let record = |bytes| {
            let row = self.maker.read(bytes);
            let id = row.id.clone().or_else(|| row.fallback_id.clone());
            self.maker.record(&row, id.unwrap_or_else(|| RecordId::from("")), polled_at)
        };
        Ok(Sample { window, records: answer.rows.into_iter().map(record).collect() })
    }
}
