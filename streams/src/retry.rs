//! Work on streams that goes on for ever: what waiting mends, and how it is waited. Every projector is made of sessions, each of which ends with
//! an error; [`keep_going`] begins the next one.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use tokio_util::sync::CancellationToken;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MOST_DOUBLINGS: u32 = 6;

/// Something that is done in sessions.
pub trait Sessions {
    /// What ends a session.
    type Error: Display;

    /// Works until something fails, or until it should begin anew at once.
    fn session(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// How far it has come. A session that came further than the one before has its failures forgotten.
    fn progress(&self) -> u64;

    /// Whether trying again later can help. Called once for every failure, so that it can be told of.
    fn failed(&mut self, error: &Self::Error) -> bool;
}

/// Works until cancelled; waits longer from one failure in a row to the next. `what` is for the log.
///
/// # Errors
/// The first failure that waiting does not mend.
pub async fn keep_going<S: Sessions>(
    sessions: &mut S,
    what: impl Display,
    cancel: &CancellationToken,
) -> Result<(), S::Error> {
    let mut failures = 0;
    loop {
        let before = sessions.progress();
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(()),
            ended = sessions.session() => ended,
        };
        let Err(error) = ended else { continue };
        if !sessions.failed(&error) {
            return Err(error);
        }
        if sessions.progress() != before {
            failures = 0;
        }
        let pause = FIRST_PAUSE * 2_u32.pow(failures);
        failures = (failures + 1).min(MOST_DOUBLINGS);
        tracing::warn!(%what, %error, ?pause, "interrupted, trying again");
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Whether a database error is of the connection, of resources, or of other transactions, rather than of the statement.
pub fn is_transient(error: &sqlx::Error) -> bool {
    // Classes of <https://www.postgresql.org/docs/15/errcodes-appendix.html>: connection, rollback, resources, operator, system. 3F000 and
    // 42P01 are a schema or table that somebody dropped under us: the next attempt makes them anew.
    const CLASSES: [&str; 6] = ["08", "40", "53", "55", "57", "58"];
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            CLASSES.iter().any(|class| code.starts_with(class)) || matches!(&*code, "3F000" | "42P01")
        }),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Migrate(error) => is_transient_migration(error),
        _ => false,
    }
}

/// The same of bringing tables up to date: a database may go away, or still be starting up, in the middle of a migration.
pub fn is_transient_migration(error: &MigrateError) -> bool {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => is_transient(error),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;

    use tokio::time::Instant;

    use super::*;

    /// Sessions that end as they are told to, and note when they began.
    struct Script {
        ends: VecDeque<(u64, Result<(), &'static str>)>,
        progress: u64,
        began: Vec<Duration>,
        start: Instant,
    }

    impl Sessions for Script {
        type Error = &'static str;

        async fn session(&mut self) -> Result<(), &'static str> {
            self.began.push(self.start.elapsed());
            let Some((progress, end)) = self.ends.pop_front() else {
                return std::future::pending().await;
            };
            self.progress += progress;
            end
        }

        fn progress(&self) -> u64 {
            self.progress
        }

        fn failed(&mut self, error: &&'static str) -> bool {
            *error == "passes"
        }
    }

    async fn run(ends: &[(u64, Result<(), &'static str>)]) -> (Result<(), &'static str>, Vec<u64>) {
        let mut script = Script {
            ends: ends.iter().copied().collect(),
            progress: 0,
            began: Vec::new(),
            start: Instant::now(),
        };
        let cancel = CancellationToken::new();
        let later = cancel.clone();
        // The clock is the runtime's own, and goes on only when nothing else is to be done.
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            later.cancel();
        });
        let ended = keep_going(&mut script, "a script", &cancel).await;
        let began = script.began.iter().map(|began| began.as_millis() as u64);
        (ended, began.collect())
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_until_there_is_progress() {
        let (nothing, something) = ((0, Err("passes")), (1, Err("passes")));
        let (ended, began) = run(&[nothing, nothing, nothing, something, nothing, (0, Ok(()))]).await;
        assert_eq!(ended, Ok(()), "cancelled in the end");
        assert_eq!(began, [0, 50, 150, 350, 400, 500, 500]);
        let (_, began) = run(&[nothing; 9]).await;
        assert_eq!(began.last(), Some(&(50 + 100 + 200 + 400 + 800 + 1_600 + 3 * 3_200)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waiting_does_not_mend_ends_it() {
        let (ended, began) = run(&[(0, Err("passes")), (0, Err("stays"))]).await;
        assert_eq!((ended, began.len()), (Err("stays"), 2));
    }

    #[test]
    fn a_database_that_goes_away_while_tables_are_migrated_is_waited_for() {
        let gone = || sqlx::Error::Io(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(is_transient_migration(&MigrateError::Execute(gone())));
        assert!(is_transient_migration(&MigrateError::ExecuteMigration(gone(), 3)));
        assert!(!is_transient_migration(&MigrateError::ExecuteMigration(
            sqlx::Error::RowNotFound,
            3
        )));
        assert!(!is_transient_migration(&MigrateError::VersionMismatch(3)));
        let of_migration = |error| is_transient(&sqlx::Error::Migrate(Box::new(error)));
        assert!(of_migration(MigrateError::Execute(gone())));
        assert!(!of_migration(MigrateError::VersionMismatch(3)));
    }
}
