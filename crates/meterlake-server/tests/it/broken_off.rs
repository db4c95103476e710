//! Answers that end before they are whole: a query that fails in the middle, and a client that goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};
use meterlake_reports::{EmbeddedEngine, QueryEngine, ReportError, Reports, ReportsConfig};
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;

use crate::charge::{customer, ea};
use crate::serving::Serving;
use crate::world::{PLAN, World};

/// What comes after the first batch of every query, or instead of it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Then {
    Error,
    Nothing,
    NotEvenTheFirst,
    /// The first again and again.
    Endless,
    /// The rest, once it is told to go on.
    WhenTold,
}

/// An engine whose queries do not end well.
struct Breaking {
    engine: EmbeddedEngine,
    then: Then,
    told: Arc<Notify>,
    begun: Arc<AtomicUsize>,
    cancelled: Arc<AtomicUsize>,
}

/// Counts a query as cancelled when its stream goes.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl QueryEngine for Breaking {
    async fn run(&self, plans: Vec<LogicalPlan>) -> Result<SendableRecordBatchStream, ReportError> {
        let batches = self.engine.run(plans).await?;
        let (schema, held) = (batches.schema(), Held(Arc::clone(&self.cancelled)));
        if self.then == Then::WhenTold {
            self.begun.fetch_add(1, Ordering::SeqCst);
            self.told.notified().await;
            return Ok(batches);
        }
        let mut batches = batches;
        if self.then == Then::Endless {
            let batch = batches.next().await.unwrap()?;
            let again = stream::repeat_with(move || {
                let _held = &held;
                Ok(batch.clone())
            });
            self.begun.fetch_add(1, Ordering::SeqCst);
            return Ok(Box::pin(RecordBatchStreamAdapter::new(schema, again)));
        }
        let first = batches.take(usize::from(self.then != Then::NotEvenTheFirst));
        let batches = match self.then {
            Then::Error => {
                let error = DataFusionError::Execution("a secret of the disk".to_owned());
                let late = async {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    Err(error)
                };
                first.chain(stream::once(late)).boxed()
            }
            _ => first.chain(stream::pending()).boxed(),
        };
        let batches = batches.map(move |batch| {
            let _held = &held;
            batch
        });
        self.begun.fetch_add(1, Ordering::SeqCst);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    async fn physical_plan(&self, plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, ReportError> {
        self.engine.physical_plan(plan).await
    }
}

pub(crate) struct Broken {
    pub(crate) world: World,
    /// Lets [`Then::WhenTold`] go on.
    pub(crate) told: Arc<Notify>,
    pub(crate) begun: Arc<AtomicUsize>,
    pub(crate) cancelled: Arc<AtomicUsize>,
}

pub(crate) async fn broken(then: Then) -> Broken {
    let mut world = World::new().await;
    world.import((0..40).map(|line| ea(line, "2024-10-31")).collect()).await;
    world.import(vec![customer(0, PLAN, "2024-11-01", "GBP")]).await;
    let config = ReportsConfig { memory_limit: 256 << 20, threads: 2, ..Default::default() };
    let (told, begun, cancelled) = (Arc::<Notify>::default(), Arc::default(), Arc::default());
    let engine = Breaking {
        engine: EmbeddedEngine::new(&config).unwrap(),
        then,
        told: Arc::clone(&told),
        begun: Arc::clone(&begun),
        cancelled: Arc::clone(&cancelled),
    };
    world.reports = Reports::with_engine(world.lake.clone(), Arc::new(engine));
    world.restart();
    Broken { world, told, begun, cancelled }
}

fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
}

pub(crate) const DOWNLOAD: &str = "/v2/enrollments/100/usagedetails/download?billingPeriod=202410";
const PAGE: &str = "/v2/enrollments/100/billingPeriods/202410/usagedetails";
const ANALYTICS: &str = "/partner/v1/analytics/azureusage";

#[tokio::test]
async fn a_query_that_fails_in_the_middle_breaks_the_download_off() {
    let Broken { world, .. } = broken(Then::Error).await;
    let serving = Serving::start(&world).await;
    let answer = serving.exchange(&get(DOWNLOAD, &world.key)).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("transfer-encoding: chunked"), "{head}");
    assert!(body.contains("AccountId,AccountName"), "{body}");
    assert!(!body.contains("\r\n0\r\n"), "the body has the mark of a whole one: {body}");
    assert!(!answer.contains("secret"));
    serving.stop().await;
}

#[tokio::test]
async fn head_tells_no_length_that_get_does_not() {
    let world = World::new().await;
    let serving = Serving::start(&world).await;
    let head = get(DOWNLOAD, &world.key).replace("GET", "HEAD").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let answer = serving.exchange(&head).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(!answer.contains("content-length"), "{answer}");
    let tag = answer.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let answer = serving.exchange(&head.replace("Host: x", &format!("If-None-Match: {tag}"))).await;
    assert!(answer.starts_with("HTTP/1.1 304") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(!answer.contains("content-length"), "{answer}");
    serving.stop().await;
}

#[tokio::test]
async fn a_query_that_fails_in_the_middle_is_an_error_where_nothing_was_sent() {
    let Broken { world, .. } = broken(Then::Error).await;
    for (path, token) in [(PAGE, &world.key), (ANALYTICS, &world.all)] {
        let answer = world.get(path, token).await;
        assert_eq!(answer.status, 500, "{path}: {}", answer.text());
        assert!(answer.json().is_object() && !answer.text().contains("secret"), "{}", answer.text());
    }
    let submitted = world.post("POST", &DOWNLOAD.replace("download", "submit"), &world.key, "").await.json();
    let poll = submitted["reportUrl"].as_str().unwrap();
    let record = loop {
        let record = world.get(poll, &world.key).await.json();
        if record["status"].as_u64() > Some(2) {
            break record;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!((record["status"].as_u64(), record["blobPath"].as_str()), (Some(4), Some("")));
    assert_eq!(std::fs::read_dir(&world.config.exports_dir).unwrap().count(), 0, "half a file stays");
}

pub(crate) async fn becomes(counter: &AtomicUsize, expected: usize, what: &str) {
    for _ in 0..400 {
        if counter.load(Ordering::SeqCst) == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what}: {} instead of {expected}", counter.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_query() {
    for (then, path) in [(Then::Nothing, DOWNLOAD), (Then::NotEvenTheFirst, PAGE), (Then::NotEvenTheFirst, ANALYTICS)] {
        let Broken { world, begun, cancelled, .. } = broken(then).await;
        let serving = Serving::start(&world).await;
        let token = if path == ANALYTICS { &world.all } else { &world.key };
        let mut client = serving.connect(&get(path, token)).await;
        becomes(&begun, 1, path).await;
        if then == Then::Nothing {
            assert!(client.read(&mut [0; 12]).await.unwrap() > 0);
        }
        assert_eq!(cancelled.load(Ordering::SeqCst), 0, "{path}");
        drop(client);
        becomes(&cancelled, 1, path).await;
        serving.stop().await;
    }
}

#[tokio::test]
async fn a_client_that_stands_still_loses_its_query() {
    let Broken { mut world, begun, cancelled, .. } = broken(Then::Endless).await;
    world.config.connections.stalled = Duration::from_secs(2);
    let serving = Serving::start(&world).await;
    let client = serving.connect(&get(DOWNLOAD, &world.key)).await;
    becomes(&begun, 1, "the query").await;
    becomes(&cancelled, 1, "the query of a client that reads nothing").await;
    drop(client);
    // One that reads goes on, however long.
    let mut client = serving.connect(&get(DOWNLOAD, &world.key)).await;
    let start = Instant::now();
    while start.elapsed() < 4 * world.config.connections.stalled {
        assert!(client.read(&mut [0; 64 * 1024]).await.unwrap() > 0);
    }
    assert_eq!(cancelled.load(Ordering::SeqCst), 1);
    drop(client);
    becomes(&cancelled, 2, "the query of a client that went away").await;
    serving.stop().await;
}
