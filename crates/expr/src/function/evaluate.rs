//! The evaluation of a compiled expression on a record.

use super::{
    Surroundings, compare,
    node::{Arithmetic, Comparison, Logic, Node},
    table::Function,
    text,
};
use crate::{error::Cause, scope::Context, value::Value};

type Result<T> = std::result::Result<T, Cause>;

/// An evaluation under way.
#[derive(Clone, Copy)]
pub struct Evaluation<'e, 'w, 'a> {
    /// The record.
    pub context: &'e Context<'w, 'a>,
    /// What functions and comparisons depend on beside their arguments.
    pub around: Surroundings<'e>,
    /// The expression's text, for a probe.
    pub text: &'e str,
}

impl<'a> Evaluation<'_, '_, 'a> {
    /// The value of a step.
    pub fn value(&self, node: &'a Node) -> Result<Value<'a>> {
        match node {
            Node::Number(number) => Ok(Value::Number(number.clone())),
            Node::Null => Ok(Value::Null),
            Node::Field(field) => number_of(field.value(self.context)?),
            Node::Text(template) => template.text(self.context).map(Value::Text),
            Node::Lookup(lookup) => lookup.value(self.context),
            Node::Negate(inner) => match self.value(inner)? {
                Value::Null => Ok(Value::Null),
                value => Ok(Value::Number(value.to_number()?.negated())),
            },
            Node::Arithmetic(operator, left, right) => self.arithmetic(*operator, left, right),
            Node::Case { operand, arms, otherwise, branch } => {
                self.case(operand.as_deref(), arms, otherwise.as_deref(), *branch)
            }
            Node::Coalesce(nodes, branch) => self.coalesce(nodes, *branch),
            Node::If(parts, branch) => {
                let [condition, yes, no] = parts.as_ref();
                let holds = self.holds(condition)? == Some(true);
                self.taken(branch + usize::from(!holds));
                self.value(if holds { yes } else { no })
            }
            Node::NullIf(parts) => {
                let [value, other] = parts.as_ref();
                let value = self.value(value)?;
                let equal = self.compare(Comparison::Equal, &value, &self.value(other)?)?;
                Ok(if equal == Some(true) { Value::Null } else { value })
            }
            Node::Shift { time, amount, unit, back } => {
                unit.shift(&self.value(time)?, &self.value(amount)?, *back, self.around.world.zone)
            }
            Node::Difference(unit, ends) => {
                let [from, to] = ends.as_ref();
                unit.between(&self.value(from)?, &self.value(to)?, self.around.world.zone)
            }
            Node::Cast(inner, target) => target.cast(self.value(inner)?, &self.around),
            Node::Trim(side, parts) => {
                let [value, what] = parts.as_ref();
                let (value, what) = (self.value(value)?, self.value(what)?);
                Ok(text::trim(value, &what, *side))
            }
            Node::Aggregate(aggregate) => aggregate.value(self),
            Node::Call(function, arguments) => self.call(function, arguments),
            _ => Ok(self.holds(node)?.map_or(Value::Null, Value::truth)),
        }
    }

    /// The value of a step as a truth: `None` is MySQL's unknown.
    fn holds(&self, node: &'a Node) -> Result<Option<bool>> {
        match node {
            Node::Not(inner) => Ok(self.holds(inner)?.map(|truth| !truth)),
            Node::Compare(operator, left, right) => {
                self.compare(*operator, &self.value(left)?, &self.value(right)?)
            }
            Node::Logic(operator, left, right) => self.logic(*operator, left, right),
            Node::IsNull(inner, negated) => Ok(Some(self.value(inner)?.is_null() != *negated)),
            Node::IsTruth(inner, truth, negated) => {
                Ok(Some((self.holds(inner)? == Some(*truth)) != *negated))
            }
            Node::Between(parts) => {
                let [value, low, high] = parts.as_ref();
                let value = self.value(value)?;
                let above = self.compare(Comparison::GreaterOrEqual, &value, &self.value(low)?)?;
                if above == Some(false) {
                    return Ok(above);
                }
                let below = self.compare(Comparison::LessOrEqual, &value, &self.value(high)?)?;
                Ok(if below == Some(false) { below } else { above.and(below) })
            }
            Node::In(value, list) => self.is_in(value, list),
            Node::Like(parts, escape) => {
                let [value, pattern] = parts.as_ref();
                let (value, pattern) = (self.value(value)?, self.value(pattern)?);
                if value.is_null() || pattern.is_null() {
                    return Ok(None);
                }
                let collation = self.around.rules.collation;
                Ok(Some(compare::like(&value.into_text(), &pattern.into_text(), *escape, collation)))
            }
            Node::Matches(value, regex) => {
                let value = self.value(value)?;
                Ok((!value.is_null()).then(|| regex.is_match(&value.into_text())))
            }
            _ => match self.value(node)? {
                Value::Null => Ok(None),
                value => Ok(Some(!value.to_number()?.is_zero())),
            },
        }
    }

    fn compare(&self, operator: Comparison, left: &Value<'_>, right: &Value<'_>) -> Result<Option<bool>> {
        compare::values(operator, left, right, &self.around)
    }

    fn taken(&self, branch: usize) {
        if let Some(probe) = self.around.world.probe {
            probe.branch(self.text, branch);
        }
    }

    /// Few functions take more than three arguments: those stand on the stack.
    fn call(&self, function: &Function, arguments: &'a [Node]) -> Result<Value<'a>> {
        match arguments {
            [] => function.call(&[], &self.around),
            [first] => function.call(&[self.value(first)?], &self.around),
            [first, second] => function.call(&[self.value(first)?, self.value(second)?], &self.around),
            [first, second, third] => {
                let values = [self.value(first)?, self.value(second)?, self.value(third)?];
                function.call(&values, &self.around)
            }
            many => {
                let values: Result<Vec<_>> = many.iter().map(|argument| self.value(argument)).collect();
                function.call(&values?, &self.around)
            }
        }
    }

    fn coalesce(&self, nodes: &'a [Node], branch: usize) -> Result<Value<'a>> {
        for (index, node) in nodes.iter().enumerate() {
            if let Some(fallback) = index.checked_sub(1) {
                self.taken(branch + fallback);
            }
            let value = self.value(node)?;
            if !value.is_null() {
                return Ok(value);
            }
        }
        Ok(Value::Null)
    }

    fn is_in(&self, value: &'a Node, list: &'a [Node]) -> Result<Option<bool>> {
        let value = self.value(value)?;
        let mut unknown = false;
        for item in list {
            match self.compare(Comparison::Equal, &value, &self.value(item)?)? {
                Some(true) => return Ok(Some(true)),
                Some(false) => {}
                None => unknown = true,
            }
        }
        Ok((!unknown).then_some(false))
    }

    fn arithmetic(&self, operator: Arithmetic, left: &'a Node, right: &'a Node) -> Result<Value<'a>> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        if left.is_null() || right.is_null() {
            return Ok(Value::Null);
        }
        let (left, right) = (left.to_number()?, right.to_number()?);
        let result = match operator {
            Arithmetic::Add => Some(left.add(&right)),
            Arithmetic::Subtract => Some(left.subtract(&right)),
            Arithmetic::Multiply => Some(left.multiply(&right)),
            Arithmetic::Divide => left.divide(&right, self.around.rules.div_scale),
            Arithmetic::Remainder => left.remainder(&right),
            Arithmetic::DivideWhole => left.divide_whole(&right),
        };
        result.map(Value::Number).ok_or(Cause::DivisionByZero)
    }

    fn logic(&self, operator: Logic, left: &'a Node, right: &'a Node) -> Result<Option<bool>> {
        let decided = match operator {
            Logic::And => Some(false),
            Logic::Or => Some(true),
            Logic::Xor => None,
        };
        let left = self.holds(left)?;
        if decided.is_some() && left == decided {
            return Ok(decided);
        }
        let right = self.holds(right)?;
        if decided.is_some() && right == decided {
            return Ok(decided);
        }
        let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
        Ok(Some(match operator {
            Logic::And => left && right,
            Logic::Or => left || right,
            Logic::Xor => left != right,
        }))
    }

    fn case(
        &self,
        operand: Option<&'a Node>,
        arms: &'a [(Node, Node)],
        otherwise: Option<&'a Node>,
        branch: usize,
    ) -> Result<Value<'a>> {
        let operand = operand.map(|node| self.value(node)).transpose()?;
        for (index, (condition, result)) in arms.iter().enumerate() {
            let chosen = match &operand {
                None => self.holds(condition)?,
                Some(value) => self.compare(Comparison::Equal, value, &self.value(condition)?)?,
            };
            if chosen == Some(true) {
                self.taken(branch + index);
                return self.value(result);
            }
        }
        let Some(otherwise) = otherwise else { return Ok(Value::Null) };
        self.taken(branch + arms.len());
        self.value(otherwise)
    }
}

/// Macros without quotes are numbers (contract qeasy-metadata §4).
fn number_of(value: Value<'_>) -> Result<Value<'_>> {
    match value {
        Value::Null | Value::Written(_) | Value::Number(_) => Ok(value),
        other => other.to_number().map(Value::Number),
    }
}
