//! Serving until told to stop.

use std::future::Future;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use axum_server::{Handle, Server};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::connection::{Connection, Listener, Secured, track};
use crate::state::ServerState;
use crate::tls::ServerTls;
use crate::{ea, router, upkeep};

/// How long requests in flight may go on after the order to stop.
const DRAIN: Duration = Duration::from_secs(30);
/// Bytes of a request's head: room for a long filter and a next link, and no more memory for each who knocks.
const LARGEST_HEAD: usize = 64 * 1024;
const LARGEST_HEAD_H2: u32 = 64 * 1024;
/// Requests that may run at the same time on one HTTP/2 connection; hyper's own default is 200.
const STREAMS: u32 = 100;

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
    /// The control state failed.
    #[error("cannot look after the exports of an earlier run: {0}")]
    Control(#[from] meterlake_control::ControlError),
    /// The listener failed.
    #[error("cannot accept connections: {0}")]
    Accept(#[from] std::io::Error),
}

/// Serves on `listener` until `shutdown` is ready, with TLS where there is a certificate, then lets requests in flight
/// end, for 30 seconds at most. Exports that an earlier process left unfinished go on; files of exports are removed
/// when their time is over.
///
/// # Errors
/// [`ServeError`] when the folder of exports cannot be made, or the control state or the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: ServerState,
    tls: Option<ServerTls>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let exports_dir = state.config().exports_dir.clone();
    tokio::fs::create_dir_all(&exports_dir)
        .await
        .map_err(|source| ServeError::ExportsDir { path: exports_dir, source })?;
    ea::recover_exports(&state).await?;
    state.listens_on(listener.local_addr()?, tls.is_some());
    let limits = state.config().connections;
    let handle = Handle::new();
    let mut beside = JoinSet::new();
    beside.spawn(ea::keep_exports(state.clone()));
    beside.spawn(upkeep::keep_keys(state.clone()));
    beside.spawn(stop(handle.clone(), shutdown));
    if let Some(tls) = &tls {
        beside.spawn(tls.clone().watch());
    }
    let app = router(state).layer(from_fn_with_state(limits, track));
    let app = app.into_make_service_with_connect_info::<Connection>();
    let mut server = Server::from_listener(Listener::new(listener, limits)).handle(handle);
    server.http_builder().http1().max_buf_size(LARGEST_HEAD);
    server.http_builder().http2().max_concurrent_streams(STREAMS).max_header_list_size(LARGEST_HEAD_H2);
    match tls {
        None => server.serve(app).await?,
        Some(tls) => server.acceptor(Secured::new(tls.config(), limits)).serve(app).await?,
    }
    Ok(())
}

/// Takes no more connections once `shutdown` is ready, and ends those that stand when they have answered.
async fn stop(handle: Handle<Connection>, shutdown: impl Future<Output = ()> + Send) {
    shutdown.await;
    handle.graceful_shutdown(Some(DRAIN));
}
