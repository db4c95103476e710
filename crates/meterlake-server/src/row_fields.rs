//! The names of the fields of rows, for whoever prints an answer that has no row.

use meterlake_reports::AnalyticsField;

use crate::{analytics, b2c, c3, ea};

/// A report that answers with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsOf<'a> {
    /// EA usage details of `v1`, `v2` or `v3`.
    EaUsageDetails {
        /// The version, as in paths.
        version: &'a str,
    },
    /// Partner Center usage analytics.
    AzureUsage {
        /// The `groupby` parameter.
        group_by: Option<&'a str>,
    },
    /// A B2C usage report of this name.
    B2c(&'a str),
    /// C3 licence consumption.
    LicenceConsumption,
}

/// The fields of a row as JSON names them, in their order; none for a version, field or report that there is not.
#[must_use]
pub fn row_fields(rows: RowsOf<'_>) -> Option<Vec<&'static str>> {
    let names = |fields: Vec<meterlake_reports::WireField>| fields.into_iter().map(|field| field.name).collect();
    match rows {
        RowsOf::EaUsageDetails { version } => Some(names(ea::json_fields(version.parse().ok()?))),
        RowsOf::AzureUsage { group_by: None } => Some(names(analytics::fields(None))),
        RowsOf::AzureUsage { group_by: Some(list) } => {
            let mut grouped: Vec<AnalyticsField> = Vec::new();
            for name in list.split(',') {
                let field = name.trim().parse().ok()?;
                if !grouped.contains(&field) {
                    grouped.push(field);
                }
            }
            Some(names(analytics::fields(Some(&grouped))))
        }
        RowsOf::B2c(report) => b2c::row_fields(report).map(<[_]>::to_vec),
        RowsOf::LicenceConsumption => Some(c3::LICENCE_FIELDS.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_order_of_rows() {
        let ea = |version| row_fields(RowsOf::EaUsageDetails { version });
        assert_eq!(ea("v2").map(|fields| (fields.len(), fields[0], fields[20])), Some((33, "accountId", "cost")));
        assert_eq!((ea("v1").unwrap()[20], ea("v3").unwrap().len(), ea("v4")), ("extendedCost", 40, None));
        let usage = |group_by| row_fields(RowsOf::AzureUsage { group_by });
        assert_eq!(usage(None).map(|fields| (fields.len(), fields[13])), Some((14, "quantity")));
        assert_eq!(usage(Some("METERUNIT, usageDate,meterUnit")), Some(vec!["meterUnit", "usageDate", "Quantity"]));
        assert_eq!(usage(Some("nothing")), None);
        assert_eq!(
            row_fields(RowsOf::B2c("B2CMFAREQUESTCOUNTSUMMARY")),
            Some(vec!["Date", "MfaCount", "MfaTypeBreakDown"])
        );
        assert_eq!(row_fields(RowsOf::B2c("nothing")), None);
        assert_eq!(row_fields(RowsOf::LicenceConsumption).map(|fields| fields.len()), Some(7));
    }
}
