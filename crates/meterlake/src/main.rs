//! The `meterlake` program: configuration, wiring and commands.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod arenas;
mod cli;
mod commands;
mod config;
mod data_folder;
mod issuer_documents;
mod journal;
mod output;
mod progress;
mod report;
mod rows;
mod schedule;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if cli.keeps_little_memory() {
        arenas::few();
    }
    let filter = match std::env::var("METERLAKE_LOG") {
        Ok(directives) => match EnvFilter::try_new(&directives) {
            Ok(filter) => filter,
            Err(error) => {
                eprintln!(
                    "error: METERLAKE_LOG={directives:?} is not a log filter such as info,meterlake=debug: {error}"
                );
                return ExitCode::FAILURE;
            }
        },
        Err(_) => cli.log_level().into(),
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", whole(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error with its causes, each said once: many errors name their cause in their own text already.
fn whole(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| {
        let cause = cause.to_string();
        if told.is_empty() {
            cause
        } else if told.contains(&cause) {
            told
        } else {
            format!("{told}: {cause}")
        }
    })
}
