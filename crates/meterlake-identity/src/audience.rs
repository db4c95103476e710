//! The APIs that tokens are for.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::IdentityError;

/// The API that a token is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Audience {
    /// Azure AD B2C usage reports (`https://graph.windows.net`).
    B2c,
    /// Partner Center analytics and summaries (`https://api.partnercenter.microsoft.com`).
    PartnerCenter,
    /// C3 and Meterlake's own API (`api://meterlake`).
    Meterlake,
}

impl Audience {
    /// Every audience.
    pub const ALL: [Self; 3] = [Self::B2c, Self::PartnerCenter, Self::Meterlake];

    /// The name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::B2c => "b2c",
            Self::PartnerCenter => "partner-center",
            Self::Meterlake => "meterlake",
        }
    }

    /// The application role in tokens of applications (`roles`).
    pub(crate) const fn role(self) -> &'static str {
        match self {
            Self::B2c => "Directory.Read.All",
            Self::PartnerCenter | Self::Meterlake => "Reports.Read.All",
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Audience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|a| a.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("{text:?} is not an audience; expected {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// The names that stand for each audience in requests and tokens, the first of each in tokens that no request asked
/// for. A final slash makes no difference.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audiences {
    /// Names of [`Audience::B2c`].
    pub b2c: Vec<String>,
    /// Names of [`Audience::PartnerCenter`].
    pub partner_center: Vec<String>,
    /// Names of [`Audience::Meterlake`].
    pub meterlake: Vec<String>,
}

impl Default for Audiences {
    fn default() -> Self {
        Self {
            b2c: vec!["https://graph.windows.net".to_owned()],
            partner_center: vec!["https://api.partnercenter.microsoft.com".to_owned()],
            meterlake: vec!["api://meterlake".to_owned()],
        }
    }
}

impl Audiences {
    /// Refuses names that leave an audience without one, or stand for two.
    pub(crate) fn check(&self) -> Result<(), IdentityError> {
        let flaw = |audience: Audience, given: &str, expected| {
            Err(IdentityError::AudienceSetting { audience, given: given.to_owned(), expected })
        };
        for audience in Audience::ALL {
            let names = self.names(audience);
            if names.is_empty() {
                return flaw(audience, "", "at least one name");
            }
            for name in names {
                if bare(name).is_empty() || name.contains(char::is_whitespace) {
                    return flaw(audience, name, "a name such as https://usage.example.org, without blanks");
                }
                if self.find(name) != Some(audience) {
                    return flaw(audience, name, "a name that no other audience has");
                }
            }
        }
        Ok(())
    }

    /// The audience that a resource or `aud` names.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Audience> {
        Audience::ALL.into_iter().find(|a| self.names(*a).iter().any(|n| bare(n) == bare(name)))
    }

    /// The name that tokens of the audience carry unless the request spelt it otherwise.
    #[must_use]
    pub fn name(&self, audience: Audience) -> &str {
        self.names(audience).first().map_or(audience.as_str(), String::as_str)
    }

    fn names(&self, audience: Audience) -> &[String] {
        match audience {
            Audience::B2c => &self.b2c,
            Audience::PartnerCenter => &self.partner_center,
            Audience::Meterlake => &self.meterlake,
        }
    }
}

fn bare(name: &str) -> &str {
    name.strip_suffix('/').unwrap_or(name)
}
