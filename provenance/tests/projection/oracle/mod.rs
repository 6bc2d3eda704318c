//! The obvious, slow projection: folds the canonical chain once, block after block, with everything in memory, and writes its rows as
//! JSON. It shares nothing with the projector but the tables and the words of two refusals.

mod economy;
mod fields;
mod vault;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use souk_adapters::DECODER_VERSION;
use souk_provenance::store;
use souk_provenance::tables::{Schema, TABLES};
use souk_schema::amount::{Balance, balance_of};
use souk_schema::event::DomainEvent;
use souk_schema::record::RawLog;
use souk_schema::{Address, TokenRef, TokenStandard};
use sqlx::{AssertSqlSafe, Connection};

use super::chain::Known;
use super::support::{CHAIN, Stand};
use super::world::{Meaning, VAULT};
use economy::{Story, story};
use fields::{fields, hex, key};
use vault::Vault;

/// A row that can end.
struct Lasting {
    table: &'static str,
    key: String,
    fields: Value,
    from: u64,
    to: Option<u64>,
    log_index: u32,
}

#[derive(Default)]
pub struct Oracle {
    rows: Vec<(&'static str, Value)>,
    lasting: Vec<Lasting>,
    owners: BTreeMap<TokenRef, Address>,
    balances: BTreeMap<(TokenRef, Address), Balance>,
    /// By key, the log that changed it last.
    changed_by: BTreeMap<String, u32>,
    children: BTreeSet<Address>,
    revoked: BTreeSet<TokenRef>,
    /// By table and key, the asset that a thing belongs to.
    whose: BTreeMap<(&'static str, TokenRef), TokenRef>,
    vault: Vault,
}

fn with(mut fields: Value, more: Value) -> Value {
    let more = more.as_object().expect("an object").clone();
    fields.as_object_mut().expect("an object").extend(more);
    fields
}

impl Oracle {
    pub fn fold(chain: &[Known]) -> Oracle {
        let mut oracle = Oracle::default();
        for known in chain {
            oracle.block(known);
        }
        oracle
    }

    fn block(&mut self, known: &Known) {
        let block = &known.block;
        let fields = json!({ "number": block.number, "hash": hex(block.hash), "parent_hash": hex(block.parent_hash),
            "timestamp": block.timestamp.min(i64::MAX as u64) });
        self.rows.push(("block", fields));
        let (owners, balances) = (self.owners.clone(), self.balances.clone());
        let (in_vault, fee_account) = (self.vault.balances.clone(), self.vault.fee_account);
        self.changed_by.clear();
        for (log, meaning) in block.logs.iter().zip(&known.meanings) {
            match meaning {
                Meaning::Events(events) => self.log(block.number, log, events),
                Meaning::Undecodable(reason) => self.refuse(block.number, log, reason),
                Meaning::Creates(address, standard) => {
                    if self.children.insert(*address) {
                        let fields = json!({ "address": hex(address), "standard": standard.namespace(),
                            "factory": hex(log.address) });
                        self.begin(
                            "contract",
                            hex(address).to_string(),
                            fields,
                            block.number,
                            log.log_index,
                        );
                    }
                }
                Meaning::OfChild(address, events) if self.children.contains(address) => {
                    self.log(block.number, log, events);
                }
                Meaning::OfChild(..) => {}
            }
        }
        for (token, owner) in self.changes(&owners, |oracle| &oracle.owners) {
            let name = format!("{token:?}");
            self.end("ownership", &name, block.number);
            if let Some(owner) = owner {
                let fields = json!({ "token_key": key(&token), "owner": hex(owner) });
                let log_index = self.changed_by[&name];
                self.begin("ownership", name, fields, block.number, log_index);
            }
        }
        for ((token, account), amount) in self.changes(&balances, |oracle| &oracle.balances) {
            let name = format!("{token:?} {account}");
            self.end("balance", &name, block.number);
            if let Some(amount) = amount {
                let fields =
                    json!({ "token_key": key(&token), "account": hex(account), "amount": amount.to_dec_string() });
                let log_index = self.changed_by[&name];
                self.begin("balance", name, fields, block.number, log_index);
            }
        }
        self.vault_rows(block.number, &in_vault, fee_account);
    }

    fn vault_rows(&mut self, block: u64, before: &BTreeMap<(TokenRef, Address), Balance>, fees: Option<Address>) {
        let vault = hex(VAULT);
        for ((token, account), amount) in self.changes(before, |oracle| &oracle.vault.balances) {
            let name = format!("{token:?} {account}");
            self.end("vault_balance", &name, block);
            if let Some(amount) = amount {
                let fields = json!({ "vault": vault, "token_key": key(&token), "account": hex(account),
                    "amount": amount.to_dec_string() });
                let log_index = self.vault.changed_by[&(token, account)];
                self.begin("vault_balance", name, fields, block, log_index);
            }
        }
        if let Some(account) = self.vault.fee_account
            && fees != Some(account)
        {
            self.end("vault_fee_account", "", block);
            let fields = json!({ "vault": vault, "account": hex(account) });
            let log_index = self.vault.fee_account_changed_by;
            self.begin("vault_fee_account", String::new(), fields, block, log_index);
        }
    }

    /// The asset or token that an event is about, as known before it.
    fn about(&self, event: &DomainEvent) -> Option<TokenRef> {
        if let DomainEvent::VaultFilled(fill) = event {
            return self.vault.markets.get(&fill.market).map(|market| market.base);
        }
        match story(event).needs {
            Some((table, key, ..)) => self.whose.get(&(table, key)).copied(),
            None => event.subject(),
        }
    }

    /// What is not as it was before the block.
    fn changes<K: Ord + Copy, V: PartialEq + Copy>(
        &self,
        before: &BTreeMap<K, V>,
        after: impl Fn(&Oracle) -> &BTreeMap<K, V>,
    ) -> Vec<(K, Option<V>)> {
        let after = after(self);
        let keys: BTreeSet<K> = before.keys().chain(after.keys()).copied().collect();
        let changed = keys.into_iter().filter(|key| before.get(key) != after.get(key));
        changed.map(|key| (key, after.get(&key).copied())).collect()
    }

    fn begin(&mut self, table: &'static str, key: String, fields: Value, from: u64, log_index: u32) {
        self.lasting.push(Lasting {
            table,
            key,
            fields,
            from,
            to: None,
            log_index,
        });
    }

    /// Ends the open row; one that began in the same block was never there.
    fn end(&mut self, table: &str, key: &str, block: u64) {
        let open = |row: &Lasting| row.table == table && row.key == key && row.to.is_none();
        if let Some(place) = self.lasting.iter().position(open) {
            self.lasting[place].to = Some(block);
            if self.lasting[place].from == block {
                self.lasting.remove(place);
            }
        }
    }

    /// The row of something that exists once: `None` if there never was one, else whether it is open.
    fn once(&self, table: &str, key: &str) -> Option<bool> {
        let row = self.lasting.iter().find(|row| row.table == table && row.key == key);
        row.map(|row| row.to.is_none())
    }

    fn refuse(&mut self, block: u64, log: &RawLog, reason: &str) {
        let topics: Vec<Value> = log.topics.iter().map(hex).collect();
        let reason: String = reason.replace('\0', "\u{fffd}").chars().take(500).collect();
        let fields = json!({ "block_number": block, "log_index": log.log_index, "data": hex(&log.data),
            "transaction_hash": hex(log.transaction_hash), "contract": hex(log.address), "topics": topics,
            "reason": reason, "decoder_version": DECODER_VERSION });
        self.rows.push(("quarantine", fields));
    }

    fn log(&mut self, block: u64, log: &RawLog, events: &[DomainEvent]) {
        if let Some(reason) = events.iter().find_map(|event| self.impossible(event)) {
            return self.refuse(block, log, &reason);
        }
        for (ordinal, event) in events.iter().enumerate() {
            let subject = self.about(event).as_ref().map(key);
            let fields = json!({ "block_number": block, "log_index": log.log_index, "ordinal": ordinal,
                "transaction_hash": hex(log.transaction_hash), "transaction_index": log.transaction_index,
                "contract": hex(log.address), "name": event.name(), "subject_key": subject, "body": event });
            self.rows.push(("event", fields));
            self.event(block, log.log_index, event);
        }
    }

    fn impossible(&self, event: &DomainEvent) -> Option<String> {
        let nul = |field| {
            format!(
                "`{field}` of {} holds a NUL character, which cannot be kept",
                event.name()
            )
        };
        match event {
            DomainEvent::AssetRegistered { name, .. } if name.contains('\0') => Some(nul("name")),
            DomainEvent::AssetRegistered { asset, .. } => {
                let known = self.once("asset", &format!("{asset:?}")).is_some();
                known.then(|| format!("asset {} is registered already", asset.id))
            }
            DomainEvent::AssetVersioned { version, .. } if *version > i32::MAX as u32 => Some(format!(
                "version {version} is beyond 2147483647, the highest that can be kept"
            )),
            DomainEvent::LicenseTermsRegistered { terms, .. } if terms.spdx_id.contains('\0') => Some(nul("spdx_id")),
            DomainEvent::LicenseTermsRegistered { terms_id, .. } => {
                let known = self.once("license_terms", &terms_id.to_string()).is_some();
                known.then(|| format!("terms {terms_id} are registered already"))
            }
            DomainEvent::ContributionRecorded { contribution, .. } => {
                let known = self.once("contribution", &format!("{contribution:?}")).is_some();
                known.then(|| format!("contribution {} is recorded already", contribution.id))
            }
            DomainEvent::ContributionVoided { contribution, .. } => {
                match self.once("contribution", &format!("{contribution:?}")) {
                    None => Some(format!("contribution {} was never recorded", contribution.id)),
                    Some(false) => Some(format!("contribution {} is void already", contribution.id)),
                    Some(true) => None,
                }
            }
            DomainEvent::TaskPosted(e) if e.spec_uri.contains('\0') => Some(nul("spec_uri")),
            DomainEvent::SubmissionMade(e) if e.content_uri.contains('\0') => Some(nul("content_uri")),
            DomainEvent::ExecutionChallenged(e) if e.evidence_uri.contains('\0') => Some(nul("evidence_uri")),
            DomainEvent::DisputeRaised(e) if e.evidence_uri.contains('\0') => Some(nul("evidence_uri")),
            DomainEvent::RootDisputed(e) if e.reason.contains('\0') => Some(nul("reason")),
            DomainEvent::VaultMarketListed(e) if self.vault.markets.contains_key(&e.market) => {
                Some(format!("market {} is listed already", e.market))
            }
            DomainEvent::VaultFilled(e) if !self.vault.markets.contains_key(&e.market) => {
                Some(format!("market {} was never listed", e.market))
            }
            other => self.out_of_order(&story(other)),
        }
    }

    fn out_of_order(&self, story: &Story) -> Option<String> {
        let known = |table, key: &TokenRef| self.whose.contains_key(&(table, *key));
        if let Some((table, key, what, done)) = &story.needs
            && !known(table, key)
        {
            return Some(format!("{what} {} was never {done}", key.id));
        }
        match &story.makes {
            Some((table, key, what, done)) if known(table, key) => Some(format!("{what} {} is {done} already", key.id)),
            _ => None,
        }
    }

    fn event(&mut self, block: u64, log: u32, event: &DomainEvent) {
        let asset = self.about(event);
        if let (Some((table, key, ..)), Some(asset)) = (story(event).makes, asset) {
            self.whose.insert((table, key), asset);
        }
        self.vault.event(event, log);
        let (table, name, fields) = match event {
            DomainEvent::TokenTransferred {
                token,
                standard,
                from,
                to,
                amount,
            } => {
                match standard {
                    TokenStandard::Erc721 => self.own(*token, *to, log),
                    _ if from == to => {}
                    _ => {
                        self.add(*token, *from, -balance_of(*amount), log);
                        self.add(*token, *to, balance_of(*amount), log);
                    }
                }
                return;
            }
            DomainEvent::ContributionVoided { contribution, .. } => {
                return self.end("contribution", &format!("{contribution:?}"), block);
            }
            DomainEvent::LicenseMinted { series, .. }
                if self.revoked.contains(series) || self.once("license_series", &format!("{series:?}")).is_some() =>
            {
                return;
            }
            DomainEvent::LicenseRevoked {
                series,
                revoked_by,
                reason,
            } => {
                self.revoked.insert(*series);
                self.end("license_series", &format!("{series:?}"), block);
                let fields = json!({ "series_key": key(series), "revoked_by": hex(revoked_by), "reason": reason });
                ("license_revocation", format!("{block} {log}"), fields)
            }
            DomainEvent::DistributorChanged(_)
            | DomainEvent::VaultCredited(_)
            | DomainEvent::VaultDebited(_)
            | DomainEvent::VaultFeeAccountChanged(_)
            | DomainEvent::VaultFilled(_) => return,
            other => match fields(other, (block, log)) {
                Some(row) => row,
                None => {
                    let (table, fields) = economy::fields(other, asset);
                    (table, format!("{block} {log}"), fields)
                }
            },
        };
        if let DomainEvent::AssetMirrored(mirrored) = event {
            let fields = json!({ "child_key": key(&mirrored.mirror), "parent_id": mirrored.origin.to_string(),
                "relation": 12, "license_id": "0", "status": 3 });
            self.begin("derivation", String::new(), fields, block, log);
        }
        if let DomainEvent::AssetRegistered {
            asset,
            content_hash,
            metadata_uri,
            ..
        } = event
        {
            let fields = json!({ "asset_key": key(asset), "version": 1, "content_hash": hex(content_hash),
                "metadata_uri": metadata_uri });
            self.begin("asset_version", String::new(), fields, block, log);
        }
        self.begin(table, name, fields, block, log);
    }

    fn own(&mut self, token: TokenRef, to: Address, log: u32) {
        let before = self.owners.remove(&token);
        if !to.is_zero() {
            self.owners.insert(token, to);
        }
        if self.owners.get(&token) != before.as_ref() {
            self.changed_by.insert(format!("{token:?}"), log);
        }
    }

    fn add(&mut self, token: TokenRef, account: Address, change: Balance, log: u32) {
        if account.is_zero() || change.is_zero() {
            return;
        }
        let balance = self.balances.entry((token, account)).or_insert(Balance::ZERO);
        *balance += change;
        if balance.is_zero() {
            self.balances.remove(&(token, account));
        }
        self.changed_by.insert(format!("{token:?} {account}"), log);
    }

    /// Writes the rows into a schema, so that they can be hashed as the projector's are.
    pub async fn write(self, stand: &Stand, schema: &Schema) {
        store::drop_schema(&stand.pool, schema).await.expect("drops");
        store::migrate(&stand.pool, schema).await.expect("migrates");
        let mut tables: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for (table, fields) in self.rows {
            tables
                .entry(table)
                .or_default()
                .push(with(fields, json!({ "chain_id": CHAIN })));
        }
        for row in self.lasting {
            let span =
                json!({ "chain_id": CHAIN, "valid_from": row.from, "valid_to": row.to, "log_index": row.log_index });
            tables.entry(row.table).or_default().push(with(row.fields, span));
        }
        let mut connection = stand.pool.acquire().await.expect("connects");
        let mut transaction = connection.begin().await.expect("begins");
        for (table, rows) in tables {
            let statement = format!(
                "insert into {schema}.{table} select * from jsonb_populate_recordset(null::{schema}.{table}, $1)"
            );
            let query = sqlx::query(AssertSqlSafe(statement)).bind(Value::Array(rows));
            query
                .execute(&mut *transaction)
                .await
                .unwrap_or_else(|error| panic!("{table}: {error}"));
        }
        transaction.commit().await.expect("commits");
    }
}

/// Compares the live tables with the oracle's, row by row where the hashes differ.
pub async fn assert_equals_oracle(stand: &Stand, chain: &[Known], what: &str) {
    let schema = Schema::new("oracle").expect("a valid name");
    Oracle::fold(chain).write(stand, &schema).await;
    if stand.hash().await == stand.hash_of(&schema).await {
        return;
    }
    let mut found = String::new();
    for table in &TABLES {
        for (one, other) in [("souk", "oracle"), ("oracle", "souk")] {
            let name = table.name;
            let statement = format!(
                "select to_jsonb(d)::text from (select * from {one}.{name} except select * from {other}.{name}) d limit 4"
            );
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(statement))
                .fetch_all(&stand.pool)
                .await
                .expect("compares");
            for row in rows {
                found += &format!("\n{name} only in {one}: {row}");
            }
        }
    }
    panic!("{what}: the projection is not that of the canonical chain{found}");
}
