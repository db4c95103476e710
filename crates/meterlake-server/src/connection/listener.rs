//! Takes connections, as many at a time as there may be.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum_server::{AddrListener, Address};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Connection, ConnectionLimits, Stream};

/// The listening socket with its limits.
#[derive(Debug)]
pub(crate) struct Listener {
    tcp: TcpListener,
    limits: ConnectionLimits,
    slots: Arc<Semaphore>,
    full: AtomicBool,
    failing: AtomicBool,
}

impl Listener {
    /// Accepts from `tcp` under `limits`.
    pub(crate) fn new(tcp: TcpListener, limits: ConnectionLimits) -> Self {
        let slots = Arc::new(Semaphore::new(limits.at_once.clamp(1, Semaphore::MAX_PERMITS)));
        Self { tcp, limits, slots, full: AtomicBool::new(false), failing: AtomicBool::new(false) }
    }

    /// Waits until there may be one connection more. Said once each time that no slot is left.
    async fn slot(&self) -> io::Result<OwnedSemaphorePermit> {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            self.full.store(false, Ordering::Relaxed);
            return Ok(slot);
        }
        if !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(connections = self.limits.at_once, "all connections are in use; further ones wait");
        }
        Arc::clone(&self.slots).acquire_owned().await.map_err(io::Error::other)
    }

    async fn accept(&self) -> io::Result<(Stream, Connection)> {
        let slot = self.slot().await?;
        let (tcp, peer) = self.tcp.accept().await?;
        // Answers are written whole: waiting for more to send only delays their last packet.
        tcp.set_nodelay(true)?;
        let connection = Connection::new(peer, self.limits);
        Ok((Stream::new(tcp, connection.clone(), slot), connection))
    }
}

impl AddrListener<Stream, Connection> for Listener {
    async fn bind_to(_: Connection) -> io::Result<Self> {
        // Addresses are bound before anything slow, by whoever starts the server.
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn accept_stream(&self) -> io::Result<(Stream, Connection)> {
        let accepted = self.accept().await;
        match &accepted {
            Ok(_) => self.failing.store(false, Ordering::Relaxed),
            // The caller tries again at once and says nothing; without open files left it fails many times a second.
            Err(error) if !self.failing.swap(true, Ordering::Relaxed) => {
                tracing::error!(%error, "connections cannot be accepted");
            }
            Err(_) => {}
        }
        accepted
    }

    fn get_local_addr(&self) -> io::Result<Connection> {
        Ok(Connection::new(self.tcp.local_addr()?, self.limits))
    }
}

impl Address for Connection {
    type Stream = Stream;
    type Listener = Listener;
}
