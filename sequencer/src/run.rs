//! Starts a group, keeps its parts running, and ends them together.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use souk_eventlog::{EventLog, StreamName};
use souk_exchange::Engine;
use souk_schema::exchange::CommandNumber;
use sqlx::PgPool;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::append::Appender;
use crate::compare::Comparison;
use crate::decide::Decider;
use crate::error::Unusable;
use crate::events::{self, Events};
use crate::follow::{Follower, pause};
use crate::machine::Machine;
use crate::queue::Queue;
use crate::snapshot::{self, Heading, Store};
use crate::status::{Phase, Wanted};
use crate::waiters::Waiters;
use crate::{GroupConfig, GroupHandle, GroupStatus, SequencerError, SubmitError, tick};

/// Records between the parts. Each holds up to some thousand commands, so few are many.
const RECORDS_IN_FLIGHT: usize = 16;

/// Batches of outcomes that a receiver of live ones may lie behind.
const LIVE_BATCHES: usize = 1_024;

/// How long a stop waits for what is on its way.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Restores the latest snapshot that is good, and gives a handle and a future that runs the group until it is cancelled or fails. The future
/// first decides what else is in the stream; commands may be submitted from the start.
///
/// Dropping the future stops the group like a crash does, which loses nothing either: what was acknowledged is in the log.
///
/// # Errors
/// Those of Postgres and of the event log that waiting does not mend, while the start is looked for.
pub async fn start(
    config: GroupConfig,
    log: Arc<dyn EventLog>,
    pool: PgPool,
    cancel: CancellationToken,
) -> Result<
    (
        GroupHandle,
        impl Future<Output = Result<(), SequencerError>> + Send + 'static,
    ),
    SequencerError,
> {
    let started = Instant::now();
    let commands = StreamName::new(config.group.command_stream())?;
    let event_stream = StreamName::new(config.group.event_stream())?;
    let store = Store::open(pool, config.group).await?;
    let from = Start::wait_for(&config, &*log, &commands, &event_stream, &store).await?;
    let (status, _) = watch::channel(from.status(started));
    let (wanted, _) = watch::channel(Wanted::new(config.role));
    let (queue_in, queue) = Queue::new(config.queue_commands);
    let (appended_in, appended) = mpsc::channel(64);
    let (records_in, records) = mpsc::channel(RECORDS_IN_FLIGHT);
    let (outcomes_in, outcomes) = mpsc::channel(RECORDS_IN_FLIGHT);
    let (snapshots_in, snapshots) = mpsc::channel(1);
    let (live, _) = broadcast::channel(LIVE_BATCHES);
    let (ticked_in, ticked) = watch::channel(Instant::now());
    let waiters = Arc::new(Waiters::default());
    let engine = Arc::new(RwLock::new(from.engine));
    let handle = GroupHandle {
        group: config.group,
        queue: queue_in,
        queue_commands: config.queue_commands,
        engine: Arc::clone(&engine),
        live: live.clone(),
        status: status.subscribe(),
        wanted: wanted.clone(),
    };
    let group = Group {
        appender: Appender {
            group: config.group,
            log: Arc::clone(&log),
            stream: commands.clone(),
            gateway: rand::random(),
            queue,
            waiters: Arc::clone(&waiters),
            appended: appended_in,
            stopping: cancel.clone(),
            clock: config.clock.clone(),
        },
        follower: Follower {
            log: Arc::clone(&log),
            stream: commands.clone(),
            next: from.next_sequence,
            appended,
            records: records_in,
            status: status.clone(),
        },
        decider: Decider {
            stream: commands,
            machine: Machine::new(engine, config.hash_every),
            snapshot_every: config.snapshot_every,
            last_snapshot: from.command,
            recovers_to: from.tail,
            started,
            records,
            waiters: Arc::clone(&waiters),
            live,
            outcomes: outcomes_in,
            snapshots: snapshots_in,
            ticked: ticked_in,
            status: status.clone(),
        },
        events: Events {
            group: config.group,
            log,
            stream: event_stream,
            comparison: Comparison::new(from.command),
            next: from.next_event,
            unread: VecDeque::new(),
            outcomes,
            wanted,
            takeover_after: config.takeover_after,
            status: status.clone(),
        },
        keep: (store, snapshots),
        ticks: (handle.clone(), config.tick_every, ticked),
        end: End { waiters, status },
    };
    Ok((handle, group.run(cancel)))
}

/// Where a group begins.
struct Start {
    engine: Engine,
    /// The last command that the engine has seen.
    command: CommandNumber,
    /// The next record of commands.
    next_sequence: u64,
    /// Where the stream of commands ends.
    tail: u64,
    /// The first record of events beyond `command`.
    next_event: u64,
}

impl Start {
    /// How a group stands that begins here; `started` is when the start was first looked for.
    fn status(&self, started: Instant) -> GroupStatus {
        let mut status = GroupStatus::new(crate::Role::Standby);
        status.command = self.command;
        status.time = self.engine.time();
        (status.next_sequence, status.known_tail) = (self.next_sequence, self.tail);
        status.published = self.command;
        status.snapshot = (self.command > CommandNumber(0)).then_some(self.command);
        if self.next_sequence >= self.tail {
            (status.phase, status.recovery) = (Phase::Running, Some(started.elapsed()));
        }
        status
    }

    /// Where a group begins, once the log says.
    async fn wait_for(
        config: &GroupConfig,
        log: &dyn EventLog,
        commands: &StreamName,
        event_stream: &StreamName,
        store: &Store,
    ) -> Result<Start, SequencerError> {
        loop {
            match Start::find(config, log, commands, event_stream, store).await {
                Err(SequencerError::Log(error)) if error.retryable() => pause(event_stream, &error).await,
                found => return found,
            }
        }
    }

    async fn find(
        config: &GroupConfig,
        log: &dyn EventLog,
        commands: &StreamName,
        event_stream: &StreamName,
        store: &Store,
    ) -> Result<Start, SequencerError> {
        let published = events::last_command(log, event_stream).await?;
        let tail = log.next_sequence(commands).await?;
        for heading in store.headings().await? {
            let engine = match restore(store, &heading, published).await? {
                Ok(engine) => engine,
                Err(unusable) => {
                    tracing::warn!(group = %config.group, command = %heading.command, %unusable, "a snapshot is passed over");
                    continue;
                }
            };
            return Ok(Start {
                engine,
                command: heading.command,
                next_sequence: heading.command_sequence + 1,
                tail,
                next_event: events::first_beyond(log, event_stream, heading.command).await?,
            });
        }
        Ok(Start {
            engine: Engine::new(),
            command: CommandNumber(0),
            next_sequence: 0,
            tail,
            next_event: 0,
        })
    }
}

async fn restore(
    store: &Store,
    heading: &Heading,
    published: CommandNumber,
) -> Result<Result<Engine, Unusable>, SequencerError> {
    if heading.command > published {
        // Outcomes between would be missing in the events for ever.
        return Ok(Err(Unusable::AheadOfEvents(published)));
    }
    let bytes = match store.bytes(heading).await? {
        Ok(bytes) => bytes,
        Err(unusable) => return Ok(Err(unusable)),
    };
    let (command, state_hash) = (heading.command, heading.state_hash);
    let restoring = tokio::task::spawn_blocking(move || {
        let engine = Engine::restore(&bytes).map_err(Unusable::NotRestored)?;
        if engine.commands() != command {
            Err(Unusable::OtherCommand)
        } else if engine.state_hash() != state_hash {
            Err(Unusable::OtherHash)
        } else {
            Ok(engine)
        }
    });
    restoring
        .await
        .map_err(|panic| SequencerError::Ended(format!("restoring a snapshot: {panic}")))
}

/// The parts of a running group.
struct Group {
    appender: Appender,
    follower: Follower,
    decider: Decider,
    events: Events,
    keep: (Store, mpsc::Receiver<snapshot::Taken>),
    ticks: (GroupHandle, Duration, watch::Receiver<Instant>),
    end: End,
}

impl Group {
    async fn run(self, cancel: CancellationToken) -> Result<(), SequencerError> {
        let Group {
            appender,
            follower,
            decider,
            events,
            keep,
            ticks,
            end,
        } = self;
        let mut parts = JoinSet::new();
        parts.spawn(named("the appender", appender.run()));
        parts.spawn(named("the reader", follower.run()));
        parts.spawn_blocking(|| ("the engine", decider.run()));
        parts.spawn(named("the events", events.run()));
        let status = end.status.clone();
        parts.spawn(named("the snapshots", async move {
            snapshot::keep(keep.0, keep.1, status).await;
            Ok(())
        }));
        parts.spawn(named("the ticks", async move {
            tick::run(ticks.0, ticks.1, ticks.2).await;
            Ok(())
        }));
        let failure = loop {
            tokio::select! {
                () = cancel.cancelled() => break None,
                Some(ended) = parts.join_next() => match ended {
                    Ok((_, Err(error))) => break Some(error),
                    // The others end with the one that failed; it says why.
                    Ok((part, Ok(()))) if parts.is_empty() => break Some(SequencerError::Ended(part.into())),
                    Ok((part, Ok(()))) => tracing::debug!(part, "ended"),
                    Err(panic) => break Some(SequencerError::Ended(panic.to_string())),
                },
            }
        };
        if failure.is_none() {
            // What is on its way is in the log or will be, and its senders would like to know.
            let _ = tokio::time::timeout(LAST_WORDS, end.settled()).await;
        }
        parts.shutdown().await;
        failure.map_or(Ok(()), Err)
    }
}

async fn named(
    name: &'static str,
    part: impl Future<Output = Result<(), SequencerError>>,
) -> (&'static str, Result<(), SequencerError>) {
    (name, part.await)
}

/// What has to be said however a group ends, dropped or not.
struct End {
    waiters: Arc<Waiters>,
    status: watch::Sender<GroupStatus>,
}

impl End {
    /// Returns once nobody waits for an outcome and all events are written.
    async fn settled(&self) {
        let mut status = self.status.subscribe();
        loop {
            {
                let status = status.borrow_and_update();
                if self.waiters.is_empty() && status.published >= status.command {
                    return;
                }
            }
            if status.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.status.send_modify(|status| {
            if !matches!(status.phase, Phase::Diverged(_)) {
                status.phase = Phase::Stopped;
            }
        });
        self.waiters.release(&SubmitError::Unknown);
    }
}
