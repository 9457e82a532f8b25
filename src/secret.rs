//! Values that must not be shown. They cannot print, be cloned, serialised or compared by `==`; memory is
//! wiped when they go. `expose` is the only way out, and its callers are few on purpose.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(SecretString);

        impl $name {
            #[must_use]
            pub fn new(value: String) -> Self {
                Self(SecretString::from(value))
            }

            /// The value itself, to be handed to a request and nowhere else.
            #[must_use]
            pub fn expose(&self) -> &str {
                self.0.expose_secret()
            }

            /// Whether both hold the same value, compared in constant time.
            #[must_use]
            pub fn matches(&self, other: &Self) -> bool {
                self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    };
}

secret! {
    /// A refresh token of Entra ID: opaque, as good as the sign-in it came from.
    RefreshToken
}
secret! {
    /// An access token: good for whoever holds it until it expires.
    AccessToken
}
secret! {
    /// The client secret of an app registration.
    ClientSecret
}
secret! {
    /// A signed token by which an app registration proves who it is (RFC 7523).
    Assertion
}
secret! {
    /// The form of a token request, already encoded.
    Form
}
secret! {
    /// An authorization code: what a sign-in in a browser ends with.
    Code
}
secret! {
    /// The code verifier of a sign-in (RFC 7636): whoever has it as well may redeem the code.
    Verifier
}
secret! {
    /// What a device asks for its tokens with (RFC 8628).
    DeviceCode
}
secret! {
    /// The address of a receiver, whose path may be as good as a password.
    ReceiverAddress
}
secret! {
    /// The value of a secret version as the vault hands it out.
    SecretValue
}

impl From<SecretValue> for ClientSecret {
    fn from(value: SecretValue) -> Self {
        Self(value.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn does_not_print() {
        let token = RefreshToken::new("0.AXoA-very-secret".into());
        assert_eq!(format!("{token:?}"), "RefreshToken(redacted)");
        assert_eq!(format!("{:?}", Some(&token)), "Some(RefreshToken(redacted))");
    }

    #[test]
    fn compares_whole_values() {
        let token = RefreshToken::new("abc".into());
        assert!(token.matches(&RefreshToken::new("abc".into())));
        assert!(!token.matches(&RefreshToken::new("abcd".into())));
        assert!(!token.matches(&RefreshToken::new("abd".into())));
    }
}
