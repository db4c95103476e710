//! Reading a snapshot through DataFusion: the files of the snapshot that may hold wanted rows, planned as DataFusion's
//! own Parquet scan, so that a plan can be sent to another process.

mod groups;
mod keep_order;
mod prune;

use std::{fmt, sync::Arc};

use arrow::datatypes::SchemaRef;
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
    },
    logical_expr::{Expr, TableProviderFilterPushDown, utils::conjunction},
    physical_plan::{ExecutionPlan, empty::EmptyExec},
};
use object_store::path::Path as StorePath;

use crate::{root::TableRoot, snapshot::TableFile, stats::FileStats, tables::Table};

pub(crate) use keep_order::KeepScanOrder;

/// What the first read of a remote file fetches from its end, so that the footer mostly comes with it.
const REMOTE_FOOTER_BYTES: usize = 256 << 10;

/// A data file as the scan takes it, with everything that the log knows of it.
pub(crate) fn partitioned_file(
    table: Table,
    path: StorePath,
    size: u64,
    partition: Option<i32>,
    stats: &FileStats,
) -> PartitionedFile {
    let layout = table.layout();
    let schema = &layout.scan;
    let mut columns = vec![ColumnStatistics::default(); schema.file_schema().fields().len()];
    for (place, name) in layout.stats.iter().enumerate() {
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
        .with_partition_values(partition.into_iter().map(|number| ScalarValue::Int32(Some(number))).collect())
        .with_statistics(Arc::new(statistics));
    // Set here, because the constructor would encode the path once more.
    file.object_meta.location = path;
    file
}

/// Some data files of one snapshot as a table.
pub(crate) struct FilesProvider {
    table: Table,
    root: TableRoot,
    files: Arc<[TableFile]>,
    /// Whether the order of rows in the files is declared, at the price of a partition for each file that overlaps.
    ordered: bool,
}

impl FilesProvider {
    pub(crate) fn new(table: Table, root: TableRoot, files: Arc<[TableFile]>) -> Self {
        Self { table, root, files, ordered: true }
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
    fn wanted(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&TableFile>> {
        let Some(predicate) = conjunction(filters.iter().cloned()) else { return Ok(self.files.iter().collect()) };
        let schema = Arc::clone(&self.table.layout().read);
        let predicate = state.create_physical_expr(predicate, &DFSchema::try_from(schema)?)?;
        Ok(prune::keep(self.table, &self.files, &predicate))
    }
}

impl fmt::Debug for FilesProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} files)", self.table, self.files.len())
    }
}

#[async_trait]
impl TableProvider for FilesProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.table.layout().read)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(totals(self.files.iter(), self.table.layout().read.fields().len()))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let layout = self.table.layout();
        let read = &layout.read;
        let wanted = self.wanted(state, filters)?;
        if wanted.is_empty() {
            let schema = match projection {
                Some(places) => Arc::new(read.project(places)?),
                None => Arc::clone(read),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }

        let scan = layout.scan.clone();
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
        let ordered = self.ordered && layout.is_led_by_time();
        let planned = if ordered { groups::plan(&wanted, threads) } else { groups::balanced(&wanted, threads) };
        let ordering = if planned.ordered { layout.ordering.clone() } else { None };
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
        // Footers of many columns are read and parsed once, not in every query.
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
fn totals<'a>(files: impl Iterator<Item = &'a TableFile>, width: usize) -> Statistics {
    let (rows, bytes) = files.fold((0, 0), |(rows, bytes), file| (rows + file.rows, bytes + file.size));
    Statistics {
        num_rows: Precision::Exact(usize::try_from(rows).unwrap_or(usize::MAX)),
        total_byte_size: Precision::Inexact(usize::try_from(bytes).unwrap_or(usize::MAX)),
        column_statistics: vec![ColumnStatistics::default(); width],
    }
}
