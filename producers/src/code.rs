//! The codes of what a producer refuses or halts on; each has a page in the error reference.

use weir_model::outcome::Code;

/// An answer that cannot be read: cut off, not JSON, or of another shape. Its bytes are the letter.
pub const ANSWER: Code = Code::new("P-ANSWER");
/// A row without the fields that identify a record.
pub const NO_ID: Code = Code::new("P-NO-ID");
/// A record that is listed and cannot be read one by one.
pub const NO_DETAIL: Code = Code::new("P-NO-DETAIL");
/// A page that holds the rows of the page read before it.
pub const REPEATED_PAGE: Code = Code::new("P-REPEATED-PAGE");
/// The API tells a total that its pages do not hold, twice alike.
pub const TOTAL: Code = Code::new("P-TOTAL");
/// A window did not come to rest within the bounded number of passes.
pub const UNQUIET: Code = Code::new("P-UNQUIET");
/// The remote system refused key, token, signature or clock.
pub const CREDENTIAL: Code = Code::new("P-CREDENTIAL");
/// The remote system does not permit the call.
pub const PERMISSION: Code = Code::new("P-PERMISSION");
/// The remote system calls the request wrong: window, page size or parameter.
pub const ARGUMENT: Code = Code::new("P-ARGUMENT");
/// The remote system answered with a code that no table explains, again and again.
pub const UNCLEAR: Code = Code::new("P-UNCLEAR");
/// Kafka refused what was read, such as a record that is too large.
pub const PUBLISH: Code = Code::new("P-PUBLISH");
/// A job was to bring records that were not found in the stretches of time it read.
pub const NOT_FOUND: Code = Code::new("P-NOT-FOUND");
/// A job does not say from when until when to read.
pub const NO_RANGE: Code = Code::new("P-NO-RANGE");

/// Every code of this crate.
pub const ALL: [Code; 13] = [
    ANSWER,
    NO_ID,
    NO_DETAIL,
    REPEATED_PAGE,
    TOTAL,
    UNQUIET,
    CREDENTIAL,
    PERMISSION,
    ARGUMENT,
    UNCLEAR,
    PUBLISH,
    NOT_FOUND,
    NO_RANGE,
];
