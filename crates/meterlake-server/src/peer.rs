//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};

use crate::ServerConfig;

/// The address of the peer, without its port; behind a proxy that is trusted, the one that the proxy names. None
/// when no listener told it.
pub(crate) fn peer(config: &ServerConfig, request: &Request) -> Option<IpAddr> {
    // The last entry is the proxy's own; whatever stands before it the client may have made up.
    let forwarded = request.headers().get_all("x-forwarded-for").iter().next_back();
    let forwarded = forwarded
        .filter(|_| config.trust_forwarded)
        .and_then(|value| value.to_str().ok()?.rsplit(',').next())
        .and_then(address);
    let connected = || request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    forwarded.or_else(connected).map(|ip| ip.to_canonical())
}

/// An address as proxies write it: with or without a port, IPv6 in brackets or not.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn peers() {
        let mut config = ServerConfig::new("x");
        let request = |forwarded: &[&str], connected: Option<&str>| {
            let mut request = Request::new(Body::empty());
            for value in forwarded {
                request.headers_mut().append("x-forwarded-for", value.parse().unwrap());
            }
            if let Some(address) = connected {
                request.extensions_mut().insert(ConnectInfo(address.parse::<SocketAddr>().unwrap()));
            }
            request
        };
        let told = |config: &ServerConfig, request: &Request| peer(config, request).map(|ip| ip.to_string());
        assert_eq!(told(&config, &request(&[], None)), None);
        assert_eq!(told(&config, &request(&["10.0.0.9"], Some("192.0.2.1:4000"))).unwrap(), "192.0.2.1");
        assert_eq!(told(&config, &request(&[], Some("[::ffff:192.0.2.1]:4000"))).unwrap(), "192.0.2.1");
        config.trust_forwarded = true;
        for (forwarded, expected) in [
            (&["203.0.113.7, 10.0.0.9"][..], "10.0.0.9"),
            (&["203.0.113.7", "10.0.0.9:80"], "10.0.0.9"),
            (&["[2001:db8::1]:80"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["nonsense"], "192.0.2.1"),
            (&[], "192.0.2.1"),
        ] {
            let peer = told(&config, &request(forwarded, Some("192.0.2.1:4000")));
            assert_eq!(peer.as_deref(), Some(expected), "{forwarded:?}");
        }
    }
}
