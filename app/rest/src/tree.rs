//! The tree of resources: every path with its operations. Requests are led by it and the OpenAPI document is made
//! from it; what is not in it is neither served nor documented.

use std::future::Future;
use std::pin::Pin;

use matchit::Params;
use serde_json::{Value as Json, json};

use crate::error::Fault;
use crate::form::Form;
use crate::parameters::{ParameterOutline, Parameters, Sent};
use crate::reply::{Answer, AnswerOutline, Reply};
use crate::request::{ApiKind, Request, Verb};
use crate::rules::{self, Sid};

/// Every resource there is.
pub(crate) struct Tree<C> {
    paths: matchit::Router<usize>,
    resources: Vec<Resource<C>>,
}

/// What is at one path.
pub(crate) struct Resource<C> {
    /// With the names of its variable segments in braces, without extension.
    pub(crate) path: String,
    pub(crate) scope: Scope,
    /// What it is about; the document groups by it.
    pub(crate) group: &'static Group,
    /// Whether it is only here for clients of an older document.
    pub(crate) is_old: bool,
    operations: [Option<Operation<C>>; 3],
}

/// Resources that belong together.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Whether some kinds of API keys may not use them (contract, rest.md 3).
    pub(crate) is_administrative: bool,
}

/// How a path says whose resource it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// `/2010-04-01/Accounts`: that of the caller.
    Accounts,
    /// `/2010-04-01/Accounts/{Sid}`: itself.
    Account,
    /// Below `/2010-04-01/Accounts/{AccountSid}`.
    BelowAccount,
    /// Below `/v1`: that of the caller.
    Product,
}

impl Scope {
    fn prefix(self) -> &'static str {
        match self {
            Self::Accounts => "/2010-04-01/Accounts",
            Self::Account => "/2010-04-01/Accounts/{Sid}",
            Self::BelowAccount => "/2010-04-01/Accounts/{AccountSid}",
            Self::Product => "/v1",
        }
    }

    /// Whether the first variable segment is the account.
    pub(crate) fn names_account(self) -> bool {
        matches!(self, Self::Account | Self::BelowAccount)
    }

    pub(crate) fn api(self) -> ApiKind {
        match self {
            Self::Product => ApiKind::Product,
            Self::Accounts | Self::Account | Self::BelowAccount => ApiKind::V2010,
        }
    }
}

/// What a verb does with a resource.
pub(crate) struct Operation<C> {
    /// Its name in the document, the same as in the official one.
    pub(crate) id: &'static str,
    pub(crate) about: &'static str,
    pub(crate) outline: fn() -> Outline,
    handler: Box<dyn Fn(Request<C>, Source) -> Answering + Send + Sync>,
}

/// A reply that is being made.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send>>;

impl<C> Operation<C> {
    pub(crate) fn answer(&self, request: Request<C>, source: Source) -> Answering {
        (self.handler)(request, source)
    }
}

/// What the document says of an operation.
#[derive(Debug)]
pub(crate) struct Outline {
    /// The schemas of the variable segments, besides that of the account.
    pub(crate) segments: Vec<Json>,
    pub(crate) parameters: Vec<ParameterOutline>,
    pub(crate) answer: AnswerOutline,
}

/// What arguments are taken from.
pub(crate) struct Source {
    segments: std::vec::IntoIter<String>,
    form: Form,
}

impl<C> Tree<C> {
    /// Nothing is in it yet.
    pub(crate) fn new() -> Self {
        Self { paths: matchit::Router::new(), resources: Vec::new() }
    }

    /// A resource at `path` below the scope; its operations are added to what this returns.
    ///
    /// # Panics
    ///
    /// When another resource is at the path already.
    pub(crate) fn at(&mut self, group: &'static Group, scope: Scope, path: &str) -> &mut Resource<C> {
        let path = format!("{}{path}", scope.prefix());
        if let Err(error) = self.paths.insert(path.clone(), self.resources.len()) {
            panic!("{path}: {error}");
        }
        let operations = [None, None, None];
        self.resources.push(Resource { path, scope, group, is_old: false, operations });
        let last = self.resources.len() - 1;
        &mut self.resources[last]
    }

    /// The resource at a path, and the variable segments of the path.
    pub(crate) fn find(&self, path: &str) -> Option<(&Resource<C>, Vec<String>)> {
        let found = self.paths.at(path).ok()?;
        let values = |params: &Params<'_, '_>| params.iter().map(|(_, value)| value.to_owned()).collect();
        Some((self.resources.get(*found.value)?, values(&found.params)))
    }

    pub(crate) fn resources(&self) -> impl Iterator<Item = &Resource<C>> {
        self.resources.iter()
    }
}

impl<C> Resource<C> {
    pub(crate) fn get<A>(
        &mut self,
        id: &'static str,
        about: &'static str,
        handler: impl Handler<C, A>,
    ) -> &mut Self {
        self.add(0, id, about, handler)
    }

    pub(crate) fn post<A>(
        &mut self,
        id: &'static str,
        about: &'static str,
        handler: impl Handler<C, A>,
    ) -> &mut Self {
        self.add(1, id, about, handler)
    }

    pub(crate) fn delete<A>(
        &mut self,
        id: &'static str,
        about: &'static str,
        handler: impl Handler<C, A>,
    ) -> &mut Self {
        self.add(2, id, about, handler)
    }

    /// Marks it as one for clients of an older document.
    pub(crate) fn old(&mut self) -> &mut Self {
        self.is_old = true;
        self
    }

    /// What the verb does, or 405 with the verbs that do something.
    pub(crate) fn operation(&self, verb: Verb) -> Result<&Operation<C>, Fault> {
        let [get, post, delete] = &self.operations;
        let operation = match verb {
            Verb::Get => get.as_ref(),
            Verb::Post => post.as_ref(),
            Verb::Delete => delete.as_ref(),
            Verb::Other => None,
        };
        let allowed = || self.operations().map(|(verb, _)| verb).collect::<Vec<_>>().join(", ");
        operation.ok_or_else(|| Fault::wrong_verb(allowed()))
    }

    /// Its operations with their verbs in capitals.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (&'static str, &Operation<C>)> {
        let verbs = ["GET", "POST", "DELETE"].into_iter();
        verbs.zip(&self.operations).filter_map(|(verb, operation)| Some((verb, operation.as_ref()?)))
    }

    fn add<A, H: Handler<C, A>>(
        &mut self,
        place: usize,
        id: &'static str,
        about: &'static str,
        handler: H,
    ) -> &mut Self {
        let handler = Box::new(move |request, source| handler.answer(request, source));
        self.operations[place] = Some(Operation { id, about, outline: H::outline, handler });
        self
    }
}

impl Source {
    /// `segments` are those that say which resource it is; that of the account is not among them.
    pub(crate) fn new(segments: Vec<String>, form: Form) -> Self {
        Self { segments: segments.into_iter(), form }
    }
}

/// Something that a handler is given besides the request.
pub(crate) trait Argument: Sized + Send + 'static {
    fn take(source: &mut Source) -> Result<Self, Fault>;
    /// Adds what the document says of it.
    fn outline(outline: Outline) -> Outline;
}

/// A segment of the path: a SID that is none, or of another kind, is that of nothing.
impl<T: Sid> Argument for T {
    fn take(source: &mut Source) -> Result<Self, Fault> {
        let segment = source.segments.next().ok_or_else(Fault::not_found)?;
        segment.parse().map_err(|_| Fault::not_found())
    }

    fn outline(mut outline: Outline) -> Outline {
        outline.segments.push(rules::sid::schema(T::PREFIX));
        outline
    }
}

/// A segment of the path that is a word.
pub(crate) struct Word(pub(crate) String);

impl Argument for Word {
    fn take(source: &mut Source) -> Result<Self, Fault> {
        source.segments.next().map(Self).ok_or_else(Fault::not_found)
    }

    fn outline(mut outline: Outline) -> Outline {
        outline.segments.push(json!({"type": "string", "pattern": "^[A-Za-z]{2}$"}));
        outline
    }
}

impl<P: Parameters> Argument for Sent<P> {
    fn take(source: &mut Source) -> Result<Self, Fault> {
        Ok(Self::new(std::mem::take(&mut source.form)))
    }

    fn outline(mut outline: Outline) -> Outline {
        outline.parameters.extend(P::outline());
        outline
    }
}

/// A function that answers requests; its arguments and its result say what it takes and what it answers.
pub(crate) trait Handler<C, A>: Send + Sync + 'static {
    fn answer(&self, request: Request<C>, source: Source) -> Answering;
    fn outline() -> Outline;
}

macro_rules! handlers {
    ($($name:ident: $argument:ident),*) => {
        impl<C, H, R, Answered, $($argument),*> Handler<C, ($($argument,)*)> for H
        where
            H: Fn(Request<C>, $($argument),*) -> Answered + Send + Sync + 'static,
            Answered: Future<Output = Result<R, Fault>> + Send + 'static,
            R: Answer,
            $($argument: Argument,)*
        {
            #[allow(unused_mut, unused_variables, reason = "a handler may take nothing")]
            fn answer(&self, request: Request<C>, mut source: Source) -> Answering {
                let place = request.place.clone();
                $(let $name = match $argument::take(&mut source) {
                    Ok(argument) => argument,
                    Err(fault) => return Box::pin(std::future::ready(Err(fault))),
                };)*
                let answered = self(request, $($name),*);
                Box::pin(async move { Ok(answered.await?.into_reply(&place)) })
            }

            fn outline() -> Outline {
                let outline = Outline { segments: Vec::new(), parameters: Vec::new(), answer: R::outline() };
                $(let outline = $argument::outline(outline);)*
                outline
            }
        }
    };
}

handlers!();
handlers!(first: First);
handlers!(first: First, second: Second);
handlers!(first: First, second: Second, third: Third);
