//! Connections: how many there are, how long each may stand still, and who is at the other end.
//!
//! hyper's own timeouts need a timer that the listener's library does not set, and know of no limit on idle HTTP/2
//! connections or on answers that nobody takes. So time is kept below it, where bytes come and go: [`Stream`] asks its
//! [`Connection`] how long silence may go on, and the middleware [`track`] tells it which requests are running.

mod listener;
mod secured;
mod stream;
mod tracking;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use futures::task::AtomicWaker;
pub(crate) use listener::Listener;
pub(crate) use secured::Secured;
pub(crate) use stream::Stream;
use tokio::time::Instant;
pub(crate) use tracking::track;

/// How many connections there may be, and how long each may take over what.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections that are open at the same time; further ones wait in the system's queue.
    pub at_once: usize,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, counted from its first byte; of a connection's first request, from the start of the
    /// connection.
    pub request_head: Duration,
    /// For the body of a request, counted from when its handler first asks for it.
    pub request_body: Duration,
    /// Bytes of a request's body.
    pub largest_body: usize,
    /// Between two requests of a connection.
    pub idle: Duration,
    /// In which the client takes not one byte of the answer.
    pub stalled: Duration,
}

impl Default for ConnectionLimits {
    /// The defaults of the commented settings, where each has its reason.
    fn default() -> Self {
        Self {
            at_once: 512,
            handshake: Duration::from_secs(10),
            request_head: Duration::from_secs(30),
            request_body: Duration::from_secs(30),
            largest_body: 1 << 20,
            idle: Duration::from_secs(75),
            stalled: Duration::from_secs(60),
        }
    }
}

/// One connection. Cheap to clone; its requests carry it, and their `ConnectInfo<SocketAddr>` is of its other end.
#[derive(Debug, Clone)]
pub(crate) struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    peer: SocketAddr,
    limits: ConnectionLimits,
    activity: Mutex<Activity>,
    reader: AtomicWaker,
}

#[derive(Debug)]
struct Activity {
    /// Requests whose answers are not whole yet.
    running: usize,
    /// When the first byte of a head came that is not whole yet.
    head_since: Option<Instant>,
    /// When the last answer ended, or a byte of it was last taken.
    idle_since: Instant,
    /// Bytes without a request mean nothing in HTTP/2: acknowledgements and pings come at any time.
    http2: bool,
}

impl Activity {
    /// That of a connection which begins now: a head is expected at once.
    fn new(now: Instant) -> Self {
        Self { running: 0, head_since: Some(now), idle_since: now, http2: false }
    }

    /// Bytes came in.
    fn heard(&mut self, now: Instant) {
        if self.running == 0 && !self.http2 {
            self.head_since.get_or_insert(now);
        }
    }

    /// The head of a request has come whole.
    fn begins(&mut self, http2: bool) {
        self.running += 1;
        self.head_since = None;
        self.http2 = http2;
    }

    /// The answer to a request is whole, or given up.
    fn ended(&mut self, now: Instant) {
        self.running = self.running.saturating_sub(1);
        self.idle_since = now;
    }

    /// When silence has lasted too long; none while a request runs.
    fn deadline(&self, limits: &ConnectionLimits) -> Option<Instant> {
        if self.running > 0 {
            return None;
        }
        Some(self.head_since.map_or(self.idle_since + limits.idle, |since| since + limits.request_head))
    }
}

impl Connection {
    fn new(peer: SocketAddr, limits: ConnectionLimits) -> Self {
        let activity = Mutex::new(Activity::new(Instant::now()));
        Self(Arc::new(Inner { peer, limits, activity, reader: AtomicWaker::new() }))
    }

    /// The address at the other end.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    fn limits(&self) -> &ConnectionLimits {
        &self.0.limits
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        // No change can panic half way.
        self.0.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came in.
    fn heard(&self) {
        self.activity().heard(Instant::now());
    }

    /// Bytes were taken by the other end.
    fn told(&self) {
        self.activity().idle_since = Instant::now();
    }

    /// The head of a request has come whole.
    fn begins(&self, http2: bool) -> Running {
        self.activity().begins(http2);
        Running(self.clone())
    }

    /// When silence has lasted too long; none while a request runs. The task is woken when that has changed: nothing
    /// else need happen on the connection then.
    fn poll_deadline(&self, cx: &Context<'_>) -> Option<Instant> {
        self.0.reader.register(cx.waker());
        self.activity().deadline(self.limits())
    }
}

impl Connected<Connection> for Connection {
    fn connect_info(connection: Connection) -> Self {
        connection
    }
}

/// A running request; dropped when its answer is whole or given up.
#[derive(Debug)]
struct Running(Connection);

impl Drop for Running {
    fn drop(&mut self) {
        let Self(connection) = self;
        connection.activity().ended(Instant::now());
        connection.0.reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_head_has_its_time_from_its_first_byte() {
        let (limits, start) = (ConnectionLimits::default(), Instant::now());
        let mut activity = Activity::new(start);
        assert_eq!(activity.deadline(&limits), Some(start + limits.request_head), "the first from the start");
        activity.heard(start + SECOND);
        assert_eq!(activity.deadline(&limits), Some(start + limits.request_head));
        activity.begins(false);
        assert_eq!(activity.deadline(&limits), None);
        activity.heard(start + 2 * SECOND);
        let ended = start + 1000 * SECOND;
        activity.ended(ended);
        assert_eq!(activity.deadline(&limits), Some(ended + limits.idle));
        activity.heard(ended + 5 * SECOND);
        activity.heard(ended + 6 * SECOND);
        assert_eq!(activity.deadline(&limits), Some(ended + 5 * SECOND + limits.request_head));
    }

    #[test]
    fn bytes_of_http_2_are_no_head() {
        let (limits, start) = (ConnectionLimits::default(), Instant::now());
        let mut activity = Activity::new(start);
        activity.begins(true);
        activity.begins(true);
        activity.ended(start + SECOND);
        assert_eq!(activity.deadline(&limits), None);
        activity.ended(start + 2 * SECOND);
        activity.heard(start + 3 * SECOND);
        assert_eq!(activity.deadline(&limits), Some(start + 2 * SECOND + limits.idle));
    }
}
