//! Which addresses may be asked. Whoever writes a URI on a chain chooses where we connect to, so only addresses of the public internet are:
//! nothing of this machine, its network, or its host's metadata service. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far requests may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reach {
    /// Public addresses.
    #[default]
    Public,
    /// Public addresses and this machine's loopback: for a dev chain whose documents are served beside it.
    PublicAndLoopback,
}

impl Reach {
    /// Whether an address may be connected to.
    pub fn admits(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || (self == Reach::PublicAndLoopback && address.is_loopback())
    }
}

/// Whether an address is one of the public internet. What is not known to be, is not.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// IANA's special-purpose registry of IPv4 (RFC 6890 and its successors), multicast and the reserved class E.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        [0 | 10 | 127, ..] => true,
        // Carrier-grade NAT.
        [100, second, ..] => second & 0xc0 == 64,
        // Link-local, with the metadata services of clouds.
        [169, 254, ..] => true,
        [172, second, ..] => second & 0xf0 == 16,
        // Protocol assignments, documentation, 6to4 relays.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] => true,
        [192, 168, ..] => true,
        // Benchmarks between networks.
        [198, 18 | 19, ..] => true,
        [198, 51, 100, _] | [203, 0, 113, _] => true,
        [first, ..] => first >= 224,
    };
    !special
}

/// Of IPv6 only what is allocated for global unicast (2000::/3), and in it no addresses that stand for others, unless those are public.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let embedded = |high: u16, low: u16| is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        // NAT64 by the well-known prefix: the gateway connects to the IPv4 address within.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // 6to4.
        [0x2002, high, low, ..] => embedded(high, low),
        // Protocol assignments with Teredo and ORCHID; documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_asked() {
        for public in [
            "1.1.1.1",
            "93.184.216.34",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
        ] {
            assert!(Reach::Public.admits(public.parse().unwrap()), "{public}");
        }
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "127.9.9.9",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:a00:1::1",
            "2001::1",
            "2001:db8::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "100::1",
        ] {
            assert!(!Reach::Public.admits(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn loopback_is_a_setting_that_opens_nothing_else() {
        for loopback in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(Reach::PublicAndLoopback.admits(loopback.parse().unwrap()), "{loopback}");
        }
        for private in ["10.0.0.1", "169.254.169.254", "::ffff:192.168.0.1", "0.0.0.0", "::"] {
            assert!(!Reach::PublicAndLoopback.admits(private.parse().unwrap()), "{private}");
        }
    }
}
