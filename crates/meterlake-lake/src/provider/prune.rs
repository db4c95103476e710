//! Which files cannot hold a row that satisfies a filter, by what the Delta log says of them.

use std::{collections::HashSet, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanArray, Int32Array, UInt64Array},
    datatypes::DataType,
};
use datafusion::{
    common::{Column, ScalarValue, pruning::PruningStatistics},
    physical_expr::PhysicalExpr,
    physical_optimizer::pruning::PruningPredicateBuilder,
};

use crate::{
    snapshot::TableFile,
    stats::{self, StatValue},
    tables::Table,
};

/// The files that may hold rows for which the predicate is true. When in doubt, a file is kept.
pub(super) fn keep<'a>(table: Table, files: &'a [TableFile], predicate: &Arc<dyn PhysicalExpr>) -> Vec<&'a TableFile> {
    let kept = PruningPredicateBuilder::new()
        .with_file_schema(Arc::clone(&table.layout().read))
        .try_build(Arc::clone(predicate))
        .and_then(|pruning| pruning.prune(&LogStatistics { table, files }));
    match kept {
        Ok(kept) => files.iter().zip(kept).filter(|(_, keep)| *keep).map(|(file, _)| file).collect(),
        Err(error) => {
            tracing::debug!(%error, "filter cannot prune files");
            files.iter().collect()
        }
    }
}

struct LogStatistics<'a> {
    table: Table,
    files: &'a [TableFile],
}

impl LogStatistics<'_> {
    fn is_partition(&self, column: &Column) -> bool {
        self.table.partition() == Some(column.name.as_str())
    }

    fn partitions(&self) -> ArrayRef {
        Arc::new(self.files.iter().map(|file| file.partition).collect::<Int32Array>())
    }

    fn place(&self, column: &Column) -> Option<usize> {
        self.table.layout().stat(&column.name)
    }

    fn data_type(&self, column: &Column) -> Option<&'static DataType> {
        self.table.layout().read.field_with_name(&column.name).ok().map(|field| field.data_type())
    }
}

impl PruningStatistics for LogStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        if self.is_partition(column) {
            return Some(self.partitions());
        }
        let place = self.place(column)?;
        stats::array(self.files.iter().map(|file| file.stats.least[place].as_ref()), self.data_type(column)?)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        if self.is_partition(column) {
            return Some(self.partitions());
        }
        let place = self.place(column)?;
        stats::array(self.files.iter().map(|file| file.stats.greatest[place].as_ref()), self.data_type(column)?)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let known = self.is_partition(column) || self.place(column).is_some();
        known.then(|| Arc::new(UInt64Array::from(vec![0; self.files.len()])) as ArrayRef)
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.files.iter().map(|file| file.rows))))
    }

    // The values are only compared and never changed.
    #[allow(clippy::mutable_key_type)]
    fn contained(&self, column: &Column, values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        if self.is_partition(column) {
            let wanted: HashSet<i32> = values
                .iter()
                .map(|value| match value {
                    ScalarValue::Int32(Some(period)) => Some(*period),
                    _ => None,
                })
                .collect::<Option<_>>()?;
            return Some(
                self.files
                    .iter()
                    .map(|file| Some(file.partition.is_some_and(|number| wanted.contains(&number))))
                    .collect(),
            );
        }
        let place = self.place(column)?;
        let wanted = values.iter().map(stat_value).collect::<Option<HashSet<StatValue>>>()?;
        Some(
            self.files
                .iter()
                .map(|file| {
                    if let Some(constant) = file.stats.constant(place) {
                        return Some(wanted.contains(constant));
                    }
                    let (least, greatest) = (file.stats.least[place].as_ref()?, file.stats.greatest[place].as_ref()?);
                    let possible = wanted.iter().any(|value| least <= value && value <= greatest);
                    if possible { None } else { Some(false) }
                })
                .collect(),
        )
    }
}

fn stat_value(value: &ScalarValue) -> Option<StatValue> {
    match value {
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => {
            Some(StatValue::Text(text.clone()))
        }
        ScalarValue::Date32(Some(days)) => Some(StatValue::Day(*days)),
        ScalarValue::TimestampMicrosecond(Some(micros), _) => Some(StatValue::Instant(*micros)),
        ScalarValue::Int64(Some(number)) => Some(StatValue::Integer(*number)),
        _ => None,
    }
}
