//! The memory that we have of the kernel.

/// Gives back what was freed and is kept for the next who needs some: what lies below something that lives on is kept for ever otherwise.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no pointers; it takes the allocator's own locks.
    unsafe {
        libc::malloc_trim(0)
    };
}
