//! What other protocols say, folded into the same history: things that stand for assets, links between them, attestations, feedback and
//! disputes.
//!
//! A Story IP is the token that it was registered of: from then on everything that is said of it is said of the token, and its links
//! are the token's. Other protocols' logs name it by an address, so that addresses are what is looked up.

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, keccak256};
use souk_schema::caip::AssetId;
use souk_schema::event::foreign::{
    ForeignAssetRegistered, ForeignDerived, ForeignDisputeRaised, ForeignMetadataSet, ForeignThing,
};
use souk_schema::event::{DomainEvent, ForeignEvent, ForeignKind, Relation};
use souk_schema::{ChainId, TokenRef};

use super::held::{Change, Held};
use super::rows::{AccountRow, At, Fact, LinkRow, Writes};
use super::working_set::Lifetime;

/// What something stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The key under which events about it are kept.
    pub subject: TokenRef,
    /// Its identity outside the system.
    pub id: AssetId,
}

/// A link of a child, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The derived thing.
    pub child: String,
    /// What it was made from.
    pub parent: String,
    /// How.
    pub relation: Relation,
    /// Its place among the links of its log.
    pub ordinal: u32,
}

/// The state of other protocols that a batch may read and change.
#[derive(Debug)]
pub struct ForeignSet {
    chain: ChainId,
    /// What addresses stand for; `None` for nothing that is known.
    pub accounts: HashMap<Address, Option<Known>>,
    /// Things that might be registered twice.
    pub assets: HashMap<TokenRef, Lifetime>,
    /// Links by child and slot.
    pub links: HashMap<(TokenRef, String), Held<Link>>,
    /// Attestations that are made or revoked.
    pub attestations: HashMap<TokenRef, Lifetime>,
    /// Feedback that is given or revoked.
    pub feedback: HashMap<TokenRef, Lifetime>,
    /// Disputes that are raised, judged or closed, with what they are over.
    pub disputes: HashMap<TokenRef, (Lifetime, Option<TokenRef>)>,
}

impl Default for ForeignSet {
    fn default() -> ForeignSet {
        ForeignSet::of(ChainId(0))
    }
}

/// What a thing stands for, as the log of its registration says.
pub(crate) fn identity(chain: ChainId, registered: &ForeignAssetRegistered) -> Known {
    let thing = registered.thing;
    match registered.token {
        Some(token) => Known {
            subject: if token.chain == chain { token.token } else { thing.key },
            id: AssetId::Evm(token),
        },
        None => itself(chain, thing),
    }
}

fn itself(chain: ChainId, thing: ForeignThing) -> Known {
    Known {
        subject: thing.key,
        id: thing.kind.asset_id(chain, thing.key),
    }
}

/// The relation that a metadata key names, as text or as the hash of it.
fn relation_of(metadata_key: &str) -> Option<Relation> {
    let names = |relation: &&Relation| {
        metadata_key.eq_ignore_ascii_case(relation.as_str()) || metadata_key == keccak256(relation.as_str()).to_string()
    };
    Relation::ALL.iter().find(names).copied()
}

fn ip(key: TokenRef) -> ForeignThing {
    ForeignThing {
        kind: ForeignKind::StoryIp,
        key,
    }
}

/// A Story IP's id is its account.
fn account_of(thing: ForeignThing) -> Option<Address> {
    (thing.kind == ForeignKind::StoryIp).then(|| Address::from_word(thing.key.id.into()))
}

/// The thing that an event of Story's other modules is about.
fn story_ip(event: &ForeignEvent) -> Option<TokenRef> {
    match event {
        ForeignEvent::ForeignTermsAttached(event) => Some(event.asset),
        ForeignEvent::ForeignLicenseMinted(event) => Some(event.asset),
        ForeignEvent::ForeignRoyaltiesLinked(event) => Some(event.asset),
        ForeignEvent::ForeignPaymentMade(event) => Some(event.asset),
        ForeignEvent::ForeignVaultOpened(event) => Some(event.asset),
        ForeignEvent::ForeignDisputeRaised(event) => Some(event.asset),
        ForeignEvent::ForeignAssetTagged(event) => Some(event.asset),
        _ => None,
    }
}

/// Where a child's link to a parent is kept.
fn slot_of(parent: ForeignThing) -> String {
    format!("{:#x}/{}", parent.key.contract, parent.key.id)
}

impl ForeignSet {
    pub(super) fn of(chain: ChainId) -> ForeignSet {
        ForeignSet {
            chain,
            accounts: HashMap::default(),
            assets: HashMap::default(),
            links: HashMap::default(),
            attestations: HashMap::default(),
            feedback: HashMap::default(),
            disputes: HashMap::default(),
        }
    }

    fn touch_thing(&mut self, thing: ForeignThing) {
        if let Some(account) = account_of(thing) {
            self.accounts.entry(account).or_default();
        }
    }

    pub(super) fn touch(&mut self, event: &ForeignEvent) {
        if let Some(key) = story_ip(event) {
            self.touch_thing(ip(key));
        }
        match event {
            ForeignEvent::ForeignAssetRegistered(event) => {
                self.assets.entry(event.thing.key).or_default();
                self.accounts.extend(event.account.map(|account| (account, None)));
            }
            ForeignEvent::ForeignAssetDescribed(event) => self.touch_thing(event.thing),
            ForeignEvent::ForeignMetadataSet(event) => {
                self.touch_thing(event.thing);
                if let Some(relation) = relation_of(&event.metadata_key) {
                    let key = (event.thing.key, relation.as_str().to_string());
                    self.links.entry(key).or_default();
                }
            }
            ForeignEvent::ForeignDerived(event) => {
                self.touch_thing(event.child);
                for parent in &event.parents {
                    self.touch_thing(*parent);
                    self.links.entry((event.child.key, slot_of(*parent))).or_default();
                }
            }
            ForeignEvent::ForeignVaultOpened(event) => {
                self.accounts.entry(event.vault).or_default();
            }
            ForeignEvent::ForeignVaultClaimed(event) => {
                self.accounts.entry(event.vault).or_default();
            }
            ForeignEvent::Attested(event) => {
                self.attestations.entry(event.key()).or_default();
                self.accounts.entry(event.recipient).or_default();
            }
            ForeignEvent::AttestationRevoked(event) => {
                self.attestations.entry(event.key()).or_default();
                self.accounts.entry(event.recipient).or_default();
            }
            ForeignEvent::FeedbackGiven(event) => {
                self.feedback.extend(event.key().map(|key| (key, Lifetime::Absent)));
            }
            ForeignEvent::FeedbackRevoked(event) => {
                self.feedback.entry(event.key()).or_default();
            }
            ForeignEvent::ForeignDisputeRaised(event) => {
                self.disputes.entry(event.dispute).or_default();
            }
            ForeignEvent::ForeignAssetTagged(event) => {
                self.disputes.entry(event.dispute).or_default();
            }
            ForeignEvent::ForeignDisputeJudged(event) => {
                self.disputes.entry(event.dispute).or_default();
            }
            ForeignEvent::ForeignDisputeClosed(event) => {
                self.disputes.entry(event.dispute).or_default();
            }
            _ => {}
        }
    }

    /// Whether an event can be true.
    pub(super) fn vet(&self, event: &ForeignEvent) -> Result<(), String> {
        let is_made = |lifetime: Option<&Lifetime>| lifetime.is_some_and(|lifetime| *lifetime != Lifetime::Absent);
        let dispute = |key| is_made(self.disputes.get(key).map(|(lifetime, _)| lifetime));
        let (what, id, is_made) = match event {
            ForeignEvent::ForeignAssetRegistered(event) => {
                let key = event.thing.key;
                (event.thing.kind.as_str(), key.id, is_made(self.assets.get(&key)))
            }
            ForeignEvent::Attested(event) => {
                let key = event.key();
                ("attestation", key.id, is_made(self.attestations.get(&key)))
            }
            ForeignEvent::FeedbackGiven(event) => match event.key() {
                Some(key) => ("feedback", key.id, is_made(self.feedback.get(&key))),
                None => return Ok(()),
            },
            ForeignEvent::ForeignDisputeRaised(event) => ("dispute", event.dispute.id, dispute(&event.dispute)),
            ForeignEvent::ForeignAssetTagged(event) => ("dispute", event.dispute.id, dispute(&event.dispute)),
            _ => return Ok(()),
        };
        if is_made {
            return Err(format!("{what} {id} is there already"));
        }
        Ok(())
    }

    fn account(&self, account: &Address) -> Option<&Known> {
        self.accounts.get(account)?.as_ref()
    }

    fn known(&self, thing: ForeignThing) -> Known {
        let stands_for = account_of(thing).and_then(|account| self.account(&account));
        stands_for.cloned().unwrap_or_else(|| itself(self.chain, thing))
    }

    /// What an event is about, as far as the state before it knows.
    pub(super) fn subject(&self, event: &ForeignEvent) -> Option<TokenRef> {
        if let Some(key) = story_ip(event) {
            return Some(self.known(ip(key)).subject);
        }
        let of_account = |account| self.account(account).map(|known| known.subject);
        let of_dispute = |dispute| self.disputes.get(dispute).and_then(|(_, subject)| *subject);
        match event {
            ForeignEvent::ForeignAssetRegistered(event) => Some(identity(self.chain, event).subject),
            ForeignEvent::ForeignAssetDescribed(event) => Some(self.known(event.thing).subject),
            ForeignEvent::ForeignMetadataSet(event) => Some(self.known(event.thing).subject),
            ForeignEvent::ForeignDerived(event) => Some(self.known(event.child).subject),
            ForeignEvent::Attested(event) => of_account(&event.recipient),
            ForeignEvent::AttestationRevoked(event) => of_account(&event.recipient),
            ForeignEvent::ForeignVaultClaimed(event) => of_account(&event.vault),
            ForeignEvent::ForeignDisputeJudged(event) => of_dispute(&event.dispute),
            ForeignEvent::ForeignDisputeClosed(event) => of_dispute(&event.dispute),
            _ => event.subject(),
        }
    }

    /// Folds a vetted event.
    pub(super) fn evolve<'a>(
        &mut self,
        outer: &'a DomainEvent,
        event: &'a ForeignEvent,
        at: At,
        writes: &mut Writes<'a>,
    ) {
        let asset = self.subject(event);
        let place = Lifetime::Fresh(writes.facts.len());
        match event {
            ForeignEvent::ForeignAssetRegistered(event) => {
                self.assets.insert(event.thing.key, place);
                if let Some(account) = event.account {
                    self.name(account, identity(self.chain, event), at, writes);
                }
            }
            ForeignEvent::ForeignVaultOpened(event) => {
                let known = self.known(ip(event.asset));
                return self.name(event.vault, known, at, writes);
            }
            ForeignEvent::ForeignDerived(event) => return self.derive(event, at, writes),
            ForeignEvent::ForeignMetadataSet(event) => return self.describe(event, at, writes),
            ForeignEvent::Attested(event) => _ = self.attestations.insert(event.key(), place),
            ForeignEvent::AttestationRevoked(event) => {
                let lifetime = self.attestations.entry(event.key()).or_default();
                let closed = end(lifetime, at, writes);
                return writes
                    .closed
                    .foreign
                    .attestations
                    .extend(closed.then_some((event.key(), at.block)));
            }
            ForeignEvent::FeedbackGiven(event) => self.feedback.extend(event.key().map(|key| (key, place))),
            ForeignEvent::FeedbackRevoked(event) => {
                let lifetime = self.feedback.entry(event.key()).or_default();
                let closed = end(lifetime, at, writes);
                return writes
                    .closed
                    .foreign
                    .feedback
                    .extend(closed.then_some((event.key(), at.block)));
            }
            ForeignEvent::ForeignDisputeRaised(ForeignDisputeRaised { dispute, .. }) => {
                self.disputes.insert(*dispute, (place, asset));
            }
            ForeignEvent::ForeignAssetTagged(event) => _ = self.disputes.insert(event.dispute, (place, asset)),
            ForeignEvent::ForeignDisputeClosed(event) => {
                let (lifetime, subject) = self.disputes.entry(event.dispute).or_default();
                let closed = end(lifetime, at, writes);
                if *lifetime == Lifetime::Absent {
                    *subject = None;
                }
                return writes
                    .closed
                    .foreign
                    .disputes
                    .extend(closed.then_some((event.dispute, at.block)));
            }
            // The event is all that is kept.
            _ => return,
        }
        writes.facts.push(Fact {
            event: outer,
            asset,
            at,
            until: None,
        });
    }

    /// An address stands for what it was first said to stand for.
    fn name(&mut self, account: Address, known: Known, at: At, writes: &mut Writes<'_>) {
        let held = self.accounts.entry(account).or_default();
        if held.is_none() {
            *held = Some(known.clone());
            writes.foreign_accounts.push(AccountRow { account, known, at });
        }
    }

    fn derive(&mut self, derived: &ForeignDerived, at: At, writes: &mut Writes<'_>) {
        let child = self.known(derived.child).id.to_string();
        for (ordinal, parent) in (0..).zip(&derived.parents) {
            let link = Link {
                child: child.clone(),
                parent: self.known(*parent).id.to_string(),
                relation: derived.relation,
                ordinal,
            };
            self.link((derived.child.key, slot_of(*parent)), Some(link), at, writes);
        }
    }

    /// Metadata under a relation's name, whose value is a CAIP-19 id, links a thing to that asset; any other value takes the link away.
    fn describe(&mut self, set: &ForeignMetadataSet, at: At, writes: &mut Writes<'_>) {
        let Some(relation) = relation_of(&set.metadata_key) else {
            return;
        };
        let parent = std::str::from_utf8(&set.value)
            .ok()
            .and_then(|text| text.parse::<AssetId>().ok());
        let link = parent.map(|parent| Link {
            child: self.known(set.thing).id.to_string(),
            parent: parent.to_string(),
            relation,
            ordinal: 0,
        });
        self.link((set.thing.key, relation.as_str().to_string()), link, at, writes);
    }

    fn link(&mut self, key: (TokenRef, String), link: Option<Link>, at: At, writes: &mut Writes<'_>) {
        let held = self.links.entry(key.clone()).or_default();
        held.set(link, at, |change| write_link(writes, &key, change));
    }

    /// Ends the batch.
    pub(super) fn finish(self, writes: &mut Writes<'_>) {
        for (key, held) in self.links {
            held.finish(|change| write_link(writes, &key, change));
        }
    }
}

/// Ends something that was made. Whether it is a row of the tables, which is then to be closed.
fn end(lifetime: &mut Lifetime, at: At, writes: &mut Writes<'_>) -> bool {
    match std::mem::replace(lifetime, Lifetime::Ended) {
        Lifetime::Stored => true,
        Lifetime::Fresh(place) => {
            let fact = &mut writes.facts[place];
            fact.until = Some(at.block);
            // What ends in the block that made it is no row, and might be made again, whichever batch looks at it.
            if fact.at.block == at.block {
                *lifetime = Lifetime::Absent;
            }
            false
        }
        Lifetime::Absent => {
            *lifetime = Lifetime::Absent;
            false
        }
        Lifetime::Ended => false,
    }
}

fn write_link(writes: &mut Writes<'_>, key: &(TokenRef, String), change: Change<Link>) {
    let (child, slot) = key;
    match change {
        Change::Insert { value, at, until } => writes.foreign_links.push(LinkRow {
            child: *child,
            slot: slot.clone(),
            link: value,
            at,
            until,
        }),
        Change::Close { from, until } => {
            let closed = (*child, slot.clone(), from, until);
            writes.closed.foreign.links.push(closed);
        }
    }
}
