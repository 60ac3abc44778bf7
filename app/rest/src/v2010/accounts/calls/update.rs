//! `POST /2010-04-01/Accounts/{AC}/Calls/{CA}`: ends a live call or sends it to other TwiML.

use ringway_engine::calls::{CallCommand, CallControl, ControlError};
use ringway_model::sid::CallSid;

use super::{fetch, find};
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::reply::Reply;
use crate::request::Request;
use crate::rules;

/// In characters (contract, rest.md 4).
const TWIML_LENGTH_MAX: usize = 4000;

/// Parameters that the contract has and that nothing here would honour: saying so is better than
/// storing them and doing nothing.
const NOT_BUILT: [&str; 5] =
    ["FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod", "TimeLimit"];

/// Answers with the call as its row is once the call has taken the command, which may be before it has
/// carried it out. A form that asks for nothing changes nothing.
pub(super) async fn update<C: CallControl>(request: &Request<C>, sid: CallSid) -> Result<Reply, Fault> {
    let call = find(request, &sid)?;
    let Some(command) = command(&request.form)? else { return fetch::fetch(request, &sid) };
    if call.status.is_final() {
        return Err(over());
    }
    match request.app.control.send(sid, command).await {
        Ok(()) => fetch::fetch(request, &sid),
        Err(ControlError::Ended) => Err(over()),
        // The call may have ended since it was looked up.
        Err(ControlError::NotHere) if find(request, &sid)?.status.is_final() => Err(over()),
        Err(ControlError::NotHere) => Err(Fault::because(Code::Unavailable, "the call cannot be reached")),
        Err(ControlError::Busy) => {
            Err(Fault::because(Code::Unavailable, "the call is busy with another update"))
        }
    }
}

/// What the form asks for: `Status` before `Url` before `Twiml`.
fn command(form: &Form) -> Result<Option<CallCommand>, Fault> {
    if let Some(name) = NOT_BUILT.into_iter().find(|name| form.text(name).is_some()) {
        let sentence = format!("{name} cannot be changed on a live call");
        return Err(Fault::because(Code::InvalidParameter, sentence));
    }
    let url = rules::url(form, "Url", Code::CallInvalidUrl)?.flatten();
    let method = rules::method(form, "Method", Code::CallInvalidMethod)?;
    let twiml = twiml(form)?.map(CallCommand::RunTwiml);
    let status = match form.text("Status") {
        None => None,
        Some("completed") => Some(CallCommand::Complete),
        Some("canceled") => Some(CallCommand::Cancel),
        Some(_) => {
            return Err(Fault::because(Code::InvalidParameter, "Status must be completed or canceled"));
        }
    };
    let redirect = url.map(|url| CallCommand::Redirect { url, method: method.unwrap_or_default() });
    Ok(status.or(redirect).or(twiml))
}

/// `Twiml`, within its limit.
pub(super) fn twiml(form: &Form) -> Result<Option<String>, Fault> {
    match form.text("Twiml") {
        Some(text) if text.chars().count() > TWIML_LENGTH_MAX => {
            let sentence = format!("Twiml must have at most {TWIML_LENGTH_MAX} characters");
            Err(Fault::because(Code::TwimlTooLarge, sentence))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn over() -> Fault {
    Fault::because(Code::InvalidCallState, "the call is not in progress")
}

#[cfg(test)]
mod tests {
    use ringway_store::HttpMethod;

    use super::*;

    fn asked(form: &str) -> Result<Option<CallCommand>, Fault> {
        command(&Form::parse(form.as_bytes(), "the body")?)
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
