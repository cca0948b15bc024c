//! What polling tests share: a stand-in for Kafka that keeps committed publications and can die at any of them.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use weir_model::{
    cursor::{Cursor, Lane, WindowFact},
    digest::Digest,
    letter::DeadLetter,
    names::SourceName,
    record::RawRecord,
    time::Clock,
    token::SealedToken,
};
use weir_producers::Services;
use weir_runtime::{
    health::Health,
    poll::{PublishError, PublishRequest},
    telemetry::Metrics,
};

/// What a process hands to its accounts, under a clock of the test's.
pub fn services(clock: Arc<dyn Clock>) -> Services {
    Services { clock, metrics: Metrics::default(), health: Health::default() }
}

/// Where a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Instead of committing the publication of this index.
    Before(usize),
    /// After committing it, before anybody hears of it.
    After(usize),
}

/// Everything that was committed, over all processes of a test.
#[derive(Debug, Default)]
pub struct Committed {
    pub records: Vec<RawRecord>,
    pub letters: Vec<DeadLetter>,
    pub windows: Vec<WindowFact>,
    /// By source and reader.
    pub cursors: BTreeMap<(SourceName, Lane), Cursor>,
    /// The newest token.
    pub token: Option<SealedToken>,
    pub publications: usize,
}

impl Committed {
    /// The newest published state of each record of a source, by arrival, as sinks would hold it.
    pub fn newest(&self, source: &str) -> BTreeMap<String, Digest> {
        let own = self.records.iter().filter(|record| record.source.as_str() == source);
        own.map(|record| (record.id.to_string(), record.digest)).collect()
    }

    /// The cursors that a new process is given.
    pub fn cursors(&self) -> Vec<Cursor> {
        self.cursors.values().cloned().collect()
    }

    /// Commits what comes until the poller ends, `death` strikes, or `done` is satisfied, which stops the poller.
    pub async fn serve(
        &mut self,
        mut requests: mpsc::Receiver<PublishRequest>,
        death: Option<Death>,
        stop: &CancellationToken,
        done: impl Fn(&Self) -> bool,
    ) {
        while let Some(PublishRequest { publication, done: answer }) = requests.recv().await {
            let index = self.publications;
            self.publications += 1;
            let dies = matches!(death, Some(Death::Before(at) | Death::After(at)) if at == index);
            if death == Some(Death::Before(index)) {
                let _ = answer.send(Err(PublishError::Lost));
                return;
            }
            self.records.extend(publication.records);
            self.letters.extend(publication.letters);
            self.windows.extend(publication.windows);
            self.token = publication.token.or(self.token.take());
            for cursor in publication.cursors {
                self.cursors.insert((cursor.source.clone(), cursor.lane), cursor);
            }
            if dies {
                let _ = answer.send(Err(PublishError::Lost));
                return;
            }
            let _ = answer.send(Ok(()));
            if done(self) {
                stop.cancel();
            }
        }
    }
}
