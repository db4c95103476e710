//! Places at which a test can let the process die.

/// Aborts the process when `METERLAKE_CRASH_AT` names this point. Only in builds with debug assertions.
pub fn crash_point(name: &str) {
    if cfg!(debug_assertions) && std::env::var_os("METERLAKE_CRASH_AT").is_some_and(|at| at == name) {
        std::process::abort();
    }
}
