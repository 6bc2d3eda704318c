//! Failing runs made small: steps are left out for as long as what is left still fails.

/// The smallest list found that still fails; `fails` says whether one does. Removes runs of steps, halving their length down to one, until
/// nothing can be left out (delta debugging, without its complements).
pub fn shrink<T: Clone>(mut steps: Vec<T>, fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut length = steps.len().div_ceil(2).max(1);
    loop {
        let mut removed = false;
        let mut start = 0;
        while start < steps.len() {
            let end = (start + length).min(steps.len());
            let rest: Vec<T> = steps[..start].iter().chain(&steps[end..]).cloned().collect();
            match fails(&rest) {
                true => {
                    steps = rest;
                    removed = true;
                }
                false => start = end,
            }
        }
        if length == 1 && !removed {
            return steps;
        }
        length = length.div_ceil(2);
    }
}

#[test]
fn what_does_not_matter_is_left_out() {
    let fails = |steps: &[u32]| steps.contains(&17) && steps.contains(&900);
    assert_eq!(shrink((0..1_000).collect(), fails), [17, 900]);
}
