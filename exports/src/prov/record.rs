//! PROV-JSON's records: sections of entities, activities, agents and relations, and attributes with typed values.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use serde_json::Value;
use souk_schema::ChainId;

use crate::dossier::EventRef;
use crate::json::Object;
use crate::name;
use crate::text::{clean_some, link};

/// The attributes of a record.
#[derive(Default)]
pub(super) struct Attributes(Object);

impl Attributes {
    pub(super) fn new() -> Attributes {
        Attributes::default()
    }

    /// Cleaned text, left out where nothing is left of it.
    pub(super) fn text(&mut self, attribute: &str, text: &str) {
        if let Some(text) = clean_some(text) {
            self.0.add(attribute, text.into());
        }
    }

    pub(super) fn some_text(&mut self, attribute: &str, text: Option<String>) {
        if let Some(text) = text {
            self.text(attribute, &text);
        }
    }

    pub(super) fn number(&mut self, attribute: &str, number: impl Into<u64>) {
        self.big_number(attribute, U256::from(number.into()));
    }

    pub(super) fn some_number(&mut self, attribute: &str, number: Option<impl Into<u64>>) {
        if let Some(number) = number {
            self.number(attribute, number);
        }
    }

    /// An integer of any size.
    pub(super) fn big_number(&mut self, attribute: &str, number: U256) {
        self.typed(attribute, &number.to_string(), "xsd:integer");
    }

    /// A time among the attributes that are not PROV's own, where the calendar has it.
    pub(super) fn some_time(&mut self, attribute: &str, secs: u64) {
        if let Some(time) = name::time(secs) {
            self.typed(attribute, &time, "xsd:dateTime");
        }
    }

    /// A time that PROV itself defines, where the calendar has it.
    pub(super) fn some_formal_time(&mut self, attribute: &str, secs: u64) {
        if let Some(time) = name::time(secs) {
            self.0.add(attribute, time.into());
        }
    }

    /// A URI that is legal.
    pub(super) fn some_link(&mut self, attribute: &str, uri: Option<String>) {
        if let Some(uri) = uri {
            self.typed(attribute, &uri, "xsd:anyURI");
        }
    }

    /// Where an entity is: a URI, or what was written in place of one.
    pub(super) fn location(&mut self, text: &str) {
        match link(text) {
            Some(uri) => self.typed("prov:location", &uri, "xsd:anyURI"),
            None => self.text("prov:location", text),
        }
    }

    /// A qualified name of PROV.
    pub(super) fn qualified(&mut self, attribute: &str, name: &str) {
        self.typed(attribute, name, "xsd:QName");
    }

    /// The type, a term of our vocabulary.
    pub(super) fn kind(&mut self, term: &str) {
        self.qualified("prov:type", &format!("souk:{term}"));
    }

    /// The role that an agent or entity had in an activity.
    pub(super) fn role(&mut self, role: &str) {
        self.0.add("prov:role", role.into());
    }

    /// The formal times of an activity.
    pub(super) fn span(&mut self, from: Option<&EventRef>, to: Option<&EventRef>) {
        if let Some(from) = from {
            self.some_formal_time("prov:startTime", from.time_secs);
        }
        if let Some(to) = to {
            self.some_formal_time("prov:endTime", to.time_secs);
        }
    }

    /// The log behind a record.
    pub(super) fn event(&mut self, event: &EventRef) {
        self.text("souk:chain", &name::chain(event.chain));
        self.number("souk:block", event.block.number);
        self.text("souk:blockHash", &format!("{:#x}", event.block.hash));
        self.text("souk:transaction", &format!("{:#x}", event.transaction));
        self.number("souk:logIndex", event.log_index);
        self.some_time("souk:time", event.time_secs);
    }

    fn typed(&mut self, attribute: &str, text: &str, datatype: &str) {
        self.0
            .add(attribute, Object::new().set("$", text).set("type", datatype).into());
    }
}

/// A document under construction. Relations have no names of their own, so they are numbered within their section.
#[derive(Default)]
pub(super) struct Document(BTreeMap<&'static str, BTreeMap<String, Object>>);

impl Document {
    /// Adds an entity, or attributes to it.
    pub(super) fn entity(&mut self, uri: &str, attributes: Attributes) {
        self.declare("entity", uri, attributes);
    }

    /// Adds an activity.
    pub(super) fn activity(&mut self, uri: &str, attributes: Attributes) {
        self.declare("activity", uri, attributes);
    }

    /// Adds an agent.
    pub(super) fn agent(&mut self, uri: &str, attributes: Attributes) {
        self.declare("agent", uri, attributes);
    }

    /// Adds an account as an agent and returns its id.
    pub(super) fn account(&mut self, chain: ChainId, address: Address) -> String {
        let uri = name::account(chain, address);
        let mut attributes = Attributes::new();
        attributes.kind("Account");
        self.agent(&uri, attributes);
        uri
    }

    /// Says that an agent answers for an entity.
    pub(super) fn attribute(&mut self, entity: &str, agent: &str, attributes: Attributes) {
        self.relate(
            "wasAttributedTo",
            [("prov:entity", entity), ("prov:agent", agent)],
            attributes,
        );
    }

    /// Says that an agent had a role in an activity.
    pub(super) fn associate(&mut self, activity: &str, agent: &str, role: &str) {
        let mut attributes = Attributes::new();
        attributes.role(role);
        self.relate(
            "wasAssociatedWith",
            [("prov:activity", activity), ("prov:agent", agent)],
            attributes,
        );
    }

    /// Says that one thing had an effect on another.
    pub(super) fn influence(&mut self, influencee: &str, influencer: &str, attributes: Attributes) {
        self.relate(
            "wasInfluencedBy",
            [("prov:influencee", influencee), ("prov:influencer", influencer)],
            attributes,
        );
    }

    /// Adds a relation between the things that `formal` names by their URIs.
    pub(super) fn relate<const N: usize>(
        &mut self,
        relation: &'static str,
        formal: [(&str, &str); N],
        attributes: Attributes,
    ) {
        let section = self.0.entry(relation).or_default();
        let mut record = attributes.0;
        for (attribute, uri) in formal {
            record = record.set(attribute, name::qualified(uri));
        }
        section.insert(format!("_:{relation}{}", section.len() + 1), record);
    }

    fn declare(&mut self, section: &'static str, uri: &str, attributes: Attributes) {
        let records = self.0.entry(section).or_default();
        match records.entry(name::qualified(uri)) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(attributes.0);
            }
            // The first description is the fullest; accounts and agents are described the same each time.
            std::collections::btree_map::Entry::Occupied(_) => {}
        }
    }
}

impl From<Document> for Object {
    fn from(document: Document) -> Object {
        let prefixes = Object::new().set("eip155", "eip155:").set("souk", name::URN);
        let mut object = Object::new().set("prefix", Value::from(prefixes));
        for (section, records) in document.0 {
            let mut members = Object::new();
            for (id, record) in records {
                members = members.set(&id, record);
            }
            object = object.set(section, members);
        }
        object
    }
}
