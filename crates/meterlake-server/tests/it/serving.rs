//! A real server on a port of its own, spoken to over a real connection.

use std::net::SocketAddr;

use meterlake_server::ServerTls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::world::World;

/// A server that serves until it is told to stop.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Serving {
    pub(crate) async fn start(world: &World) -> Self {
        Self::start_with(world, None).await
    }

    pub(crate) async fn start_tls(world: &World, tls: ServerTls) -> Self {
        Self::start_with(world, Some(tls)).await
    }

    async fn start_with(world: &World, tls: Option<ServerTls>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let state = world.state();
        let server = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            meterlake_server::serve(listener, state, tls, stopped).await.unwrap();
        });
        Self { address, scheme, stop, server }
    }

    /// Scheme and authority of its addresses.
    pub(crate) fn base(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.server.await.unwrap();
    }

    /// A connection on which these bytes were sent.
    pub(crate) async fn connect(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Everything that the server sends until it closes the connection.
    pub(crate) async fn exchange(&self, request: &str) -> String {
        let mut answer = Vec::new();
        // A connection that is broken off is an answer, too.
        let _ = self.connect(request).await.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }
}
