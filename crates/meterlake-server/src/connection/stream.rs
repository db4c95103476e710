//! The bytes of a connection, cut off when they stand still for too long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::Connection;

/// How much of what a client goes on sending is read, and for how long, before a refused connection is closed: closing
/// on unread bytes would make the system throw the refusal away.
const LEFTOVER: u64 = 64 * 1024;
const LINGER: Duration = Duration::from_secs(2);

/// A TCP connection that errors with [`io::ErrorKind::TimedOut`] when its [`Connection`] has been silent for too long,
/// or when the other end takes nothing of what is written.
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    connection: Connection,
    silence: Pin<Box<Sleep>>,
    stall: Option<Pin<Box<Sleep>>>,
    _slot: OwnedSemaphorePermit,
}

impl Stream {
    pub(super) fn new(tcp: TcpStream, connection: Connection, slot: OwnedSemaphorePermit) -> Self {
        Self { tcp, connection, silence: Box::pin(sleep_until(Instant::now())), stall: None, _slot: slot }
    }

    /// The first byte that comes, which stays to be read; none when the other end sends nothing at all.
    pub(super) async fn first_byte(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        Ok((self.tcp.peek(&mut byte).await? > 0).then_some(byte[0]))
    }

    /// Answers with these bytes and closes.
    pub(super) async fn refuse(mut self, answer: &[u8]) -> io::Result<()> {
        self.tcp.write_all(answer).await?;
        self.tcp.shutdown().await?;
        let rest = async { tokio::io::copy(&mut (&mut self.tcp).take(LEFTOVER), &mut tokio::io::sink()).await };
        let _ = timeout(LINGER, rest).await;
        Ok(())
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Errors when the silence has lasted too long; otherwise wakes the task when it will have.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let Some(deadline) = self.connection.poll_deadline(cx) else { return Poll::Pending };
            if deadline <= Instant::now() {
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "no request came in time"));
            }
            self.silence.as_mut().reset(deadline);
            ready!(self.silence.as_mut().poll(cx));
        }
    }

    /// What a write came to: progress, or a wait that must not last too long.
    fn written<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(outcome) = outcome {
            self.stall = None;
            self.connection.told();
            return Poll::Ready(outcome);
        }
        let patience = self.connection.limits().stalled;
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + patience)));
        ready!(stall.as_mut().poll(cx));
        tracing::debug!(peer = %self.connection.peer(), "the client takes nothing of its answer");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing of its answer")))
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.tcp).poll_read(cx, buf) {
            Poll::Ready(outcome) => {
                if buf.filled().len() > before {
                    self.connection.heard();
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => self.poll_silence(cx).map(Err),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.tcp).poll_write(cx, buf);
        self.written(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        self.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A TCP stream holds nothing back.
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
