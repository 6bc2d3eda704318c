//! Gives answers the shape that the specification demands: keys in the order of the question, null where a field failed, and a null
//! that must not be carried up to the nearest field that may be null.
//!
//! The library leaves failed fields out and orders keys by when they were ready. [`mark`] makes each answer say of which type an object
//! behind an interface or union is; [`complete`] uses that and takes it out again.

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType,
    Selection, SelectionSet,
};
use async_graphql::registry::{MetaType, MetaTypeName, Registry};
use async_graphql::{Name, PathSegment, Positioned, ServerError, Value, Variables};

/// Where an object says of which type it is. Names that begin so are reserved, so no client's alias is one.
const MARK: &str = "__soukTypename";

/// Adds the mark wherever the type of an object is not known before.
pub fn mark(document: &mut ExecutableDocument, registry: &Registry) {
    let operations: Vec<&mut Positioned<OperationDefinition>> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
    };
    for operation in operations {
        if let Some(root) = root(operation.node.ty, registry) {
            mark_all(&mut operation.node.selection_set.node, root, registry);
        }
    }
    for fragment in document.fragments.values_mut() {
        let FragmentDefinition {
            type_condition,
            selection_set,
            ..
        } = &mut fragment.node;
        mark_all(&mut selection_set.node, type_condition.node.on.node.as_str(), registry);
    }
}

fn root(operation: OperationType, registry: &Registry) -> Option<&str> {
    match operation {
        OperationType::Query => Some(&registry.query_type),
        OperationType::Mutation => registry.mutation_type.as_deref(),
        OperationType::Subscription => registry.subscription_type.as_deref(),
    }
}

fn mark_all(selections: &mut SelectionSet, of: &str, registry: &Registry) {
    for selection in &mut selections.items {
        match &mut selection.node {
            Selection::Field(field) => {
                let Some(named) = named_type_of(field.node.name.node.as_str(), of, registry) else {
                    continue;
                };
                mark_all(&mut field.node.selection_set.node, named, registry);
                if matches!(
                    registry.types.get(named),
                    Some(MetaType::Interface { .. } | MetaType::Union { .. })
                ) {
                    let position = field.pos;
                    let mark = Field {
                        alias: Some(Positioned::new(Name::new(MARK), position)),
                        name: Positioned::new(Name::new("__typename"), position),
                        arguments: Vec::new(),
                        directives: Vec::new(),
                        selection_set: Positioned::default(),
                    };
                    field.node.selection_set.node.items.push(Positioned::new(
                        Selection::Field(Positioned::new(mark, position)),
                        position,
                    ));
                }
            }
            Selection::InlineFragment(inline) => {
                let condition = inline
                    .node
                    .type_condition
                    .as_ref()
                    .map(|condition| condition.node.on.node.to_string());
                mark_all(
                    &mut inline.node.selection_set.node,
                    condition.as_deref().unwrap_or(of),
                    registry,
                );
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn named_type_of<'r>(field: &str, of: &str, registry: &'r Registry) -> Option<&'r str> {
    type_of(field, of, registry).map(MetaTypeName::concrete_typename)
}

fn type_of<'r>(field: &str, of: &str, registry: &'r Registry) -> Option<&'r str> {
    registry
        .types
        .get(of)?
        .field_by_name(field)
        .map(|field| field.ty.as_str())
}

/// A null where none may be: the field around it becomes null in its stead.
struct Misplaced;

struct Shape<'a> {
    registry: &'a Registry,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    variables: &'a Variables,
    failed: Vec<&'a [PathSegment]>,
}

/// The data of an executed operation in the shape of its question.
pub fn complete(
    data: Value,
    errors: &[ServerError],
    document: &ExecutableDocument,
    operation: Option<&str>,
    variables: &Variables,
    registry: &Registry,
) -> Value {
    let Some(operation) = super::variables::chosen(document, operation) else {
        return data;
    };
    let Some(root) = root(operation.ty, registry) else {
        return data;
    };
    let failed = errors
        .iter()
        .map(|error| error.path.as_slice())
        .filter(|path| !path.is_empty())
        .collect();
    let shape = Shape {
        registry,
        fragments: &document.fragments,
        variables,
        failed,
    };
    let mut path = Vec::new();
    shape
        .named(Some(data), root, &[&operation.selection_set.node], &mut path)
        .unwrap_or(Value::Null)
}

impl<'a> Shape<'a> {
    /// A value of a type as the schema writes it: `[Asset!]!`.
    fn fit(
        &self,
        value: Option<Value>,
        expected: &str,
        within: &[&'a SelectionSet],
        path: &mut Vec<PathSegment>,
    ) -> Result<Value, Misplaced> {
        match expected.strip_suffix('!') {
            Some(inner) => match self.fit_nullable(value, inner, within, path)? {
                Value::Null => Err(Misplaced),
                value => Ok(value),
            },
            None => Ok(self.fit_nullable(value, expected, within, path).unwrap_or(Value::Null)),
        }
    }

    fn fit_nullable(
        &self,
        value: Option<Value>,
        expected: &str,
        within: &[&'a SelectionSet],
        path: &mut Vec<PathSegment>,
    ) -> Result<Value, Misplaced> {
        let Some(item) = expected.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return self.named(value, expected, within, path);
        };
        let Some(Value::List(items)) = value else {
            return Ok(Value::Null);
        };
        let fitted = items.into_iter().enumerate().map(|(index, value)| {
            path.push(PathSegment::Index(index));
            let fitted = self.fit(Some(value), item, within, path);
            path.pop();
            fitted
        });
        fitted.collect::<Result<Vec<_>, _>>().map(Value::List)
    }

    fn named(
        &self,
        value: Option<Value>,
        expected: &str,
        within: &[&'a SelectionSet],
        path: &mut Vec<PathSegment>,
    ) -> Result<Value, Misplaced> {
        let mut fields = match value {
            Some(Value::Object(fields)) => fields,
            // An object of which every field failed is left out as a whole.
            Some(Value::Null) | None if !within.is_empty() && self.something_failed_below(path) => IndexMap::new(),
            other => return Ok(other.unwrap_or_default()),
        };
        if within.is_empty() {
            // A scalar that is written as an object.
            return Ok(Value::Object(fields));
        }
        let concrete = match fields.shift_remove(MARK) {
            Some(Value::String(name)) => name,
            _ => expected.to_string(),
        };
        let mut asked: IndexMap<Name, (Name, Vec<&'a SelectionSet>)> = IndexMap::new();
        within
            .iter()
            .for_each(|selections| self.collect(selections, &concrete, &mut asked));
        let mut shaped = IndexMap::with_capacity(asked.len());
        for (key, (field, within)) in asked {
            let value = fields.shift_remove(&key);
            path.push(PathSegment::Field(key.to_string()));
            let fitted = match type_of(&field, &concrete, self.registry) {
                Some(expected) => self.fit(value, expected, &within, path),
                // `__typename` and the fields of introspection, which never fail.
                None => Ok(value.unwrap_or_default()),
            };
            path.pop();
            shaped.insert(key, fitted?);
        }
        Ok(Value::Object(shaped))
    }

    fn something_failed_below(&self, path: &[PathSegment]) -> bool {
        self.failed
            .iter()
            .any(|failed| failed.len() > path.len() && failed.starts_with(path))
    }

    /// The fields that are asked of an object of a type, in order, by the key that they have in the answer.
    fn collect(
        &self,
        selections: &'a SelectionSet,
        of: &str,
        asked: &mut IndexMap<Name, (Name, Vec<&'a SelectionSet>)>,
    ) {
        for selection in &selections.items {
            if self.skipped(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.clone();
                    if key == MARK {
                        continue;
                    }
                    let entry = asked
                        .entry(key)
                        .or_insert_with(|| (field.node.name.node.clone(), Vec::new()));
                    if !field.node.selection_set.node.items.is_empty() {
                        entry.1.push(&field.node.selection_set.node);
                    }
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline
                        .node
                        .type_condition
                        .as_ref()
                        .map(|condition| condition.node.on.node.as_str());
                    if condition.is_none_or(|condition| self.applies(condition, of)) {
                        self.collect(&inline.node.selection_set.node, of, asked);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) =
                        fragment.filter(|fragment| self.applies(&fragment.node.type_condition.node.on.node, of))
                    {
                        self.collect(&fragment.node.selection_set.node, of, asked);
                    }
                }
            }
        }
    }

    fn applies(&self, condition: &str, of: &str) -> bool {
        condition == of
            || match self.registry.types.get(condition) {
                Some(MetaType::Interface { possible_types, .. } | MetaType::Union { possible_types, .. }) => {
                    possible_types.contains(of)
                }
                _ => false,
            }
    }

    fn skipped(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let skip_if = match directive.node.name.node.as_str() {
                "skip" => true,
                "include" => false,
                _ => return false,
            };
            let condition = directive.node.get_argument("if").and_then(|value| {
                value
                    .node
                    .clone()
                    .into_const_with(|name| self.variables.get(&name).cloned().ok_or(()))
                    .ok()
            });
            condition == Some(Value::Boolean(skip_if))
        })
    }
}
