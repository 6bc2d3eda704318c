//! JSON objects with optional members, and the one way in which they are written: members sorted by name, so that the bytes depend on
//! the facts alone.

use serde_json::{Map, Value};

/// An object under construction.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Object(Map<String, Value>);

impl Object {
    /// An empty object.
    pub(crate) fn new() -> Object {
        Object::default()
    }

    /// Sets a member.
    pub(crate) fn set(mut self, name: &str, value: impl Into<Value>) -> Object {
        self.0.insert(name.to_string(), value.into());
        self
    }

    /// Sets a member if there is a value.
    pub(crate) fn set_some(self, name: &str, value: Option<impl Into<Value>>) -> Object {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// Sets a member to a list unless the list is empty.
    pub(crate) fn set_list<V: Into<Value>>(self, name: &str, values: impl IntoIterator<Item = V>) -> Object {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        match values.is_empty() {
            true => self,
            false => self.set(name, values),
        }
    }

    /// Sets a member to an object unless that has no members.
    pub(crate) fn set_object(self, name: &str, object: Object) -> Object {
        match object.is_empty() {
            true => self,
            false => self.set(name, object),
        }
    }

    /// Adds a value to a member that may have several: one value stands alone, more make a list. A value that is there is not added again.
    pub(crate) fn add(&mut self, name: &str, value: Value) {
        match self.0.get_mut(name) {
            None => {
                self.0.insert(name.to_string(), value);
            }
            Some(Value::Array(values)) => {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            Some(single) => {
                if *single != value {
                    *single = Value::Array(vec![single.take(), value]);
                }
            }
        }
    }

    /// Whether it has no members.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Value {
        Value::Object(object.0)
    }
}

/// Writes a document to be read by people too, with a newline at its end.
pub(crate) fn pretty(document: Object) -> String {
    let mut value = Value::from(document);
    value.sort_all_objects();
    format!("{value:#}\n")
}

/// Writes an object on a line of its own.
pub(crate) fn line(object: Object) -> String {
    let mut value = Value::from(object);
    value.sort_all_objects();
    format!("{value}\n")
}
