//! The names under which the page answers. A page of a rebinding name reaches this port with a `Host` of its own.

/// What a browser may have in `Host`.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    own: [String; 2],
    /// In lower case, with a port or without.
    allowed: Vec<String>,
}

impl Hosts {
    /// Returns the loopback names with `port`, and what the user allows besides.
    pub(crate) fn new(port: u16, allowed: &[String]) -> Self {
        Hosts {
            own: [format!("127.0.0.1:{port}"), format!("localhost:{port}")],
            allowed: allowed.iter().map(|host| host.trim().to_ascii_lowercase()).collect(),
        }
    }

    /// Returns whether `host`, as in the header of that name, is one of the page. Loopback names need the page's port;
    /// an allowed name without a port goes with any.
    pub(crate) fn contain(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.own.contains(&host)
            || self.allowed.iter().any(|allowed| *allowed == host || *allowed == without_port(&host))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // An IPv6 address without a port ends with a bracket.
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_with_our_port_and_allowed_ones() {
        let hosts = Hosts::new(4320, &["Box.example".to_owned(), "tunnel:8443".to_owned()]);
        for host in [
            "127.0.0.1:4320",
            "localhost:4320",
            "LOCALHOST:4320",
            "box.example",
            "box.example:8080",
            "tunnel:8443",
        ] {
            assert!(hosts.contain(host), "{host}");
        }
        for host in [
            "",
            "127.0.0.1",
            "127.0.0.1:4321",
            "localhost",
            "localhost.:4320",
            "evil.example:4320",
            "tunnel",
            "tunnel:1",
            "box.example.evil",
            "127.0.0.1:4320@evil.example",
            "box.example:",
            "0.0.0.0:4320",
            "[::1]:4320",
        ] {
            assert!(!hosts.contain(host), "{host}");
        }
    }
}
