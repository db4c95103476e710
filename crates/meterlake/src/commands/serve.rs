//! `meterlake serve`

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use meterlake_identity::Identity;
use meterlake_import::recovery_text;
use meterlake_lake::Lake;
use meterlake_reports::{MfaCounts, Reports, ReportsConfig};
use meterlake_server::{
    B2cConfig, ConnectionLimits, EaConfig, FamilyConfig, ServerConfig, ServerState, ServerTls, TlsFiles,
};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::principals::open_identity;
use crate::cli::Serve;
use crate::config::MfaCounting;
use crate::data_folder::DataFolder;
use crate::journal::Journal;
use crate::{output, schedule};

pub(crate) async fn run(folder: &DataFolder, options: Serve) -> anyhow::Result<()> {
    let listener = listen(folder, options.listen.as_deref()).await?;
    let tls = configured_tls(folder, options.tls_certificate, options.tls_key).await?;
    let lake = folder.lake().await?;
    let state = state_over(folder, lake.clone(), |identity, _| Ok(identity)).await?;
    schedule::start(folder, lake)?;
    if let Some(tls) = &tls {
        reload_on_hangup(tls.clone())?;
    }
    output::line(&format!("listening on {}", base(&listener, tls.is_some())?))?;
    meterlake_server::serve(listener, state, tls, stopped()).await?;
    Ok(())
}

/// The certificate that the options or the settings name, if any.
pub(crate) async fn configured_tls(
    folder: &DataFolder,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> anyhow::Result<Option<ServerTls>> {
    let set = |file: &str| (!file.is_empty()).then(|| folder.dir.join(file));
    let settings = &folder.config.tls;
    let files = match (certificate.or_else(|| set(&settings.certificate)), key.or_else(|| set(&settings.key))) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => TlsFiles { certificate, key },
        (Some(certificate), None) => bail!(
            "TLS needs the private key of the certificate {}; name it with [tls] key or --tls-key",
            certificate.display()
        ),
        (None, Some(key)) => bail!(
            "TLS needs the certificate of the private key {}; name it with [tls] certificate or --tls-certificate",
            key.display()
        ),
    };
    let tls = ServerTls::load(files, Arc::clone(&folder.clock)).await.context("TLS cannot be switched on")?;
    Ok(Some(tls))
}

/// Takes up what the certificate's files hold each time that the process is told to (SIGHUP), from now on.
pub(crate) fn reload_on_hangup(tls: ServerTls) -> anyhow::Result<()> {
    // Asked for before anything is served: until then the signal ends the process.
    let mut hangups = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            // Said in the log.
            let _ = tls.reload().await;
        }
    });
    Ok(())
}

/// Binds the address before anything slow, so that a taken port is said at once.
pub(crate) async fn listen(folder: &DataFolder, address: Option<&str>) -> anyhow::Result<TcpListener> {
    let address = address.unwrap_or(&folder.config.listen);
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; give another address with --listen"))
}

/// The base of the addresses that reach the listener from this machine.
pub(crate) fn base(listener: &TcpListener, tls: bool) -> anyhow::Result<String> {
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let scheme = if tls { "https" } else { "http" };
    Ok(format!("{scheme}://{address}"))
}

/// Opens everything that answers are made from, after settling what interrupted imports left, and after a change of the
/// server's settings or of who it knows.
pub(crate) async fn state_with(
    folder: &DataFolder,
    change: impl FnOnce(Identity, &mut ServerConfig) -> anyhow::Result<Identity>,
) -> anyhow::Result<ServerState> {
    state_over(folder, folder.lake().await?, change).await
}

/// The same over a lake that is open already.
pub(crate) async fn state_over(
    folder: &DataFolder,
    lake: Lake,
    change: impl FnOnce(Identity, &mut ServerConfig) -> anyhow::Result<Identity>,
) -> anyhow::Result<ServerState> {
    let control = folder.control().await?;
    let settled = folder.recover(&lake, &Journal::new(control.clone())).await?;
    let settled = recovery_text(&settled);
    if !settled.is_empty() {
        eprintln!("{}", settled.trim_end());
    }
    let identity = open_identity(folder, &control.coming_from("server")).await?;
    let mut config = server_config(folder)?;
    let identity = change(identity, &mut config)?;
    let reports = Reports::new(lake, &reports_config(folder))?;
    Ok(ServerState::new(reports, identity, control, Arc::clone(&folder.clock), config))
}

pub(crate) fn reports_config(folder: &DataFolder) -> ReportsConfig {
    let query = &folder.config.query;
    let mut config = ReportsConfig {
        memory_limit: query.memory_mib.saturating_mul(1 << 20),
        kept_bytes: query.kept_mib.saturating_mul(1 << 20),
        spill_dir: Some(folder.staging()),
        rollup: query.rollup,
        ..ReportsConfig::default()
    };
    if query.threads > 0 {
        config.threads = query.threads;
    }
    config
}

fn server_config(folder: &DataFolder) -> anyhow::Result<ServerConfig> {
    let config = &folder.config;
    Ok(ServerConfig {
        base_url: (!config.base_url.is_empty()).then(|| config.base_url.trim_end_matches('/').to_owned()),
        trust_forwarded: config.trust_forwarded,
        ea: EaConfig { usage_only: config.ea.usage_only, bom: config.ea.bom },
        analytics: FamilyConfig { bom: config.analytics.bom },
        summary: FamilyConfig { bom: config.summary.bom },
        rate_limit_per_minute: config.limits.requests_per_minute,
        wrong_keys_per_minute: config.limits.wrong_keys_per_minute,
        sign_ins_per_minute: config.limits.sign_ins_per_minute,
        running_exports: config.limits.running_exports as usize,
        b2c: B2cConfig { mfa_counts: mfa_counts(folder), bom: config.b2c.bom },
        c3: FamilyConfig { bom: config.c3.bom },
        prices: folder.prices()?,
        connections: connection_limits(folder),
        ..ServerConfig::new(folder.exports())
    })
}

fn connection_limits(folder: &DataFolder) -> ConnectionLimits {
    let settings = &folder.config.connections;
    let seconds = |setting: NonZeroU32| Duration::from_secs(u64::from(setting.get()));
    let number = |setting: NonZeroU32| usize::try_from(setting.get()).unwrap_or(usize::MAX);
    ConnectionLimits {
        at_once: number(settings.at_once),
        handshake: seconds(settings.handshake_seconds),
        request_head: seconds(settings.request_head_seconds),
        request_body: seconds(settings.request_body_seconds),
        largest_body: number(settings.request_body_kib).saturating_mul(1024),
        idle: seconds(settings.idle_seconds),
        stalled: seconds(settings.stalled_seconds),
    }
}

/// Which MFA requests count, by the settings.
pub(crate) fn mfa_counts(folder: &DataFolder) -> MfaCounts {
    match folder.config.b2c.mfa_counts {
        MfaCounting::Attempts => MfaCounts::Attempts,
        MfaCounting::Completed => MfaCounts::Completed,
    }
}

/// Ends when the process is asked to stop.
pub(crate) async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(_) => {
            let _ = interrupt.await;
            return;
        }
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}
