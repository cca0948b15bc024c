//! Writing documents inside an open transaction: packed into few statements, and taken apart when one is refused.
//!
//! A statement that fails leaves nothing behind, so a group of documents that fits into one statement needs no
//! savepoint; a larger one is written under one. A refused group is split at the row the server names, else in halves,
//! until the culprit stands alone: one bad document never holds the others, and all rows of a document are written
//! or none. After a refusal groups are small for a while, so that the next one undoes little.

use weir_model::{
    flow::Column,
    outcome::{Outcome, Refusal, Written},
};

use super::{
    classify::{Failure, codes},
    database::{Session, Statement},
    orphans::Orphans,
    removal::Removal,
    statement::{MAX_ROWS, Upsert},
    value::Value,
};

/// Rows of a group once a server has refused one: small enough that little is undone, large enough that a trip to the
/// server hardly counts.
const CAUTIOUS_ROWS: usize = 64;

/// A document ready to be written, or the reason why it never can be.
pub(super) type Prepared<'a> = Result<Rows<'a>, Refusal>;

/// All rows of one document.
#[derive(Clone, Debug)]
pub(super) struct Rows<'a> {
    /// Row after row.
    values: Vec<Value<'a>>,
    /// Bytes of all of them in packets.
    bytes: usize,
    /// Whether they are deleted instead of written.
    removed: bool,
}

/// How rows are written.
pub(super) struct Writer<'t> {
    pub(super) upsert: &'t Upsert,
    pub(super) orphans: Option<&'t Orphans>,
    pub(super) removal: Option<&'t Removal>,
    pub(super) columns: &'t [Column],
    /// Bytes of values that one statement may carry.
    pub(super) packet: usize,
}

impl<'a> Rows<'a> {
    /// Takes a document's values; refused when one row alone is larger than the server accepts.
    pub(super) fn new(values: Vec<Value<'a>>, columns: usize, packet: usize) -> Prepared<'a> {
        let sizes = values.chunks(columns.max(1)).map(row_bytes);
        if let Some(size) = sizes.clone().find(|size| *size > packet) {
            let message =
                format!("a row takes {size} bytes, the server accepts {packet} (max_allowed_packet)");
            return Err(Refusal::new(codes::TOO_LARGE, message));
        }
        let bytes = sizes.sum();
        Ok(Self { values, bytes, removed: false })
    }

    /// Rows of a removed record, to be deleted.
    pub(super) fn removed(values: Vec<Value<'a>>) -> Self {
        Self { values, bytes: 0, removed: true }
    }
}

/// How large groups may be, as the server's latest refusals advise: what it refuses it has written in part and undoes,
/// so among bad documents small groups are quicker, elsewhere large ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Caution {
    /// Rows of a group; as many as fit when `None`.
    rows: Option<usize>,
}

impl Caution {
    /// Learns from a batch whether the server refused a group of it.
    fn learn(&mut self, refused: bool) {
        self.rows = match (refused, self.rows) {
            (true, _) => Some(CAUTIOUS_ROWS),
            (false, rows) => rows.map(|rows| rows * 2).filter(|rows| *rows < MAX_ROWS),
        };
    }
}

/// A refusal and the row of the group that the server named.
struct Culprit {
    refusal: Refusal,
    row: Option<usize>,
}

impl Writer<'_> {
    /// Writes all documents; one outcome each. The rows of the delivered ones are in the transaction.
    ///
    /// # Errors
    /// Whatever is not a document's fault; the transaction must then be given up.
    pub(super) async fn write(
        &self,
        session: &mut Session,
        documents: &[&Prepared<'_>],
        caution: &mut Caution,
    ) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(documents.len());
        let mut sound = Vec::with_capacity(documents.len());
        for (index, document) in documents.iter().enumerate() {
            match document {
                Ok(rows) => {
                    outcomes.push(Outcome::Delivered(Written::default()));
                    sound.push((index, rows));
                }
                Err(refusal) => outcomes.push(Outcome::Reject(refusal.clone())),
            }
        }
        // Groups to write, the next one last: documents are written in their order (invariant 4).
        let mut groups = self.groups(&sound, *caution);
        groups.reverse();
        let mut refused = false;
        while let Some(group) = groups.pop() {
            let Some(culprit) = self.write_group(session, group).await? else { continue };
            refused = true;
            match group {
                [(index, rows)] => {
                    if let Some(outcome) = outcomes.get_mut(*index) {
                        *outcome = Outcome::Reject(self.explain(culprit, &rows.values));
                    }
                }
                several => groups.extend(self.split(several, culprit.row).into_iter().rev()),
            }
        }
        caution.learn(refused);
        Ok(outcomes)
    }

    /// Documents that go together: as many as fit into the largest statement, fewer when caution is due.
    fn groups<'g, 'r>(
        &self,
        documents: &'g [(usize, &'r Rows<'r>)],
        caution: Caution,
    ) -> Vec<&'g [(usize, &'r Rows<'r>)]> {
        let most = caution.rows.unwrap_or(usize::MAX).min(self.upsert.max_rows());
        let mut groups = Vec::new();
        let mut rest = documents;
        while !rest.is_empty() {
            let (mut rows, mut bytes) = (0, 0);
            let fitting = rest.iter().take_while(|(_, document)| {
                rows += self.row_count(document);
                bytes += document.bytes;
                rows <= most && bytes <= self.packet
            });
            // One document alone may be larger: it takes several statements.
            let (group, others) = rest.split_at(fitting.count().max(1));
            groups.push(group);
            rest = others;
        }
        groups
    }

    /// The parts to try after a group was refused.
    fn split<'g, T>(&self, group: &'g [(usize, T)], row: Option<usize>) -> Vec<&'g [(usize, T)]>
    where
        T: std::ops::Deref<Target = Rows<'g>>,
    {
        let suspect = row.and_then(|row| {
            let mut last = 0;
            group.iter().position(|(_, rows)| {
                last += self.row_count(rows);
                row < last
            })
        });
        let parts = match suspect {
            Some(suspect) => {
                let (before, rest) = group.split_at(suspect);
                let (alone, after) = rest.split_at(1.min(rest.len()));
                vec![before, alone, after]
            }
            None => {
                let (first, second) = group.split_at(group.len() / 2);
                vec![first, second]
            }
        };
        parts.into_iter().filter(|part| !part.is_empty()).collect()
    }

    /// Writes a group or nothing of it; the culprit when its values are refused.
    async fn write_group(
        &self,
        session: &mut Session,
        group: &[(usize, &Rows<'_>)],
    ) -> Result<Option<Culprit>, Failure> {
        let written = group.iter().filter(|(_, document)| !document.removed);
        let rows: Vec<&[Value<'_>]> =
            written.flat_map(|(_, rows)| rows.values.chunks(self.columns.len().max(1))).collect();
        let mut pieces = self.pieces(&rows);
        // What a refused group deleted comes back with its savepoint.
        let deletes: Vec<_> = group.iter().flat_map(|(_, document)| self.deletes(document)).collect();
        let several = pieces.len() > 1 || !deletes.is_empty();
        if several {
            session.control("SAVEPOINT weir_group").await?;
        }
        for (statement, values) in deletes {
            match session.execute(Statement::Kept(statement.into()), &[&values]).await {
                Ok(_) => {}
                // Another table's rows may hold on to these.
                Err(Failure::Refused(refusal)) => {
                    session.control("ROLLBACK TO SAVEPOINT weir_group").await?;
                    return Ok(Some(Culprit { refusal, row: None }));
                }
                Err(failure) => return Err(failure),
            }
        }
        let mut written = 0;
        for (count, statement) in pieces.drain(..) {
            let piece = rows.get(written..written + count).unwrap_or_default();
            match session.execute(Statement::Kept(statement), piece).await {
                Ok(_) => written += count,
                Err(Failure::Refused(refusal)) => {
                    if several {
                        session.control("ROLLBACK TO SAVEPOINT weir_group").await?;
                    }
                    let row = named_row(&refusal.message).map(|row| written + row);
                    return Ok(Some(Culprit { refusal, row }));
                }
                Err(failure) => return Err(failure),
            }
        }
        if several {
            session.control("RELEASE SAVEPOINT weir_group").await?;
        }
        Ok(None)
    }

    /// The statements that delete rows for a document, with their values: all of a removed record, of another those that
    /// its record lost.
    fn deletes<'a>(&self, document: &Rows<'a>) -> Vec<(String, Vec<Value<'a>>)> {
        match (document.removed, self.removal) {
            (true, Some(removal)) => removal.deletes(&document.values),
            _ => self.orphans.and_then(|orphans| orphans.delete(&document.values)).into_iter().collect(),
        }
    }

    /// Sizes and texts of the statements for these rows, each within the packet.
    fn pieces(&self, rows: &[&[Value<'_>]]) -> Vec<(usize, std::sync::Arc<str>)> {
        let mut pieces = Vec::new();
        let mut rest = rows;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take_while(|row| {
                bytes += row_bytes(row);
                bytes <= self.packet
            });
            let Some(piece) = self.upsert.at_most(fitting.count().max(1)) else { break };
            rest = rest.get(piece.0..).unwrap_or_default();
            pieces.push(piece);
        }
        pieces
    }

    /// Rows that are written.
    fn row_count(&self, rows: &Rows<'_>) -> usize {
        if rows.removed {
            return 0;
        }
        rows.values.len() / self.columns.len().max(1)
    }

    /// The refusal with the column and value that the server's message is about.
    fn explain(&self, culprit: Culprit, values: &[Value<'_>]) -> Refusal {
        let Culprit { mut refusal, row } = culprit;
        let Some(place) = self.columns.iter().position(|column| names(&refusal.message, &column.name)) else {
            return refusal;
        };
        let Some(column) = self.columns.get(place) else { return refusal };
        let mut rows = values.chunks(self.columns.len().max(1));
        let single = (rows.len() == 1).then_some(0);
        let value = row.or(single).and_then(|row| rows.nth(row)).and_then(|row| row.get(place));
        if let Some(value) = value {
            refusal.message = format!("{}; {} = {}", refusal.message, column.name, value.shown());
        }
        refusal.at(column.name.as_str())
    }
}

fn row_bytes(row: &[Value<'_>]) -> usize {
    row.iter().map(Value::packet_bytes).sum()
}

/// The row, from 0, in "… at row 3".
fn named_row(message: &str) -> Option<usize> {
    let (_, rest) = message.rsplit_once(" at row ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<usize>().ok()?.checked_sub(1)
}

/// Whether a server's message is about `column`: `'c'` and `` `c` `` (MySQL), `t.c` and `failed: c` (SQLite).
pub(super) fn names(message: &str, column: &str) -> bool {
    let quoted = [format!("'{column}'"), format!("`{column}`")];
    if quoted.iter().any(|name| message.contains(name)) {
        return true;
    }
    // The name that MariaDB gives to the CHECK of a column.
    if message
        .strip_prefix("CONSTRAINT `")
        .and_then(|rest| rest.split('`').next())
        .is_some_and(|name| name.rsplit_once('.').is_some_and(|(_, last)| last == column))
    {
        return true;
    }
    let said = message.split(" [SQLite").next().unwrap_or(message);
    said.split([',', ' ']).any(|word| word.rsplit('.').next() == Some(column) && word.contains('.'))
        || said.rsplit(": ").next() == Some(column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caution_lasts_until_some_batches_were_clean() {
        let mut caution = Caution::default();
        caution.learn(false);
        assert_eq!(caution.rows, None);
        caution.learn(true);
        assert_eq!(caution.rows, Some(CAUTIOUS_ROWS));
        caution.learn(false);
        assert_eq!(caution.rows, Some(2 * CAUTIOUS_ROWS));
        (0..3).for_each(|_| caution.learn(false));
        assert_eq!(caution.rows, None);
    }

    #[test]
    fn the_server_names_row_and_column() {
        let mysql = "Data too long for column 'name' at row 3 [SQLSTATE 22001, error 1406]";
        assert_eq!(named_row(mysql), Some(2));
        assert!(names(mysql, "name") && !names(mysql, "nam"));
        let maria =
            "Incorrect integer value: 'x' for column `d`.`t`.`qty` at row 1 [SQLSTATE 22007, error 1366]";
        assert!(names(maria, "qty"));
        let check = "CONSTRAINT `refund.amount` failed for `weir`.`refund` [SQLSTATE 23000, error 4025]";
        assert!(names(check, "amount") && !names(check, "am"));
        let sqlite = "NOT NULL constraint failed: t.qty [SQLite result 1299]";
        assert!(names(sqlite, "qty") && !names(sqlite, "t"));
        assert!(names("CHECK constraint failed: qty [SQLite result 275]", "qty"));
        assert_eq!(named_row("Column 'a' cannot be null"), None);
    }
}
