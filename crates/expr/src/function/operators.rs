//! Operators in the syntax tree: arithmetic, comparisons, logic and the predicates.

use regex_lite::RegexBuilder;
use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};
use weir_model::flow::language::Collation;

use super::{
    node::{Arithmetic, Comparison, Logic, Node},
    parse::{Compiler, Result, unsupported},
};
use crate::error::CompileError;

/// What an operator does with both sides.
enum Binary {
    Arithmetic(Arithmetic),
    Comparison(Comparison),
    Logic(Logic),
}

fn binary_of(operator: &BinaryOperator) -> Option<Binary> {
    Some(match operator {
        BinaryOperator::Plus => Binary::Arithmetic(Arithmetic::Add),
        BinaryOperator::Minus => Binary::Arithmetic(Arithmetic::Subtract),
        BinaryOperator::Multiply => Binary::Arithmetic(Arithmetic::Multiply),
        BinaryOperator::Divide => Binary::Arithmetic(Arithmetic::Divide),
        BinaryOperator::Modulo => Binary::Arithmetic(Arithmetic::Remainder),
        BinaryOperator::MyIntegerDivide => Binary::Arithmetic(Arithmetic::DivideWhole),
        BinaryOperator::Eq => Binary::Comparison(Comparison::Equal),
        BinaryOperator::NotEq => Binary::Comparison(Comparison::NotEqual),
        BinaryOperator::Lt => Binary::Comparison(Comparison::Less),
        BinaryOperator::LtEq => Binary::Comparison(Comparison::LessOrEqual),
        BinaryOperator::Gt => Binary::Comparison(Comparison::Greater),
        BinaryOperator::GtEq => Binary::Comparison(Comparison::GreaterOrEqual),
        BinaryOperator::Spaceship => Binary::Comparison(Comparison::NullSafeEqual),
        BinaryOperator::And => Binary::Logic(Logic::And),
        BinaryOperator::Or => Binary::Logic(Logic::Or),
        BinaryOperator::Xor => Binary::Logic(Logic::Xor),
        _ => return None,
    })
}

impl Compiler<'_> {
    /// `-x`, `+x`, `NOT x`, `!x`.
    pub fn unary(&mut self, operator: UnaryOperator, inner: &Expr) -> Result<Node> {
        match operator {
            UnaryOperator::Minus => Ok(Node::Negate(self.boxed(inner)?)),
            UnaryOperator::Plus => self.node(inner),
            UnaryOperator::Not | UnaryOperator::BangNot => Ok(Node::Not(self.boxed(inner)?)),
            other => Err(unsupported(&other.to_string())),
        }
    }

    /// An operator between two sides.
    pub fn binary(&mut self, left: &Expr, operator: &BinaryOperator, right: &Expr) -> Result<Node> {
        if let (Expr::Interval(interval), BinaryOperator::Plus | BinaryOperator::Minus) = (right, operator) {
            return self.shift(left, interval, *operator == BinaryOperator::Minus);
        }
        let Some(binary) = binary_of(operator) else {
            let error = unsupported(&operator.to_string());
            return Err(match operator {
                BinaryOperator::StringConcat => {
                    error.suggest("逻辑写 OR，连接文本写 CONCAT(…)", "write OR for logic, CONCAT(…) for text")
                }
                _ => error,
            });
        };
        let (left, right) = (self.boxed(left)?, self.boxed(right)?);
        Ok(match binary {
            Binary::Arithmetic(operator) => Node::Arithmetic(operator, left, right),
            Binary::Comparison(operator) => Node::Compare(operator, left, right),
            Binary::Logic(operator) => Node::Logic(operator, left, right),
        })
    }

    /// `IS NULL`, `IN`, `BETWEEN`, `LIKE`, `REGEXP`; what is none of them is looked for among the special calls.
    pub fn predicate(&mut self, tree: &Expr) -> Result<Node> {
        let (node, negated) = match tree {
            Expr::IsNull(inner) => (Node::IsNull(self.boxed(inner)?, false), false),
            Expr::IsNotNull(inner) => (Node::IsNull(self.boxed(inner)?, true), false),
            Expr::IsTrue(inner) => (Node::IsTruth(self.boxed(inner)?, true, false), false),
            Expr::IsNotTrue(inner) => (Node::IsTruth(self.boxed(inner)?, true, true), false),
            Expr::IsFalse(inner) => (Node::IsTruth(self.boxed(inner)?, false, false), false),
            Expr::IsNotFalse(inner) => (Node::IsTruth(self.boxed(inner)?, false, true), false),
            Expr::InList { expr, list, negated } => {
                (Node::In(self.boxed(expr)?, self.nodes(list)?), *negated)
            }
            Expr::Between { expr, negated, low, high } => {
                let parts = [self.node(expr)?, self.node(low)?, self.node(high)?];
                (Node::Between(Box::new(parts)), *negated)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let escape = escape_character(escape_char.as_deref())?;
                (Node::Like(Box::new([self.node(expr)?, self.node(pattern)?]), escape), *negated)
            }
            Expr::RLike { negated, expr, pattern, .. } => (self.matches(expr, pattern)?, *negated),
            other => return self.special(other),
        };
        Ok(if negated { Node::Not(Box::new(node)) } else { node })
    }

    fn matches(&mut self, value: &Expr, pattern: &Expr) -> Result<Node> {
        let literal = match pattern {
            Expr::Value(value) => value.value.clone().into_string().filter(|text| !text.contains('{')),
            _ => None,
        };
        let Some(pattern) = literal else {
            return Err(CompileError::new(
                "REGEXP 的模式应为固定文本，不含花括号",
                "the pattern of REGEXP is a fixed text without braces",
            )
            .suggest("按字段匹配用 LIKE 或 LOCATE", "to match by a field use LIKE or LOCATE"));
        };
        let fold = self.scope.language().collation == Collation::GeneralCi;
        match RegexBuilder::new(&pattern).case_insensitive(fold).build() {
            Ok(regex) => Ok(Node::Matches(self.boxed(value)?, Box::new(regex))),
            Err(error) => Err(CompileError::new(
                format!("正则表达式 {pattern:?} 有误：{error}"),
                format!("the regular expression {pattern:?} is wrong: {error}"),
            )),
        }
    }
}

/// The character after `ESCAPE`; a backslash when none is named.
fn escape_character(tree: Option<&Expr>) -> Result<Option<char>> {
    let Some(tree) = tree else { return Ok(Some('\\')) };
    let text = match tree {
        Expr::Value(value) => value.value.clone().into_string(),
        _ => None,
    };
    let mut characters = text.as_deref().unwrap_or("  ").chars();
    match (characters.next(), characters.next()) {
        (escape, None) => Ok(escape),
        _ => Err(CompileError::new("ESCAPE 之后应为一个字符", "ESCAPE takes one character")
            .suggest("例如 LIKE '10|%' ESCAPE '|'", "such as LIKE '10|%' ESCAPE '|'")),
    }
}
