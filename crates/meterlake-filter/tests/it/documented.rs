//! Every filter that the documents and their known clients show.

use meterlake_filter::CompareOp::{Eq, Ge, Gt, Le, Lt};
use meterlake_filter::Expr;

use crate::catalogues::{METER_CATEGORY, USAGE_DATE, analytics, b2c, day, guid, instant, parsed, text};

#[test]
fn usage_analytics() {
    let catalogue = analytics();
    let category = text(METER_CATEGORY, Eq, "Data Management");
    assert_eq!(parsed("meterCategory eq 'Data Management'", &catalogue), category);
    let dates = Expr::And(vec![day(USAGE_DATE, Le, "2018-01-01"), day(USAGE_DATE, Le, "2018-04-01")]);
    for blank in ["", " "] {
        let filter = format!(
            "meterCategory eq 'Data Management' or (usageDate le cast('2018-01-01',{blank}Edm.DateTimeOffset) \
             and usageDate le cast('2018-04-01',{blank}Edm.DateTimeOffset))"
        );
        assert_eq!(parsed(&filter, &catalogue), Expr::Or(vec![category.clone(), dates.clone()]));
    }
}

#[test]
fn b2c_reports() {
    let catalogue = b2c();
    assert_eq!(parsed("TimeStamp gt 2016-10-15", &catalogue), day(0, Gt, "2016-10-15"));
    for (low, high) in [("2016-09-20", "2016-10-03"), ("2016-09-10", "2016-10-04")] {
        assert_eq!(
            parsed(&format!("TimeStamp gt {low} and TimeStamp lt {high}"), &catalogue),
            Expr::And(vec![day(0, Gt, low), day(0, Lt, high)])
        );
    }
    let application = "ada78934-a6da-4e69-b816-10de0d79db1d";
    for literal in
        [application.to_owned(), application.to_uppercase(), format!("'{application}'"), format!("guid'{application}'")]
    {
        assert_eq!(parsed(&format!("ApplicationId eq {literal}"), &catalogue), guid(1, Eq, application));
    }
    assert_eq!(
        parsed(&format!("ApplicationId eq {application} and TimeStamp ge datetime'2016-10-15T08:00:00'"), &catalogue),
        Expr::And(vec![guid(1, Eq, application), instant(0, Ge, "2016-10-15T08:00:00Z")])
    );
}

#[test]
fn us_style_with_blanks() {
    let catalogue = b2c();
    let expected = instant(0, Gt, "2018-11-15T14:16:19Z");
    // The third has lost its plus sign to URL decoding.
    for literal in ["11/15/2018 4:16:19 PM +02:00", "'11/15/2018 4:16:19 PM +02:00'", "11/15/2018 4:16:19 PM  02:00"] {
        assert_eq!(parsed(&format!("TimeStamp gt {literal}"), &catalogue), expected, "{literal}");
    }
    assert_eq!(
        parsed("TimeStamp gt 11/15/2018 12:00:00 AM and TimeStamp lt 11/16/2018", &catalogue),
        Expr::And(vec![instant(0, Gt, "2018-11-15T00:00:00Z"), day(0, Lt, "2018-11-16")])
    );
}
