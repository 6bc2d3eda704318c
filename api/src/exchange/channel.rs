//! A channel of numbered messages whose newest can be asked for again, so that who lost a connection goes on where it was.
//!
//! A message is made once and shared by all who listen. Who reads slower than [`WAITING`] messages behind is told so and left: nothing is
//! kept for one reader.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast;

/// Messages that may wait for a reader.
const WAITING: usize = 1_024;

/// Messages that can be asked for again.
const KEPT: usize = 1_024;

/// Something with a number, and the number of the message before it.
pub trait Numbered {
    /// Its number.
    fn sequence(&self) -> u64;
    /// That of the message before it.
    fn previous(&self) -> u64;
}

/// The channel.
#[derive(Debug)]
pub struct Channel<T> {
    kept: VecDeque<Arc<T>>,
    sender: broadcast::Sender<Arc<T>>,
    sequence: u64,
}

/// What a reader begins with.
pub struct Listening<T> {
    /// What it missed, oldest first; none where it has to begin anew.
    pub missed: Option<Vec<Arc<T>>>,
    /// Number of the newest message before those to come.
    pub sequence: u64,
    /// Those to come.
    pub coming: broadcast::Receiver<Arc<T>>,
}

impl<T: Numbered> Channel<T> {
    /// No message yet; the first one will name `sequence` as the one before it.
    pub fn new(sequence: u64) -> Channel<T> {
        Channel {
            kept: VecDeque::new(),
            sender: broadcast::Sender::new(WAITING),
            sequence,
        }
    }

    /// Number of the newest message.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The newest messages, oldest first.
    pub fn kept(&self) -> impl DoubleEndedIterator<Item = &Arc<T>> {
        self.kept.iter()
    }

    /// Sends a message to all who listen.
    pub fn send(&mut self, message: T) {
        debug_assert_eq!(message.previous(), self.sequence, "messages are linked");
        self.sequence = message.sequence();
        let message = Arc::new(message);
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(message.clone());
        // Nobody may be listening.
        let _ = self.sender.send(message);
    }

    /// Listens from now on; with `after`, from the message after that number on, where it is still kept.
    pub fn listen(&self, after: Option<u64>) -> Listening<T> {
        let missed = after.and_then(|after| {
            if after == self.sequence {
                return Some(Vec::new());
            }
            let first = self.kept.iter().position(|message| message.previous() == after)?;
            Some(self.kept.iter().skip(first).cloned().collect())
        });
        Listening {
            missed,
            sequence: self.sequence,
            coming: self.sender.subscribe(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Note(u64, u64);

    impl Numbered for Note {
        fn sequence(&self) -> u64 {
            self.0
        }
        fn previous(&self) -> u64 {
            self.1
        }
    }

    #[test]
    fn a_reader_goes_on_where_it_was_as_long_as_that_is_kept() {
        let mut channel = Channel::new(5);
        assert_eq!(channel.listen(Some(5)).missed, Some(vec![]));
        channel.send(Note(7, 5));
        channel.send(Note(9, 7));
        assert_eq!(channel.listen(Some(7)).missed, Some(vec![Arc::new(Note(9, 7))]));
        assert_eq!(channel.listen(Some(5)).missed.map(|missed| missed.len()), Some(2));
        for never in [0, 6, 8, 10] {
            assert_eq!(
                channel.listen(Some(never)).missed,
                None,
                "{never} was no message's number"
            );
        }
        assert_eq!(channel.listen(None).missed, None);
        (0..2_000).for_each(|at| channel.send(Note(10 + at, 9 + at)));
        assert_eq!(channel.listen(Some(9)).missed, None, "no longer kept");
        assert!(channel.listen(Some(2_000)).missed.is_some());
    }
}
