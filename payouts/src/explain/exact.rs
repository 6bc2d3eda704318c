//! Exact shares as integers over powers of 10⁸, which is what products and sums of royalty shares are: no common divisor is ever sought.

use num_bigint::{BigInt, BigUint};
use num_rational::BigRational;

use crate::rule::WHOLE;

/// `numerator / 10⁸^power`.
#[derive(Clone, Debug, Default)]
pub struct Exact {
    numerator: BigUint,
    power: u32,
}

impl Exact {
    /// The whole.
    pub fn one() -> Exact {
        Exact {
            numerator: BigUint::from(1u32),
            power: 0,
        }
    }

    /// This share of it, in parts per 100,000,000.
    pub fn times(mut self, parts: u32) -> Exact {
        if parts != WHOLE {
            self.numerator *= parts;
            self.power += 1;
        }
        self
    }

    /// Adds another.
    pub fn add(&mut self, mut other: Exact) {
        if self.power < other.power {
            std::mem::swap(self, &mut other);
        }
        self.numerator += other.numerator * BigUint::from(WHOLE).pow(self.power - other.power);
    }

    /// As a fraction in lowest terms.
    pub fn ratio(self) -> BigRational {
        BigRational::new(
            BigInt::from(self.numerator),
            BigInt::from(BigUint::from(WHOLE).pow(self.power)),
        )
    }
}
