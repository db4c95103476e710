//! How much memory the C library's allocator keeps for itself.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The variable by which the GNU C library is told how many arenas it may have.
const VARIABLE: &str = "MALLOC_ARENA_MAX";

/// An import's stages are threads, and by default most of them get an arena of their own, in which freed memory stays: a
/// month of 2.8 million rows then takes up to 600 MiB, with one arena about half, in the same time.
const ARENAS: &str = "1";

/// Freed memory is kept for what comes next, which is as large: pages from the system must be cleared, and are otherwise
/// three of four times those that were given back.
const KEPT: [(&str, &str); 2] = [("MALLOC_TRIM_THRESHOLD_", "268435456"), ("MALLOC_MMAP_THRESHOLD_", "33554432")];

/// Starts the program again as the same process, with few arenas: they can be chosen only before a program starts.
/// Does nothing where the variable is set. Where the program cannot be started again it goes on as it is.
pub(crate) fn few() {
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut words = std::env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = words.next() {
        again.arg0(name);
    }
    again.envs(KEPT.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()));
    // Returns only when it fails.
    let _error = again.args(words).env(VARIABLE, ARENAS).exec();
}
