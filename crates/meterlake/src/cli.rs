//! The command line.

mod datasets;
mod people;
mod reports;
mod scopes;
mod security;
mod upkeep;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
pub(crate) use datasets::{DatasetOptions, ImportB2cEvents, ImportLicences, ImportUsers};
use meterlake_control::PrincipalKind;
use meterlake_identity::Audience;
use meterlake_import::{DateFormat, NumberFormat};
pub(crate) use people::{Consent, PasswordSource, Redirect, User};
pub(crate) use reports::{EstimateBill, Report};
pub(crate) use scopes::{Customer, CustomerSet, Enrolment, Key, Tenant};
pub(crate) use security::{Audit, ExternalOptions, SigningKey, TokenRevoke};
pub(crate) use upkeep::{Check, Maintain};

use meterlake_model::{
    BillingAccountId, BillingPeriod, CostBasis, CurrencyCode, CustomerTenantId, ImportId, InvoiceState,
};

/// Imports usage records and answers the reporting APIs that tools were written for.
#[derive(Debug, Parser)]
#[command(name = "meterlake", version, propagate_version = true)]
pub(crate) struct Cli {
    /// Folder that holds the lake, the control state and exports [default: ./meterlake-data, for demo ./meterlake-demo]
    #[arg(long, global = true, env = "METERLAKE_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Configuration file [default: meterlake.toml in the data folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Say more (twice: everything)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Whether the command runs with as little memory as can be: imports may be large, and have no second request beside them.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    pub(crate) fn keeps_little_memory(&self) -> bool {
        matches!(self.command, Command::Import(_))
    }

    /// Whether the command only looks, so that it needs a folder that is there.
    pub(crate) fn only_looks(&self) -> bool {
        matches!(
            self.command,
            Command::Imports(_)
                | Command::Report(_)
                | Command::Estimate(_)
                | Command::Customer(Customer::List { .. } | Customer::Remove { .. })
                | Command::Enrolment(Enrolment::List { .. })
                | Command::Key(Key::List { .. } | Key::Revoke { .. })
                | Command::Tenant(Tenant::List { .. })
                | Command::Principal(
                    Principal::List { .. } | Principal::Links { .. } | Principal::Redirect(Redirect::List { .. }),
                )
                | Command::User(User::List { .. })
                | Command::Consent(Consent::List { .. } | Consent::Remove { .. })
                | Command::Secret(Secret::List { .. } | Secret::Revoke { .. })
                | Command::Grant(Grant::List { .. })
                | Command::Token(_)
                | Command::SigningKey(SigningKey::List { .. })
                | Command::Audit(_)
                | Command::Maintain(_)
                | Command::Check(_)
        )
    }

    /// The log filter that the command line asks for.
    pub(crate) fn log_level(&self) -> &'static str {
        match self.verbose {
            0 => "warn",
            1 => "info,meterlake=debug",
            _ => "debug",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Import source files into the lake
    #[command(subcommand)]
    Import(Import),
    /// List the imports, or show one
    Imports(Imports),
    /// Print a report of any of the five families, from the data folder or a server
    Report(Box<Report>),
    /// Estimate the bill of a B2C tenant from a price file
    Estimate(EstimateBill),
    /// Answer the reporting APIs
    Serve(Serve),
    /// Make a demo lake from generated source files and serve it
    Demo(Demo),
    /// Customers of a CSP partner
    #[command(subcommand)]
    Customer(Customer),
    /// EA enrolments and the billing accounts they answer for
    #[command(subcommand, alias = "enrollment")]
    Enrolment(Enrolment),
    /// API keys of an enrolment
    #[command(subcommand)]
    Key(Key),
    /// Tenants that tokens are issued for
    #[command(subcommand)]
    Tenant(Tenant),
    /// Applications and users that may call
    #[command(subcommand)]
    Principal(Principal),
    /// Users and their passwords
    #[command(subcommand)]
    User(User),
    /// What users let applications read in their name
    #[command(subcommand)]
    Consent(Consent),
    /// Secrets of applications
    #[command(subcommand)]
    Secret(Secret),
    /// What principals may read
    #[command(subcommand)]
    Grant(Grant),
    /// Make access tokens, and revoke them
    #[command(subcommand)]
    Token(Token),
    /// Keys that sign tokens
    #[command(subcommand)]
    SigningKey(SigningKey),
    /// Who made or changed tokens, keys, secrets, grants and the like, when, and from where
    Audit(Audit),
    /// Keep the lake in order: merge small files, write checkpoints, delete what the history no longer needs
    Maintain(Maintain),
    /// Verify the lake: files, rows, provenance and totals; prints what is wrong
    Check(Check),
    /// Print the settings with their defaults and meanings
    Config,
    /// Print the OpenAPI document of the server's calls
    Openapi {
        /// Where the server is: scheme and authority, for example https://usage.example.org
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
        base_url: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Cost and usage files: Azure cost exports, EA usage details, rated usage, utilizations, FOCUS
    Charges(ImportCharges),
    /// Sign-in audit records of B2C tenants: Graph directoryAudits, Log Analytics AuditLogs
    B2cEvents(ImportB2cEvents),
    /// Snapshots of the users of B2C tenants: Graph users with identities
    Users(ImportUsers),
    /// Snapshots of customers' licences: Graph and Partner Center subscribedSkus and subscriptions, product names
    #[command(alias = "licenses")]
    Licences(ImportLicences),
}

/// Options of `meterlake import charges`.
#[derive(Debug, Args)]
pub(crate) struct ImportCharges {
    /// Files of one run (CSV, gzip or zip of it, Parquet, JSON, JSON lines), or the folder of a cost export with its manifest.json
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Cost that the files hold: actual, amortized or both, where they do not prove it themselves
    #[arg(long)]
    pub(crate) basis: Option<CostBasis>,
    /// Billing account (EA enrolment number, MCA account, partner id) of files that do not name it
    #[arg(long, value_name = "ID")]
    pub(crate) billing_account: Option<BillingAccountId>,
    /// Billing period (yyyyMM) of files that do not name it [default: the month of each day]
    #[arg(long, value_name = "YYYYMM")]
    pub(crate) period: Option<BillingPeriod>,
    /// Currency (for example EUR) of files that do not name it
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: Option<CurrencyCode>,
    /// Customer (tenant id) of files that do not name it
    #[arg(long, value_name = "GUID")]
    pub(crate) customer: Option<CustomerTenantId>,
    /// Subscription of utilization records
    #[arg(long, value_name = "ID")]
    pub(crate) subscription: Option<String>,
    /// Whether rated usage is billed or unbilled, where the rows do not tell
    #[arg(long, value_name = "STATE")]
    pub(crate) invoice_state: Option<InvoiceState>,
    /// Order of dates that the files leave open: mdy, dmy or iso
    #[arg(long, value_name = "ORDER")]
    pub(crate) date_format: Option<DateFormat>,
    /// Decimal mark that the files leave open: point or comma
    #[arg(long, value_name = "MARK")]
    pub(crate) number_format: Option<NumberFormat>,
    /// Narrower part that the files cover, for example days=2024-11-15..2024-11-30 or currency=EUR (repeatable)
    #[arg(long, value_name = "PART")]
    pub(crate) scope: Vec<String>,
    /// Replace what the lake holds even where the files lack a subscription, currency or day of it
    #[arg(long)]
    pub(crate) replace: bool,
    /// Import a superseded file or an older run
    #[arg(long)]
    pub(crate) force: bool,
    /// Take the good rows and keep the rejects, at most N of them where given
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "18446744073709551615")]
    pub(crate) allow_rejects: Option<u64>,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress bar
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Options of `meterlake imports`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Imports {
    #[command(subcommand)]
    pub(crate) command: Option<ImportsCommand>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportsCommand {
    /// Everything about one import
    Show {
        /// Its id
        id: ImportId,
        /// Print the record as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Options of `meterlake serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to listen on [default: from the configuration, 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Serve HTTPS with this certificate and those of its issuers, as PEM [default: from the configuration, none]
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The certificate's private key, as PEM [default: from the configuration]
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
}

/// Options of `meterlake demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Address to listen on [default: from the configuration, 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Serve HTTPS with a certificate of a certificate authority that the demo makes for itself
    #[arg(long)]
    pub(crate) tls: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Principal {
    /// List the principals
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add an application or a user
    Add {
        /// application or user
        kind: PrincipalKind,
        /// Name that commands know it by
        name: String,
        /// Tenant that it belongs to: id or domain
        #[arg(long)]
        tenant: String,
        /// An application without a secret: a program on a person's machine
        #[arg(long)]
        public: bool,
        /// Address that answers of the sign-in pages may be sent to (repeatable)
        #[arg(long = "redirect-uri", value_name = "URI")]
        redirect_uris: Vec<String>,
    },
    /// Make an application public (without a secret) or confidential (with one)
    Set {
        /// Its name or id
        principal: String,
        /// Whether it is public
        #[arg(long, action = clap::ArgAction::Set)]
        public: bool,
    },
    /// Where answers of the sign-in pages may be sent
    #[command(subcommand)]
    Redirect(Redirect),
    /// Stop a principal from calling
    Disable {
        /// Its name or id
        principal: String,
    },
    /// Let a disabled principal call again
    Enable {
        /// Its name or id
        principal: String,
    },
    /// End the lock-out that too many wrong secrets or passwords brought
    Unlock {
        /// Its name or id
        principal: String,
    },
    /// Let the tokens of another party's issuer stand for a principal
    Link {
        /// Its name or id
        principal: String,
        #[command(flatten)]
        external: ExternalOptions,
    },
    /// Take such a link away
    Unlink {
        #[command(flatten)]
        external: ExternalOptions,
    },
    /// List such links
    Links {
        /// Name or id of the principal [default: all]
        principal: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Secret {
    /// Make a client secret and print it, once
    Create {
        /// Name or id of the application
        principal: String,
        /// Days until it expires
        #[arg(long, default_value_t = 365)]
        days: u32,
    },
    /// List secrets (never their text)
    List {
        /// Name or id of the application
        principal: String,
    },
    /// End a secret
    Revoke {
        /// Its id
        id: uuid::Uuid,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Grant {
    /// List grants
    List {
        /// Name or id of the principal
        principal: Option<String>,
    },
    /// Let a principal read: customers (all), customer:<tenant id>, tenants (all), tenant:<id or domain>
    Add {
        /// Name or id of the principal
        principal: String,
        /// What it may read
        target: String,
    },
    /// Take a grant away
    Remove {
        /// Name or id of the principal
        principal: String,
        /// What it may no longer read
        target: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Print an access token of a user
    User(TokenRequest),
    /// Print an access token of an application
    Application(TokenRequest),
    /// End a token, or all tokens of a principal, before their time
    Revoke(TokenRevoke),
}

#[derive(Debug, Args)]
pub(crate) struct TokenRequest {
    /// Name or id of the principal
    pub(crate) principal: String,
    /// API that the token is for: partner-center, b2c or meterlake
    #[arg(long, default_value = "partner-center")]
    pub(crate) audience: Audience,
    /// Life in minutes
    #[arg(long, default_value_t = 60)]
    pub(crate) minutes: u32,
}
