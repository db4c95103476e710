//! Options of `meterlake user`, `consent` and `principal redirect`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// List the users
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a user with a password
    Add {
        /// Name that the user signs in with; a name without @ may also be typed with a domain of the tenant behind it
        name: String,
        /// Tenant that the user belongs to: id or domain
        #[arg(long)]
        tenant: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Set a user's password; who signed in with the old one is signed out everywhere
    Password {
        /// Name or id of the user
        user: String,
        #[command(flatten)]
        password: PasswordSource,
        /// Take the password away: the user can no longer sign in
        #[arg(long, conflicts_with_all = ["password_stdin", "generate"])]
        remove: bool,
    },
    /// Sign a user out everywhere: sessions in browsers, refresh tokens and the access tokens that came of them
    SignOut {
        /// Name or id of the user
        user: String,
    },
    /// Remove a user with its password, grants and consents
    Remove {
        /// Name or id of the user
        user: String,
    },
}

/// Where a password comes from; asked for twice at the terminal by default.
#[derive(Debug, Args)]
pub(crate) struct PasswordSource {
    /// Read the password from the first line of standard input
    #[arg(long, conflicts_with = "generate")]
    pub(crate) password_stdin: bool,
    /// Make a random password and print it, once
    #[arg(long)]
    pub(crate) generate: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Consent {
    /// List what users let applications read in their name
    List {
        /// Name or id of the user
        user: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a user's consents to an application away, and end the tokens that it got by them
    Remove {
        /// Name or id of the user
        user: String,
        /// Name, id or client id of the application
        application: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Redirect {
    /// List the redirect URIs
    List {
        /// Name, id or client id of the application
        application: Option<String>,
    },
    /// Let answers of the sign-in pages be sent to an address: https, http on localhost (any port), or a scheme of the application's own
    Add {
        /// Name, id or client id of the application
        application: String,
        /// The address, exactly as the application names it
        uri: String,
    },
    /// Take an address away
    Remove {
        /// Name, id or client id of the application
        application: String,
        /// The address, as the list shows it
        uri: String,
    },
}
