//! All orders of a group: what matching reads ([`Node`]) and the rest of each ([`Record`]), in slabs with the same slots, found by id, by
//! (account, nonce) and by (account, client order id).

use alloy_primitives::B256;
use souk_schema::exchange::{AccountId, Amount, CommandNumber, Lots, OrderId, Ppm, Ticks};

use super::accounts::Accounts;
use crate::ahead::fetch_at;
use crate::book::{NONE, Node, Slot};
use crate::table::{SlotTable, mix, mix_word};

/// What a fill or an amendment reads of an order beside its node: one more cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Record {
    /// Most fees over all fills of its account and nonce.
    pub fee_cap: Amount,
    /// Fees of its fills so far, a seller's royalty included.
    pub fees_paid: Amount,
    /// Lots that were filled.
    pub filled: Lots,
    /// Signed for account and nonce.
    pub nonce: u64,
    /// The command whose signature counts.
    pub signed_by: CommandNumber,
    /// Fees that its hold can bear.
    pub rate: Ppm,
    /// What few orders have; [`NONE`] for nothing.
    extra: u32,
}

const _: () = assert!(size_of::<Record>() == 64);

/// An order's neighbours in lists, and what is seldom asked for.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub struct Links {
    /// All lots that were signed.
    pub lots: Lots,
    /// The seat's open orders, by id.
    seat_prev: Slot,
    seat_next: Slot,
    /// Its neighbours in the list of a timer's bucket.
    pub timer_prev: Slot,
    pub timer_next: Slot,
    /// The list that it stands in; [`NONE`] for none.
    pub timer_bucket: u32,
    /// Who signed: see [`super::accounts::Account::signer_number`].
    pub signer: u16,
}

const _: () = assert!(size_of::<Links>() == 32);

/// What few orders have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra {
    /// The price that was signed, where the order works at another.
    pub limit: Option<Ticks>,
    /// Most lots shown at a time; an iceberg's.
    pub display: Option<Lots>,
    /// Where a stop starts to work.
    pub trigger: Option<Ticks>,
    /// Chosen by the client; zero for none.
    pub client_order_id: B256,
}

impl Extra {
    /// What most orders have of it.
    pub const NOTHING: Extra = Extra {
        limit: None,
        display: None,
        trigger: None,
        client_order_id: B256::ZERO,
    };

    #[inline]
    fn is_nothing(&self) -> bool {
        self.limit.is_none() && self.display.is_none() && self.trigger.is_none() && self.client_order_id.is_zero()
    }
}

/// All orders.
#[derive(Clone, Debug)]
pub struct Orders {
    nodes: Vec<Node>,
    records: Vec<Record>,
    links: Vec<Links>,
    free: Slot,
    extras: Vec<Extra>,
    free_extras: Vec<u32>,
    by_id: SlotTable,
    by_nonce: SlotTable,
    by_client_id: SlotTable,
    listed: usize,
}

impl Default for Orders {
    fn default() -> Orders {
        Orders {
            nodes: Vec::new(),
            records: Vec::new(),
            links: Vec::new(),
            free: NONE,
            extras: Vec::new(),
            free_extras: Vec::new(),
            by_id: SlotTable::default(),
            by_nonce: SlotTable::default(),
            by_client_id: SlotTable::default(),
            listed: 0,
        }
    }
}

fn id_hash(id: OrderId) -> u64 {
    mix(id.0, 2)
}

fn nonce_hash(account: AccountId, nonce: u64) -> u64 {
    mix(nonce, u64::from(account.0))
}

fn client_id_hash(account: AccountId, id: &B256) -> u64 {
    mix_word(u64::from(account.0), &id.0)
}

impl Record {
    /// A record without a place in any list.
    pub fn new(nonce: u64) -> Record {
        Record {
            fee_cap: Amount::ZERO,
            fees_paid: Amount::ZERO,
            filled: Lots(0),
            nonce,
            signed_by: CommandNumber(0),
            rate: Ppm(0),
            extra: NONE,
        }
    }
}

impl Links {
    /// Those of an order without a place in any list.
    pub fn new(lots: Lots, signer: u16) -> Links {
        Links {
            lots,
            seat_prev: NONE,
            seat_next: NONE,
            timer_prev: NONE,
            timer_next: NONE,
            timer_bucket: NONE,
            signer,
        }
    }
}

impl Orders {
    /// Open orders, stops included.
    pub fn len(&self) -> usize {
        self.listed
    }

    /// What matching reads of an order.
    #[inline]
    pub fn node(&self, slot: Slot) -> &Node {
        &self.nodes[slot as usize]
    }

    /// What matching reads of an order.
    #[inline]
    pub fn node_mut(&mut self, slot: Slot) -> &mut Node {
        &mut self.nodes[slot as usize]
    }

    /// All of them, for a book to link.
    #[inline]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// All of them, for a book to link.
    #[inline]
    pub fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// What a fill reads beside the node.
    #[inline]
    pub fn record(&self, slot: Slot) -> &Record {
        &self.records[slot as usize]
    }

    /// What a fill reads beside the node.
    #[inline]
    pub fn record_mut(&mut self, slot: Slot) -> &mut Record {
        &mut self.records[slot as usize]
    }

    /// The rest of an order.
    #[inline]
    pub fn links(&self, slot: Slot) -> &Links {
        &self.links[slot as usize]
    }

    /// The rest of an order.
    #[inline]
    pub fn links_mut(&mut self, slot: Slot) -> &mut Links {
        &mut self.links[slot as usize]
    }

    /// What few orders have.
    #[inline]
    pub fn extra(&self, slot: Slot) -> &Extra {
        match self.records[slot as usize].extra {
            NONE => &Extra::NOTHING,
            extra => &self.extras[extra as usize],
        }
    }

    /// The price that was signed.
    pub fn limit(&self, slot: Slot) -> Ticks {
        self.extra(slot).limit.unwrap_or(self.node(slot).price)
    }

    /// Whether an order has something that few orders have.
    #[inline]
    pub fn has_extra(&self, slot: Slot) -> bool {
        self.records[slot as usize].extra != NONE
    }

    /// Changes what few orders have, the client order id excepted while the order is listed ([`Orders::rename`] does that).
    pub fn set_extra(&mut self, slot: Slot, extra: Extra) {
        let record = &mut self.records[slot as usize];
        match (record.extra, extra.is_nothing()) {
            (NONE, true) => {}
            (NONE, false) => {
                record.extra = self.free_extras.pop().unwrap_or_else(|| {
                    self.extras.push(Extra::NOTHING);
                    u32::try_from(self.extras.len() - 1).expect("fewer extras than slots")
                });
                self.extras[record.extra as usize] = extra;
            }
            (old, true) => {
                self.free_extras.push(old);
                record.extra = NONE;
            }
            (old, false) => self.extras[old as usize] = extra,
        }
    }

    /// Takes a slot for an order that is not listed yet.
    #[inline(always)]
    pub fn take(&mut self, node: Node, record: Record, links: Links) -> Slot {
        if self.free == NONE {
            return self.take_new(node, record, links);
        }
        let slot = self.free;
        self.free = self.nodes[slot as usize].next;
        self.nodes[slot as usize] = node;
        self.records[slot as usize] = record;
        self.links[slot as usize] = links;
        slot
    }

    #[cold]
    fn take_new(&mut self, node: Node, record: Record, links: Links) -> Slot {
        let slot = u32::try_from(self.nodes.len()).expect("fewer than 2^32 orders");
        assert_ne!(slot, NONE, "fewer than 2^32 - 1 orders");
        self.nodes.push(node);
        self.records.push(record);
        self.links.push(links);
        slot
    }

    /// Gives an unlisted order's slot back.
    #[inline]
    pub fn give_back(&mut self, slot: Slot) {
        if self.records[slot as usize].extra != NONE {
            self.set_extra(slot, Extra::NOTHING);
        }
        self.nodes[slot as usize].next = self.free;
        self.free = slot;
    }

    /// Makes an order one of its account's open orders.
    pub fn list(&mut self, accounts: &mut Accounts, slot: Slot) {
        let node = &mut self.nodes[slot as usize];
        node.is_listed = true;
        let (id, seat_index) = (node.id, node.seat);
        let seat = accounts.seat_mut(seat_index);
        seat.open_orders += 1;
        // Ids rise, so the youngest belongs at the end; only a restored or replayed quote can be otherwise, and none is.
        let last = seat.last_order;
        assert!(
            last == NONE || self.nodes[last as usize].id < id,
            "orders are listed by rising id"
        );
        seat.last_order = slot;
        match last {
            NONE => seat.first_order = slot,
            last => self.links[last as usize].seat_next = slot,
        }
        let account = seat.account;
        let links = &mut self.links[slot as usize];
        (links.seat_prev, links.seat_next) = (last, NONE);
        let nonce = self.records[slot as usize].nonce;
        accounts.get_mut(account).open_orders += 1;
        self.by_id.insert(id_hash(id), slot);
        self.by_nonce.insert(nonce_hash(account, nonce), slot);
        if self.has_extra(slot) {
            let client_id = self.extra(slot).client_order_id;
            if !client_id.is_zero() {
                self.by_client_id.insert(client_id_hash(account, &client_id), slot);
            }
        }
        self.listed += 1;
    }

    /// Takes an order out of its account's open orders.
    pub fn unlist(&mut self, accounts: &mut Accounts, slot: Slot) {
        let node = &mut self.nodes[slot as usize];
        node.is_listed = false;
        let (id, seat_index) = (node.id, node.seat);
        let nonce = self.records[slot as usize].nonce;
        let (prev, next) = (self.links[slot as usize].seat_prev, self.links[slot as usize].seat_next);
        let seat = accounts.seat_mut(seat_index);
        seat.open_orders -= 1;
        let account = seat.account;
        match prev {
            NONE => seat.first_order = next,
            prev => self.links[prev as usize].seat_next = next,
        }
        match next {
            NONE => seat.last_order = prev,
            next => self.links[next as usize].seat_prev = prev,
        }
        accounts.get_mut(account).open_orders -= 1;
        self.by_id.remove(id_hash(id), slot);
        self.by_nonce.remove(nonce_hash(account, nonce), slot);
        if self.has_extra(slot) {
            let client_id = self.extra(slot).client_order_id;
            if !client_id.is_zero() {
                self.by_client_id.remove(client_id_hash(account, &client_id), slot);
            }
        }
        self.listed -= 1;
    }

    /// Gives a listed order another client order id.
    pub fn rename(&mut self, account: AccountId, slot: Slot, client_order_id: B256) {
        let mut extra = *self.extra(slot);
        if extra.client_order_id == client_order_id {
            return;
        }
        if !extra.client_order_id.is_zero() {
            self.by_client_id
                .remove(client_id_hash(account, &extra.client_order_id), slot);
        }
        if !client_order_id.is_zero() {
            self.by_client_id
                .insert(client_id_hash(account, &client_order_id), slot);
        }
        extra.client_order_id = client_order_id;
        self.set_extra(slot, extra);
    }

    /// The open order with this id.
    #[inline]
    pub fn find(&self, id: OrderId) -> Option<Slot> {
        self.by_id.find(id_hash(id), |slot| self.nodes[slot as usize].id == id)
    }

    /// The account's open order with this nonce.
    #[inline]
    pub fn find_nonce(&self, accounts: &Accounts, account: AccountId, nonce: u64) -> Option<Slot> {
        self.by_nonce.find(nonce_hash(account, nonce), |slot| {
            self.records[slot as usize].nonce == nonce && self.account(accounts, slot) == account
        })
    }

    /// Fetches what [`Orders::find`] reads first.
    #[inline]
    pub fn fetch_id(&self, id: OrderId) {
        self.by_id.fetch(id_hash(id));
    }

    /// Fetches what [`Orders::find_nonce`] reads first.
    #[inline]
    pub fn fetch_nonce(&self, account: AccountId, nonce: u64) {
        self.by_nonce.fetch(nonce_hash(account, nonce));
    }

    /// What [`Orders::find`] will almost certainly give, without a look at the order.
    #[inline]
    pub fn guess_id(&self, id: OrderId) -> Option<Slot> {
        self.by_id.guess(id_hash(id))
    }

    /// What [`Orders::find_nonce`] will almost certainly give, without a look at the order.
    #[inline]
    pub fn guess_nonce(&self, account: AccountId, nonce: u64) -> Option<Slot> {
        self.by_nonce.guess(nonce_hash(account, nonce))
    }

    /// Fetches an order.
    #[inline]
    pub fn fetch(&self, slot: Slot) {
        fetch_at(&self.nodes, slot);
        fetch_at(&self.records, slot);
        fetch_at(&self.links, slot);
    }

    /// Fetches as much of an order as its neighbours at a level need.
    #[inline]
    pub fn fetch_node(&self, slot: Slot) {
        fetch_at(&self.nodes, slot);
    }

    /// Fetches what an order that leaves is unlinked from, its level excepted.
    #[inline]
    pub fn fetch_lists(&self, account: AccountId, slot: Slot) {
        let links = self.links(slot);
        for neighbour in [links.seat_prev, links.seat_next, links.timer_prev, links.timer_next] {
            fetch_at(&self.links, neighbour);
        }
        self.fetch_id(self.node(slot).id);
        self.fetch_nonce(account, self.record(slot).nonce);
    }

    /// The account's open order with this client order id.
    pub fn find_client_id(&self, accounts: &Accounts, account: AccountId, id: &B256) -> Option<Slot> {
        if id.is_zero() {
            return None;
        }
        self.by_client_id.find(client_id_hash(account, id), |slot| {
            self.extra(slot).client_order_id == *id && self.account(accounts, slot) == account
        })
    }

    /// Whose an order is.
    #[inline]
    pub fn account(&self, accounts: &Accounts, slot: Slot) -> AccountId {
        accounts.seat(self.nodes[slot as usize].seat).account
    }

    /// A seat's open orders from one on, by id.
    pub fn from(&self, first: Slot) -> impl Iterator<Item = Slot> + '_ {
        let mut next = first;
        std::iter::from_fn(move || {
            let slot = (next != NONE).then_some(next)?;
            next = self.links[slot as usize].seat_next;
            Some(slot)
        })
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.records.capacity() * size_of::<Record>()
            + self.links.capacity() * size_of::<Links>()
            + self.extras.capacity() * size_of::<Extra>()
            + self.free_extras.capacity() * size_of::<u32>()
            + self.by_id.bytes()
            + self.by_nonce.bytes()
            + self.by_client_id.bytes()
    }
}
