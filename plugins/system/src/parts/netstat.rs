//! Statistics of the network protocols, from `/proc/net/netstat`, `/proc/net/snmp` and `/proc/net/snmp6`: those whose
//! names the configuration selects.

use regex_lite::Regex;
use vigie_plugin::{Families, Result};

use crate::text::{malformed, nothing, number};

/// The families of the text of `/proc/net/netstat` or `/proc/net/snmp`: a line of names, then a line of values, each with
/// the protocol before it.
pub(crate) fn paired(text: &str, wanted: &Regex, families: &mut Families) -> Result<()> {
    if text.trim().is_empty() {
        return Err(nothing("statistic"));
    }
    let mut lines = text.lines();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let (protocol, names) = names.split_once(':').ok_or_else(|| malformed(names, "`protocol:` was expected"))?;
        let (again, figures) = values.split_once(':').ok_or_else(|| malformed(values, "`protocol:` was expected"))?;
        let (names, figures) = (names.split_ascii_whitespace(), figures.split_ascii_whitespace());
        if protocol != again || names.clone().count() != figures.clone().count() {
            return Err(malformed(values, "it does not fit the line of names before it"));
        }
        for (name, figure) in names.zip(figures) {
            add(families, wanted, (protocol, name), figure, values)?;
        }
    }
    Ok(())
}

/// The families of the text of `/proc/net/snmp6`: one statistic a line, the protocol up to its 6.
pub(crate) fn single(text: &str, wanted: &Regex, families: &mut Families) -> Result<()> {
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(name), Some(figure)) = (fields.next(), fields.next()) else { continue };
        if let Some(six) = name.find('6') {
            add(families, wanted, name.split_at(six + 1), figure, line)?;
        }
    }
    Ok(())
}

fn add(families: &mut Families, wanted: &Regex, (protocol, name): (&str, &str), figure: &str, line: &str) -> Result<()> {
    let key = format!("{protocol}_{name}");
    if wanted.is_match(&key) {
        let help = format!("Statistic {protocol}{name}.");
        families.unknown(&format!("node_netstat_{key}"), &help).value(number(figure, line)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NETSTAT_FIELDS;

    const NETSTAT: &str = "\
TcpExt: SyncookiesSent ListenDrops TCPTimeouts TCPPureAcks
TcpExt: 1 2 3 4
IpExt: InOctets OutOctets InCsumErrors
IpExt: 100 200 9
";

    fn wanted() -> Regex {
        Regex::new(NETSTAT_FIELDS).unwrap()
    }

    #[test]
    fn a_line_of_names_and_a_line_of_values_make_statistics() {
        let mut families = Families::new();
        paired(NETSTAT, &wanted(), &mut families).unwrap();
        assert_eq!(families.find("node_netstat_TcpExt_SyncookiesSent", &[]), Some(1.0));
        assert_eq!(families.find("node_netstat_TcpExt_TCPTimeouts", &[]), Some(3.0));
        assert_eq!(families.find("node_netstat_IpExt_OutOctets", &[]), Some(200.0));
        assert_eq!(families.named("node_netstat_IpExt_InOctets").unwrap().help, "Statistic IpExtInOctets.");
        assert_eq!(families.find("node_netstat_TcpExt_TCPPureAcks", &[]), None, "not a default field");
    }

    #[test]
    fn a_value_may_be_negative() {
        let mut families = Families::new();
        paired("Tcp: MaxConn CurrEstab\nTcp: -1 4\n", &Regex::new(".*").unwrap(), &mut families).unwrap();
        assert_eq!(families.find("node_netstat_Tcp_MaxConn", &[]), Some(-1.0));
    }

    #[test]
    fn version_six_has_its_protocol_within_the_name() {
        let mut families = Families::new();
        single("Ip6InOctets \t 3332\nUdpLite6InErrors\t0\nUdp6InCsumErrors\t7\n", &wanted(), &mut families).unwrap();
        assert_eq!(families.find("node_netstat_Ip6_InOctets", &[]), Some(3332.0));
        assert_eq!(families.find("node_netstat_UdpLite6_InErrors", &[]), Some(0.0));
        assert_eq!(families.len(), 2);
    }

    #[test]
    fn values_that_do_not_fit_their_names_are_an_error() {
        for text in ["Tcp: A B\nTcp: 1\n", "Tcp: A\nUdp: 1\n"] {
            let message = paired(text, &wanted(), &mut Families::new()).unwrap_err().message;
            assert!(message.ends_with("it does not fit the line of names before it"), "{message}");
        }
    }
}
