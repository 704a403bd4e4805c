//! Whether two URLs name the same repository.
//!
//! An Argo CD Application may say `git@git.example:shop/gitops.git` where the host's API says
//! `https://git.example/shop/gitops`. Credentials are never kept.

use url::Url;

/// A repository's place: host in lower case, a port that is not its scheme's default, and the path.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    host: String,
    http_port: Option<u16>,
    path: String,
}

/// Whether both URLs name the same repository on the same host.
///
/// Scheme, SSH's user and port, credentials, case of the host, a trailing `/` and `.git` make no difference; a port of an
/// `http` URL does where both have one. Paths are compared without regard to case, as the hosts do. A text that is no
/// URL of a repository equals nothing, not even itself.
pub fn same_repository(a: &str, b: &str) -> bool {
    match (place(a), place(b)) {
        (Some(a), Some(b)) => {
            let ports_agree = match (a.http_port, b.http_port) {
                (Some(x), Some(y)) => x == y,
                _ => true,
            };
            a.host == b.host && a.path == b.path && ports_agree
        }
        _ => false,
    }
}

/// The URL without its userinfo, query and fragment; a text that is no URL with a host is not shown at all.
pub fn without_credentials(url: &str) -> String {
    const HIDDEN: &str = "(no valid URL)";
    let Ok(mut url) = Url::parse(url.trim()) else {
        return HIDDEN.into();
    };
    if !url.has_host() || url.set_username("").is_err() || url.set_password(None).is_err() {
        return HIDDEN.into();
    }
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

fn place(text: &str) -> Option<Place> {
    let text = text.trim();
    if !text.contains("://") {
        return scp_like(text);
    }
    let url = Url::parse(text).ok()?;
    let is_http = matches!(url.scheme(), "http" | "https");
    if !is_http && !matches!(url.scheme(), "ssh" | "git" | "git+ssh" | "file") {
        return None;
    }
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    if host.is_empty() && url.scheme() != "file" {
        return None;
    }
    let http_port = if is_http { url.port_or_known_default() } else { None };
    // `http://git.example` and `https://git.example` are one host, redirecting.
    let http_port = http_port.map(|port| if port == 80 { 443 } else { port });
    Some(Place { host, http_port, path: normal_path(url.path(), url.scheme() == "file")? })
}

/// `git@host:owner/name.git`, as OpenSSH and git read it.
fn scp_like(text: &str) -> Option<Place> {
    let (host, path) = text.split_once(':')?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if host.is_empty() || host.contains('/') {
        return None;
    }
    Some(Place { host: host.to_ascii_lowercase(), http_port: None, path: normal_path(path, false)? })
}

fn normal_path(path: &str, case_matters: bool) -> Option<String> {
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
    if path.is_empty() {
        return None;
    }
    Some(if case_matters { path.to_owned() } else { path.to_lowercase() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_repository_are_the_same() {
        let spellings = [
            "https://git.example/shop/gitops",
            "https://git.example/shop/gitops.git",
            "https://git.example/shop/gitops.git/",
            "https://Git.Example/Shop/GitOps",
            "https://user:secret@git.example/shop/gitops.git",
            "https://git.example:443/shop/gitops",
            "http://git.example/shop/gitops",
            "ssh://git@git.example/shop/gitops.git",
            "ssh://git@git.example:2222/shop/gitops",
            "git@git.example:shop/gitops.git",
            "git.example:shop/gitops",
        ];
        for a in spellings {
            for b in spellings {
                assert!(same_repository(a, b), "{a} {b}");
            }
        }
    }

    #[test]
    fn another_host_port_or_path_is_another_repository() {
        let one = "https://git.example/shop/gitops";
        for other in [
            "https://git.example.org/shop/gitops",
            "https://git.example:8443/shop/gitops",
            "https://git.example/shop/gitops2",
            "https://git.example/x/shop/gitops",
            "git@git.example:other/gitops.git",
            "https://evil.example/git.example/shop/gitops",
            "https://git.example@evil.example/shop/gitops",
        ] {
            assert!(!same_repository(one, other), "{other}");
        }
        assert!(same_repository("http://127.0.0.1:3000/a/b", "http://127.0.0.1:3000/a/b.git"));
        assert!(!same_repository("http://127.0.0.1:3000/a/b", "http://127.0.0.1:3001/a/b"));
        assert!(same_repository("file:///srv/a.git", "file:///srv/a"));
        assert!(!same_repository("file:///srv/A", "file:///srv/a"));
    }

    #[test]
    fn nonsense_equals_nothing() {
        for text in ["", "shop/gitops", "https://", "https://git.example", "oci://x/y"] {
            assert!(!same_repository(text, text), "{text:?}");
        }
    }

    #[test]
    fn credentials_are_never_shown() {
        assert_eq!(without_credentials("https://u:p@h/a/b?token=1#x"), "https://h/a/b");
        assert_eq!(without_credentials("u:p@h"), "(no valid URL)");
    }
}
