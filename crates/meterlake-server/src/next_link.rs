//! Next links: sealed positions that pin a snapshot, belong to one principal and one request, and live 24 hours,
//! which is less than snapshots are kept.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use meterlake_identity::LinkSigner;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::parameters::Parameters;
use crate::refusal::{Malformed, Refusal};

/// The parameter that carries the sealed position.
pub(crate) const SKIP_TOKEN: &str = "skiptoken";
const LIFE: TimeDelta = TimeDelta::hours(24);
/// How long an answer with a link may be called unchanged: half of the link's life.
const FRESH_SECONDS: i64 = 12 * 60 * 60;
const EXPECTED: &str = "a next link of this server, unaltered, for the same request and the same caller";

/// Whose walk it is, through what.
#[derive(Debug, Clone)]
pub(crate) struct Walk<'a> {
    /// The family's name, so that links do not cross families.
    pub(crate) family: &'static str,
    /// The principal.
    pub(crate) principal: &'a str,
    /// The canonical path.
    pub(crate) path: &'a str,
    /// The parameters.
    pub(crate) parameters: &'a Parameters,
}

/// What a link carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position<K> {
    /// The snapshot that the whole walk reads.
    #[serde(rename = "s")]
    pub(crate) snapshot: u64,
    /// Where the next page starts.
    #[serde(rename = "k")]
    pub(crate) at: K,
}

#[derive(Serialize, Deserialize)]
struct Sealed<K> {
    /// Hash of family, principal and request.
    #[serde(rename = "w")]
    walk: String,
    /// Unix second of expiry.
    #[serde(rename = "x")]
    expires: i64,
    #[serde(flatten)]
    position: Position<K>,
}

impl Walk<'_> {
    fn hash(&self) -> String {
        let mut hash = Sha256::new();
        let fixed = [self.family, self.principal, self.path];
        for part in fixed.into_iter().chain(self.parameters.without_position().flat_map(|(name, value)| [name, value]))
        {
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        hex::encode(&hash.finalize()[..16])
    }

    /// The absolute link to the page at `position`.
    pub(crate) fn link<K: Serialize>(
        &self,
        signer: &LinkSigner,
        now: DateTime<Utc>,
        base_url: &str,
        position: Position<K>,
    ) -> Result<String, Refusal> {
        Ok(self.link_to(&self.token(signer, now, position)?, base_url))
    }

    /// The sealed position of a page.
    pub(crate) fn token<K: Serialize>(
        &self,
        signer: &LinkSigner,
        now: DateTime<Utc>,
        position: Position<K>,
    ) -> Result<String, Refusal> {
        let sealed = Sealed { walk: self.hash(), expires: (now + LIFE).timestamp(), position };
        let payload = serde_json::to_vec(&sealed).map_err(|error| Refusal::fault(&error))?;
        Ok(signer.seal(&payload))
    }

    /// The absolute link to the page of a sealed position.
    pub(crate) fn link_to(&self, token: &str, base_url: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.parameters.without_position());
        query.append_pair(SKIP_TOKEN, token);
        format!("{base_url}{}?{}", self.path, query.finish())
    }

    /// The position that the request's token seals; `None` on a walk's first page.
    pub(crate) fn position<K: DeserializeOwned>(
        &self,
        signer: &LinkSigner,
        now: DateTime<Utc>,
    ) -> Result<Option<Position<K>>, Refusal> {
        let Some(token) = self.parameters.get(SKIP_TOKEN) else { return Ok(None) };
        let foreign = || Refusal::from(Malformed::parameter(SKIP_TOKEN, token, EXPECTED));
        let payload = signer.open(token).ok_or_else(foreign)?;
        let sealed: Sealed<K> = serde_json::from_slice(&payload).map_err(|_| foreign())?;
        if sealed.walk != self.hash() {
            return Err(foreign());
        }
        if now.timestamp() >= sealed.expires {
            let at = DateTime::from_timestamp(sealed.expires, 0).unwrap_or(DateTime::UNIX_EPOCH);
            let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            let expected =
                format!("a next link that has not expired; this one expired at {at}, 24 hours after it was made");
            return Err(Malformed::parameter(SKIP_TOKEN, token, expected).into());
        }
        Ok(Some(sealed.position))
    }
}

/// What belongs into the entity tag of an answer that may carry a link: it changes often enough that a link which a 304
/// leaves with the client is good for another twelve hours.
pub(crate) fn freshness(now: DateTime<Utc>) -> String {
    now.timestamp().div_euclid(FRESH_SECONDS).to_string()
}

/// The refusal of a link whose snapshot is no longer kept.
pub(crate) fn snapshot_gone(snapshot: u64) -> Refusal {
    let expected = "a next link whose snapshot is still kept; start the walk again";
    Malformed::parameter(SKIP_TOKEN, &format!("snapshot {snapshot}"), expected).into()
}
