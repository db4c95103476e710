//! Files in the folder of exports that no export has: what a process that was killed left half written.

use meterlake_control::ControlError;
use uuid::Uuid;

use super::outlined;
use crate::state::ServerState;

/// Removes the files that no export has and none that is at work can still come to have.
///
/// # Errors
/// Only those of the control state; a file that cannot be removed is tried again next time.
pub(super) async fn remove(state: &ServerState) -> Result<(), ControlError> {
    let folder = &state.config().exports_dir;
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return Ok(()) };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let name = entry.file_name();
        let Some((name, id)) = name.to_str().and_then(|name| Some((name, job_of(name)?))) else { continue };
        let job = state.control().export_job(id).await?;
        if job.is_some_and(|job| job.status.is_unfinished() || job.file.as_deref() == Some(name)) {
            continue;
        }
        match tokio::fs::remove_file(entry.path()).await {
            Ok(()) => tracing::info!(file = name, "removed a file that no export has"),
            Err(error) => tracing::warn!(%error, file = name, "a file that no export has could not be removed"),
        }
    }
    Ok(())
}

/// The export that a file name tells, when it is a name of ours: `<id>.csv` or `<id>.outline`, or `<id>.<writer>.part`
/// until it is whole.
fn job_of(name: &str) -> Option<Uuid> {
    outlined::job_of(name).or_else(|| {
        let (id, rest) = name.split_once('.')?;
        let ours = rest == "csv" || rest.strip_suffix(".part").is_some_and(|writer| Uuid::try_parse(writer).is_ok());
        Uuid::try_parse(id).ok().filter(|_| ours)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let id = "5e5797d7-7ed4-4621-a440-725ade74efc5";
        for name in [format!("{id}.csv"), format!("{id}.outline"), format!("{id}.{id}.part")] {
            assert_eq!(job_of(&name), Uuid::try_parse(id).ok(), "{name}");
        }
        for name in [
            "",
            "notes.csv",
            "notes.outline",
            id,
            &format!("{id}.csv.gz"),
            &format!("{id}.part"),
            &format!("x.{id}.part"),
        ] {
            assert_eq!(job_of(name), None, "{name}");
        }
    }
}
