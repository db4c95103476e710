//! Runs the real binary.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running `meterlake serve` on a data folder. Killed when dropped.
#[derive(Debug)]
pub struct TestServer {
    child: Child,
    address: SocketAddr,
    stderr: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Starts `binary serve --data DIR --listen ADDRESS` on a free port of this machine, with further arguments, and
    /// waits until it answers HTTP.
    ///
    /// # Errors
    /// When the binary cannot be run, ends early or does not answer within three minutes; the message has its stderr.
    pub fn start(binary: impl AsRef<Path>, data: &Path, arguments: &[&str]) -> Result<Self> {
        Self::start_command(binary, "serve", data, arguments)
    }

    /// The same for another command that serves, such as `demo`.
    ///
    /// # Errors
    /// As [`TestServer::start`].
    pub fn start_command(binary: impl AsRef<Path>, command: &str, data: &Path, arguments: &[&str]) -> Result<Self> {
        let binary = binary.as_ref();
        let address = free_address()?;
        let mut child = Command::new(binary)
            .arg(command)
            .arg("--data")
            .arg(data)
            .arg("--listen")
            .arg(address.to_string())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let stderr = Arc::new(Mutex::new(String::new()));
        let reader = child.stderr.take().map(|pipe| capture(pipe, Arc::clone(&stderr)));
        let mut server = Self { child, address, stderr, reader };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        while !answers(self.address) {
            if let Some(status) = self.child.try_wait()? {
                if let Some(reader) = self.reader.take() {
                    let _ = reader.join();
                }
                bail!("the server ended with {status} before it answered; it said:\n{}", self.stderr());
            }
            if start.elapsed() > PATIENCE {
                bail!("the server did not answer within {PATIENCE:?}; it said:\n{}", self.stderr());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, which starts with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it has written to its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.lock().map(|text| text.clone()).unwrap_or_default()
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it at once, as `kill -9` does, and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Whether something answers HTTP there, whatever the status.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        std::io::Write::write_all(
            &mut stream,
            format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
        )?;
        let mut start = [0u8; 5];
        stream.read_exact(&mut start)?;
        Ok(&start == b"HTTP/")
    };
    ask().unwrap_or(false)
}

/// Collects what comes through the pipe until it closes.
fn capture(pipe: impl Read + Send + 'static, text: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if let Ok(mut text) = text.lock() {
                text.push_str(&String::from_utf8_lossy(&line));
            }
            line.clear();
        }
    })
}
