//! `POST /2010-04-01/Accounts/{AC}/Calls/{CA}`: ends a live call or sends it to other TwiML.

use ringway_engine::calls::{CallCommand, CallControl, ControlError};
use ringway_model::sid::CallSid;
use ringway_store::{Call, HttpMethod};

use super::find;
use crate::error::{Code, Fault};
use crate::parameters::{Sent, parameters};
use crate::reply::Found;
use crate::request::Request;
use crate::rules;

/// In characters (contract, rest.md 4).
pub(super) const TWIML_LENGTH_MAX: usize = 4000;

parameters! {
    pub(super) struct Changes {
        /// Not built: refused unless empty.
        _fallback_method: () = "FallbackMethod", rules::not_built(NOT_BUILT);
        /// Not built: refused unless empty.
        _fallback_url: () = "FallbackUrl", rules::not_built(NOT_BUILT);
        /// Not built: refused unless empty.
        _status_callback: () = "StatusCallback", rules::not_built(NOT_BUILT);
        /// Not built: refused unless empty.
        _status_callback_method: () = "StatusCallbackMethod", rules::not_built(NOT_BUILT);
        /// Not built: refused unless empty.
        _time_limit: () = "TimeLimit", rules::not_built(NOT_BUILT);
        /// How the URL is asked.
        method: Option<HttpMethod> = "Method", rules::method(Code::CallInvalidMethod);
        /// `completed` ends the call, `canceled` ends it if it was not answered yet. Goes before `Url`.
        status: Option<End> = "Status", rules::choice(
            &[("completed", End::Completed), ("canceled", End::Canceled)],
            Code::InvalidParameter,
        );
        /// TwiML that the call goes on with. Ignored beside `Url`.
        twiml: Option<String> = "Twiml", rules::text(0..=TWIML_LENGTH_MAX, Code::TwimlTooLarge);
        /// Where the call gets the TwiML that it goes on with.
        url: Option<Option<String>> = "Url", rules::url(Code::CallInvalidUrl);
    }
}

const NOT_BUILT: &str = "cannot be changed on a live call";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Completed,
    Canceled,
}

impl Changes {
    /// What is asked for: `Status` before `Url` before `Twiml`.
    fn command(self) -> Option<CallCommand> {
        let end = self.status.map(|end| match end {
            End::Completed => CallCommand::Complete,
            End::Canceled => CallCommand::Cancel,
        });
        let method = self.method.unwrap_or_default();
        let redirect = self.url.flatten().map(|url| CallCommand::Redirect { url, method });
        let twiml = self.twiml.filter(|twiml| !twiml.is_empty()).map(CallCommand::RunTwiml);
        end.or(redirect).or(twiml)
    }
}

/// Answers with the call as its row is once the call has taken the command, which may be before it has
/// carried it out. A form that asks for nothing changes nothing.
pub(super) async fn update<C: CallControl>(
    request: Request<C>,
    sid: CallSid,
    sent: Sent<Changes>,
) -> Result<Found<Call>, Fault> {
    let call = find(&request, &sid).await?;
    let Some(command) = sent.read()?.command() else { return Ok(Found(call)) };
    if call.status.is_final() {
        return Err(over());
    }
    let outcome = request.app.control.send(sid, command).await;
    let call = find(&request, &sid).await?;
    match outcome {
        Ok(()) => Ok(Found(call)),
        Err(ControlError::Ended) => Err(over()),
        // The call may have ended since it was looked up.
        Err(ControlError::NotHere) if call.status.is_final() => Err(over()),
        Err(ControlError::NotHere) => Err(Fault::because(Code::Unavailable, "the call cannot be reached")),
        Err(ControlError::Busy) => {
            Err(Fault::because(Code::Unavailable, "the call is busy with another update"))
        }
    }
}

fn over() -> Fault {
    Fault::because(Code::InvalidCallState, "the call is not in progress")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Form;

    fn asked(form: &str) -> Result<Option<CallCommand>, Fault> {
        let sent = Sent::<Changes>::new(Form::parse(form.as_bytes(), "the body")?);
        Ok(sent.read()?.command())
    }

    #[test]
    fn reads_what_is_asked() {
        let redirect = |method| CallCommand::Redirect { url: "http://a/".into(), method };
        assert_eq!(asked("Status=completed").expect("good"), Some(CallCommand::Complete));
        assert_eq!(asked("Status=canceled&Url=http://a/").expect("good"), Some(CallCommand::Cancel));
        assert_eq!(asked("Url=http://a/").expect("good"), Some(redirect(HttpMethod::Post)));
        assert_eq!(asked("Url=http://a/&Method=get&Twiml=x").expect("good"), Some(redirect(HttpMethod::Get)));
        assert_eq!(
            asked("Twiml=<Response/>").expect("good"),
            Some(CallCommand::RunTwiml("<Response/>".into()))
        );
        assert_eq!(asked("Whatever=1&Method=GET").expect("good"), None);
    }

    #[test]
    fn refuses_with_the_codes_of_calls() {
        let long = format!("Twiml={}", "x".repeat(4001));
        for (form, code) in [
            ("Url=nonsense", Code::CallInvalidUrl),
            ("Url=http://a/&Method=FETCH", Code::CallInvalidMethod),
            (&long, Code::TwimlTooLarge),
            ("Status=ringing", Code::InvalidParameter),
            ("TimeLimit=5", Code::InvalidParameter),
        ] {
            assert_eq!(asked(form).expect_err("bad").code, code, "{form}");
        }
        assert!(asked(&format!("Twiml={}", "é".repeat(4000))).is_ok());
    }
}
