//! Which asset a node is: identities become small numbers, and numbers that nothing uses any more are used again.

#![deny(clippy::disallowed_methods)]

use std::collections::HashMap;

use souk_schema::caip::{AssetId, EvmAssetId};
use souk_schema::{Address, ChainId, TokenRef, TokenStandard, U256};

/// A contract that keeps tokens; there are few, so they are numbered too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Collection {
    chain: ChainId,
    standard: TokenStandard,
    contract: Address,
}

/// An identity in little memory. Ids below 2^64 are always [`Name::Token`], so that equal identities have equal names.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Name {
    Token { collection: u32, id: u64 },
    WideToken { collection: u32, id: Box<U256> },
    Text(Box<str>),
}

/// Identities by node index and back.
#[derive(Default)]
pub(super) struct Names {
    collections: Vec<Collection>,
    collection_numbers: HashMap<Collection, u32>,
    names: Vec<Option<Name>>,
    numbers: HashMap<Name, u32>,
    free: Vec<u32>,
}

impl Names {
    /// Nodes up to this index exist or existed.
    pub fn bound(&self) -> usize {
        self.names.len()
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The node of an identity.
    pub fn find(&self, id: &AssetId) -> Option<u32> {
        let name = match id {
            AssetId::Evm(id) => token_name(*self.collection_numbers.get(&collection(id))?, id.token.id),
            AssetId::Other(text) => Name::Text(text.as_str().into()),
        };
        self.numbers.get(&name).copied()
    }

    /// The node of an identity, new if there is none.
    pub fn intern(&mut self, id: &AssetId) -> u32 {
        let name = match id {
            AssetId::Evm(id) => token_name(self.intern_collection(collection(id)), id.token.id),
            AssetId::Other(text) => Name::Text(text.as_str().into()),
        };
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.names.push(None);
            u32::try_from(self.names.len() - 1).expect("fewer than 2^32 nodes fit in memory")
        });
        self.names[number as usize] = Some(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// Forgets a node; its index may name another one afterwards.
    pub fn release(&mut self, number: u32) {
        if let Some(name) = self.names[number as usize].take() {
            self.numbers.remove(&name);
            self.free.push(number);
        }
    }

    /// The identity of a node that is there.
    ///
    /// # Panics
    /// When the index names no node: it comes from an earlier state of the graph.
    pub fn id(&self, number: u32) -> AssetId {
        let token = |collection: &u32, id: U256| {
            let Collection {
                chain,
                standard,
                contract,
            } = self.collections[*collection as usize];
            AssetId::Evm(EvmAssetId {
                chain,
                standard,
                token: TokenRef { contract, id },
            })
        };
        match self.names[number as usize]
            .as_ref()
            .expect("a node of this state of the graph")
        {
            Name::Token { collection, id } => token(collection, U256::from(*id)),
            Name::WideToken { collection, id } => token(collection, **id),
            Name::Text(text) => AssetId::Other(text.to_string()),
        }
    }

    fn intern_collection(&mut self, collection: Collection) -> u32 {
        let Names {
            collections,
            collection_numbers,
            ..
        } = self;
        *collection_numbers.entry(collection).or_insert_with(|| {
            collections.push(collection);
            u32::try_from(collections.len() - 1).expect("fewer than 2^32 collections fit in memory")
        })
    }
}

fn collection(id: &EvmAssetId) -> Collection {
    Collection {
        chain: id.chain,
        standard: id.standard,
        contract: id.token.contract,
    }
}

fn token_name(collection: u32, id: U256) -> Name {
    match u64::try_from(id) {
        Ok(id) => Name::Token { collection, id },
        Err(_) => Name::WideToken {
            collection,
            id: Box::new(id),
        },
    }
}
