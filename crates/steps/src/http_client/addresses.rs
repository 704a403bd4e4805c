//! Which addresses steps may dial.
//!
//! Judged is the address that is dialled, never the name: names are judged after they are resolved, by the resolver of the
//! client itself, so that a name cannot change its address between the check and the dial. Private networks are open: that
//! is where the services of a cluster live. Closed is what only this machine and its link may reach, and the addresses at
//! which clouds hand out credentials.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The networks that steps may dial although they are closed.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    allowed: Arc<[IpNet]>,
}

/// A host all of whose addresses are closed to steps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.describe())]
pub(crate) struct ClosedAddress {
    host: String,
    addresses: Vec<IpAddr>,
}

impl ClosedAddress {
    fn describe(&self) -> String {
        let Self { host, addresses } = self;
        let listed: Vec<String> = addresses.iter().take(4).map(IpAddr::to_string).collect();
        let listed = listed.join(", ");
        let of = if listed == *host { listed } else { format!("{host} ({listed})") };
        let remedy = "allow it with --allow-http-to";
        format!("{of} is closed to steps: loopback, link-local and metadata addresses are; {remedy}")
    }
}

impl Addresses {
    pub(super) fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Whether steps may dial this address.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        !is_closed(address) || self.allowed.iter().any(|network| network.contains(&address))
    }

    /// Whether the URL's host is an address that steps may dial; a name is judged when it is resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), ClosedAddress> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        let closed = || ClosedAddress { host: address.to_string(), addresses: vec![address] };
        if self.permits(address) { Ok(()) } else { Err(closed()) }
    }

    /// The addresses of a host that steps may dial; an error when it has some and none of them is.
    fn pick(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, ClosedAddress> {
        let (open, closed): (Vec<_>, Vec<_>) = found.into_iter().partition(|address| self.permits(address.ip()));
        if open.is_empty() && !closed.is_empty() {
            let addresses = closed.iter().map(SocketAddr::ip).collect();
            return Err(ClosedAddress { host: host.to_owned(), addresses });
        }
        Ok(open)
    }
}

/// Whether an address is closed unless allowed.
fn is_closed(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_closed_v4(address),
        IpAddr::V6(address) => is_closed_v6(address),
    }
}

fn is_closed_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first == 0 // "this network", RFC 1122: Linux takes 0.0.0.0 for itself
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || METADATA_V4.contains(&address)
}

fn is_closed_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.is_unicast_link_local()
        || address.is_multicast()
        || METADATA_V6.contains(&address)
        || embedded(address).into_iter().flatten().any(is_closed_v4)
}

/// Metadata services that are not at a link-local address: Alibaba Cloud.
const METADATA_V4: [Ipv4Addr; 1] = [Ipv4Addr::new(100, 100, 100, 200)];
/// The same for IPv6: Amazon, Google.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// The IPv4 addresses that a packet to this IPv6 address may end up at.
fn embedded(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // IPv4-compatible, IPv4-mapped, IPv4-translated (RFC 4291, RFC 2765).
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => [v4(high, low), None],
        // NAT64: the well-known prefix (RFC 6052), and the local one (RFC 8215) in its usual length of 96.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] => [v4(high, low), None],
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => [v4(high, low), None],
        // Teredo (RFC 4380): the server, and the client with its bits flipped.
        [0x2001, 0, high, low, _, _, flipped_high, flipped_low] => [v4(high, low), v4(!flipped_high, !flipped_low)],
        // ISATAP (RFC 5214).
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => [v4(high, low), None],
        _ => [None, None],
    }
}

/// Resolves names and leaves only the addresses that steps may dial.
pub(super) struct OpenAddressResolver {
    pub(super) addresses: Addresses,
    pub(super) resolver: Arc<dyn Resolve>,
}

impl Resolve for OpenAddressResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.addresses.clone();
        let host = name.as_str().to_owned();
        let found = self.resolver.resolve(name);
        Box::pin(async move {
            let open = addresses.pick(&host, found.await?.collect())?;
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

impl fmt::Debug for OpenAddressResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAddressResolver").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// Resolves names as the operating system does.
#[derive(Debug)]
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(url: &str, allowed: &[&str]) -> bool {
        let addresses = Addresses::new(allowed.iter().map(|network| network.parse().unwrap()).collect());
        addresses.check(&url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))).is_ok()
    }

    /// Every way to write an address that must not be dialled.
    const CLOSED: &[&str] = &[
        "http://127.0.0.1/",
        "http://127.0.0.1:8080/",
        "http://127.1/",
        "http://127.0.1/",
        "http://127.255.255.254/",
        "http://127.0.0.1./",
        "http://2130706433/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://0177.1/",
        "http://0x7f000001/",
        "http://0x7F.0.0.1/",
        "http://0x7f.1/",
        "http://0x7f.0x0.0x0.0x1/",
        "http://00000177.0.0.0x1/",
        "http://127.0.0.1%2e/",
        "http://%31%32%37.0.0.1/",
        "http://127\u{3002}0\u{3002}0\u{3002}1/",
        "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
        "http://\u{2460}\u{2461}\u{2466}.0.0.1/",
        "http:127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http://user:word@127.0.0.1/",
        "http://example.com@127.0.0.1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://0.1.2.3/",
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.0.1/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://224.0.0.1/",
        "http://239.255.255.250:1900/",
        "http://255.255.255.255/",
        "http://100.100.100.200/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://[febf:ffff::1]/",
        "http://[ff02::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:0.0.0.0]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[2001:0:7f00:1::]/",
        "http://[2001:0:808:808::80ff:fffe]/",
        "http://[2001:db8::5efe:7f00:1]/",
        "http://[2001:db8::200:5efe:a9fe:a9fe]/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://[fd20:ce::254]/",
    ];

    #[test]
    fn every_form_of_a_closed_address_is_refused() {
        let open: Vec<&&str> = CLOSED.iter().filter(|url| verdict(url, &[])).collect();
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn other_addresses_are_open() {
        for url in [
            "http://10.0.0.1/",
            "http://192.168.1.1/",
            "http://172.16.0.1/",
            "http://100.64.0.1/",
            "http://240.0.0.1/",
            "http://8.8.8.8/",
            "http://168.254.1.1/",
            "http://128.0.0.1/",
            "http://[fd00::1]/",
            "http://[2606:4700::1111]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[64:ff9b::10.0.0.1]/",
            "http://[fec0::1]/",
            "http://collector.shop.svc/",
        ] {
            assert!(verdict(url, &[]), "{url}");
        }
    }

    #[test]
    fn what_is_allowed_is_open_in_its_usual_forms_and_no_further() {
        let allowed = ["127.0.0.0/8", "fe80::/10"];
        for url in ["http://127.0.0.1/", "http://2130706433/", "http://[::ffff:127.0.0.1]/", "http://[fe80::1]/"] {
            assert!(verdict(url, &allowed), "{url}");
        }
        for url in ["http://[::1]/", "http://169.254.169.254/", "http://0.0.0.0/", "http://[64:ff9b::127.0.0.1]/"] {
            assert!(!verdict(url, &allowed), "{url}");
        }
    }

    #[test]
    fn the_refusal_names_host_address_and_remedy() {
        let loopback = "127.0.0.1:0".parse().unwrap();
        let error = Addresses::new(Vec::new()).pick("localhost", vec![loopback]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "localhost (127.0.0.1) is closed to steps: loopback, link-local and metadata addresses are; allow it with --allow-http-to"
        );
    }

    #[test]
    fn only_the_open_addresses_of_a_host_are_dialled() {
        let [open, closed]: [SocketAddr; 2] = ["10.1.1.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
        assert_eq!(Addresses::new(Vec::new()).pick("mixed.example", vec![closed, open]).unwrap(), [open]);
    }
}
