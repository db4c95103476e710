//! TLS on a connection, and a readable answer to those who speak plain HTTP where TLS is expected.

use std::future::Future;
use std::io;
use std::pin::Pin;

use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use tokio::time::timeout;

use super::{ConnectionLimits, Stream};

/// The first byte of a TLS record that carries a handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 0x16;
const SPEAK_TLS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 62\r\n\
connection: close\r\n\r\nThis port speaks HTTPS only; ask for https:// in place of it.\n";

/// Does the TLS handshake in the time that there is for it.
#[derive(Clone)]
pub(crate) struct Secured {
    rustls: RustlsAcceptor,
    limits: ConnectionLimits,
}

impl Secured {
    /// Handshakes with the configuration that holds at their time.
    pub(crate) fn new(config: RustlsConfig, limits: ConnectionLimits) -> Self {
        Self { rustls: RustlsAcceptor::new(config).handshake_timeout(limits.handshake), limits }
    }

    /// The stream, if what comes can be TLS.
    async fn begun(&self, stream: Stream) -> io::Result<Stream> {
        match timeout(self.limits.handshake, stream.first_byte()).await?? {
            Some(HANDSHAKE) => Ok(stream),
            // Methods are written in capitals.
            Some(byte) if byte.is_ascii_uppercase() => {
                stream.refuse(SPEAK_TLS).await?;
                Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP"))
            }
            Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "no TLS")),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl<S: Send + 'static> Accept<Stream, S> for Secured {
    type Stream = <RustlsAcceptor as Accept<Stream, S>>::Stream;
    type Service = S;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, S)>> + Send>>;

    fn accept(&self, stream: Stream, service: S) -> Self::Future {
        let secured = self.clone();
        Box::pin(async move {
            let peer = stream.connection().peer();
            let accepted = match secured.begun(stream).await {
                Ok(stream) => secured.rustls.accept(stream, service).await,
                Err(error) => Err(error),
            };
            if let Err(error) = &accepted {
                // Scanners do this all day, so it is no warning.
                tracing::info!(%peer, %error, "a TLS handshake failed");
            }
            accepted
        })
    }
}

#[cfg(test)]
mod tests {
    use super::SPEAK_TLS;

    #[test]
    fn the_refusal_tells_its_length() {
        let text = std::str::from_utf8(SPEAK_TLS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
