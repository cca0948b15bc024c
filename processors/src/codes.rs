//! The codes under which a mapping refuses a record; each has a page in `docs/errors`.

use weir_model::outcome::Code;

/// The record is not a JSON object.
pub const PAYLOAD: Code = Code::new("M-PAYLOAD");
/// A condition of the filter cannot be decided, such as `gt` on text that is no number.
pub const CONDITION: Code = Code::new("M-CONDITION");
/// An expression failed.
pub const EXPRESSION: Code = Code::new("M-EXPRESSION");
/// A value does not fit the type of its field, or its parser.
pub const TYPE: Code = Code::new("M-TYPE");
/// A value does not fit into its column.
pub const COLUMN: Code = Code::new("M-COLUMN");
/// A required field has no value.
pub const REQUIRED: Code = Code::new("M-REQUIRED");
/// The document has no business key.
pub const NO_KEY: Code = Code::new("M-NO-KEY");
/// A check of the flow is not fulfilled.
pub const CHECK: Code = Code::new("M-CHECK");
/// A lookup found no row, and the flow asks for one.
pub const MISSING: Code = Code::new("M-MISSING");
/// A lookup found several rows, and the flow wants one.
pub const SEVERAL: Code = Code::new("M-SEVERAL");
/// A collection cannot be read.
pub const LOOKUP: Code = Code::new("M-LOOKUP");
/// The record was removed at its source, and the flow wants a person to decide.
pub const DELETED: Code = Code::new("M-DELETED");

/// All of them, for the reference.
pub const ALL: [Code; 12] = [
    PAYLOAD, CONDITION, EXPRESSION, TYPE, COLUMN, REQUIRED, NO_KEY, CHECK, MISSING, SEVERAL, LOOKUP, DELETED,
];
