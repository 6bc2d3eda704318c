//! Which nonces an account has used: the highest, and which of the 256 up to it.

use souk_schema::exchange::Rejection;

/// Nonces this far below the highest are refused unseen.
pub const WINDOW: u64 = 256;

/// The nonces of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NonceWindow {
    /// The highest used; `None` before the first.
    highest: Option<u64>,
    /// One bit for each nonce of the window, by the nonce modulo 256. Bits of nonces above the highest are 0.
    used: [u64; 4],
}

impl NonceWindow {
    /// A window as it was saved.
    pub fn from_parts(highest: Option<u64>, used: [u64; 4]) -> NonceWindow {
        NonceWindow { highest, used }
    }

    /// What is to be saved.
    pub fn parts(&self) -> (Option<u64>, [u64; 4]) {
        (self.highest, self.used)
    }

    /// Whether a nonce may be used.
    ///
    /// # Errors
    ///
    /// [`Rejection::NonceUsed`] or [`Rejection::NonceTooOld`].
    pub fn check(&self, nonce: u64) -> Result<(), Rejection> {
        match self.highest {
            Some(highest) if nonce <= highest => {
                if highest - nonce >= WINDOW {
                    let floor = highest - WINDOW;
                    Err(Rejection::NonceTooOld { floor })
                } else if self.is_set(nonce) {
                    Err(Rejection::NonceUsed)
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    /// Uses a nonce; one that is too old for the window counts as used already.
    pub fn mark(&mut self, nonce: u64) {
        self.rise_to(nonce);
        if self.highest.is_some_and(|highest| highest - nonce < WINDOW) {
            self.used[nonce as usize % 256 / 64] |= 1 << (nonce % 64);
        }
    }

    /// Uses every nonce below.
    pub fn mark_below(&mut self, below: u64) {
        let Some(last) = below.checked_sub(1) else {
            return;
        };
        self.rise_to(last);
        let highest = self.highest.expect("it has just risen");
        let first = highest.saturating_sub(WINDOW - 1);
        for nonce in first..=last {
            self.used[nonce as usize % 256 / 64] |= 1 << (nonce % 64);
        }
    }

    /// Makes room up to a nonce, forgetting what falls out of the window below.
    fn rise_to(&mut self, nonce: u64) {
        let Some(highest) = self.highest else {
            self.highest = Some(nonce);
            return;
        };
        if nonce <= highest {
            return;
        }
        if nonce - highest >= WINDOW {
            self.used = [0; 4];
        } else {
            for passed in highest + 1..=nonce {
                self.used[passed as usize % 256 / 64] &= !(1 << (passed % 64));
            }
        }
        self.highest = Some(nonce);
    }

    fn is_set(&self, nonce: u64) -> bool {
        self.used[nonce as usize % 256 / 64] >> (nonce % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn is_a_set_with_a_floor(steps in proptest::collection::vec((0u64..900, 0u8..8), 1..200)) {
            let mut window = NonceWindow::default();
            let mut model = BTreeSet::new();
            for (nonce, step) in steps {
                match step {
                    0 => {
                        window.mark_below(nonce);
                        model.extend(0..nonce);
                    }
                    1 => {
                        window.mark(nonce);
                        model.insert(nonce);
                    }
                    _ => {
                        let floor = model.last().and_then(|highest: &u64| highest.checked_sub(WINDOW));
                        let expected = match floor {
                            Some(floor) if nonce <= floor => Err(Rejection::NonceTooOld { floor }),
                            _ if model.contains(&nonce) => Err(Rejection::NonceUsed),
                            _ => Ok(()),
                        };
                        prop_assert_eq!(window.check(nonce), expected);
                        if expected.is_ok() {
                            window.mark(nonce);
                            model.insert(nonce);
                        }
                    }
                }
            }
        }
    }
}
