//! Splitting an amount by weights so that nothing is lost: floors, then the base units left over one each by largest remainder.
//!
//! Parts are given in the order that breaks ties: of two equal remainders the earlier part wins. The parts always sum to the amount (PAY-1),
//! for every amount and weight of 256 bits.

use alloy_primitives::U256;
use alloy_primitives::aliases::U512;

/// Splits amounts; it keeps its memory from one split to the next.
#[derive(Clone, Debug, Default)]
pub struct Apportioner {
    narrow: Vec<(u128, u32)>,
    wide: Vec<(U256, u32)>,
}

impl Apportioner {
    /// Appends one part per weight to `parts`; they sum to `amount`. Weights come in the order that breaks ties; `total` is their sum and
    /// not 0.
    pub fn split(&mut self, amount: U256, weights: impl Iterator<Item = U256>, total: U256, parts: &mut Vec<U256>) {
        // No weight passes the total, so no product is longer than the two together. Nearly all fit 128 bits, where arithmetic is several
        // times as fast.
        match amount.bit_len() + total.bit_len() {
            ..=128 => self.split_narrow(amount, weights, total.to::<u128>(), parts),
            bits => self.split_wide(amount, weights, total, bits <= 256, parts),
        }
    }

    fn split_narrow(&mut self, amount: U256, weights: impl Iterator<Item = U256>, total: u128, parts: &mut Vec<U256>) {
        let amount = amount.to::<u128>();
        let first = parts.len();
        let mut left = amount;
        self.narrow.clear();
        for (part, weight) in weights.enumerate() {
            let (floor, remainder) = div_rem(amount * weight.to::<u128>(), total);
            left = left.checked_sub(floor).expect("the weights sum to the total");
            if remainder != 0 {
                self.narrow.push((remainder, part as u32));
            }
            parts.push(U256::from(floor));
        }
        hand_out(U256::from(left), &mut self.narrow, &mut parts[first..]);
    }

    fn split_wide(
        &mut self,
        amount: U256,
        weights: impl Iterator<Item = U256>,
        total: U256,
        fits: bool,
        parts: &mut Vec<U256>,
    ) {
        let first = parts.len();
        let mut left = amount;
        self.wide.clear();
        for (part, weight) in weights.enumerate() {
            let (floor, remainder) = if fits {
                (amount * weight).div_rem(total)
            } else {
                let product: U512 = amount.widening_mul(weight);
                let (floor, remainder) = product.div_rem(U512::from(total));
                (floor.to::<U256>(), remainder.to::<U256>())
            };
            left = left.checked_sub(floor).expect("the weights sum to the total");
            if !remainder.is_zero() {
                self.wide.push((remainder, part as u32));
            }
            parts.push(floor);
        }
        hand_out(left, &mut self.wide, &mut parts[first..]);
    }
}

/// A divisor of 64 bits, which most are, is divided by in hardware once the dividend is as short.
#[inline]
fn div_rem(dividend: u128, divisor: u128) -> (u128, u128) {
    match (u64::try_from(dividend), u64::try_from(divisor)) {
        (Ok(dividend), Ok(divisor)) => ((dividend / divisor).into(), (dividend % divisor).into()),
        _ => (dividend / divisor, dividend % divisor),
    }
}

/// Gives `left` base units one each to the largest remainders; of equal ones the earlier part's comes first.
fn hand_out<R: Ord + Copy>(left: U256, remainders: &mut [(R, u32)], parts: &mut [U256]) {
    if left.is_zero() {
        return;
    }
    // The remainders sum to `left` totals and each is less than one, so there are more of them than units. Anything else is a wrong total.
    let count = usize::try_from(left).unwrap_or(usize::MAX);
    assert!(
        count < remainders.len(),
        "PAY-1: the weights of a split do not sum to its total"
    );
    remainders.select_nth_unstable_by(count - 1, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, part) in &remainders[..count] {
        parts[*part as usize] += U256::ONE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(amount: U256, weights: &[U256]) -> Vec<U256> {
        let mut parts = Vec::new();
        let total = weights.iter().fold(U256::ZERO, |sum, weight| sum + weight);
        Apportioner::default().split(amount, weights.iter().copied(), total, &mut parts);
        parts
    }

    fn numbers(numbers: &[u64]) -> Vec<U256> {
        numbers.iter().map(|number| U256::from(*number)).collect()
    }

    #[test]
    fn units_left_over_go_to_the_largest_remainders_and_then_to_the_earlier_part() {
        assert_eq!(split(U256::from(10), &numbers(&[1, 1, 1])), numbers(&[4, 3, 3]));
        assert_eq!(
            split(U256::from(10), &numbers(&[5, 6, 6])),
            numbers(&[3, 4, 3]),
            "2.94, 3.53, 3.53"
        );
        assert_eq!(split(U256::from(1), &numbers(&[3, 4, 0])), numbers(&[0, 1, 0]));
        assert_eq!(split(U256::ZERO, &numbers(&[3, 4])), numbers(&[0, 0]));
    }

    #[test]
    fn the_largest_numbers_are_split_without_overflow() {
        let half = U256::MAX >> 1;
        assert_eq!(
            split(U256::MAX, &[half, half, U256::ONE])
                .iter()
                .copied()
                .reduce(|a, b| a + b),
            Some(U256::MAX)
        );
        assert_eq!(split(U256::MAX, &[U256::MAX]), [U256::MAX]);
    }

    proptest! {
        /// PAY-1 at one node: the parts sum to the amount, and none is a whole unit away from its exact share.
        #[test]
        fn pay_1_parts_sum_to_the_amount(
            amount in any::<[u8; 32]>(), shift in 0usize..256,
            weights in proptest::collection::vec((any::<[u8; 32]>(), 6usize..256), 1..40),
        ) {
            let amount = U256::from_be_bytes(amount) >> shift;
            let mut weights: Vec<U256> = weights.into_iter().map(|(bytes, shift)| U256::from_be_bytes(bytes) >> shift).collect();
            weights.push(U256::ONE);
            let parts = split(amount, &weights);
            let total = weights.iter().fold(U256::ZERO, |sum, weight| sum + weight);
            prop_assert_eq!(parts.iter().fold(U256::ZERO, |sum, part| sum + part), amount);
            for (part, weight) in parts.iter().zip(&weights) {
                let product: U512 = amount.widening_mul(*weight);
                let floor = (product / U512::from(total)).to::<U256>();
                prop_assert!(*part == floor || *part == floor + U256::ONE);
            }
        }
    }
}
