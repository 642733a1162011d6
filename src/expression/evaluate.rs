//! Evaluates an expression over what is known of a bucket.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::ExecutionError;
use cel::common::types::CelBool;
use cel::common::value::Val;
use serde_json::Value;

use super::check::PARAMS;
use super::facts::Facts;
use super::meter::{self, Missing};
use super::tree::{self, Node};
use super::{Expression, Failure, Limits, Outcome};

/// The longest message that is told, in characters.
const MESSAGE: usize = 1000;

impl Expression {
    /// Evaluates an assertion.
    pub fn decide(&self, facts: &Facts<'_>, params: &Value) -> Outcome<bool> {
        self.evaluate(facts, params, |value| value.downcast_ref::<CelBool>().map(|it| *it.inner()).ok_or("bool"))
    }

    /// Evaluates a message; at most 1,000 characters of it are given.
    pub fn tell(&self, facts: &Facts<'_>, params: &Value) -> Outcome<String> {
        self.evaluate(facts, params, |value| {
            tree::string(value).map(|text| text.chars().take(MESSAGE).collect()).ok_or("string")
        })
    }

    fn evaluate<T>(
        &self,
        facts: &Facts<'_>,
        params: &Value,
        read: impl FnOnce(&dyn Val) -> Result<T, &'static str>,
    ) -> Outcome<T> {
        let params = self.0.uses_params.then(|| Node::of(params));
        meter::begin(Limits::SHIPPED.fuel, &self.0.patterns);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut scope = facts.context.new_inner_scope();
            if let Some(params) = &params {
                scope.add_variable_as_val(PARAMS, params.boxed());
            }
            let value = cel::Value::resolve_val(&self.0.tree, &scope)?;
            read(value.as_ref()).map_err(|want| tree::unexpected(value.as_ref(), want))
        }));
        if meter::spent() {
            return Outcome::Failed(Failure::Budget);
        }
        match result {
            Ok(Ok(value)) => Outcome::Value(value),
            Ok(Err(error)) => match meter::wanted() {
                Some((setting, Missing::Unread)) => Outcome::Needs(setting),
                Some((setting, Missing::Unknown)) => Outcome::Unknown(setting),
                None => Outcome::Failed(Failure::Error(say(&error))),
            },
            Err(_) => Outcome::Failed(Failure::Panic),
        }
    }
}

/// The evaluator's error in our words.
fn say(error: &ExecutionError) -> String {
    let said = match error {
        ExecutionError::NoSuchKey(key) => format!("there is no `{key}`"),
        ExecutionError::FunctionError { function, message } => format!("{function}: {message}"),
        ExecutionError::UnexpectedType { got, want } => format!("{got} where {want} is needed"),
        ExecutionError::IndexOutOfBounds(_) => "the list has no such element".to_owned(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "division by zero".to_owned(),
        ExecutionError::Overflow(..) => "a number out of range".to_owned(),
        other => other.to_string(),
    };
    said.chars().take(300).collect()
}
