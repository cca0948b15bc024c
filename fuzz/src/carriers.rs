//! Expressions made from a grammar, with the same values brought by different carriers. Input: bytes that `arbitrary`
//! reads as an expression and its values.
//!
//! Promise: it does not matter how a value arrives. A field of the head, a field of a nested object, a row that is
//! looked up, and the value written into the expression all give the same answer, or the same kind of failure.

use std::fmt::{self, Write as _};

use arbitrary::{Arbitrary, Unstructured};
use serde_json::json;
use weir_model::lookup::MemoryRows;

use crate::surroundings::{check_refusal, compile};

/// Expressions that grow longer are left out: they say no more.
const LONGEST: usize = 600;

/// An expression, and values for its holes.
#[derive(Arbitrary, Debug)]
struct Sample {
    texts: [String; 2],
    numbers: [(i64, u8); 2],
    root: Node,
}

/// The grammar. Holes stand where a value goes.
#[derive(Arbitrary, Debug)]
enum Node {
    Text(bool),
    Number(bool),
    Constant(i16),
    Negated(Box<Node>),
    Arithmetic(Box<Node>, Operator, Box<Node>),
    Compared(Box<Node>, Comparison, Box<Node>),
    Case(Box<Node>, Box<Node>, Box<Node>, Option<Box<Node>>),
    When(Box<Node>, Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    One(One, Box<Node>),
    Two(Two, Box<Node>, Box<Node>),
    Three(Three, Box<Node>, Box<Node>, Box<Node>),
}

macro_rules! words {
    ($name:ident: $($variant:ident $text:literal),+) => {
        #[derive(Arbitrary, Clone, Copy, Debug)]
        enum $name { $($variant),+ }

        impl $name {
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

words!(Operator: Add "+", Subtract "-", Multiply "*", Divide "/", Whole "DIV", Remainder "%", And "AND", Or "OR");
words!(Comparison: Equal "=", Unequal "<>", Less "<", More ">", AtLeast ">=", Same "<=>", Like "LIKE");
words!(One: Abs "ABS", Ceil "CEIL", Floor "FLOOR", Round "ROUND", Length "LENGTH", Upper "UPPER", Trim "TRIM", Not "NOT",
       Date "DATE", Unix "UNIX_TIMESTAMP", From "FROM_UNIXTIME", Last "LAST_DAY", Year "YEAR");
words!(Two: Concat "CONCAT", IfNull "IFNULL", NullIf "NULLIF", Left "LEFT", Right "RIGHT", Locate "LOCATE",
       RoundTo "ROUND", Truncate "TRUNCATE", From "SUBSTRING", Format "DATE_FORMAT");
words!(Three: Replace "REPLACE", Substring "SUBSTRING", Join "CONCAT_WS", Pad "LPAD");

/// How values arrive.
#[derive(Clone, Copy, Debug)]
enum Carrier {
    Head,
    Nested,
    Row,
    Written,
}

/// Tries one input.
pub fn run(input: &[u8]) {
    let Ok(sample) = Sample::arbitrary_take_rest(Unstructured::new(input)) else { return };
    let mut carriers = vec![Carrier::Head, Carrier::Nested, Carrier::Row];
    if sample
        .texts
        .iter()
        .all(|text| !text.contains(['\'', '\\', '{', '}']) && !text.contains("_findCollection"))
    {
        carriers.push(Carrier::Written);
    }
    let answers: Vec<_> =
        carriers.iter().filter_map(|carrier| Some((*carrier, sample.answer(*carrier)?))).collect();
    for pair in answers.windows(2) {
        assert_eq!(
            pair[0].1,
            pair[1].1,
            "{:?} and {:?}: {}",
            pair[0].0,
            pair[1].0,
            sample.text(Carrier::Head)
        );
    }
}

impl Sample {
    /// What an expression gives: a text, nothing, or the kind of its failure. `None` when it does not compile.
    fn answer(
        &self,
        carrier: Carrier,
    ) -> Option<Result<Option<String>, std::mem::Discriminant<weir_expr::Cause>>> {
        let text = self.text(carrier);
        if text.len() > LONGEST {
            return None;
        }
        let compiled = compile(&text).inspect_err(check_refusal).ok()?;
        let mut fields = json!({"t0": self.texts[0], "t1": self.texts[1]});
        for (index, number) in self.numbers.iter().enumerate() {
            let number: serde_json::Number = decimal(*number).parse().expect("a decimal is a JSON number");
            fields[format!("n{index}")] = number.into();
        }
        let mut rows = MemoryRows::new();
        rows.insert("c", vec![fields.clone()]);
        fields["o"] = fields.clone();
        let answer = compiled.evaluate(&fields.to_string(), &rows).transpose();
        Some(answer.map_err(|error| std::mem::discriminant(&error.cause)))
    }

    fn text(&self, carrier: Carrier) -> String {
        let mut text = "_function ".to_owned();
        let written = self.root.write(&mut text, self, carrier);
        assert_eq!(written, Ok(()), "a String takes what is written");
        text
    }

    /// The hole for text `index`, in its quotes.
    fn text_hole(&self, carrier: Carrier, index: usize) -> String {
        match carrier {
            Carrier::Head => format!("'{{t{index}}}'"),
            Carrier::Nested => format!("'{{{{o.t{index}}}}}'"),
            Carrier::Row => format!("'_findCollection find t{index} from c where n0={{n0}} _endFind'"),
            Carrier::Written => format!("'{}'", self.texts[index]),
        }
    }

    /// The hole for number `index`. Rows answer with text, so numbers come from the record there too.
    fn number_hole(&self, carrier: Carrier, index: usize) -> String {
        match carrier {
            Carrier::Head | Carrier::Row => format!("{{n{index}}}"),
            Carrier::Nested => format!("{{{{o.n{index}}}}}"),
            Carrier::Written => decimal(self.numbers[index]),
        }
    }
}

/// A decimal with up to 20 digits after the point.
fn decimal((digits, scale): (i64, u8)) -> String {
    let scale = usize::from(scale % 21);
    let sign = if digits < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

impl Node {
    fn write(&self, text: &mut String, sample: &Sample, carrier: Carrier) -> fmt::Result {
        let mut list = |before: &str, nodes: &[&Node], between: &[&str]| -> fmt::Result {
            text.push_str(before);
            for (index, node) in nodes.iter().enumerate() {
                node.write(text, sample, carrier)?;
                write!(text, " {} ", between.get(index).copied().unwrap_or(")"))?;
            }
            Ok(())
        };
        match self {
            Self::Text(second) => text.push_str(&sample.text_hole(carrier, usize::from(*second))),
            Self::Number(second) => write!(text, "({})", sample.number_hole(carrier, usize::from(*second)))?,
            Self::Constant(number) => write!(text, "({number})")?,
            Self::Negated(node) => list("(- ", &[node], &[])?,
            Self::Arithmetic(a, operator, b) => list("(", &[a, b], &[operator.word()])?,
            Self::Compared(a, comparison, b) => list("(", &[a, b], &[comparison.word()])?,
            Self::Case(operand, when, then, None) => {
                list("(CASE ", &[operand, when, then], &["WHEN", "THEN", "END)"])?;
            }
            Self::Case(operand, when, then, Some(otherwise)) => {
                list("(CASE ", &[operand, when, then, otherwise], &["WHEN", "THEN", "ELSE", "END)"])?;
            }
            Self::When(condition, then, otherwise) => {
                list("(CASE WHEN ", &[condition, then, otherwise], &["THEN", "ELSE", "END)"])?;
            }
            Self::If(condition, yes, no) => list("IF(", &[condition, yes, no], &[",", ","])?,
            Self::One(function, a) => list(&format!("{}(", function.word()), &[a], &[])?,
            Self::Two(function, a, b) => list(&format!("{}(", function.word()), &[a, b], &[","])?,
            Self::Three(function, a, b, c) => {
                list(&format!("{}(", function.word()), &[a, b, c], &[",", ","])?;
            }
        }
        Ok(())
    }
}
