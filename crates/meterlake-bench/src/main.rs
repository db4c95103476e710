//! `meterlake-bench`: source files at scale, and clients to measure a server with. `./dev bench` calls it.
//!
//! Every command prints one JSON document.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use meterlake_bench::charges::{BILLING_ACCOUNT, Estate, Form, PARTNER, Scale, describe, periods, write_month};
use meterlake_bench::client::{Load, Request, load, sink, walk};
use meterlake_bench::people::{write_b2c, write_licences};
use meterlake_model::{BillingPeriod, Day};
use serde_json::{Value, json};

#[derive(Parser)]
#[command(about = "Source files at scale, and clients to measure a Meterlake server with", version)]
enum Command {
    /// Tells the months, customers and ids of a lake of this size
    Estate(Size),
    /// Writes the charges of one month
    Charges {
        #[command(flatten)]
        size: Size,
        /// Month, as yyyymm
        #[arg(long)]
        period: i32,
        /// Folder to write to
        #[arg(long)]
        out: PathBuf,
        /// Files, each written by a thread of its own
        #[arg(long, default_value_t = 2)]
        parts: u32,
        /// Plain CSV instead of gzip
        #[arg(long)]
        plain: bool,
    },
    /// Writes sign-ins and users of B2C tenants
    B2c {
        #[command(flatten)]
        common: Common,
        /// Tenants
        #[arg(long, default_value_t = 10)]
        tenants: u64,
    },
    /// Writes licences of all customers
    Licences {
        #[command(flatten)]
        size: Size,
        #[command(flatten)]
        common: Common,
    },
    #[command(flatten)]
    Client(Client),
}

#[derive(Args)]
struct Size {
    /// Rows of all months
    #[arg(long, default_value_t = 10_000_000)]
    rows: u64,
    /// Same seed, same rows
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Args)]
struct Common {
    /// Folder to write to
    #[arg(long)]
    out: PathBuf,
    /// Last day of the data
    #[arg(long)]
    today: Day,
}

#[derive(Subcommand)]
enum Client {
    /// Asks all the time from many connections
    Load {
        /// host:port
        #[arg(long)]
        address: String,
        /// File with a request a line: the path and headers, with tabs between
        #[arg(long)]
        requests: PathBuf,
        #[arg(long, default_value_t = 32)]
        connections: usize,
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Seconds before that, not measured
        #[arg(long, default_value_t = 1)]
        warm_up: u64,
        /// Decides the order of the requests
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Downloads and looks at nothing
    Sink(Target),
    /// Walks over pages by next link
    Walk {
        #[command(flatten)]
        target: Target,
        /// Most pages
        #[arg(long, default_value_t = usize::MAX)]
        pages: usize,
    },
}

#[derive(Args)]
struct Target {
    /// host:port
    #[arg(long)]
    address: String,
    /// Path and query
    #[arg(long)]
    path: String,
    /// Header, as "Name: value"
    #[arg(long = "header")]
    headers: Vec<String>,
    /// File to write the bodies to
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Size {
    fn estate(&self) -> Estate {
        Estate::draw(Scale { rows: self.rows, seed: self.seed })
    }
}

fn main() -> Result<()> {
    let answer = match Command::parse() {
        Command::Estate(size) => {
            let estate = size.estate();
            json!({
                "billing_account": BILLING_ACCOUNT,
                "partner": PARTNER,
                "periods": periods().iter().map(|p| p.number()).collect::<Vec<_>>(),
                "customers": estate.customers.iter().map(|c| json!({"id": c.tenant_id, "name": c.name})).collect::<Vec<_>>(),
            })
        }
        Command::Charges { size, period, out, parts, plain } => {
            let period = BillingPeriod::from_number(period).with_context(|| format!("{period} is no month"))?;
            describe(&write_month(&size.estate(), period, &out, Form { parts, gzip: !plain })?)
        }
        Command::B2c { common, tenants } => write_b2c(&common.out, common.today, 1, tenants)?,
        Command::Licences { size, common } => write_licences(&common.out, &size.estate(), common.today, size.seed)?,
        Command::Client(client) => {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(client))?
        }
    };
    use std::io::Write as _;
    writeln!(std::io::stdout().lock(), "{answer}")?;
    Ok(())
}

async fn run(client: Client) -> Result<Value> {
    match client {
        Client::Load { address, requests, connections, seconds, warm_up, seed } => {
            let requests = read_requests(&requests)?;
            let duration = Duration::from_secs(seconds);
            load(Load { address, requests, connections, duration, warm_up: Duration::from_secs(warm_up), seed }).await
        }
        Client::Sink(target) => {
            sink(&target.address, &Request::get(&target.path, &target.headers), target.out.as_deref()).await
        }
        Client::Walk { target, pages } => {
            walk(&target.address, &target.path, &target.headers, pages, target.out.as_deref()).await
        }
    }
}

fn read_requests(file: &Path) -> Result<Vec<Request>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    text.lines().map(str::parse).collect()
}
