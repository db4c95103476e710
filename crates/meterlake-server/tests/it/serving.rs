//! A real server on a port of its own, spoken to over a real connection.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::world::World;

/// A server that serves until it is told to stop.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Serving {
    pub(crate) async fn start(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let state = world.state();
        let server = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            meterlake_server::serve(listener, state, stopped).await.unwrap();
        });
        Self { address, stop, server }
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
