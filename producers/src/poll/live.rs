//! The regular poll: from the cursor to the settled present, window after window, and on from there.

use std::convert::Infallible;

use jiff::Timestamp;
use weir_model::cursor::{Cursor, Lane};
use weir_runtime::poll::Publication;

use super::{
    Ended,
    windows::{Progress, Session},
};
use crate::lateness::LookBack;

impl Session<'_> {
    /// Polls until it ends.
    pub(super) async fn poll(&mut self, cursor: Option<Cursor>) -> Ended {
        let Err(ended) = self.poll_from(cursor).await;
        ended
    }

    async fn poll_from(&mut self, cursor: Option<Cursor>) -> Result<Infallible, Ended> {
        let (mut settled_until, mut open) = match cursor {
            Some(cursor) => {
                self.look_back = LookBack::new(self.source.look_back, cursor.lateness_ms, cursor.at);
                self.planner = self.source.planner.clone().reaching_back(self.look_back.length());
                (cursor.settled_until, cursor.window)
            }
            None => (self.first_start().await?, None),
        };
        loop {
            let now = self.source.clock.now();
            let window = match open.take() {
                Some(open) => {
                    let more = self.planner.next(open.to, now).is_some();
                    self.resume(open, if more { Lane::CatchUp } else { Lane::Live })
                }
                None => match self.planner.next(settled_until, now) {
                    Some(window) => self.begin(window),
                    None => {
                        self.pause().await?;
                        continue;
                    }
                },
            };
            let (to, lane) = (window.to(), window.lane());
            self.read_window(window, settled_until, Progress { settled_until: to, window: None }).await?;
            settled_until = to;
            if lane == Lane::Live {
                self.pause().await?;
            }
        }
    }

    /// A source without a cursor: its beginning is written down at once, so that "seven days ago" is counted from the
    /// first start whenever the first page comes.
    async fn first_start(&mut self) -> Result<Timestamp, Ended> {
        let start = self.planner.start(self.source.clock.now());
        tracing::info!(source = %self.source.name, %start, "source starts without a cursor");
        let cursors = vec![self.cursor(Progress { settled_until: start, window: None })];
        self.publish(Publication { cursors, ..Publication::default() }).await?;
        Ok(start)
    }

    /// Rests until the next poll is due.
    async fn pause(&self) -> Result<(), Ended> {
        self.rest(self.source.every).await
    }
}
