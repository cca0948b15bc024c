//! The tables of both schemas, version by version.
//!
//! MySQL commits each statement that defines a table on its own, so a program that is killed in the middle leaves a
//! part of a version behind: what is there already is passed over, and the version is only noted at its end.

use crate::{Database, Error};

/// The versions of a schema, the oldest first; a released one never changes.
pub(crate) struct Schema(&'static [&'static str]);

/// The projection.
pub(crate) const PROJECTION: Schema = Schema(&[include_str!("../migrations/projection_1.sql")]);
/// The book.
pub(crate) const BOOK: Schema = Schema(&[include_str!("../migrations/book_1.sql")]);

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)";

/// Brings a schema to the newest version.
pub(crate) async fn run(database: &Database, schema: &Schema) -> Result<(), Error> {
    database.define(VERSIONS).await?;
    let rows = database.fetch("SELECT MAX(version) AS version FROM schema_version", &[]).await?;
    let found = rows.first().map(|row| row.integer("version")).transpose()?.flatten().unwrap_or(0);
    let known = i64::try_from(schema.0.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(Error::Newer { place: database.place().to_owned(), found, known });
    }
    for (version, text) in (1..).zip(schema.0) {
        if version > found {
            for statement in statements(text) {
                database.define_once(&statement).await?;
            }
            database.note_version(version).await?;
        }
    }
    Ok(())
}

/// The statements of a file, without their comments.
fn statements(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    let code: Vec<&str> = lines.collect();
    code.join("\n").split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_statements() {
        let found = statements("-- one; two\nCREATE TABLE a (\n    -- why\n    b BIGINT\n);\n\nSELECT 1;\n");
        assert_eq!(found, ["CREATE TABLE a (\n    b BIGINT\n)", "SELECT 1"]);
    }
}
