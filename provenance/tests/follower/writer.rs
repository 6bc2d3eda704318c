//! Writes blocks into the tables and takes them back, as the projector does: rows, position and notification in one transaction.

use std::collections::BTreeMap;

use souk_provenance::graph::{ChainPosition, Identity};
use souk_schema::{B256, BlockRef, ChainId};
use sqlx::{PgConnection, PgPool};

use super::asset;

/// What a log of a block says.
#[derive(Clone, Debug)]
pub enum Log {
    /// An asset is registered.
    Asset(u64),
    /// A child declares a parent of its registry, with a relation and a licence.
    Native {
        child: u64,
        parent: u64,
        relation: i16,
        license: String,
    },
    /// A child declares a foreign parent.
    Claim { child: u64, parent: String },
    /// The derivation that the log `(block, log index)` declared ends.
    End(u64, u32),
    /// A registration ends.
    Unregister(u64),
}

/// One chain's projection.
pub struct Writer {
    pool: PgPool,
    pub chain: u64,
    pub position: ChainPosition,
    fork: u64,
    silent: bool,
}

impl Writer {
    /// A chain that is projected up to nothing.
    pub async fn open(pool: &PgPool, chain: u64) -> Writer {
        let identity = Identity {
            stream: ChainId(chain).stream(1),
            generation: 1,
            genesis_hash: B256::repeat_byte(chain as u8),
            epoch: 1,
        };
        let position = ChainPosition {
            identity,
            next_sequence: Some(1),
            ..ChainPosition::default()
        };
        let mut writer = Writer {
            pool: pool.clone(),
            chain,
            position,
            fork: 0,
            silent: false,
        };
        writer.commit(Vec::new()).await;
        writer
    }

    /// Sends no notifications from now on.
    pub fn keep_silent(&mut self) {
        self.silent = true;
    }

    /// Adds a block with these logs.
    pub async fn block(&mut self, logs: &[Log]) -> BlockRef {
        self.blocks(&[logs.to_vec()]).await
    }

    /// Adds blocks in one transaction and returns the last.
    pub async fn blocks(&mut self, blocks: &[Vec<Log>]) -> BlockRef {
        let mut steps = Vec::new();
        for logs in blocks {
            let number = self.position.head.map_or(0, |head| head.number + 1);
            let block = BlockRef {
                number,
                hash: self.hash(number),
            };
            steps.push(Step::Append(block, logs.clone()));
            self.position.head = Some(block);
            self.position.head_timestamp = timestamp(number);
            self.position.next_sequence = self.position.next_sequence.map(|next| next + 1);
        }
        self.commit(steps).await;
        self.position.head.expect("a block was added")
    }

    /// Takes back the newest blocks and adds others on another fork, in one transaction.
    pub async fn reorganise(&mut self, reverted: u64, blocks: &[Vec<Log>]) {
        let head = self.position.head.expect("there are blocks").number;
        let kept = (head + 1).checked_sub(reverted).expect("as many blocks");
        let mut steps = vec![Step::Revert { kept }];
        self.fork += 1;
        let mut next = self.position.next_sequence.expect("a sequence") + reverted;
        self.position.head = match kept.checked_sub(1) {
            Some(number) => Some(BlockRef {
                number,
                hash: self.stored_hash(number).await,
            }),
            None => None,
        };
        for (number, logs) in (kept..).zip(blocks) {
            let block = BlockRef {
                number,
                hash: self.hash(number),
            };
            steps.push(Step::Append(block, logs.clone()));
            self.position.head = Some(block);
            next += 1;
        }
        self.position.next_sequence = Some(next);
        self.position.head_timestamp = self.position.head.map_or(0, |head| timestamp(head.number));
        self.commit(steps).await;
    }

    /// Replaces everything by these blocks, as a rebuild that is swapped in does.
    pub async fn rebuild(&mut self, change: impl FnOnce(&mut Identity), blocks: &[Vec<Log>]) {
        change(&mut self.position.identity);
        self.fork += 1;
        self.position.head = None;
        let mut steps = vec![Step::Revert { kept: 0 }];
        for (number, logs) in (0..).zip(blocks) {
            let block = BlockRef {
                number,
                hash: self.hash(number),
            };
            steps.push(Step::Append(block, logs.clone()));
            self.position.head = Some(block);
        }
        self.position.head_timestamp = self.position.head.map_or(0, |head| timestamp(head.number));
        self.position.next_sequence = Some(1 + blocks.len() as u64);
        self.commit(steps).await;
    }

    /// Projects the chain no more.
    pub async fn drop_chain(&mut self) {
        let mut transaction = self.pool.begin().await.expect("begins");
        self.revert(&mut transaction, 0).await;
        let delete = sqlx::query("delete from projection where chain_id = $1").bind(self.chain as i64);
        delete.execute(&mut *transaction).await.expect("deletes");
        notify(&mut transaction, self.chain).await;
        transaction.commit().await.expect("commits");
    }

    fn hash(&self, number: u64) -> B256 {
        let mut hash = B256::repeat_byte(self.chain as u8);
        hash[8..16].copy_from_slice(&self.fork.to_be_bytes());
        hash[24..].copy_from_slice(&number.to_be_bytes());
        hash
    }

    async fn stored_hash(&self, number: u64) -> B256 {
        let select = sqlx::query_scalar("select hash from block where chain_id = $1 and number = $2");
        let hash: Vec<u8> = select
            .bind(self.chain as i64)
            .bind(number as i64)
            .fetch_one(&self.pool)
            .await
            .expect("a block");
        B256::from_slice(&hash)
    }

    async fn commit(&mut self, steps: Vec<Step>) {
        let mut transaction = self.pool.begin().await.expect("begins");
        for step in steps {
            match step {
                Step::Append(block, logs) => self.append(&mut transaction, block, &logs).await,
                Step::Revert { kept } => self.revert(&mut transaction, kept).await,
            }
        }
        self.put_position(&mut transaction).await;
        if !self.silent {
            notify(&mut transaction, self.chain).await;
        }
        transaction.commit().await.expect("commits");
    }

    async fn append(&self, connection: &mut PgConnection, block: BlockRef, logs: &[Log]) {
        let (chain, number) = (self.chain as i64, block.number as i64);
        sqlx::query("insert into block values ($1, $2, $3, $3, $4)")
            .bind(chain)
            .bind(number)
            .bind(block.hash.as_slice())
            .bind(timestamp(block.number) as i64)
            .execute(&mut *connection)
            .await
            .expect("inserts a block");
        for (log_index, log) in logs.iter().enumerate() {
            self.log(connection, number, log_index as i32, log).await;
        }
    }

    async fn log(&self, connection: &mut PgConnection, number: i64, log_index: i32, log: &Log) {
        let key = |id: &u64| asset(self.chain, *id).token.key().as_bytes().to_vec();
        let derive = "insert into derivation (chain_id, child_key, parent_key, parent_id, relation, license_id, status, valid_from, log_index)
                      values ($1, $4, $5, $6, $7, $8::text::numeric, 0, $2, $3)";
        let written = match log {
            Log::Asset(id) => {
                let insert = "insert into asset (chain_id, asset_key, registry, asset_id, kind, name, contributor_share_e8, valid_from, log_index)
                              values ($1, $4, ''::bytea, 0, 1, 'asset', 0, $2, $3)";
                sqlx::query(insert)
                    .bind(self.chain as i64)
                    .bind(number)
                    .bind(log_index)
                    .bind(key(id))
            }
            Log::Native {
                child,
                parent,
                relation,
                license,
            } => {
                let insert = sqlx::query(derive)
                    .bind(self.chain as i64)
                    .bind(number)
                    .bind(log_index)
                    .bind(key(child));
                insert
                    .bind(Some(key(parent)))
                    .bind(None::<String>)
                    .bind(relation)
                    .bind(license)
            }
            Log::Claim { child, parent } => {
                let insert = sqlx::query(derive)
                    .bind(self.chain as i64)
                    .bind(number)
                    .bind(log_index)
                    .bind(key(child));
                insert.bind(None::<Vec<u8>>).bind(Some(parent)).bind(7i16).bind("0")
            }
            Log::End(block, log) => {
                let end =
                    "update derivation set valid_to = $2 where chain_id = $1 and valid_from = $3 and log_index = $4";
                sqlx::query(end)
                    .bind(self.chain as i64)
                    .bind(number)
                    .bind(*block as i64)
                    .bind(*log as i32)
            }
            Log::Unregister(id) => {
                let end = "update asset set valid_to = $2 where chain_id = $1 and asset_key = $3";
                sqlx::query(end).bind(self.chain as i64).bind(number).bind(key(id))
            }
        };
        written.execute(connection).await.expect("writes a row");
    }

    async fn revert(&self, connection: &mut PgConnection, kept: u64) {
        for statement in [
            "delete from block where chain_id = $1 and number >= $2",
            "delete from asset where chain_id = $1 and valid_from >= $2",
            "delete from derivation where chain_id = $1 and valid_from >= $2",
            "update asset set valid_to = null where chain_id = $1 and valid_to >= $2",
            "update derivation set valid_to = null where chain_id = $1 and valid_to >= $2",
        ] {
            let revert = sqlx::query(statement).bind(self.chain as i64).bind(kept as i64);
            revert.execute(&mut *connection).await.expect("reverts");
        }
    }

    async fn put_position(&self, connection: &mut PgConnection) {
        let ChainPosition {
            identity,
            next_sequence,
            head,
            ..
        } = &self.position;
        let put = "insert into projection (chain_id, stream, generation, next_sequence, start_block, genesis_hash, watch_set, decoder_version,
                                           head_number, head_hash, head_timestamp, epoch)
                   values ($1, $2, $3, $4, 0, $5, '{}', 1, $6, $7, $8, $9)
                   on conflict (chain_id) do update set
                       (stream, generation, next_sequence, genesis_hash, head_number, head_hash, head_timestamp, epoch)
                       = ($2, $3, $4, $5, $6, $7, $8, $9)";
        sqlx::query(put)
            .bind(self.chain as i64)
            .bind(&identity.stream)
            .bind(identity.generation as i32)
            .bind(next_sequence.map(|next| next as i64))
            .bind(identity.genesis_hash.as_slice())
            .bind(head.map(|head| head.number as i64))
            .bind(head.map(|head| head.hash.to_vec()))
            .bind(head.map(|head| timestamp(head.number) as i64))
            .bind(identity.epoch as i64)
            .execute(connection)
            .await
            .expect("writes the position");
    }
}

enum Step {
    Append(BlockRef, Vec<Log>),
    Revert { kept: u64 },
}

/// Where all the writers stand.
pub fn positions<'a>(writers: impl IntoIterator<Item = &'a Writer>) -> BTreeMap<ChainId, ChainPosition> {
    writers
        .into_iter()
        .map(|writer| (ChainId(writer.chain), writer.position.clone()))
        .collect()
}

fn timestamp(number: u64) -> u64 {
    1_700_000_000 + number * 12
}

async fn notify(connection: &mut PgConnection, chain: u64) {
    let notify = sqlx::query("select pg_notify('souk_projection', $1)").bind(chain.to_string());
    notify.execute(connection).await.expect("notifies");
}
