//! Calls in the syntax tree: the functions of the table, and those whose arguments are no plain values, such as
//! `DATE_ADD(x, INTERVAL 1 DAY)`, `CAST(x AS CHAR)` and the aggregates.

use sqlparser::ast::{
    CastKind, CeilFloorKind, DataType, DateTimeField, DuplicateTreatment, Expr, Function as SqlFunction,
    FunctionArg, FunctionArgExpr, FunctionArguments, Interval, TrimWhereField,
};

use super::{
    aggregate::{Aggregate, Kind, List},
    cast::Target,
    node::{Node, TrimSide},
    parse::{Compiler, Result, shown, unsupported},
    table,
    time::Unit,
};
use crate::{
    error::{CompileError, nearest},
    template::{Piece, Template, next_piece},
};

impl Compiler<'_> {
    /// Compiles a call.
    pub fn function(&mut self, function: &SqlFunction) -> Result<Node> {
        let name = function.name.to_string().to_ascii_uppercase();
        let (arguments, distinct) = plain_arguments(function)?;
        if let Some((_, kind)) = Kind::ALL.iter().find(|(known, _)| *known == name) {
            return match arguments.as_slice() {
                [argument] => self.aggregate(*kind, distinct, shown_call(function), argument),
                _ => Err(arguments_error(&name)),
            };
        }
        if distinct {
            return Err(unsupported("DISTINCT"));
        }
        match (name.as_str(), arguments.as_slice()) {
            ("COALESCE", [_, ..]) | ("IFNULL", [_, _]) => self.coalesce(&name, &arguments),
            ("IF", [condition, yes, no]) => self.branching(condition, yes, no),
            ("NULLIF", [value, other]) => Ok(Node::NullIf(Box::new([self.node(value)?, self.node(other)?]))),
            ("ISNULL", [value]) => Ok(Node::IsNull(self.boxed(value)?, false)),
            ("DATE_ADD" | "ADDDATE", [time, Expr::Interval(interval)]) => self.shift(time, interval, false),
            ("DATE_SUB" | "SUBDATE", [time, Expr::Interval(interval)]) => self.shift(time, interval, true),
            ("ADDDATE", [time, days]) => self.shift_by(time, days, Unit::Day, false),
            ("SUBDATE", [time, days]) => self.shift_by(time, days, Unit::Day, true),
            ("TIMESTAMPADD", [unit, amount, time]) => self.shift_by(time, amount, unit_named(unit)?, false),
            ("TIMESTAMPDIFF", [unit, from, to]) => {
                let ends = Box::new([self.node(from)?, self.node(to)?]);
                Ok(Node::Difference(unit_named(unit)?, ends))
            }
            ("DATE_ADD" | "DATE_SUB" | "ADDDATE" | "SUBDATE", _) => Err(arguments_error(&name).suggest(
                format!("写 {name}(时间, INTERVAL 1 DAY)"),
                format!("write {name}(time, INTERVAL 1 DAY)"),
            )),
            _ if table::SPECIAL.contains(&name.as_str()) => Err(arguments_error(&name)),
            _ => self.call(&name, &arguments),
        }
    }

    /// Compiles a call of a function of the table.
    pub fn call(&mut self, name: &str, arguments: &[&Expr]) -> Result<Node> {
        let Some(function) = table::find(name) else {
            return Err(unknown_function(name));
        };
        let (least, most) = function.arguments;
        if !(least..=most).contains(&arguments.len()) {
            return Err(arguments_error(function.name));
        }
        Ok(Node::Call(function, self.nodes(arguments.iter().copied())?))
    }

    /// `time ± INTERVAL …`.
    pub fn shift(&mut self, time: &Expr, interval: &Interval, back: bool) -> Result<Node> {
        let field = interval.leading_field.as_ref().map(ToString::to_string).unwrap_or_default();
        if interval.last_field.is_some() {
            return Err(unsupported("INTERVAL … TO …"));
        }
        self.shift_by(time, &interval.value, unit(&field)?, back)
    }

    fn shift_by(&mut self, time: &Expr, amount: &Expr, unit: Unit, back: bool) -> Result<Node> {
        Ok(Node::Shift { time: self.boxed(time)?, amount: self.boxed(amount)?, unit, back })
    }

    /// `EXTRACT(unit FROM time)` is the function of the unit's name.
    fn extract(&mut self, field: &DateTimeField, time: &Expr) -> Result<Node> {
        let field = field.to_string();
        match unit(&field)? {
            Unit::Week => Err(unsupported("EXTRACT(WEEK …)")
                .suggest("ISO 周数写 WEEKOFYEAR(时间)", "for the ISO week write WEEKOFYEAR(time)")),
            _ => self.call(&field, &[time]),
        }
    }

    /// Calls with words between their arguments.
    pub fn special(&mut self, tree: &Expr) -> Result<Node> {
        match tree {
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
            Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                self.trim(*trim_where, trim_what.as_deref(), expr)
            }
            Expr::Extract { field, expr, .. } => self.extract(field, expr),
            Expr::Cast { kind: CastKind::Cast, expr, data_type, format: None } => self.cast(expr, data_type),
            Expr::Convert { expr, data_type: Some(data_type), charset: None, .. } => {
                self.cast(expr, data_type)
            }
            other => Err(unsupported(&other.to_string())),
        }
    }

    fn trim(&mut self, side: Option<TrimWhereField>, what: Option<&Expr>, text: &Expr) -> Result<Node> {
        let side = match side {
            None | Some(TrimWhereField::Both) => TrimSide::Both,
            Some(TrimWhereField::Leading) => TrimSide::Leading,
            Some(TrimWhereField::Trailing) => TrimSide::Trailing,
        };
        let what = what.map(|what| self.node(what)).transpose()?;
        let what = what.unwrap_or_else(|| Node::Text(Template::constant(" ")));
        Ok(Node::Trim(side, Box::new([self.node(text)?, what])))
    }

    fn cast(&mut self, value: &Expr, kind: &DataType) -> Result<Node> {
        let Some(target) = Target::of(kind) else {
            let known = "CHAR, CHAR(n), SIGNED, UNSIGNED, DECIMAL(p,s), DATE, DATETIME";
            return Err(unsupported(&format!("CAST … AS {kind}"))
                .suggest(format!("可用：{known}"), format!("known: {known}")));
        };
        Ok(Node::Cast(self.boxed(value)?, target))
    }

    fn aggregate(&mut self, kind: Kind, distinct: bool, text: String, argument: &Expr) -> Result<Node> {
        if self.in_aggregate {
            return Err(CompileError::new(
                format!("聚合函数不能嵌套：{text}"),
                format!("aggregates cannot be nested: {text}"),
            )
            .suggest("只保留一层聚合", "keep one of them"));
        }
        let paths = paths(argument)?;
        let candidates = self.candidates(&paths);
        if candidates.is_empty() {
            return Err(no_list(&text, &paths));
        }
        let (branches, macros) = (self.branches.len(), self.macros.len());
        let frame = self.scope.depth();
        let mut lists = Vec::with_capacity(candidates.len());
        let mut outside = Vec::new();
        for name in candidates {
            // Each reading of the paths has the same branches.
            self.branches.truncate(branches);
            self.in_aggregate = true;
            let list = self.scope.enter(&name);
            let argument = self.node(argument);
            let shape = self.scope.leave();
            self.in_aggregate = false;
            // A row's macros have no value outside of it.
            let read = self.macros.split_off(macros);
            outside.extend(read.into_iter().filter(|found| paths.iter().all(|path| path != found.path())));
            lists.push(List { name, list, shape, argument: argument? });
        }
        self.macros.append(&mut outside);
        let aggregate = Aggregate { kind, distinct, text, frame, lists };
        self.aggregates.push(aggregate.clone());
        Ok(Node::Aggregate(Box::new(aggregate)))
    }

    /// The lists that these paths may mean, the likeliest first: every path must lie in it.
    fn candidates(&self, paths: &[String]) -> Vec<String> {
        let Some(path) = paths.first() else { return Vec::new() };
        let bound = self.scope.bound_lists().find(|list| lies_in(path, list)).unwrap_or_default();
        let ends: Vec<usize> = path.match_indices('.').map(|(at, _)| at).collect();
        let (inner, outer): (Vec<usize>, Vec<usize>) = ends.into_iter().partition(|end| *end > bound.len());
        let inner = inner.into_iter().filter_map(|end| path.get(..end));
        let outer = outer.into_iter().filter_map(|end| path.get(..end));
        let all_in = |list: &&str| paths.iter().all(|path| lies_in(path, list));
        inner.chain(outer).filter(all_in).map(ToOwned::to_owned).collect()
    }
}

/// Suggests the nearest function; all of them would be too many to read.
fn unknown_function(name: &str) -> CompileError {
    match nearest(name, &table::names()) {
        Some(best) => CompileError::unknown("函数", "function", name, &[best]),
        None => CompileError::new(format!("不认识的函数 {name:?}"), format!("unknown function {name:?}"))
            .suggest("用 weir describe language 查看全部函数", "weir describe language lists the functions"),
    }
}

fn lies_in(path: &str, list: &str) -> bool {
    path.strip_prefix(list).is_some_and(|rest| rest.starts_with('.'))
}

/// The paths with a dot of every macro in an argument, quoted or not.
fn paths(argument: &Expr) -> Result<Vec<String>> {
    let text = argument.to_string();
    let (mut paths, mut rest) = (Vec::new(), text.as_str());
    while let Some((piece, after)) = next_piece(rest)? {
        rest = after;
        if let Piece::Macro(inner) = piece {
            let path = inner.split('|').next().unwrap_or_default().trim();
            paths.extend(path.contains('.').then(|| path.to_owned()));
        }
    }
    Ok(paths)
}

fn no_list(text: &str, paths: &[String]) -> CompileError {
    if paths.is_empty() {
        return CompileError::new(
            format!("聚合函数没有指明数组：{text}"),
            format!("the aggregate names no list: {text}"),
        )
        .suggest("写 SUM({{数组.字段}})", "write SUM({{list.field}})");
    }
    let names = paths.join(", ");
    CompileError::new(
        format!("聚合函数只能用同一个数组的字段：{text} 用到 {names}"),
        format!("an aggregate takes the fields of one list: {text} names {names}"),
    )
    .suggest("分别聚合后再计算", "aggregate each list, then calculate")
}

/// The arguments of a call without window, filter and the like, and whether it says `DISTINCT`.
fn plain_arguments(function: &SqlFunction) -> Result<(Vec<&Expr>, bool)> {
    let plain = function.over.is_none() && function.filter.is_none() && function.within_group.is_empty();
    match &function.args {
        FunctionArguments::None if plain => Ok((Vec::new(), false)),
        FunctionArguments::List(list) if plain && list.clauses.is_empty() => {
            let mut arguments = Vec::with_capacity(list.args.len());
            for argument in &list.args {
                match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(tree)) => arguments.push(tree),
                    other => {
                        return Err(unsupported(&other.to_string())
                            .suggest("COUNT 写 COUNT({{数组.字段}})", "write COUNT({{list.field}})"));
                    }
                }
            }
            Ok((arguments, list.duplicate_treatment == Some(DuplicateTreatment::Distinct)))
        }
        _ => Err(unsupported(&function.to_string())),
    }
}

fn shown_call(function: &SqlFunction) -> String {
    shown(&Expr::Function(function.clone()))
}

fn unit(name: &str) -> Result<Unit> {
    let found = Unit::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let known = Unit::ALL.map(|(known, _)| known);
    found
        .map(|(_, unit)| *unit)
        .ok_or_else(|| CompileError::unknown("时间单位", "unit of time", name, &known))
}

fn unit_named(tree: &Expr) -> Result<Unit> {
    unit(&tree.to_string())
}

fn arguments_error(name: &str) -> CompileError {
    CompileError::new(format!("{name} 的参数个数不对"), format!("wrong number of arguments for {name}"))
}
