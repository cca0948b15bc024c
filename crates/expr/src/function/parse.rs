//! From text to [`Node`]: macros are fenced off, the rest goes through `sqlparser` with the MySQL dialect, and what
//! the language knows of the syntax tree becomes nodes.

use sqlparser::{
    ast::{CaseWhen, Expr, Ident, Value as SqlValue},
    dialect::MySqlDialect,
    parser::Parser,
    tokenizer::Token,
};
use weir_model::flow::language::OnFailure;

use super::{
    Evaluation, Rules, Surroundings, aggregate::Aggregate, dialect::Expressions, fence::fence, node::Node,
};
use crate::{
    error::{Cause, CompileError},
    lookup::{END, KEYWORD as FIND, Lookup},
    scope::{Context, Scope},
    template::{Macro, Template},
    value::{Value, shorten},
};

/// Deeper expressions are refused: evaluation is recursive.
const DEEPEST: usize = 128;
/// Longer expressions are refused.
const LONGEST: usize = 16_384;

/// What compiling gives.
pub type Result<T> = std::result::Result<T, CompileError>;

/// A compiled expression and what it reads.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The expression.
    pub node: Node,
    /// Its macros, for messages.
    pub macros: Vec<Macro>,
    /// Its lookups.
    pub lookups: Vec<Lookup>,
    /// Its aggregates.
    pub aggregates: Vec<Aggregate>,
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
        if let Some((_, token)) = text.split_once("No infix parser for token ") {
            let token = token.split(" at Line").next().unwrap_or(token);
            return CompileError::new(
                format!("表达式中不能写运算符 {token}"),
                format!("the expression language has no operator {token}"),
            )
            .suggest("运算符见 weir describe language", "weir describe language lists the operators");
        }
        CompileError::new(format!("表达式语法错误：{text}"), format!("syntax error: {text}"))
            .suggest("检查括号和引号；文本写成 '…'", "look at brackets and quotes; text is written '…'")
    };
    let dialect = Expressions(MySqlDialect {});
    let mut parser = Parser::new(&dialect).try_with_sql(&fenced).map_err(|error| syntax(&error))?;
    let tree = parser.parse_expr().map_err(|error| syntax(&error))?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return Err(syntax(&format!("unexpected {}", next.token)));
    }
    let as_text = scope.language().on_failure == OnFailure::Text;
    let unevaluated = if as_text { Some(Template::compile(text, scope)?) } else { None };
    let rules = Rules::of(scope.language());
    let mut compiler = Compiler::new(scope);
    let node = compiler.node(&tree)?;
    let Compiler { macros, lookups, aggregates, branches, .. } = compiler;
    Ok(Compiled { node, macros, lookups, aggregates, branches, rules, unevaluated })
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
                unevaluated.text(context).map(Value::Text).map_err(|_| cause)
            }
            (value, _) => value,
        }
    }
}

impl Compiled {
    /// Its aggregates and their values, for people.
    pub fn aggregate_values(&self, text: &str, context: &Context<'_, '_>) -> Vec<(String, String)> {
        let around = Surroundings { world: context.world, rules: self.rules };
        let evaluation = Evaluation { context, around, text };
        let shown = |aggregate: &Aggregate| match aggregate.value(&evaluation) {
            Ok(value) => value.to_string(),
            Err(cause) => cause.to_string(),
        };
        self.aggregates.iter().map(|aggregate| (aggregate.text.clone(), shown(aggregate))).collect()
    }
}

fn too_large() -> CompileError {
    CompileError::new("表达式过长或嵌套过深", "the expression is too long or nested too deeply")
}

/// An expression that is being compiled.
pub struct Compiler<'s> {
    /// The fields it may read.
    pub scope: &'s mut Scope,
    depth: usize,
    /// Whether an aggregate's argument is being compiled.
    pub in_aggregate: bool,
    /// What [`Compiled`] tells about it.
    pub macros: Vec<Macro>,
    lookups: Vec<Lookup>,
    /// See [`Compiled`].
    pub aggregates: Vec<Aggregate>,
    /// See [`Compiled`].
    pub branches: Vec<String>,
}

impl<'s> Compiler<'s> {
    fn new(scope: &'s mut Scope) -> Self {
        Self {
            scope,
            depth: 0,
            in_aggregate: false,
            macros: Vec::new(),
            lookups: Vec::new(),
            aggregates: Vec::new(),
            branches: Vec::new(),
        }
    }
}

impl Compiler<'_> {
    /// Compiles a step, boxed.
    pub fn boxed(&mut self, tree: &Expr) -> Result<Box<Node>> {
        self.node(tree).map(Box::new)
    }

    /// Compiles several steps.
    pub fn nodes<'e>(&mut self, trees: impl IntoIterator<Item = &'e Expr>) -> Result<Vec<Node>> {
        trees.into_iter().map(|tree| self.node(tree)).collect()
    }

    /// Compiles a step.
    pub fn node(&mut self, tree: &Expr) -> Result<Node> {
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
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Function(function) => self.function(function),
            Expr::Interval(_) => Err(unsupported(&tree.to_string()).suggest(
                "INTERVAL 写在时间之后：时间 + INTERVAL 1 DAY",
                "INTERVAL follows a time: time + INTERVAL 1 DAY",
            )),
            other => self.predicate(other),
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

    /// `COALESCE`, `IFNULL`.
    pub fn coalesce(&mut self, name: &str, arguments: &[&Expr]) -> Result<Node> {
        let branch = self.branches.len();
        let fallbacks = arguments.iter().skip(1);
        self.branches.extend(fallbacks.map(|fallback| format!("{name} → {}", shown(fallback))));
        Ok(Node::Coalesce(self.nodes(arguments.iter().copied())?, branch))
    }

    /// `IF`.
    pub fn branching(&mut self, condition: &Expr, yes: &Expr, no: &Expr) -> Result<Node> {
        let branch = self.branches.len();
        let condition_text = shown(condition);
        self.branches.push(format!("IF {condition_text}: yes"));
        self.branches.push(format!("IF {condition_text}: no"));
        Ok(Node::If(Box::new([self.node(condition)?, self.node(yes)?, self.node(no)?]), branch))
    }
}

/// A part of the expression as the author wrote it, for people.
pub fn shown(tree: &Expr) -> String {
    shorten(&tree.to_string().replace('`', ""))
}

/// What the language has not.
pub fn unsupported(what: &str) -> CompileError {
    CompileError::new(format!("表达式语言没有 {what:?}"), format!("the expression language has no {what:?}"))
}
