//! How large the numbers of an expression may become, and whether both sides know their scale: what lies beyond is a
//! listed difference (see `differences`), not a case to compare.

use super::{
    form::{Form, Kind, Scale},
    node::{Leaf, Node},
};

/// MySQL's decimals have 65 digits; kept in groups of nine, with some to spare.
const MOST_DIGITS: u32 = 54;
/// MySQL's largest scale.
const MOST_SCALE: u32 = 30;
/// Digits that fit MySQL's 64-bit integers.
const INTEGER_DIGITS: u32 = 18;
/// Digits after the point that a division adds.
const DIVISION_SCALE: u32 = 4;

/// The largest a number can be.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    /// Digits before the point.
    whole: u32,
    /// Digits after the point that are shown.
    scale: u32,
    /// Digits after the point that a division keeps.
    kept: u32,
    /// Whether MySQL has it as a 64-bit integer.
    integer: bool,
    /// Whether it is always NULL.
    null: bool,
    /// Whether it may have digits that are not shown.
    hidden: bool,
    /// Whether Weir, which knows only the branch that is taken, may show fewer digits than MySQL, which knows all.
    loose: bool,
}

/// Whether both sides can be expected to give the same text.
pub fn is_comparable(node: &Node) -> bool {
    size(node).is_some()
}

/// `None` when the expression is outside of what is compared.
fn size(node: &Node) -> Option<Size> {
    let (form, arguments) = match node {
        Node::Leaf(leaf) => return Some(leaf_size(leaf)),
        Node::Call(form, arguments) => (form, arguments),
    };
    let sizes = arguments.iter().map(size).collect::<Option<Vec<Size>>>()?;
    if !arguments_fit(form, &sizes) {
        return None;
    }
    let first = sizes.first().copied().unwrap_or_default();
    let second = sizes.get(1).copied().unwrap_or_default();
    let larger = wider(first, second);
    let found = match form.scale {
        Scale::Count => Size { whole: 10, integer: true, ..Size::default() },
        // The negative of an integer is a decimal to some of MariaDB's versions.
        Scale::Same => Size { integer: first.integer && form.pattern != "(-?)", ..first },
        Scale::Larger => Size { whole: larger.whole + 1, ..larger },
        Scale::Remainder => larger,
        Scale::Sum => Size {
            whole: first.whole + second.whole,
            scale: first.scale + second.scale,
            kept: first.kept + second.kept,
            ..larger
        },
        Scale::Quotient if first.loose => return None,
        Scale::Quotient => Size {
            whole: first.whole + second.kept,
            scale: first.scale + DIVISION_SCALE,
            kept: (first.kept + second.kept + DIVISION_SCALE).next_multiple_of(9) + 18,
            integer: false,
            hidden: true,
            ..larger
        },
        Scale::WholeQuotient => Size {
            whole: first.whole + second.kept,
            scale: 0,
            kept: 0,
            integer: true,
            null: larger.null,
            hidden: false,
            loose: false,
        },
        Scale::Integer => Size {
            whole: first.whole + 1,
            scale: 0,
            kept: 0,
            integer: first.integer,
            null: first.null,
            hidden: false,
            loose: false,
        },
        Scale::Cents => Size { scale: 2, kept: 2, integer: false, hidden: false, loose: false, ..first },
        Scale::Rounded => rounded(first, arguments.get(1)?),
        Scale::Branch => branch(form, &sizes),
    };
    let most = if found.integer || form.scale == Scale::Cents { INTEGER_DIGITS } else { MOST_DIGITS };
    // How many of the hidden digits a branch shows depends on the scale that MySQL gives it.
    let known = !(found.loose && found.hidden);
    (known && found.whole + found.kept <= most && found.scale <= MOST_SCALE).then_some(found)
}

/// What holds both numbers.
fn wider(first: Size, second: Size) -> Size {
    Size {
        whole: first.whole.max(second.whole),
        scale: first.scale.max(second.scale),
        kept: first.kept.max(second.kept),
        integer: first.integer && second.integer,
        null: first.null || second.null,
        hidden: first.hidden || second.hidden,
        loose: first.loose || second.loose,
    }
}

fn leaf_size(leaf: &Leaf) -> Size {
    let Some(text) = leaf.text.as_deref().filter(|_| leaf.kind.is_number()) else {
        return Size { whole: 1, null: leaf.text.is_none(), ..Size::default() };
    };
    let (whole, fraction) = text.trim_start_matches('-').split_once('.').unwrap_or((text, ""));
    let scale = u32::try_from(fraction.len()).unwrap();
    let whole = u32::try_from(whole.len()).unwrap();
    let integer = scale == 0 && whole <= INTEGER_DIGITS;
    Size { whole, scale, kept: scale, integer, null: false, hidden: false, loose: false }
}

/// What a place that shows a number, or compares it with all its digits, asks of it.
fn arguments_fit(form: &Form, sizes: &[Size]) -> bool {
    let shows =
        matches!(form.result, Kind::Text) || form.pattern.contains("LIKE") || form.pattern.contains("LENGTH");
    let compares_all = ["BETWEEN", "IN (", "CASE ?"].iter().any(|word| form.pattern.contains(word));
    form.arguments
        .iter()
        .zip(sizes)
        .filter(|(kind, _)| **kind == Kind::Number)
        .all(|(_, size)| !(shows && size.loose || compares_all && size.hidden))
}

fn rounded(number: Size, places: &Node) -> Size {
    let places = match places {
        Node::Leaf(leaf) => leaf.text.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0_i64),
        Node::Call(..) => 0,
    };
    let scale = u32::try_from(places).unwrap_or(0);
    if number.integer {
        return Size { whole: number.whole + 1, ..number };
    }
    // A number without digits after the point stays so for Weir; MySQL tells decimals from integers.
    let loose = scale > 0 && (number.kept == 0 || number.loose);
    Size {
        whole: number.whole + 1,
        scale,
        kept: scale,
        integer: false,
        null: number.null,
        hidden: false,
        loose,
    }
}

fn branch(form: &Form, sizes: &[Size]) -> Size {
    let condition = usize::from(form.pattern.starts_with("IF(") || form.pattern.starts_with("CASE"));
    let results = form.arguments.iter().zip(sizes).skip(condition);
    let results: Vec<Size> =
        results.filter(|(kind, _)| **kind == form.result).map(|(_, size)| *size).collect();
    let scale = results.iter().map(|size| size.scale).max().unwrap_or(0);
    Size {
        whole: results.iter().map(|size| size.whole).max().unwrap_or(0),
        scale,
        kept: results.iter().map(|size| size.kept).max().unwrap_or(0),
        integer: results.iter().all(|size| size.integer),
        null: results.iter().all(|size| size.null),
        hidden: results.iter().any(|size| size.hidden),
        loose: results.iter().any(|size| size.loose || (!size.null && size.scale != scale)),
    }
}
