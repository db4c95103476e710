//! The middleware that tells a connection of its requests, and limits what they may send.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt, TryStreamExt};
use http::header::{CONNECTION, EXPECT};
use http::{HeaderValue, Version};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Connection, ConnectionLimits, Running};

/// How much of a body that no handler read is read after all, and for how long, so that the connection can go on.
const LEFTOVER: usize = 64 * 1024;
const LINGER: Duration = Duration::from_secs(2);

/// Runs a request as one of its connection's.
pub(crate) async fn track(
    State(limits): State<ConnectionLimits>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(ConnectInfo(connection.peer()));
    let running = connection.begins(request.version() == Version::HTTP_2);
    // HTTP/2 ends the stream of a request by itself. Who waits to be asked for the body is not asked for it in vain.
    let goes_on = request.version() != Version::HTTP_2;
    let may_read = !request.headers().contains_key(EXPECT);
    let unread = Unread::default();
    let request = request.map(|body| limited(body, limits, &unread));
    let mut answer = next.run(request).await;
    if goes_on && !unread.taken(may_read).await {
        // The connection ends on unread bytes, and a client that is not told so would send its next request there.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    held(answer, running)
}

/// What the handler left of the request's body.
#[derive(Debug, Clone, Default)]
struct Unread(Arc<Mutex<Option<BodyDataStream>>>);

impl Unread {
    fn slot(&self) -> std::sync::MutexGuard<'_, Option<BodyDataStream>> {
        // No change can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is left, where it `may` be read and is not much; whether nothing is left then.
    async fn taken(&self, may: bool) -> bool {
        let Some(mut body) = self.slot().take() else { return true };
        let read = async {
            let mut left = LEFTOVER;
            while let Some(piece) = body.next().await {
                match piece.ok().and_then(|piece| left.checked_sub(piece.len())) {
                    Some(fewer) => left = fewer,
                    None => return false,
                }
            }
            true
        };
        may && timeout(LINGER, read).await.unwrap_or(false)
    }
}

/// A request's body while a handler may read it. What is left is given back when the handler lets it go.
struct Lent {
    body: Option<BodyDataStream>,
    unread: Unread,
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.unread.slot() = self.body.take();
    }
}

/// The body, which ends in an error when it is too large or takes too long.
fn limited(body: Body, limits: ConnectionLimits, unread: &Unread) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let lent = Lent { body: Some(body.into_data_stream()), unread: unread.clone() };
    Body::from_stream(pieces(lent, limits))
}

fn pieces(body: Lent, limits: ConnectionLimits) -> impl Stream<Item = io::Result<bytes::Bytes>> + Send + 'static {
    let start = (body, None, limits.largest_body);
    futures::stream::try_unfold(start, move |(mut lent, deadline, left)| async move {
        let Some(body) = lent.body.as_mut() else { return Ok(None) };
        let deadline = deadline.unwrap_or_else(|| Instant::now() + limits.request_body);
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time");
        let Some(piece) =
            timeout_at(deadline, body.next()).await.map_err(late)?.transpose().map_err(io::Error::other)?
        else {
            drop(lent.body.take());
            return Ok(None);
        };
        let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "the body is too large");
        let left = left.checked_sub(piece.len()).ok_or_else(too_large)?;
        Ok(Some((piece, (lent, Some(deadline), left))))
    })
}

/// The answer, which lets the request run until its body is made. A body that is there already needs only writing,
/// which the connection sees by itself.
fn held(mut answer: Response, running: Running) -> Response {
    match answer.body().size_hint().exact() {
        Some(_) => answer,
        None => {
            let body = std::mem::take(answer.body_mut()).into_data_stream();
            *answer.body_mut() = Body::from_stream(body.inspect_ok(move |_| {
                let _ = &running;
            }));
            answer
        }
    }
}
