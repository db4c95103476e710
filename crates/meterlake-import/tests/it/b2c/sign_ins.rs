//! Graph `signIn` records: of External ID tenants they count, of B2C tenants they are refused.

use meterlake_import::{B2cRequest, ImportError};
use meterlake_lake::Table;
use serde_json::{Value, json};

use super::world::{TENANT, WEB, World, committed, is_current, lines, tenant};

fn sign_in(id: &str, time: &str, code: i64, methods: &[(&str, bool)]) -> Value {
    let steps: Vec<Value> = methods
        .iter()
        .map(|(method, succeeded)| json!({ "authenticationMethod": method, "succeeded": succeeded }))
        .collect();
    json!({
        "id": id, "createdDateTime": time, "userDisplayName": "Ada", "userPrincipalName": "ada@example.com",
        "userId": "dddddddd-0000-4000-8000-000000000005", "appId": WEB, "appDisplayName": "Shop",
        "ipAddress": "127.0.0.1", "clientAppUsed": "Browser", "correlationId": "cccccccc-0000-4000-8000-000000000001",
        "resourceTenantId": TENANT, "status": { "errorCode": code, "failureReason": "Other." },
        "authenticationDetails": steps,
    })
}

fn sign_ins() -> Vec<Value> {
    vec![
        sign_in("s1", "2024-11-05T10:00:00Z", 0, &[("Password", true)]),
        sign_in(
            "s2",
            "2024-11-05T11:00:00Z",
            0,
            &[("Password", true), ("Text message", false), ("Text message", true)],
        ),
        sign_in("s3", "2024-11-06T10:00:00Z", 50_126, &[]),
        sign_in("s4", "2024-11-06T11:00:00Z", 500_121, &[("Phone call approval (Authentication phone)", false)]),
    ]
}

fn external(request: &mut B2cRequest) {
    request.external_id.insert(tenant());
}

#[tokio::test]
async fn they_count_for_an_external_id_tenant() {
    let world = World::new().await;
    let text = lines(&sign_ins());
    let file = world.file("sign-ins.json", &text);
    let record = committed(world.import_with(&[&file], external).await);
    assert_eq!((record.counts.read, record.counts.rejected, record.files[0].form.as_str()), (4, 0, "signIns (Graph)"));
    let (counts, covered) = world.daily().await;
    let expected = [
        (("2024-11-05", "SmsMfa"), (2, 1)),
        (("2024-11-05", "other"), (2, 2)),
        (("2024-11-06", "VoiceMfa"), (1, 0)),
        (("2024-11-06", "other"), (2, 0)),
    ];
    let expected = expected.map(|((day, what), count)| ((day.to_owned(), WEB.to_owned(), what.to_owned()), count));
    assert_eq!(counts, expected.into());
    assert_eq!(Vec::from_iter(covered), ["2024-11-05", "2024-11-06"]);
    // Nobody can be known by what is kept.
    for row in world.rows(Table::B2cEvents).await {
        assert_eq!(row["user_hash"].len(), 64);
        assert!(row.values().all(|value| !value.contains("dddddddd") && !value.contains("ada@")), "{row:?}");
    }
    // Once by id, as a page of Graph, too.
    let page = json!({ "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#auditLogs/signIns", "value": sign_ins() });
    let page = world.file("page.json", page.to_string());
    assert!(is_current(&world.import_with(&[&page], external).await));
}

#[tokio::test]
async fn they_are_refused_for_a_b2c_tenant() {
    let world = World::new().await;
    let file = world.file("sign-ins.json", lines(&sign_ins()));
    let error = world.import(&[&file]).await.unwrap_err();
    assert!(matches!(error, ImportError::Unrecognised { .. }), "{error}");
    let text = error.to_string();
    for part in ["sign-ins.json", "line 1", "cannot be tied to an application", "--kind external-id", TENANT] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    assert!(world.rows(Table::B2cDaily).await.is_empty());
}

#[tokio::test]
async fn what_they_lack_is_named() {
    let world = World::new().await;
    let mut without_code = sign_ins().remove(0);
    without_code["status"] = json!({});
    let file = world.file("bad.json", lines(&[without_code]));
    let error = world.import_with(&[&file], external).await.unwrap_err().to_string();
    assert!(error.contains("status.errorCode"), "{error}");
    let mut without_tenant = sign_ins().remove(0);
    without_tenant.as_object_mut().unwrap().remove("resourceTenantId");
    let file = world.file("whose.json", lines(&[without_tenant]));
    let error = world.import_with(&[&file], external).await.unwrap_err();
    assert!(matches!(error, ImportError::OptionNeeded { option: "--tenant", .. }), "{error}");
    let paths = [file.as_path()];
    let given = world.import_with(&paths, |request| {
        external(request);
        request.tenant = Some(tenant());
    });
    committed(given.await);
}
