//! The middleware that tells a connection of its requests, and limits what they may send.

use std::io;

use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt, TryStreamExt};
use http::Version;
use tokio::time::{Instant, timeout_at};

use super::{Connection, ConnectionLimits, Running};

/// Runs a request as one of its connection's.
pub(crate) async fn track(
    State(limits): State<ConnectionLimits>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(ConnectInfo(connection.peer()));
    let running = connection.begins(request.version() == Version::HTTP_2);
    let request = request.map(|body| limited(body, limits));
    held(next.run(request).await, running)
}

/// The body, which ends in an error when it is too large or takes too long.
fn limited(body: Body, limits: ConnectionLimits) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::from_stream(pieces(body, limits))
}

fn pieces(body: Body, limits: ConnectionLimits) -> impl Stream<Item = io::Result<bytes::Bytes>> + Send + 'static {
    let start = (body.into_data_stream(), None, limits.largest_body);
    futures::stream::try_unfold(start, move |(mut body, deadline, left)| async move {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + limits.request_body);
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time");
        let Some(piece) =
            timeout_at(deadline, body.next()).await.map_err(late)?.transpose().map_err(io::Error::other)?
        else {
            return Ok(None);
        };
        let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "the body is too large");
        let left = left.checked_sub(piece.len()).ok_or_else(too_large)?;
        Ok(Some((piece, (body, Some(deadline), left))))
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
