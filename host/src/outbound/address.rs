//! Which addresses lie outside. Everything that is not plainly a public unicast address is refused, with the reason.
//!
//! Sources: IANA's special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates). Addresses that
//! carry an IPv4 address (mapped, NAT64) are judged by it; 6to4 and Teredo, which nobody needs any more, are refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why a guest may not reach an address that its policy does not name, or `None` when it is a public one.
pub(super) fn inside(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => inside_v4(address),
        IpAddr::V6(address) => inside_v6(address),
    }
}

fn inside_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "unspecified, \"this network\" (0.0.0.0/8)",
        [10, ..] | [192, 168, ..] => "private (RFC 1918)",
        [172, b, ..] if b & 0xf0 == 16 => "private (RFC 1918)",
        [100, b, ..] if b & 0xc0 == 64 => "shared by carriers (100.64.0.0/10)",
        [127, ..] => "loopback",
        [169, 254, ..] => "link-local, where clouds serve credentials (169.254.0.0/16)",
        [192, 0, 0, _] => "reserved for protocols (192.0.0.0/24)",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "documentation",
        [192, 88, 99, _] => "6to4 relay (192.88.99.0/24)",
        [198, b, ..] if b & 0xfe == 18 => "benchmarking (198.18.0.0/15)",
        [224..=239, ..] => "multicast",
        [240..=255, ..] => "reserved or broadcast (240.0.0.0/4)",
        _ => return None,
    })
}

fn inside_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let embedded = || {
        let [.., a, b, c, d] = address.octets();
        Ipv4Addr::new(a, b, c, d)
    };
    Some(match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        [0, 0, 0, 0, 0, 0xffff, ..] => return inside_v4(embedded()),
        // A network without IPv4 reaches public IPv4 this way.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => return inside_v4(embedded()),
        [0x64, 0xff9b, 1, ..] => "local NAT64 (64:ff9b:1::/48)",
        [a, ..] if a & 0xfe00 == 0xfc00 => "unique local (fc00::/7)",
        [a, ..] if a & 0xffc0 == 0xfe80 => "link-local (fe80::/10)",
        [a, ..] if a & 0xff00 == 0xff00 => "multicast",
        // Only 2000::/3 is global unicast; the rest is unassigned, deprecated or special.
        [a, ..] if a & 0xe000 != 0x2000 => "not global unicast",
        [0x2001, b, ..] if b < 0x0200 => "reserved for protocols, Teredo among them (2001::/23)",
        [0x2001, 0x0db8, ..] => "documentation",
        [0x2002, ..] => "6to4 (2002::/16)",
        [a, b, ..] if a == 0x3fff && b < 0x1000 => "documentation",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(address: &str) -> Option<&'static str> {
        inside(address.parse().unwrap())
    }

    /// First and last address of every refused range, and the neighbours that are public.
    #[test]
    fn case_35_private_ranges_are_inside_to_their_edges() {
        for (range, part) in [
            (["0.0.0.0", "0.255.255.255"], "unspecified"),
            (["10.0.0.0", "10.255.255.255"], "private"),
            (["100.64.0.0", "100.127.255.255"], "carriers"),
            (["127.0.0.1", "127.255.255.255"], "loopback"),
            (["169.254.0.0", "169.254.169.254"], "link-local"),
            (["172.16.0.0", "172.31.255.255"], "private"),
            (["192.0.0.0", "192.0.0.255"], "protocols"),
            (["192.0.2.0", "192.0.2.255"], "documentation"),
            (["192.88.99.0", "192.88.99.255"], "6to4"),
            (["192.168.0.0", "192.168.255.255"], "private"),
            (["198.18.0.0", "198.19.255.255"], "benchmarking"),
            (["198.51.100.0", "198.51.100.255"], "documentation"),
            (["203.0.113.0", "203.0.113.255"], "documentation"),
            (["224.0.0.0", "239.255.255.255"], "multicast"),
            (["240.0.0.0", "255.255.255.255"], "reserved"),
            (["::", "::"], "unspecified"),
            (["::1", "::1"], "loopback"),
            (["::2", "::7f00:1"], "not global"),
            (["100::", "1fff:ffff::"], "not global"),
            (["2001::", "2001:1ff:ffff::"], "protocols"),
            (["2001:db8::", "2001:db8:ffff::"], "documentation"),
            (["2002::", "2002:ffff:ffff::"], "6to4"),
            (["3fff::", "3fff:fff:ffff::"], "documentation"),
            (["4000::", "fbff:ffff::"], "not global"),
            (["fc00::", "fdff:ffff::"], "unique local"),
            (["fe80::", "febf:ffff::"], "link-local"),
            (["fec0::", "feff:ffff::"], "not global"),
            (["ff00::", "ffff:ffff::"], "multicast"),
        ] {
            for address in range {
                assert!(why(address).is_some_and(|why| why.contains(part)), "{address}: {:?}", why(address));
            }
        }
        for public in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.112.255",
            "223.255.255.255",
            "8.8.8.8",
            "2000::",
            "2001:200::",
            "2001:4860:4860::8888",
            "2001:db7::",
            "2001:db9::",
            "2003::",
            "2606:4700:4700::1111",
            "3ffe::",
            "3fff:1000::",
        ] {
            assert_eq!(why(public), None, "{public}");
        }
    }

    /// An IPv4 address in IPv6 clothes is judged by the IPv4 address.
    #[test]
    fn case_36_mapped_nat64_and_6to4_do_not_hide_an_address() {
        for address in [
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::7f00:1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::808:808",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001:0:7f00:1::",
            "::10.0.0.1",
            "::169.254.169.254",
        ] {
            assert!(why(address).is_some(), "{address}");
        }
        for address in ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8"] {
            assert_eq!(why(address), None, "{address}");
        }
    }

    /// The standard library knows most ranges too: whatever it calls special, we must refuse.
    #[test]
    fn refuses_all_that_the_standard_library_calls_special() {
        for n in 0..=u32::from(u16::MAX) {
            let address = Ipv4Addr::from(n << 16 | 0x0101);
            if address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
            {
                assert!(inside(address.into()).is_some(), "{address}");
            }
            let address = Ipv6Addr::new(n as u16, 0, 0, 0, 0, 0, 0, 9);
            if address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast() {
                assert!(inside(address.into()).is_some(), "{address}");
            }
        }
    }
}
