//! The omission remedy beside the regular poll: its own windows under its own cursor, which never moves the other one.
//!
//! Its cursor says up to which of the crontab's times it was carried out. While a run goes on the cursor holds a window,
//! the one that is read or the one that comes next: so a crash resumes the run, and a run that ended is not begun again.

use std::{convert::Infallible, time::Duration};

use jiff::Timestamp;
use weir_model::cursor::{Cursor, Lane};
use weir_runtime::poll::Publication;

use super::{
    Ended,
    windows::{Opened, Progress, Session},
};
use crate::{
    overlap::Overlap,
    remedy::{Remedy, Run},
};

/// How often the clock is looked at: it may be set, and a machine may sleep.
const LOOK: Duration = Duration::from_secs(60);

impl Session<'_> {
    /// Carries `remedy` out until it ends.
    pub(super) async fn remedy(&mut self, remedy: &Remedy, cursor: Option<Cursor>) -> Ended {
        let Err(ended) = self.remedy_from(remedy, cursor).await;
        ended
    }

    async fn remedy_from(&mut self, remedy: &Remedy, cursor: Option<Cursor>) -> Result<Infallible, Ended> {
        let mut done = match cursor {
            None => self.write_down(self.source.clock.now()).await?,
            Some(Cursor { settled_until, window: None, .. }) => settled_until,
            Some(Cursor { settled_until, window: Some(open), at, .. }) => {
                // The run was begun for this time or an earlier one, which it then covers as well.
                let planned = remedy.last_until(self.source.planner.settled(at));
                let end = planned.map_or(open.to, |time| self.source.planner.after_fold(time));
                let window = self.resume(open, Lane::Backfill);
                self.read_run(window, settled_until, end).await?
            }
        };
        loop {
            let settled = self.source.planner.settled(self.source.clock.now());
            match remedy.owed(done, settled) {
                None => self.rest(LOOK).await?,
                Some(run) => {
                    let end = self.source.planner.after_fold(run.to);
                    if end > settled {
                        self.rest(LOOK).await?;
                        continue;
                    }
                    done = self.carry_out(run, end).await?;
                }
            }
        }
    }

    /// What lies before a first start needs no remedy; from here on no time of the crontab is forgotten.
    async fn write_down(&mut self, done: Timestamp) -> Result<Timestamp, Ended> {
        let cursors = vec![self.cursor(Progress { settled_until: done, window: None })];
        self.publish(Publication { cursors, ..Publication::default() }).await?;
        Ok(done)
    }

    /// Reads `run`, whose end is `end` where the clocks are turned.
    async fn carry_out(&mut self, run: Run, end: Timestamp) -> Result<Timestamp, Ended> {
        let from = self.source.planner.not_before_start(run.from);
        tracing::info!(source = %self.source.name, %from, to = %end, "omission remedy begins");
        // Everything is published, but not twice in one run.
        self.overlap = Overlap::default();
        match self.next_of_run(from, end) {
            None => self.write_down(end).await,
            Some(first) => {
                let progress = Progress { settled_until: from, window: Some(first.open().clone()) };
                let cursors = vec![self.cursor(progress)];
                self.publish(Publication { cursors, ..Publication::default() }).await?;
                self.read_run(first, from, end).await
            }
        }
    }

    /// Reads windows up to `end`; tells up to when the remedy is done.
    async fn read_run(&mut self, first: Opened, from: Timestamp, end: Timestamp) -> Result<Timestamp, Ended> {
        let (mut window, mut settled_until) = (first, from);
        loop {
            let to = window.to();
            let next = self.next_of_run(to, end);
            let after = next.as_ref().map(|next| next.open().clone());
            self.read_window(window, settled_until, Progress { settled_until: to, window: after }).await?;
            settled_until = to;
            match next {
                Some(next) => window = next,
                None => {
                    tracing::info!(source = %self.source.name, until = %to, "omission remedy is carried out");
                    return Ok(to);
                }
            }
        }
    }

    fn next_of_run(&self, settled_until: Timestamp, end: Timestamp) -> Option<Opened> {
        let window = self.source.planner.next_up_to(settled_until, end, self.source.clock.now())?;
        Some(self.begin(crate::window::Window { lane: Lane::Backfill, ..window }))
    }
}
