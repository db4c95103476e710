//! What the parts of the lake need to know of a table's columns, worked out once.

use std::sync::{Arc, LazyLock};

use arrow::{
    compute::SortOptions,
    datatypes::{DataType, Field, FieldRef, Schema, SchemaRef},
};
use datafusion::{
    datasource::table_schema::TableSchema,
    physical_expr::{LexOrdering, PhysicalSortExpr, expressions::Column},
};

use crate::tables::Table;

/// The columns of one table in several views.
pub(crate) struct Layout {
    /// The columns that have statistics in the log: the scope, then what orders the rows. None of them is ever null.
    pub(crate) stats: Vec<&'static str>,
    /// Their types in the files.
    pub(crate) stat_types: Vec<DataType>,
    /// How many of them, at the front, are the scope.
    pub(crate) scope: usize,
    /// The columns in the files: all but the partition column.
    pub(crate) stored: SchemaRef,
    /// All columns as the engine reads them: text as views, which are sorted and compared without copies.
    pub(crate) read: SchemaRef,
    /// The same columns as the scan numbers them: those in the files, then the partition column.
    pub(crate) scan: TableSchema,
    /// The order of rows in every file, where it begins with time, so that files follow each other; none elsewhere.
    pub(crate) ordering: Option<LexOrdering>,
    lead: usize,
}

impl Table {
    /// The table's layout.
    pub(crate) fn layout(self) -> &'static Layout {
        static LAYOUTS: LazyLock<[Layout; Table::ALL.len()]> = LazyLock::new(|| Table::ALL.map(Layout::of));
        &LAYOUTS[self as usize]
    }
}

impl Layout {
    fn of(table: Table) -> Self {
        let schema = table.schema();
        let is_partition = |field: &FieldRef| Some(field.name().as_str()) == table.partition();
        let stored: Vec<FieldRef> = schema.fields().iter().filter(|field| !is_partition(field)).cloned().collect();
        let read: Vec<FieldRef> = schema.fields().iter().map(viewed).collect();
        let (partition, scanned): (Vec<FieldRef>, Vec<FieldRef>) = read.iter().cloned().partition(is_partition);
        let scan = TableSchema::builder(Arc::new(Schema::new(scanned))).with_table_partition_cols(partition).build();
        let stats: Vec<&str> = table.scope().iter().chain(table.sort()).copied().collect();
        let data_type = |name: &&str| schema.field_with_name(name).map_or(DataType::Null, |f| f.data_type().clone());
        let keys = table.sort().iter().map(|name| {
            let place = scan.table_schema().index_of(name).ok()?;
            let options = SortOptions { descending: false, nulls_first: false };
            Some(PhysicalSortExpr::new(Arc::new(Column::new(name, place)), options))
        });
        let is_time = |kind: &DataType| matches!(kind, DataType::Date32 | DataType::Timestamp(..));
        let lead = stats.iter().position(|name| is_time(&data_type(name))).unwrap_or(table.scope().len());
        let ordering = keys.collect::<Option<Vec<_>>>().and_then(LexOrdering::new);
        Self {
            ordering: ordering.filter(|_| lead == table.scope().len()),
            lead,
            stat_types: stats.iter().map(data_type).collect(),
            stats,
            scope: table.scope().len(),
            stored: Arc::new(Schema::new(stored)),
            read: Arc::new(Schema::new(read)),
            scan,
        }
    }

    /// Place of the day or instant that the rows are ordered by among the columns with statistics.
    pub(crate) fn lead(&self) -> usize {
        self.lead
    }

    /// Whether the rows are ordered by time before all else.
    pub(crate) fn is_led_by_time(&self) -> bool {
        self.lead == self.scope
    }

    /// Place of a column among those with statistics.
    pub(crate) fn stat(&self, name: &str) -> Option<usize> {
        self.stats.iter().position(|known| *known == name)
    }
}

fn viewed(field: &FieldRef) -> FieldRef {
    match field.data_type() {
        DataType::Utf8 => Arc::new(Field::new(field.name(), DataType::Utf8View, field.is_nullable())),
        _ => Arc::clone(field),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::ColumnType;

    #[test]
    fn every_table_can_be_laid_out() {
        for table in Table::ALL {
            assert_eq!(Table::ALL[table as usize], table);
            let layout = table.layout();
            let column = |name: &str| *table.columns().iter().find(|c| c.name == name).unwrap();
            assert!(layout.stats.iter().all(|name| !column(name).nullable), "{table}");
            assert!(table.scope().iter().all(|name| column(name).kind == ColumnType::Text), "{table}");
            let lead = column(layout.stats[layout.lead()]);
            assert!(matches!(lead.kind, ColumnType::Day | ColumnType::Instant), "{table}");
            assert!(table.sort().contains(&lead.name), "{table}");
            assert!(table.partition().is_none_or(|name| column(name).kind == ColumnType::Period), "{table}");
            assert!(table.distinct().iter().all(|name| layout.stored.index_of(name).is_ok()), "{table}");
            assert_eq!(layout.ordering.is_some(), table.sort()[0] == lead.name, "{table}");
            let mut names: Vec<_> = table.columns().iter().map(|c| c.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), table.columns().len(), "{table}");
        }
    }
}
