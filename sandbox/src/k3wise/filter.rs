//! The `Filter` of GetList: comparisons of fields in brackets, joined by `and`, `or` and parentheses, as the vendor's page
//! shows (contract kingdee-k3wise §3). Texts are compared without regard to case.

use super::Refusal;

/// A filter that was read.
#[derive(Debug)]
pub enum Filter {
    All,
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Compare(String, Operator, Vec<String>),
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Like,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Field(String),
    Word(String),
    Literal(String),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 10] = ["<>", "!=", "<=", ">=", "=", "<", ">", "(", ")", ","];

impl Filter {
    /// Reads a filter; a blank one passes everything.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let refuse = || Refusal::of_document(format!("过滤条件 [{text}] 语法错误"));
        if text.trim().is_empty() {
            return Ok(Self::All);
        }
        let tokens = tokens(text).ok_or_else(refuse)?;
        let mut rest = tokens.as_slice();
        let filter = read_or(&mut rest, 0).filter(|_| rest.is_empty());
        filter.ok_or_else(refuse)
    }

    /// The fields that are compared.
    pub fn fields(&self) -> Vec<&str> {
        match self {
            Self::All => Vec::new(),
            Self::And(one, other) | Self::Or(one, other) => [one.fields(), other.fields()].concat(),
            Self::Compare(field, ..) => vec![field.as_str()],
        }
    }

    /// Whether a row passes, whose values `value` tells.
    pub fn passes(&self, value: &impl Fn(&str) -> String) -> bool {
        match self {
            Self::All => true,
            Self::And(one, other) => one.passes(value) && other.passes(value),
            Self::Or(one, other) => one.passes(value) || other.passes(value),
            Self::Compare(field, operator, wanted) => {
                let has = value(field).to_lowercase();
                let mut wanted = wanted.iter().map(|text| text.to_lowercase());
                wanted.any(|wanted| operator.holds(&has, &wanted))
            }
        }
    }
}

impl Operator {
    fn holds(self, has: &str, wanted: &str) -> bool {
        match self {
            Self::Equal | Self::In => has == wanted,
            Self::Unequal => has != wanted,
            Self::Less => has < wanted,
            Self::LessOrEqual => has <= wanted,
            Self::Greater => has > wanted,
            Self::GreaterOrEqual => has >= wanted,
            Self::Like => is_like(has, wanted),
        }
    }
}

/// Whether a text is like a pattern in which `%` stands for any text.
fn is_like(text: &str, pattern: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('%') else { return text == pattern };
    let Some(rest) = text.strip_prefix(head) else { return false };
    let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    starts.filter_map(|at| rest.get(at..)).any(|rest| is_like(rest, tail))
}

/// Cuts a filter into its tokens; `None` when a quote or bracket is not closed.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            tokens.push(Token::Symbol(symbol));
            rest = rest.strip_prefix(symbol)?;
        } else if let Some(inner) = rest.strip_prefix('[') {
            let (field, after) = inner.split_once(']')?;
            tokens.push(Token::Field(field.to_owned()));
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('\'') {
            let (literal, after) = quoted(inner)?;
            tokens.push(Token::Literal(literal));
            rest = after;
        } else {
            let is_word = |found: char| found.is_alphanumeric() || matches!(found, '_' | '.' | '-');
            let end = rest.find(|found| !is_word(found)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if word.is_empty() {
                return None;
            }
            tokens.push(match first {
                '0'..='9' | '-' => Token::Literal(word.to_owned()),
                _ => Token::Word(word.to_owned()),
            });
            rest = after;
        }
        rest = rest.trim_start();
    }
    Some(tokens)
}

/// A literal up to its closing quote, in which a doubled quote stands for one.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut literal = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('\'')?;
        literal.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                literal.push('\'');
                rest = more;
            }
            None => return Some((literal, after)),
        }
    }
}

/// Takes a word off the front when it is the wanted one.
fn word(rest: &mut &[Token], wanted: &str) -> bool {
    match rest.split_first() {
        Some((Token::Word(found), after)) if found.eq_ignore_ascii_case(wanted) => {
            *rest = after;
            true
        }
        _ => false,
    }
}

fn symbol(rest: &mut &[Token], wanted: &str) -> bool {
    match rest.split_first() {
        Some((Token::Symbol(found), after)) if *found == wanted => {
            *rest = after;
            true
        }
        _ => false,
    }
}

/// Parentheses deeper than this are refused, so that a filter cannot exhaust the stack.
const DEEPEST: usize = 32;

fn read_or(rest: &mut &[Token], depth: usize) -> Option<Filter> {
    let mut filter = read_and(rest, depth)?;
    while word(rest, "or") {
        filter = Filter::Or(Box::new(filter), Box::new(read_and(rest, depth)?));
    }
    Some(filter)
}

fn read_and(rest: &mut &[Token], depth: usize) -> Option<Filter> {
    let mut filter = read_comparison(rest, depth)?;
    while word(rest, "and") {
        filter = Filter::And(Box::new(filter), Box::new(read_comparison(rest, depth)?));
    }
    Some(filter)
}

fn read_comparison(rest: &mut &[Token], depth: usize) -> Option<Filter> {
    if symbol(rest, "(") {
        let filter = if depth < DEEPEST { read_or(rest, depth + 1) } else { None };
        return filter.filter(|_| symbol(rest, ")"));
    }
    let (Token::Field(field) | Token::Word(field), after) = rest.split_first()? else { return None };
    *rest = after;
    if word(rest, "in") {
        let mut wanted = Vec::new();
        if !symbol(rest, "(") {
            return None;
        }
        loop {
            wanted.push(literal(rest)?);
            if !symbol(rest, ",") {
                break;
            }
        }
        return symbol(rest, ")").then(|| Filter::Compare(field.clone(), Operator::In, wanted));
    }
    let operator = if word(rest, "like") { Operator::Like } else { operator(rest)? };
    Some(Filter::Compare(field.clone(), operator, vec![literal(rest)?]))
}

fn operator(rest: &mut &[Token]) -> Option<Operator> {
    let (Token::Symbol(found), after) = rest.split_first()? else { return None };
    *rest = after;
    Some(match *found {
        "=" => Operator::Equal,
        "<>" | "!=" => Operator::Unequal,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        _ => return None,
    })
}

fn literal(rest: &mut &[Token]) -> Option<String> {
    let (Token::Literal(text), after) = rest.split_first()? else { return None };
    *rest = after;
    Some(text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(filter: &str) -> bool {
        let value = |field: &str| match field {
            "FBillNo" => "XM'001".to_owned(),
            "FStatus" => "1".to_owned(),
            _ => String::new(),
        };
        Filter::read(filter).unwrap().passes(&value)
    }

    #[test]
    fn comparisons_join() {
        for filter in [
            "",
            "[FBillNo]='XM''001'",
            "FBillNo = 'xm''001' and [FStatus]=1",
            "[FBillNo]='other' or ([FBillNo] like 'XM%' and [FStatus]<>'0')",
            "[FBillNo] in ('A','XM''001')",
            "[FStatus] >= '1'",
        ] {
            assert!(passes(filter), "{filter}");
        }
        for filter in ["[FBillNo]='XM'", "[FStatus]='1' and [FStatus]='2'", "[FBillNo] like '%2'"] {
            assert!(!passes(filter), "{filter}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for filter in [
            "[FBillNo]",
            "[FBillNo]='X",
            "[FBillNo='X'",
            "='X'",
            "[A]='1' and",
            "([A]='1'",
            "[A]='1' [B]='2'",
        ] {
            assert!(Filter::read(filter).is_err(), "{filter}");
        }
        assert!(Filter::read(&"(".repeat(10_000)).is_err());
    }
}
