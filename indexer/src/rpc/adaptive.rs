//! A size that halves on failure and grows on success.

#![deny(clippy::disallowed_methods)]

/// How much to ask for at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Adaptive {
    size: u64,
    max: u64,
    successes: u32,
}

/// Successes in a row at full size after which it grows by a quarter.
const GROW_AFTER: u32 = 4;

impl Adaptive {
    pub(crate) fn new(max: u64) -> Adaptive {
        Adaptive {
            size: max.max(1),
            max: max.max(1),
            successes: 0,
        }
    }

    /// At least 1.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Something of size `asked` was too much; `advised` is what the other side would take.
    pub(crate) fn too_large(&mut self, asked: u64, advised: Option<u64>) {
        let halved = asked.div_ceil(2).min(asked.saturating_sub(1));
        let smaller = advised.filter(|advised| *advised < asked).unwrap_or(halved);
        self.size = smaller.clamp(1, self.size);
        self.successes = 0;
    }

    /// Something of size `asked` went well. Small questions say nothing about large ones.
    pub(crate) fn went_well(&mut self, asked: u64) {
        if asked < self.size {
            return;
        }
        self.successes += 1;
        if self.successes >= GROW_AFTER {
            self.size = (self.size + self.size.div_ceil(4)).min(self.max);
            self.successes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_halves_takes_advice_and_recovers() {
        let mut size = Adaptive::new(1_000);
        size.too_large(1_000, None);
        assert_eq!(size.size(), 500);
        size.too_large(500, Some(100));
        assert_eq!(size.size(), 100);
        size.too_large(100, Some(5_000));
        assert_eq!(size.size(), 50, "advice that is no smaller is none");
        for _ in 0..200 {
            size.went_well(size.size());
        }
        assert_eq!(size.size(), 1_000);
        size.too_large(1, None);
        assert_eq!(size.size(), 1, "never nothing");
        size.went_well(1);
        assert_eq!(size.size(), 1, "one success is not enough");
    }
}
