//! Serving until told to stop.

use std::future::Future;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::state::ServerState;
use crate::{ea, router, upkeep};

/// How long requests in flight may go on after the order to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// Why serving ended other than by order.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The folder of export files cannot be made.
    #[error("cannot create the folder of exports {path}: {source}")]
    ExportsDir {
        /// The folder.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The listener failed.
    #[error("cannot accept connections: {0}")]
    Accept(#[from] std::io::Error),
}

/// Serves on `listener` until `shutdown` is ready, then lets requests in flight end, for 30 seconds at most. Exports
/// that an earlier process left unfinished go on; files of exports are removed when their time is over.
///
/// # Errors
/// [`ServeError`] when the folder of exports cannot be made or the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: ServerState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let exports_dir = state.config().exports_dir.clone();
    tokio::fs::create_dir_all(&exports_dir)
        .await
        .map_err(|source| ServeError::ExportsDir { path: exports_dir, source })?;
    state.listens_on(listener.local_addr()?);
    let (stop, mut stopped) = watch::channel(false);
    let housekeeping = [tokio::spawn(ea::keep_exports(state.clone())), tokio::spawn(upkeep::keep_keys(state.clone()))];
    let mut stopping = stop.subscribe();
    tokio::spawn(async move {
        shutdown.await;
        let _ = stop.send(true);
    });
    let service = router(state).into_make_service_with_connect_info::<std::net::SocketAddr>();
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        })
        .into_future();
    let drained = async {
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(DRAIN).await;
    };
    let outcome = tokio::select! {
        outcome = server => outcome,
        () = drained => Ok(()),
    };
    for task in housekeeping {
        task.abort();
    }
    Ok(outcome?)
}
