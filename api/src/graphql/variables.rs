//! Whether the values of variables fit their types, before anything is executed: the spec makes that a request error.

use async_graphql::parser::types::{BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, Type};
use async_graphql::registry::{MetaType, Registry};
use async_graphql::{Name, Value, Variables};

use crate::error::ApiError;

/// How deep input values may nest; JSON is not read deeper either.
const DEEPEST: usize = 64;

/// The variables with the defaults of those that are not given.
pub fn with_defaults(document: &ExecutableDocument, operation: Option<&str>, mut variables: Variables) -> Variables {
    for definition in chosen(document, operation)
        .into_iter()
        .flat_map(|operation| &operation.variable_definitions)
    {
        if let Some(default) = &definition.node.default_value {
            let name = definition.node.name.node.clone();
            variables.entry(name).or_insert_with(|| default.node.clone());
        }
    }
    variables
}

/// Checks the variables of the operation that will be executed.
///
/// # Errors
/// `BAD_USER_INPUT`, naming the variable.
pub fn check(
    document: &ExecutableDocument,
    operation: Option<&str>,
    variables: &Variables,
    registry: &Registry,
) -> Result<(), ApiError> {
    let Some(operation) = chosen(document, operation) else {
        return Ok(());
    };
    for definition in &operation.variable_definitions {
        let (name, expected) = (&definition.node.name.node, &definition.node.var_type.node);
        let given = variables.get(name);
        let problem = match given {
            None if definition.node.default_value.is_some() || expected.nullable => None,
            None => Some("it is missing".to_string()),
            Some(value) => fits(value, expected, registry, DEEPEST).err(),
        };
        if let Some(problem) = problem {
            return Err(ApiError::input(format!(
                "the variable `${name}` is no `{expected}`: {problem}"
            )));
        }
    }
    Ok(())
}

/// The operation that will be executed.
pub(crate) fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => Some(&operations.get(name)?.node),
        (DocumentOperations::Multiple(operations), None) => Some(&operations.values().next()?.node),
    }
}

fn fits(value: &Value, expected: &Type, registry: &Registry, deepest: usize) -> Result<(), String> {
    let deepest = deepest.checked_sub(1).ok_or("it is nested too deep")?;
    match (&expected.base, value) {
        (_, Value::Null) if expected.nullable => Ok(()),
        (_, Value::Null) => Err("it is null".into()),
        (BaseType::List(item), Value::List(values)) => {
            values.iter().try_for_each(|value| fits(value, item, registry, deepest))
        }
        // A single value stands for a list of one.
        (BaseType::List(item), single) => fits(single, item, registry, deepest),
        (BaseType::Named(name), value) => fits_named(value, name, registry, deepest),
    }
}

fn fits_named(value: &Value, name: &Name, registry: &Registry, deepest: usize) -> Result<(), String> {
    match registry.types.get(name.as_str()) {
        Some(MetaType::Scalar {
            is_valid: Some(is_valid),
            ..
        }) if !is_valid(value) => Err(format!("{value} is no {name}")),
        Some(MetaType::Enum { enum_values, .. }) => match value {
            Value::String(text) if enum_values.contains_key(text) => Ok(()),
            Value::Enum(text) if enum_values.contains_key(text.as_str()) => Ok(()),
            other => Err(format!(
                "{other} is none of {}",
                enum_values.keys().cloned().collect::<Vec<_>>().join(", ")
            )),
        },
        Some(MetaType::InputObject {
            input_fields, oneof, ..
        }) => {
            let Value::Object(fields) = value else {
                return Err(format!("{value} is no object"));
            };
            if let Some(unknown) = fields.keys().find(|field| !input_fields.contains_key(field.as_str())) {
                return Err(format!("it has no field `{unknown}`"));
            }
            if *oneof && (fields.len() != 1 || fields.values().any(|value| *value == Value::Null)) {
                return Err("exactly one of its fields has to be given, and not null".into());
            }
            for field in input_fields.values() {
                let expected = Type::new(&field.ty).ok_or("its type is not known")?;
                match fields.get(field.name.as_str()) {
                    Some(value) => fits(value, &expected, registry, deepest)
                        .map_err(|problem| format!("`{}`: {problem}", field.name))?,
                    None if expected.nullable || field.default_value.is_some() || *oneof => {}
                    None => return Err(format!("`{}` is missing", field.name)),
                }
            }
            Ok(())
        }
        // Unknown types, and types that no input has, are for validation to refuse.
        _ => Ok(()),
    }
}
