//! The parameters of an operation, as a type: what a client may send, the rule of each value, and what it means.
//! Handlers see what was sent through such a type and no other way, and the OpenAPI document is made from the
//! same type, so that every parameter that is read is documented and every documented one is read.

use std::marker::PhantomData;

use serde_json::Value as Json;

use crate::error::Fault;
use crate::form::Form;

/// What a client may send.
pub(crate) trait Parameters: Sized + Send + 'static {
    /// Reads all of them, in the order in which they are declared: the first bad one is the one that is named.
    fn read(form: &Form) -> Result<Self, Fault>;

    /// Whether this is the name of one.
    fn has(name: &str) -> bool;

    /// What the document says of each.
    fn outline() -> Vec<ParameterOutline>;
}

/// What the document says of a parameter.
#[derive(Debug, Clone)]
pub(crate) struct ParameterOutline {
    pub(crate) name: &'static str,
    pub(crate) about: String,
    pub(crate) is_required: bool,
    pub(crate) schema: Json,
}

/// Nothing is sent, or nothing that counts.
impl Parameters for () {
    fn read(_: &Form) -> Result<Self, Fault> {
        Ok(())
    }

    fn has(_: &str) -> bool {
        false
    }

    fn outline() -> Vec<ParameterOutline> {
        Vec::new()
    }
}

/// Both kinds. Where they have a name in common the document shows the stricter one: what is optional in an
/// update is required to create.
impl<A: Parameters, B: Parameters> Parameters for (A, B) {
    fn read(form: &Form) -> Result<Self, Fault> {
        Ok((A::read(form)?, B::read(form)?))
    }

    fn has(name: &str) -> bool {
        A::has(name) || B::has(name)
    }

    fn outline() -> Vec<ParameterOutline> {
        let mut all = A::outline();
        for parameter in B::outline() {
            match all.iter_mut().find(|known| known.name == parameter.name) {
                Some(known) => known.is_required |= parameter.is_required,
                None => all.push(parameter),
            }
        }
        all
    }
}

/// What was sent, not read yet: whether a resource exists is answered before whether the form is good.
pub(crate) struct Sent<P> {
    form: Form,
    kind: PhantomData<fn() -> P>,
}

impl<P: Parameters> Sent<P> {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, kind: PhantomData }
    }

    /// Reads it; 400 with the first parameter that is not good.
    pub(crate) fn read(&self) -> Result<P, Fault> {
        P::read(&self.form)
    }
}

/// Declares a type of [`Parameters`]. A comment on a field is what the document says of the parameter. With `for`
/// the fields are those of a type that exists already.
macro_rules! parameters {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $($(#[doc = $about:literal])+ $field:ident: $type:ty = $wire:literal, $rule:expr;)*
        }
    ) => {
        $(#[$meta])*
        $visibility struct $name {
            $($(#[doc = $about])+ $visibility $field: $type,)*
        }

        $crate::parameters::parameters! {
            for $name { $($(#[doc = $about])+ $field = $wire, $rule;)* }
        }
    };
    (for $name:ty { $($(#[doc = $about:literal])+ $field:ident = $wire:literal, $rule:expr;)* }) => {
        impl $crate::parameters::Parameters for $name {
            fn read(form: &$crate::form::Form) -> Result<Self, $crate::error::Fault> {
                Ok(Self { $($field: $crate::rules::Rule::read(&$rule, form, $wire)?,)* })
            }

            fn has(name: &str) -> bool {
                matches!(name, $($wire)|*)
            }

            fn outline() -> Vec<$crate::parameters::ParameterOutline> {
                vec![$({
                    let rule = $rule;
                    $crate::parameters::ParameterOutline {
                        name: $wire,
                        about: concat!($($about),+).trim().to_owned(),
                        is_required: $crate::rules::Rule::is_required(&rule),
                        schema: $crate::rules::Rule::schema(&rule),
                    }
                },)*]
            }
        }
    };
}

pub(crate) use parameters;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::rules::{required, text};

    parameters! {
        #[derive(Debug, PartialEq)]
        struct Rename {
            /// What it is
            /// called.
            friendly_name: Option<String> = "FriendlyName", text(0..=3, Code::InvalidFriendlyName);
        }
    }

    parameters! {
        #[derive(Debug, PartialEq)]
        struct Named {
            /// The same.
            friendly_name: String = "FriendlyName", required(text(0..=3, Code::InvalidFriendlyName), Code::Conflict);
        }
    }

    fn read<P: Parameters>(form: &str) -> Result<P, Code> {
        let form = Form::parse(form.as_bytes(), "the body").unwrap();
        Sent::new(form).read().map_err(|fault| fault.code)
    }

    #[test]
    fn what_was_sent_is_read_by_the_rules() {
        assert_eq!(read("FriendlyName=a&Other=b"), Ok(Rename { friendly_name: Some("a".into()) }));
        assert_eq!(read(""), Ok(Rename { friendly_name: None }));
        assert_eq!(read::<Rename>("FriendlyName=long"), Err(Code::InvalidFriendlyName));
        assert_eq!(read::<(Rename, Named)>(""), Err(Code::Conflict));
    }

    #[test]
    fn the_outline_says_what_the_rules_do() {
        let [name] = <(Rename, Named)>::outline().try_into().unwrap();
        assert_eq!((name.name, name.about.as_str()), ("FriendlyName", "What it is called."));
        assert!(name.is_required && name.schema["maxLength"] == 3);
        assert!(Rename::has("FriendlyName") && !Rename::has("friendly_name"));
    }
}
