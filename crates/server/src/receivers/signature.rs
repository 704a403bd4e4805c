//! Whether a body was signed with the secret: HMAC-SHA256 over its bytes as they came, compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use sha2::Sha256;

use super::secret::Secret;

/// The header in which GitHub signs, and a sender of component updates: `sha256=` and the signature in hexadecimal digits.
pub const COMPONENT_HEADER: &str = "x-hub-signature-256";

/// The header in which Gitea signs: the signature in hexadecimal digits.
const GITEA_HEADER: HeaderName = HeaderName::from_static("x-gitea-signature");

/// What comes before the digits in [`COMPONENT_HEADER`].
const PREFIX: &str = "sha256=";

/// How long an HMAC-SHA256 is.
const LENGTH: usize = 32;

/// Where a signature is, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// [`COMPONENT_HEADER`].
    GitHub,
    /// [`GITEA_HEADER`].
    Gitea,
}

/// What a request claims its body is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signature([u8; LENGTH]);

impl Scheme {
    /// The one signature in the headers; `None` where there is none, more than one, or none of the right form.
    pub(crate) fn signature(self, headers: &HeaderMap) -> Option<Signature> {
        let name = match self {
            Self::GitHub => HeaderName::from_static(COMPONENT_HEADER),
            Self::Gitea => GITEA_HEADER,
        };
        let mut values = headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let text = value.to_str().ok()?;
        let digits = match self {
            Self::GitHub => text.strip_prefix(PREFIX)?,
            Self::Gitea => text,
        };
        parse(digits).map(Signature)
    }

    /// How a sender is told to sign.
    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::GitHub => "header X-Hub-Signature-256: sha256=HEX",
            Self::Gitea => "header X-Gitea-Signature: HEX",
        }
    }
}

impl Signature {
    /// Whether it is that of the body with this secret. It takes as long for every wrong one.
    pub(crate) fn is_of(&self, body: &[u8], secret: &Secret) -> bool {
        secret.with(|key| of(key, body)).is_some_and(|hmac| hmac.verify_slice(&self.0).is_ok())
    }
}

fn of(key: &[u8], body: &[u8]) -> Option<Hmac<Sha256>> {
    // A key of any length will do, so this never fails.
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    hmac.update(body);
    Some(hmac)
}

fn parse(digits: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

/// The value of [`COMPONENT_HEADER`] for a body that is sent to a `component` Receiver with this secret.
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    let signature = of(Secret::without_line_break(secret), body).map(|hmac| hmac.finalize().into_bytes());
    format!("{PREFIX}{}", signature.map(hex::encode).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of GitHub's documentation.
    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNED: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn is_proved(scheme: Scheme, pairs: &[(&'static str, &str)], body: &[u8], secret: &[u8]) -> bool {
        let signature = scheme.signature(&headers(pairs));
        signature.is_some_and(|signature| signature.is_of(body, &Secret::new(secret).unwrap()))
    }

    #[test]
    fn a_signature_is_the_one_that_the_documentation_of_github_has() {
        assert_eq!(sign(SECRET, BODY), SIGNED);
        assert!(is_proved(Scheme::GitHub, &[(COMPONENT_HEADER, SIGNED)], BODY, SECRET));
        assert!(is_proved(Scheme::Gitea, &[("x-gitea-signature", &SIGNED[7..])], BODY, SECRET));
    }

    #[test]
    fn no_other_header_form_body_or_secret_is_proved() {
        let other_half = SIGNED.replace("757", "657");
        let github: [&[(&'static str, &str)]; 9] = [
            &[],
            &[(COMPONENT_HEADER, "")],
            &[(COMPONENT_HEADER, "sha256=")],
            &[(COMPONENT_HEADER, &SIGNED[7..])],
            &[(COMPONENT_HEADER, &SIGNED[..SIGNED.len() - 1])],
            &[(COMPONENT_HEADER, &other_half)],
            &[("x-hub-signature", SIGNED)],
            &[("x-gitea-signature", &SIGNED[7..])],
            &[(COMPONENT_HEADER, SIGNED), (COMPONENT_HEADER, SIGNED)],
        ];
        for pairs in github {
            assert!(!is_proved(Scheme::GitHub, pairs, BODY, SECRET), "{pairs:?}");
        }
        assert!(!is_proved(Scheme::Gitea, &[("x-gitea-signature", SIGNED)], BODY, SECRET));
        assert!(!is_proved(Scheme::GitHub, &[(COMPONENT_HEADER, SIGNED)], b"Hello, World", SECRET));
        assert!(!is_proved(Scheme::GitHub, &[(COMPONENT_HEADER, SIGNED)], BODY, b"another"));
    }

    proptest! {
        #[test]
        fn a_forged_signature_is_never_proved(value in "(sha256=)?[0-9a-fA-F]{0,70}", body: Vec<u8>, secret in "[a-z]{1,80}") {
            prop_assert!(!is_proved(Scheme::GitHub, &[(COMPONENT_HEADER, &value)], &body, secret.as_bytes()));
            prop_assert!(!is_proved(Scheme::Gitea, &[("x-gitea-signature", &value)], &body, secret.as_bytes()));
        }

        #[test]
        fn what_is_signed_is_proved_and_one_other_bit_is_not(body: Vec<u8>, secret in "[ -~]{1,80}", at: prop::sample::Index) {
            let signed = sign(secret.as_bytes(), &body);
            prop_assert!(is_proved(Scheme::GitHub, &[(COMPONENT_HEADER, &signed)], &body, secret.as_bytes()));
            let mut other = body.clone();
            if other.is_empty() { other.push(0) } else { let at = at.index(other.len()); other[at] ^= 1 }
            prop_assert!(!is_proved(Scheme::GitHub, &[(COMPONENT_HEADER, &signed)], &other, secret.as_bytes()));
        }
    }
}
