//! Which addresses a granted name may lead to. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Anyone's.
    Public,
    /// Of a private network, or this machine itself: for names that the operator wrote, not for what a wildcard stands for.
    Internal(&'static str),
    /// Only for an operator who wrote the address itself.
    Special(&'static str),
}

const METADATA: &str = "an address of cloud metadata";
const LINK_LOCAL: &str = "a link-local address";
const UNSPECIFIED: &str = "an unspecified address";
const MULTICAST: &str = "a multicast address";
const RESERVED: &str = "a reserved address";
const LOOPBACK: &str = "this machine itself";
const PRIVATE: &str = "a private address";

/// Clouds' metadata that hides outside the link-local range.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// What an address is good for; an IPv6 address that carries an IPv4 address is that one.
pub(super) fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => carried(address).map_or_else(|| class_v6(address), class_v4),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        [169, 254, 169, 254] => Class::Special(METADATA),
        _ if METADATA_V4.contains(&address) => Class::Special(METADATA),
        [0, ..] => Class::Special(UNSPECIFIED),
        [169, 254, ..] => Class::Special(LINK_LOCAL),
        [224..=239, ..] => Class::Special(MULTICAST),
        [240..=255, ..] | [192, 0, 0, _] => Class::Special(RESERVED),
        [127, ..] => Class::Internal(LOOPBACK),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [198, 18..=19, ..] => Class::Internal(PRIVATE),
        _ => Class::Public,
    }
}

fn class_v6(address: Ipv6Addr) -> Class {
    match address.segments() {
        _ if METADATA_V6.contains(&address) => Class::Special(METADATA),
        _ if address.is_unspecified() => Class::Special(UNSPECIFIED),
        _ if address.is_loopback() => Class::Internal(LOOPBACK),
        [0xfe80..=0xfebf, ..] => Class::Special(LINK_LOCAL),
        [0xff00..=0xffff, ..] => Class::Special(MULTICAST),
        [0x2001, 0, ..] => Class::Special(RESERVED),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] => Class::Internal(PRIVATE),
        _ => Class::Public,
    }
}

/// The IPv4 address in a mapped, compatible, NAT64 or 6to4 address.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(v4(high, low))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_it_leads_to() {
        for (address, expected) in [
            ("8.8.8.8", Class::Public),
            ("2606:4700::1111", Class::Public),
            ("::ffff:8.8.8.8", Class::Public),
            ("127.0.0.53", Class::Internal(LOOPBACK)),
            ("::1", Class::Internal(LOOPBACK)),
            ("::ffff:127.0.0.1", Class::Internal(LOOPBACK)),
            ("::127.0.0.1", Class::Internal(LOOPBACK)),
            ("10.1.2.3", Class::Internal(PRIVATE)),
            ("172.31.0.1", Class::Internal(PRIVATE)),
            ("172.32.0.1", Class::Public),
            ("fd12::1", Class::Internal(PRIVATE)),
            ("169.254.169.254", Class::Special(METADATA)),
            ("::ffff:169.254.169.254", Class::Special(METADATA)),
            ("64:ff9b::169.254.169.254", Class::Special(METADATA)),
            ("2002:a9fe:a9fe::1", Class::Special(METADATA)),
            ("fd00:ec2::254", Class::Special(METADATA)),
            ("100.100.100.200", Class::Special(METADATA)),
            ("169.254.1.1", Class::Special(LINK_LOCAL)),
            ("fe80::1", Class::Special(LINK_LOCAL)),
            ("0.0.0.0", Class::Special(UNSPECIFIED)),
            ("::", Class::Special(UNSPECIFIED)),
            ("::ffff:0.0.0.0", Class::Special(UNSPECIFIED)),
            ("224.0.0.1", Class::Special(MULTICAST)),
            ("ff02::1", Class::Special(MULTICAST)),
            ("255.255.255.255", Class::Special(RESERVED)),
            ("2001:0:1::1", Class::Special(RESERVED)),
        ] {
            assert_eq!(class(address.parse().unwrap()), expected, "{address}");
        }
    }
}
