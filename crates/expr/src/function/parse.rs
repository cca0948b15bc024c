//! From text to [`Node`]: macros are fenced off, the rest goes through `sqlparser` with the MySQL dialect, and what
//! the language knows of the syntax tree becomes nodes.

use sqlparser::{
    ast::{
        BinaryOperator, CaseWhen, CeilFloorKind, DateTimeField, Expr, Function as SqlFunction, FunctionArg,
        FunctionArgExpr, FunctionArguments, Ident, Interval, UnaryOperator, Value as SqlValue,
    },
    dialect::MySqlDialect,
    parser::Parser,
    tokenizer::Token,
};

use weir_model::flow::language::OnFailure;

use super::{
    Evaluation, Rules, Surroundings,
    node::{Arithmetic, Comparison, Logic, Node},
    table,
    time::Unit,
};
use crate::{
    error::{Cause, CompileError},
    lookup::{END, KEYWORD as FIND, Lookup},
    scope::{Context, Scope},
    template::{Macro, Piece, Template, next_piece},
    value::{Value, shorten},
};

/// Deeper expressions are refused: evaluation is recursive.
const DEEPEST: usize = 200;
/// Longer expressions are refused.
const LONGEST: usize = 16_384;

type Result<T> = std::result::Result<T, CompileError>;

/// A compiled expression and what it reads.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The expression.
    pub node: Node,
    /// Its macros, for messages.
    pub macros: Vec<Macro>,
    /// Its lookups.
    pub lookups: Vec<Lookup>,
    /// The names of its branches.
    pub branches: Vec<String>,
    /// How it is evaluated.
    pub rules: Rules,
    /// What becomes of it when it fails, where the flow wants the vendor's way: the text itself.
    pub unevaluated: Option<Template>,
}

/// Compiles the text after `_function `.
pub fn compile(text: &str, scope: &mut Scope) -> Result<Compiled> {
    if text.len() > LONGEST {
        return Err(too_large());
    }
    let fenced = fence(text)?;
    let syntax = |error: &dyn std::fmt::Display| {
        let text = error.to_string();
        let text = text.trim_start_matches("sql parser error: ");
        CompileError::new(format!("表达式语法错误：{text}"), format!("syntax error: {text}"))
            .suggest("检查括号和引号；文本写成 '…'", "look at brackets and quotes; text is written '…'")
    };
    let mut parser = Parser::new(&MySqlDialect {}).try_with_sql(&fenced).map_err(|error| syntax(&error))?;
    let tree = parser.parse_expr().map_err(|error| syntax(&error))?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return Err(syntax(&format!("unexpected {}", next.token)));
    }
    let as_text = scope.language().on_failure == OnFailure::Text;
    let unevaluated = if as_text { Some(Template::compile(text, scope)?) } else { None };
    let rules = Rules::of(scope.language());
    let mut compiler =
        Compiler { scope, depth: 0, macros: Vec::new(), lookups: Vec::new(), branches: Vec::new() };
    let node = compiler.node(&tree)?;
    let Compiler { macros, lookups, branches, .. } = compiler;
    Ok(Compiled { node, macros, lookups, branches, rules, unevaluated })
}

impl Compiled {
    /// Its value on a record; numbers without trailing zeros (contract qeasy-metadata §4). `text` is the whole
    /// expression, by which a probe knows it.
    pub fn evaluate<'a>(
        &'a self,
        text: &str,
        context: &Context<'_, 'a>,
    ) -> std::result::Result<Value<'a>, Cause> {
        let around = Surroundings { world: context.world, rules: self.rules };
        let value = Evaluation { context, around, text }.value(&self.node).and_then(|value| match value {
            Value::Number(number) => Ok(Value::Number(number.trimmed())),
            Value::Written(_) => value.to_number().map(|number| Value::Number(number.trimmed())),
            other => Ok(other),
        });
        match (value, &self.unevaluated) {
            // A lookup without an answer is no failed expression: the record may have to wait for the row.
            (Err(cause), Some(unevaluated)) if !matches!(cause, Cause::Lookup(_)) => {
                unevaluated.text(context).map(Value::Text)
            }
            (value, _) => value,
        }
    }
}

fn too_large() -> CompileError {
    CompileError::new("表达式过长或嵌套过深", "the expression is too long or nested too deeply")
}

/// Puts macros and lookups outside of quotes into backticks, so that the parser takes each for one name. Quoted text
/// stays: its macros are found when the literal is compiled.
fn fence(text: &str) -> Result<String> {
    let mut fenced = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = if matches!(first, '\'' | '"' | '`') {
            let taken = quoted(rest, first);
            fenced.push_str(rest.get(..taken).unwrap_or_default());
            taken
        } else if let Some(lookup) = rest.strip_prefix(FIND) {
            let Some((inside, _)) = lookup.split_once(END) else {
                return Err(CompileError::new(
                    "_findCollection 没有结束",
                    "the _findCollection is not closed",
                )
                .suggest("以 _endFind 结束", "end it with _endFind"));
            };
            name(&mut fenced, &format!("{FIND}{inside}"));
            FIND.len() + inside.len() + END.len()
        } else if first == '{' {
            let Some((Piece::Macro(inner), after)) = next_piece(rest)? else {
                return Err(CompileError::new("花括号里应为字段名", "expected a field name in braces"));
            };
            name(&mut fenced, &format!("{{{inner}}}"));
            rest.len() - after.len()
        } else {
            fenced.push(first);
            first.len_utf8()
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(fenced)
}

fn name(fenced: &mut String, text: &str) {
    fenced.push('`');
    fenced.push_str(&text.replace('`', "``"));
    fenced.push('`');
}

/// Bytes of the quoted text at the start of `text`, quotes included. A doubled quote is two quoted texts in a row.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' && quote != '`' {
            escaped = true;
        } else if character == quote {
            return at + quote.len_utf8();
        }
    }
    text.len()
}

struct Compiler<'s> {
    scope: &'s mut Scope,
    depth: usize,
    macros: Vec<Macro>,
    lookups: Vec<Lookup>,
    branches: Vec<String>,
}

impl Compiler<'_> {
    fn boxed(&mut self, tree: &Expr) -> Result<Box<Node>> {
        self.node(tree).map(Box::new)
    }

    fn nodes<'e>(&mut self, trees: impl IntoIterator<Item = &'e Expr>) -> Result<Vec<Node>> {
        trees.into_iter().map(|tree| self.node(tree)).collect()
    }

    fn node(&mut self, tree: &Expr) -> Result<Node> {
        if self.depth >= DEEPEST {
            return Err(too_large());
        }
        self.depth += 1;
        let node = self.node_of(tree);
        self.depth -= 1;
        node
    }

    fn node_of(&mut self, tree: &Expr) -> Result<Node> {
        match tree {
            Expr::Nested(inner) => self.node(inner),
            Expr::Identifier(ident) => self.field(ident),
            Expr::Value(value) => self.literal(&value.value),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(Node::Negate(self.boxed(expr)?)),
            Expr::UnaryOp { op: UnaryOperator::Plus, expr } => self.node(expr),
            Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::BangNot, expr } => {
                Ok(Node::Not(self.boxed(expr)?))
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::IsNull(inner) => Ok(Node::IsNull(self.boxed(inner)?, false)),
            Expr::IsNotNull(inner) => Ok(Node::IsNull(self.boxed(inner)?, true)),
            Expr::IsTrue(inner) => Ok(Node::IsTruth(self.boxed(inner)?, true, false)),
            Expr::IsNotTrue(inner) => Ok(Node::IsTruth(self.boxed(inner)?, true, true)),
            Expr::IsFalse(inner) => Ok(Node::IsTruth(self.boxed(inner)?, false, false)),
            Expr::IsNotFalse(inner) => Ok(Node::IsTruth(self.boxed(inner)?, false, true)),
            Expr::InList { expr, list, negated } => {
                let found = Node::In(self.boxed(expr)?, self.nodes(list)?);
                Ok(negate(found, *negated))
            }
            Expr::Between { expr, negated, low, high } => {
                let parts = [self.node(expr)?, self.node(low)?, self.node(high)?];
                Ok(negate(Node::Between(Box::new(parts)), *negated))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let found = Node::Like(self.boxed(expr)?, self.boxed(pattern)?);
                Ok(negate(found, *negated))
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.call("CEIL", &[expr])
            }
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.call("FLOOR", &[expr])
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let mut arguments: Vec<&Expr> = vec![expr, from];
                arguments.extend(substring_for.as_deref());
                self.call("SUBSTRING", &arguments)
            }
            Expr::Position { expr, r#in } => self.call("LOCATE", &[expr, r#in]),
            Expr::Trim { trim_where: None, trim_what: None, expr, trim_characters: None } => {
                self.call("TRIM", &[expr])
            }
            Expr::Function(function) => self.function(function),
            other => Err(unsupported(&other.to_string())),
        }
    }

    fn field(&mut self, ident: &Ident) -> Result<Node> {
        let fenced = ident.quote_style == Some('`');
        if let Some(lookup) = ident.value.strip_prefix(FIND).filter(|_| fenced) {
            return self.lookup(lookup);
        }
        let inner = ident.value.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
        match inner.filter(|_| fenced) {
            Some(inner) => {
                let field = Macro::compile(inner, self.scope)?;
                self.macros.push(field.clone());
                Ok(Node::Field(field))
            }
            None => {
                let name = &ident.value;
                Err(CompileError::new(format!("裸字段名 {name:?}"), format!("bare name {name:?}")).suggest(
                    format!("数字写 {{{name}}}，文本写 '{{{name}}}'"),
                    format!("write {{{name}}} for a number, '{{{name}}}' for text"),
                ))
            }
        }
    }

    fn lookup(&mut self, text: &str) -> Result<Node> {
        let lookup = Lookup::compile(text, self.scope)?;
        self.macros.extend(lookup.macros().cloned());
        self.lookups.push(lookup.clone());
        Ok(Node::Lookup(lookup))
    }

    fn literal(&mut self, value: &SqlValue) -> Result<Node> {
        match value {
            SqlValue::Number(text, _) => match text.parse() {
                Ok(number) => Ok(Node::Number(number)),
                Err(_) => Err(unsupported(text)),
            },
            SqlValue::Boolean(flag) => Ok(Node::Number(crate::number::Number::whole(i128::from(*flag)))),
            SqlValue::Null => Ok(Node::Null),
            SqlValue::SingleQuotedString(text) | SqlValue::DoubleQuotedString(text) => {
                let lookup = text.strip_prefix(FIND).and_then(|rest| rest.trim_end().strip_suffix(END));
                if let Some(lookup) = lookup {
                    return self.lookup(lookup);
                }
                let template = Template::compile(text, self.scope)?;
                self.macros.extend(template.macros().cloned());
                Ok(Node::Text(template))
            }
            other => Err(unsupported(&other.to_string())),
        }
    }

    fn binary(&mut self, left: &Expr, operator: &BinaryOperator, right: &Expr) -> Result<Node> {
        if let (Expr::Interval(interval), BinaryOperator::Plus | BinaryOperator::Minus) = (right, operator) {
            return self.shift(left, interval, *operator == BinaryOperator::Minus);
        }
        let (left, right) = (self.boxed(left)?, self.boxed(right)?);
        Ok(match operator {
            BinaryOperator::Plus => Node::Arithmetic(Arithmetic::Add, left, right),
            BinaryOperator::Minus => Node::Arithmetic(Arithmetic::Subtract, left, right),
            BinaryOperator::Multiply => Node::Arithmetic(Arithmetic::Multiply, left, right),
            BinaryOperator::Divide => Node::Arithmetic(Arithmetic::Divide, left, right),
            BinaryOperator::Modulo => Node::Arithmetic(Arithmetic::Remainder, left, right),
            BinaryOperator::MyIntegerDivide => Node::Arithmetic(Arithmetic::DivideWhole, left, right),
            BinaryOperator::Eq => Node::Compare(Comparison::Equal, left, right),
            BinaryOperator::NotEq => Node::Compare(Comparison::NotEqual, left, right),
            BinaryOperator::Lt => Node::Compare(Comparison::Less, left, right),
            BinaryOperator::LtEq => Node::Compare(Comparison::LessOrEqual, left, right),
            BinaryOperator::Gt => Node::Compare(Comparison::Greater, left, right),
            BinaryOperator::GtEq => Node::Compare(Comparison::GreaterOrEqual, left, right),
            BinaryOperator::Spaceship => Node::Compare(Comparison::NullSafeEqual, left, right),
            BinaryOperator::And => Node::Logic(Logic::And, left, right),
            BinaryOperator::Or => Node::Logic(Logic::Or, left, right),
            BinaryOperator::Xor => Node::Logic(Logic::Xor, left, right),
            other => return Err(unsupported(&other.to_string())),
        })
    }

    fn case(&mut self, operand: Option<&Expr>, arms: &[CaseWhen], otherwise: Option<&Expr>) -> Result<Node> {
        let operand = operand.map(|tree| self.boxed(tree)).transpose()?;
        let branch = self.branches.len();
        self.branches.extend(arms.iter().map(|arm| format!("WHEN {}", shown(&arm.condition))));
        self.branches.extend(otherwise.map(|_| "ELSE".to_owned()));
        let mut compiled = Vec::with_capacity(arms.len());
        for arm in arms {
            compiled.push((self.node(&arm.condition)?, self.node(&arm.result)?));
        }
        let otherwise = otherwise.map(|tree| self.boxed(tree)).transpose()?;
        Ok(Node::Case { operand, arms: compiled, otherwise, branch })
    }

    fn coalesce(&mut self, name: &str, arguments: &[&Expr]) -> Result<Node> {
        let branch = self.branches.len();
        let fallbacks = arguments.iter().skip(1);
        self.branches.extend(fallbacks.map(|fallback| format!("{name} → {}", shown(fallback))));
        Ok(Node::Coalesce(self.nodes(arguments.iter().copied())?, branch))
    }

    fn branching(&mut self, condition: &Expr, yes: &Expr, no: &Expr) -> Result<Node> {
        let branch = self.branches.len();
        let condition_text = shown(condition);
        self.branches.push(format!("IF {condition_text}: yes"));
        self.branches.push(format!("IF {condition_text}: no"));
        Ok(Node::If(Box::new([self.node(condition)?, self.node(yes)?, self.node(no)?]), branch))
    }

    fn function(&mut self, function: &SqlFunction) -> Result<Node> {
        let name = function.name.to_string();
        let plain = function.over.is_none() && function.filter.is_none() && function.within_group.is_empty();
        let mut arguments = Vec::new();
        match &function.args {
            FunctionArguments::None if plain => {}
            FunctionArguments::List(list) if plain && list.clauses.is_empty() => {
                for argument in &list.args {
                    match argument {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(tree)) => arguments.push(tree),
                        other => return Err(unsupported(&other.to_string())),
                    }
                }
            }
            _ => return Err(unsupported(&function.to_string())),
        }
        match (name.to_ascii_uppercase().as_str(), arguments.as_slice()) {
            (name @ "COALESCE", [_, ..]) | (name @ "IFNULL", [_, _]) => self.coalesce(name, &arguments),
            ("IF", [condition, yes, no]) => self.branching(condition, yes, no),
            ("NULLIF", [value, other]) => Ok(Node::NullIf(Box::new([self.node(value)?, self.node(other)?]))),
            ("DATE_ADD", [time, Expr::Interval(interval)]) => self.shift(time, interval, false),
            ("DATE_SUB", [time, Expr::Interval(interval)]) => self.shift(time, interval, true),
            (special @ ("COALESCE" | "IFNULL" | "IF" | "NULLIF"), _) => Err(arguments_error(special)),
            (special @ ("DATE_ADD" | "DATE_SUB"), _) => Err(arguments_error(special).suggest(
                format!("写 {special}(时间, INTERVAL 1 DAY)"),
                format!("write {special}(time, INTERVAL 1 DAY)"),
            )),
            _ => self.call(&name, &arguments),
        }
    }

    fn call(&mut self, name: &str, arguments: &[&Expr]) -> Result<Node> {
        let Some(function) = table::find(name) else {
            return Err(CompileError::unknown("函数", "function", name, &table::names()));
        };
        let (least, most) = function.arguments;
        if !(least..=most).contains(&arguments.len()) {
            return Err(arguments_error(function.name));
        }
        Ok(Node::Call(function, self.nodes(arguments.iter().copied())?))
    }

    fn shift(&mut self, time: &Expr, interval: &Interval, back: bool) -> Result<Node> {
        let field = interval.leading_field.as_ref().map(ToString::to_string).unwrap_or_default();
        let unit = Unit::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(&field));
        let Some((_, unit)) = unit.filter(|_| interval.last_field.is_none()) else {
            let known = Unit::ALL.map(|(name, _)| name);
            return Err(CompileError::unknown("时间单位", "unit of time", &field, &known));
        };
        Ok(Node::Shift { time: self.boxed(time)?, amount: self.boxed(&interval.value)?, unit: *unit, back })
    }
}

fn negate(node: Node, negated: bool) -> Node {
    if negated { Node::Not(Box::new(node)) } else { node }
}

/// A part of the expression as the author wrote it, for people.
fn shown(tree: &Expr) -> String {
    shorten(&tree.to_string().replace('`', ""))
}

fn arguments_error(name: &str) -> CompileError {
    CompileError::new(format!("{name} 的参数个数不对"), format!("wrong number of arguments for {name}"))
}

fn unsupported(what: &str) -> CompileError {
    CompileError::new(format!("表达式语言没有 {what:?}"), format!("the expression language has no {what:?}"))
}
