//! Asking the memory for something before it is needed.

/// Has the processor fetch what lies there into its cache, and goes on without waiting. It changes nothing, and may be left out.
#[inline(always)]
pub fn fetch<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    #[expect(
        unsafe_code,
        reason = "the instruction has no safe name; it takes any address, and this one is a reference's"
    )]
    // SAFETY: the instruction reads nothing that the program can see, and never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// As [`fetch`], where there is something.
#[inline(always)]
pub fn fetch_at<T>(places: &[T], at: u32) {
    if let Some(place) = places.get(at as usize) {
        fetch(place);
    }
}
