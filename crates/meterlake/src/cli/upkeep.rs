//! Options of `meterlake maintain` and `meterlake check`.

use clap::Args;
use meterlake_lake::Table;

use crate::rows::RowFormat;

/// Options of `meterlake maintain`.
#[derive(Debug, Args)]
pub(crate) struct Maintain {
    /// Only tell what would be done, one by one, with the bytes that it is about
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only this table (repeatable) [default: all]
    #[arg(long = "table", value_name = "TABLE", value_parser = table)]
    pub(crate) tables: Vec<Table>,
    /// Days that replaced files stay [default: [maintenance] history_days of the settings, 400]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) history_days: Option<u32>,
    /// table, json, csv, xml or list
    #[arg(long, default_value = "table")]
    pub(crate) format: RowFormat,
    /// No progress bar
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Options of `meterlake check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Only names, sizes and footers of files and the records of imports, no rows
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only this table (repeatable) [default: all]
    #[arg(long = "table", value_name = "TABLE", value_parser = table)]
    pub(crate) tables: Vec<Table>,
    /// table, json, csv, xml or list
    #[arg(long, default_value = "table")]
    pub(crate) format: RowFormat,
    /// No progress bar
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// A table by its name.
pub(crate) fn table(text: &str) -> Result<Table, String> {
    let names = || Table::ALL.map(Table::name).join(", ");
    Table::ALL
        .into_iter()
        .find(|table| table.name().eq_ignore_ascii_case(text))
        .ok_or_else(|| format!("{text:?} is no table of the lake; expected one of {}", names()))
}
