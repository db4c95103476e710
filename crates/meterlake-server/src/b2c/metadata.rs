//! The description of the service as CSDL.

use std::fmt::Write as _;

use super::report::Report;

const NAMESPACE: &str = "Meterlake.Reports";

/// The whole document, made from the reports' own fields.
pub(super) fn document() -> String {
    let mut types = String::new();
    let mut imports = String::new();
    for report in Report::ALL {
        let name = report.name();
        let row = row_type(name);
        // Writing to a string cannot fail.
        let _ = write!(types, "<ComplexType Name=\"{row}\">");
        for field in report.fields() {
            let _ = write!(types, "<Property Name=\"{field}\" {} />", property_type(field));
        }
        let _ = write!(
            types,
            "</ComplexType><Function Name=\"{name}\"><ReturnType Type=\"Collection({NAMESPACE}.{row})\" \
             Nullable=\"false\" /></Function>"
        );
        let _ = write!(imports, "<FunctionImport Name=\"{name}\" Function=\"{NAMESPACE}.{name}\" />");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\"><edmx:DataServices>\
         <Schema Namespace=\"{NAMESPACE}\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">\
         <ComplexType Name=\"BreakDown\" OpenType=\"true\" />\
         <EntityType Name=\"Report\"><Key><PropertyRef Name=\"Name\" /></Key>\
         <Property Name=\"Name\" Type=\"Edm.String\" Nullable=\"false\" />\
         <Property Name=\"LicenseRequired\" Type=\"Edm.String\" Nullable=\"false\" /></EntityType>\
         {types}<EntityContainer Name=\"Container\">\
         <EntitySet Name=\"reports\" EntityType=\"{NAMESPACE}.Report\" />{imports}</EntityContainer>\
         </Schema></edmx:DataServices></edmx:Edmx>"
    )
}

/// `tenantUserCount` → `TenantUserCountRow`
fn row_type(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).chain("Row".chars()).collect()
}

fn property_type(field: &str) -> String {
    match field {
        "StartTimeStamp" | "EndTimeStamp" => "Type=\"Edm.DateTimeOffset\" Precision=\"6\"".to_owned(),
        "TimeStamp" | "Date" => "Type=\"Edm.DateTimeOffset\" Nullable=\"false\"".to_owned(),
        _ if field.ends_with("BreakDown") => format!("Type=\"{NAMESPACE}.BreakDown\" Nullable=\"false\""),
        _ => "Type=\"Edm.Int64\" Nullable=\"false\"".to_owned(),
    }
}
