//! One connection that stays open: a request, then its answer.

use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Most bytes that are read at once.
const BUFFER: usize = 1 << 18;
/// Most bytes of the head of an answer.
const HEAD: usize = 1 << 16;

/// A request as it is sent, written once.
#[derive(Debug, Clone)]
pub struct Request {
    bytes: Vec<u8>,
    path: String,
}

impl Request {
    /// A GET with these headers, each `Name: value`.
    pub fn get(path: &str, headers: &[String]) -> Self {
        let mut text = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n");
        for header in headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        Self { bytes: text.into_bytes(), path: path.to_owned() }
    }

    /// What is asked for.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for Request {
    type Err = anyhow::Error;

    /// Reads a path and headers with tabs between.
    fn from_str(line: &str) -> Result<Self> {
        let mut parts = line.split('\t');
        let path = parts.next().filter(|path| path.starts_with('/'));
        let path = path.with_context(|| format!("'{line}' is no request; expected a path and headers between tabs"))?;
        Ok(Self::get(path, &parts.map(str::to_owned).collect::<Vec<_>>()))
    }
}

/// How the end of a body is told.
enum Framing {
    Length(u64),
    Chunks,
    Close,
}

/// An open connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer has been read and not used.
    start: usize,
    end: usize,
    /// Whether another request may be sent.
    open: bool,
}

impl Connection {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER], start: 0, end: 0, open: true })
    }

    /// Whether the server keeps the connection for another request.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Sends a request and gives the body of the answer to `take`, piece by piece; returns the status.
    ///
    /// # Errors
    /// When the connection breaks, also in the middle of a body, or the answer is not HTTP/1.1.
    pub async fn send(&mut self, request: &Request, mut take: impl FnMut(&[u8])) -> Result<u16> {
        self.stream.write_all(&request.bytes).await?;
        let (status, framing) = self.head().await?;
        match framing {
            Framing::Length(length) => self.body(length, &mut take).await?,
            Framing::Chunks => loop {
                let line = self.line().await?;
                let size = std::str::from_utf8(&line)?.split(';').next().unwrap_or_default().trim().to_owned();
                let size = u64::from_str_radix(&size, 16).with_context(|| format!("a chunk of the size '{size}'"))?;
                self.body(size, &mut take).await?;
                self.line().await?;
                if size == 0 {
                    break;
                }
            },
            Framing::Close => {
                self.open = false;
                loop {
                    if self.start < self.end {
                        take(&self.buffer[self.start..self.end]);
                        self.start = self.end;
                    }
                    if self.fill().await? == 0 {
                        break;
                    }
                }
            }
        }
        Ok(status)
    }

    async fn fill(&mut self) -> Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let read = self.stream.read(&mut self.buffer[self.end..]).await?;
        self.end += read;
        Ok(read)
    }

    async fn more(&mut self) -> Result<()> {
        if self.fill().await? == 0 {
            bail!("the server closed the connection in the middle of an answer");
        }
        Ok(())
    }

    async fn head(&mut self) -> Result<(u16, Framing)> {
        let length = loop {
            if let Some(at) = memmem::find(&self.buffer[self.start..self.end], b"\r\n\r\n") {
                break at;
            }
            if self.end - self.start > HEAD {
                bail!("the head of an answer is larger than {HEAD} bytes");
            }
            self.more().await?;
        };
        let head = std::str::from_utf8(&self.buffer[self.start..self.start + length])?.to_owned();
        self.start += length + 4;
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status: u16 = status.with_context(|| format!("'{first}' is no status line"))?;
        let mut framing = if matches!(status, 204 | 304) { Framing::Length(0) } else { Framing::Close };
        for line in lines {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                framing = Framing::Length(value.parse()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
                framing = Framing::Chunks;
            } else if name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close") {
                self.open = false;
            }
        }
        Ok((status, framing))
    }

    /// The rest of a line, without its end.
    async fn line(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(at) = memmem::find(&self.buffer[self.start..self.end], b"\r\n") {
                let line = self.buffer[self.start..self.start + at].to_vec();
                self.start += at + 2;
                return Ok(line);
            }
            self.more().await?;
        }
    }

    async fn body(&mut self, length: u64, take: &mut impl FnMut(&[u8])) -> Result<()> {
        let mut left = length;
        while left > 0 {
            if self.start == self.end {
                self.more().await?;
            }
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(self.end - self.start);
            take(&self.buffer[self.start..self.start + here]);
            self.start += here;
            left -= here as u64;
        }
        Ok(())
    }
}
