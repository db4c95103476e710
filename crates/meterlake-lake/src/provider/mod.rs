//! Reading a snapshot through DataFusion: the files of the snapshot that may hold wanted rows, planned as DataFusion's
//! own Parquet scan, so that a plan can be sent to another process.

mod groups;
mod keep_order;
mod prune;

use std::{fmt, sync::Arc, sync::LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{
        ColumnStatistics, DFSchema, Result, ScalarValue, Statistics, config::TableParquetOptions, stats::Precision,
    },
    datasource::{
        TableType,
        listing::PartitionedFile,
        object_store::ObjectStoreUrl,
        physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource, parquet::CachedParquetFileReaderFactory},
        source::DataSourceExec,
        table_schema::TableSchema,
    },
    logical_expr::{Expr, TableProviderFilterPushDown, utils::conjunction},
    physical_expr::{LexOrdering, PhysicalSortExpr, expressions::Column},
    physical_plan::{ExecutionPlan, empty::EmptyExec},
};
use meterlake_model::BillingPeriod;
use object_store::path::Path as StorePath;

use crate::{
    charges::columns,
    root::TableRoot,
    snapshot::ChargesFile,
    stats::{self, FileStats},
};

pub(crate) use keep_order::KeepScanOrder;

/// What the first read of a remote file fetches from its end, so that the footer mostly comes with it.
const REMOTE_FOOTER_BYTES: usize = 256 << 10;

/// The columns of `charges` as the engine reads them: text as views, which are sorted and compared without copies.
pub(crate) fn read_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields = columns::schema().fields().iter().map(viewed).collect::<Vec<FieldRef>>();
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

fn viewed(field: &FieldRef) -> FieldRef {
    match field.data_type() {
        DataType::Utf8 => Arc::new(Field::new(field.name(), DataType::Utf8View, field.is_nullable())),
        _ => Arc::clone(field),
    }
}

/// The same columns as the scan numbers them: those in the files, then the partition column.
fn scan_schema() -> TableSchema {
    static SCHEMA: LazyLock<TableSchema> = LazyLock::new(|| {
        let read = read_schema();
        let (partition, stored): (Vec<FieldRef>, Vec<FieldRef>) =
            read.fields().iter().cloned().partition(|field| field.name() == columns::BILLING_PERIOD);
        TableSchema::builder(Arc::new(Schema::new(stored))).with_table_partition_cols(partition).build()
    });
    SCHEMA.clone()
}

/// The order of rows in every file.
fn file_ordering() -> Option<LexOrdering> {
    static ORDER: LazyLock<Option<LexOrdering>> = LazyLock::new(|| {
        let schema = scan_schema();
        let keys = columns::SORT.iter().map(|name| {
            let place = schema.table_schema().index_of(name).ok()?;
            let options = arrow::compute::SortOptions { descending: false, nulls_first: false };
            Some(PhysicalSortExpr::new(Arc::new(Column::new(name, place)), options))
        });
        LexOrdering::new(keys.collect::<Option<Vec<_>>>()?)
    });
    ORDER.clone()
}

/// A data file as the scan takes it, with everything that the log knows of it.
pub(crate) fn partitioned_file(
    path: StorePath,
    size: u64,
    period: BillingPeriod,
    stats: &FileStats,
) -> PartitionedFile {
    let schema = scan_schema();
    let mut columns = vec![ColumnStatistics::default(); schema.file_schema().fields().len()];
    for (place, name) in stats::COLUMNS.iter().enumerate() {
        if let Ok(index) = schema.file_schema().index_of(name) {
            columns[index] = stats.engine(place);
        }
    }
    let statistics = Statistics {
        num_rows: Precision::Exact(usize::try_from(stats.rows).unwrap_or(usize::MAX)),
        total_byte_size: Precision::Inexact(usize::try_from(size).unwrap_or(usize::MAX)),
        column_statistics: columns,
    };
    let mut file = PartitionedFile::new(String::new(), size)
        .with_partition_values(vec![ScalarValue::Int32(Some(period.number()))])
        .with_statistics(Arc::new(statistics));
    // Set here, because the constructor would encode the path once more.
    file.object_meta.location = path;
    file
}

/// Some data files of one snapshot as a table.
pub(crate) struct ChargesProvider {
    root: TableRoot,
    files: Arc<[ChargesFile]>,
    /// Whether the order of rows in the files is declared, at the price of a partition for each file that overlaps.
    ordered: bool,
}

impl ChargesProvider {
    pub(crate) fn new(root: TableRoot, files: Arc<[ChargesFile]>) -> Self {
        Self { root, files, ordered: true }
    }

    /// The same table without an order: as many partitions as threads.
    pub(crate) fn unordered(self) -> Self {
        Self { ordered: false, ..self }
    }

    /// The store under which the engine finds the files.
    fn store_url(&self) -> Result<ObjectStoreUrl> {
        let mut url = self.root.url.clone();
        url.set_path("/");
        url.set_query(None);
        ObjectStoreUrl::parse(url)
    }

    /// The files that may hold rows that satisfy all filters.
    fn wanted(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&ChargesFile>> {
        let Some(predicate) = conjunction(filters.iter().cloned()) else { return Ok(self.files.iter().collect()) };
        let schema = read_schema();
        let predicate = state.create_physical_expr(predicate, &DFSchema::try_from(Arc::clone(&schema))?)?;
        Ok(prune::keep(&self.files, &predicate, &schema))
    }
}

impl fmt::Debug for ChargesProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "charges ({} files)", self.files.len())
    }
}

#[async_trait]
impl TableProvider for ChargesProvider {
    fn schema(&self) -> SchemaRef {
        read_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(totals(self.files.iter(), read_schema().fields().len()))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let read = read_schema();
        let wanted = self.wanted(state, filters)?;
        if wanted.is_empty() {
            let schema = match projection {
                Some(places) => Arc::new(read.project(places)?),
                None => read,
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }

        let scan = scan_schema();
        let places = match projection {
            Some(places) => places.clone(),
            None => (0..read.fields().len()).collect(),
        };
        let places = places
            .into_iter()
            .map(|place| Ok(scan.table_schema().index_of(read.field(place).name())?))
            .collect::<Result<Vec<usize>>>()?;

        let width = scan.table_schema().fields().len();
        let statistics = totals(wanted.iter().copied(), width);
        let threads = state.config().target_partitions();
        let planned = if self.ordered { groups::plan(&wanted, threads) } else { groups::balanced(&wanted, threads) };
        let ordering = if planned.ordered { file_ordering() } else { None };
        let groups = planned
            .groups
            .into_iter()
            .map(|group| {
                let totals = totals(group.iter().copied(), width);
                FileGroup::new(group.into_iter().map(|file| file.scan.as_ref().clone()).collect())
                    .with_statistics(Arc::new(totals))
            })
            .collect();

        let store_url = self.store_url()?;
        state.runtime_env().register_object_store(store_url.as_ref(), Arc::clone(&self.root.bucket));
        let options = TableParquetOptions {
            global: state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        // Footers of a hundred columns are read and parsed once, not in every query.
        let footers = state.runtime_env().cache_manager.get_file_metadata_cache();
        let reader = CachedParquetFileReaderFactory::new(Arc::clone(&self.root.bucket), footers);
        let mut source = ParquetSource::new(scan)
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(reader));
        if self.root.local.is_none() {
            source = source.with_metadata_size_hint(REMOTE_FOOTER_BYTES);
        }
        let config = FileScanConfigBuilder::new(store_url, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(Some(places))?
            .with_limit(limit)
            .with_output_ordering(ordering.into_iter().collect())
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Rows and bytes of some files; nothing is said of their columns.
fn totals<'a>(files: impl Iterator<Item = &'a ChargesFile>, width: usize) -> Statistics {
    let (rows, bytes) = files.fold((0, 0), |(rows, bytes), file| (rows + file.rows, bytes + file.size));
    Statistics {
        num_rows: Precision::Exact(usize::try_from(rows).unwrap_or(usize::MAX)),
        total_byte_size: Precision::Inexact(usize::try_from(bytes).unwrap_or(usize::MAX)),
        column_statistics: vec![ColumnStatistics::default(); width],
    }
}
