//! Names and forms of usage analytics, exactly as documented.

use meterlake_reports::{AnalyticsField, DayFormat, FieldKind, QUANTITY_COLUMN, WireField};

/// The fields of a row: all 13 and `quantity`; or, grouped, the named ones in the order of the request and `Quantity`.
pub(crate) fn fields(group_by: Option<&[AnalyticsField]>) -> Vec<WireField> {
    let field = |field: &AnalyticsField| WireField { name: field.name(), column: field.column(), kind: kind(*field) };
    let measure = if group_by.is_some() { "Quantity" } else { "quantity" };
    let mut fields: Vec<_> = group_by.unwrap_or(&AnalyticsField::ALL).iter().map(field).collect();
    fields.push(WireField { name: measure, column: QUANTITY_COLUMN, kind: FieldKind::Decimal });
    fields
}

fn kind(field: AnalyticsField) -> FieldKind {
    match field {
        AnalyticsField::UsageDate => FieldKind::Day(DayFormat::Midnight),
        _ if field.is_guid() => FieldKind::UpperText,
        _ => FieldKind::Text,
    }
}
