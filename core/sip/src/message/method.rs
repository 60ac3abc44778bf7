//! Request methods.

use std::fmt;

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What a request asks for. Method names are compared with regard to case (RFC 3261 7.1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method<'a> {
            $($(#[$doc])* $variant,)*
            /// Any other method, which a server answers with 405.
            Other(&'a str),
        }

        impl<'a> Method<'a> {
            /// The method of this name.
            pub fn parse(text: &'a str) -> Self {
                match text {
                    $($word => Self::$variant,)*
                    other => Self::Other(other),
                }
            }

            /// The name as it goes on the wire.
            pub fn as_str(&self) -> &'a str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(name) => name,
                }
            }
        }
    };
}

methods! {
    /// RFC 3261 13
    Invite = "INVITE",
    /// RFC 3261 17.1.1.3
    Ack = "ACK",
    /// RFC 3261 15
    Bye = "BYE",
    /// RFC 3261 9
    Cancel = "CANCEL",
    /// RFC 3261 10
    Register = "REGISTER",
    /// RFC 3261 11
    Options = "OPTIONS",
    /// RFC 6086
    Info = "INFO",
    /// RFC 3311
    Update = "UPDATE",
    /// RFC 3262
    Prack = "PRACK",
    /// RFC 6665
    Subscribe = "SUBSCRIBE",
    /// RFC 6665
    Notify = "NOTIFY",
    /// RFC 3515
    Refer = "REFER",
    /// RFC 3428
    Message = "MESSAGE",
    /// RFC 3903
    Publish = "PUBLISH",
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
