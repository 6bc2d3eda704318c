//! What a group's primary does beside deciding: it keeps the ledger, tells the engine what its chain says, settles, and compares the books. All
//! of it begins with the role and ends with it, so that of two processes one does it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use souk_eventlog::{EventLog, LogError};
use souk_ledger::project::{LedgerConfig, LedgerStatus};
use souk_ledger::reconcile::{Books, watch_reconciliation};
use souk_schema::exchange::command::OpenGroup;
use souk_sequencer::{GroupHandle, GroupStatus, Role};
use souk_settlement::vault_log::Contracts;
use souk_settlement::{
    FactConfig, FactFollower, Node, Operator, SettleError, Settler, SettlerConfig, Store, VaultSource, markets,
};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Settling, chain, engine_balances};

/// Most open orders of one account in a group.
const MAX_OPEN_ORDERS: u32 = 2_000;

/// How often the books are compared, where there is something new.
const RECONCILE_EVERY: Duration = Duration::from_secs(5);

/// Between two attempts to begin, where the node or the log does not answer.
const RETRY: Duration = Duration::from_secs(2);

/// How long one whose settlement is another's now has until it hears that the engine is as well; the primary lets a command come every second.
const HEARSAY: Duration = Duration::from_secs(15);

/// A group's engine, and what its primary works with.
pub(super) struct Lead {
    pub(super) handle: GroupHandle,
    pub(super) node: Node,
    pub(super) contracts: Contracts,
    pub(super) settling: Settling,
    pub(super) store: Store,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) pool: PgPool,
}

/// How a time as primary ended.
enum Ended {
    /// The process is to end.
    Stopped,
    /// Another process is the primary.
    Overtaken,
}

impl Lead {
    /// Makes sure that the group is of the node's chain.
    pub(super) async fn check_chain(&self) -> Result<()> {
        chain::check_chain(&self.handle, &self.node, &self.log).await
    }

    /// Opens the group where it is new.
    pub(super) async fn open(&self) -> Result<OpenGroup> {
        self.check_chain().await?;
        let opened = markets::open_group(&self.node, &self.handle, MAX_OPEN_ORDERS).await;
        opened.with_context(|| format!("market group {}", self.handle.group()))
    }

    /// Leads until told to stop.
    ///
    /// # Errors
    /// One line when another process takes over, or a part fails.
    pub(super) async fn while_primary(self, cancel: CancellationToken) -> Result<()> {
        match self.reign(&cancel).await? {
            Ended::Stopped => Ok(()),
            Ended::Overtaken => {
                bail!("another process has taken over; `souk exchange --standby` waits for its turn instead")
            }
        }
    }

    /// Leads whenever this engine is the primary, and stands by otherwise.
    ///
    /// # Errors
    /// One line when a part fails.
    pub(super) async fn whenever_primary(self, cancel: CancellationToken) -> Result<()> {
        while let Ended::Overtaken = self.reign(&cancel).await? {
            tracing::warn!(group = %self.handle.group(), "another process has taken over; the exchange stands by");
        }
        Ok(())
    }

    /// Waits for the role, and leads as long as it lasts.
    async fn reign(&self, cancel: &CancellationToken) -> Result<Ended> {
        let group = self.handle.group();
        let mut status = self.handle.status();
        let is_primary = |status: &GroupStatus| status.role == Role::Primary && status.serves();
        if !until(&mut status, is_primary, cancel).await {
            return Ok(Ended::Stopped);
        }
        let opened = loop {
            match self.open().await {
                Ok(opened) => break opened,
                Err(error) => tracing::warn!(%group, "the group does not begin yet: {error:#}"),
            }
            tokio::select! {
                () = cancel.cancelled() => return Ok(Ended::Stopped),
                () = tokio::time::sleep(RETRY) => {}
            }
        };
        tracing::info!(%group, vault = %opened.vault, "the exchange runs");
        let until_overtaken = cancel.child_token();
        let mut leading = pin!(self.lead(&opened, &until_overtaken));
        let mut watching = status.clone();
        tokio::select! {
            ended = &mut leading => match ended {
                Ok(()) => Ok(Ended::Stopped),
                // Whoever took settlement over has the engine too, or is about to.
                Err(error) if is_fenced(&error) => {
                    let heard = tokio::time::timeout(HEARSAY, until(&mut status, |status| status.role == Role::Standby, cancel));
                    match heard.await {
                        Ok(true) => Ok(Ended::Overtaken),
                        Ok(false) => Ok(Ended::Stopped),
                        Err(_) => Err(error),
                    }
                }
                Err(error) => Err(error),
            },
            is_standby = until(&mut watching, |status| status.role == Role::Standby, cancel) => {
                until_overtaken.cancel();
                match leading.await {
                    Err(error) if !is_fenced(&error) => Err(error),
                    _ if is_standby => Ok(Ended::Overtaken),
                    _ => Ok(Ended::Stopped),
                }
            }
        }
    }

    /// Does all that a primary does until told to stop, or a part fails.
    async fn lead(&self, opened: &OpenGroup, cancel: &CancellationToken) -> Result<()> {
        let cancel = cancel.child_token();
        let mut parts = JoinSet::new();
        parts.spawn(named("ledger", self.ledger(&cancel)));
        parts.spawn(named("facts", self.facts(opened, &cancel)));
        parts.spawn(named("settlement", self.settlement(&cancel)));
        parts.spawn(named("reconciliation", self.reconciliation(&cancel)));
        let mut first = Ok(());
        while let Some(ended) = parts.join_next().await {
            let was_told = cancel.is_cancelled();
            cancel.cancel();
            let ended = match ended {
                Ok(ended) if was_told => ended,
                Ok(ended) => ended.and(Err(anyhow!("a part ended before it was told to"))),
                Err(panic) => Err(anyhow!("a part stopped: {panic}")),
            };
            if first.is_ok() {
                first = ended;
            }
        }
        first
    }

    fn ledger(&self, cancel: &CancellationToken) -> impl Future<Output = Result<()>> + Send + use<> {
        let group = self.handle.group();
        let (status, _) = watch::channel(LedgerStatus::new(group));
        let config = LedgerConfig::new(group);
        let projector = souk_ledger::project::run(config, self.log.clone(), self.pool.clone(), status, cancel.clone());
        async move { Ok(projector.await?) }
    }

    fn facts(&self, opened: &OpenGroup, cancel: &CancellationToken) -> impl Future<Output = Result<()>> + Send + use<> {
        let follower = FactFollower::new(
            FactConfig::alone(opened.group, self.contracts),
            (opened.chain, self.node.genesis()),
            self.handle.clone(),
            self.log.clone(),
            self.store.clone(),
        );
        let cancel = cancel.clone();
        async move { Ok(follower.run(cancel).await?) }
    }

    fn settlement(&self, cancel: &CancellationToken) -> impl Future<Output = Result<()>> + Send + use<> {
        let mut config = SettlerConfig::new(self.handle.group());
        config.finality = self.settling.finality;
        config.flush_from = self.settling.flush_from;
        config.clock = self.settling.clock.clone();
        let settler = Settler::run(
            config,
            Operator::new(self.settling.operator.clone()),
            self.node.clone(),
            self.log.clone(),
            self.store.clone(),
            cancel.clone(),
        );
        async move { Ok(settler.await?) }
    }

    fn reconciliation(&self, cancel: &CancellationToken) -> impl Future<Output = Result<()>> + Send + use<> {
        let vault = VaultSource::new(self.log.clone(), self.node.clone(), self.contracts);
        let handle = self.handle.clone();
        let books = Books {
            group: handle.group(),
            vault: Arc::new(vault),
            engine: Some(Arc::new(move || handle.read(engine_balances))),
        };
        let (pool, cancel) = (self.pool.clone(), cancel.clone());
        async move {
            watch_reconciliation(pool, books, RECONCILE_EVERY, cancel).await;
            Ok(())
        }
    }
}

async fn named(part: &'static str, work: impl Future<Output = Result<()>>) -> Result<()> {
    work.await.context(part)
}

/// Waits for a status; false where the process is to end first, or the engine has ended, which says why itself.
async fn until(
    status: &mut watch::Receiver<GroupStatus>,
    wanted: impl FnMut(&GroupStatus) -> bool,
    cancel: &CancellationToken,
) -> bool {
    let found = tokio::select! {
        () = cancel.cancelled() => return false,
        found = status.wait_for(wanted) => found.is_ok(),
    };
    if !found {
        cancel.cancelled().await;
    }
    found
}

/// Whether somebody else writes now what this process wrote.
fn is_fenced(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<SettleError>(),
        Some(SettleError::Log(LogError::Fenced { .. }))
    )
}
