//! Header lines, one after the other: each is put into the table, and those that typed reading relies on are
//! checked against their grammar.

use super::grammar::{Elements, is_token, number, trim};
use super::index::{AddressSpans, Entries, Entry, Index, Span, Start, ViaSpans};
use super::{Limits, MalformedReason, Name, NameAddr, Via};

use MalformedReason as Reason;

/// What the head says, all but the length of the body settled.
pub(super) struct Head {
    pub(super) index: Index,
    pub(super) content_length: Option<usize>,
}

/// What was read of the header lines so far.
pub(super) struct Headers<'a> {
    head: &'a str,
    limits: &'a Limits,
    entries: Entries,
    via: Option<ViaSpans>,
    from: Option<AddressSpans>,
    to: Option<AddressSpans>,
    call_id: Option<Span>,
    cseq: Option<(u32, &'a str)>,
    max_forwards: Option<u8>,
    content_length: Option<usize>,
    has_content_type: bool,
    vias: usize,
    contacts: usize,
    routes: usize,
    record_routes: usize,
}

impl<'a> Headers<'a> {
    pub(super) fn new(head: &'a str, limits: &'a Limits) -> Self {
        Self {
            head,
            limits,
            entries: Entries::new(),
            via: None,
            from: None,
            to: None,
            call_id: None,
            cseq: None,
            max_forwards: None,
            content_length: None,
            has_content_type: false,
            vias: 0,
            contacts: 0,
            routes: 0,
            record_routes: 0,
        }
    }

    pub(super) fn read_line(&mut self, line: &'a str) -> Result<(), Reason> {
        if line.len() > self.limits.header_bytes {
            return Err(Reason::HeaderTooLarge);
        }
        if self.entries.len() >= self.limits.headers {
            return Err(Reason::TooManyHeaders);
        }
        let (name, value) = line.split_once(':').ok_or(Reason::HeaderLine)?;
        let name = name.trim_end_matches([' ', '\t']);
        let known = Name::parse(name);
        if known.is_none() && !is_token(name) {
            return Err(Reason::HeaderLine);
        }
        let value = trim(value);
        if let Some(known) = known {
            self.read_known(known, value)?;
        }
        let (name_span, value) = (Span::of(self.head, name), Span::of(self.head, value));
        self.entries.push(Entry { name: known, name_span, value });
        Ok(())
    }

    fn read_known(&mut self, name: Name, value: &'a str) -> Result<(), Reason> {
        match name {
            Name::Via => self.read_vias(value),
            Name::From => once(&mut self.from, name, address(self.head, value, self.limits)),
            Name::To => once(&mut self.to, name, address(self.head, value, self.limits)),
            Name::CallId => {
                let sound = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic());
                once(&mut self.call_id, name, sound.then(|| Span::of(self.head, value)))
            }
            Name::CSeq => once(&mut self.cseq, name, cseq(value)),
            Name::MaxForwards => once(&mut self.max_forwards, name, number(value)),
            Name::ContentLength => self.read_content_length(value),
            Name::ContentType if self.has_content_type => Err(Reason::Repeated(name)),
            Name::ContentType => {
                self.has_content_type = true;
                Ok(())
            }
            Name::Contact => {
                let wildcard = value == "*";
                if wildcard && self.contacts == 0 {
                    self.contacts = self.limits.values;
                    return Ok(());
                }
                count_addresses(name, value, self.limits, &mut self.contacts)
            }
            Name::Route => count_addresses(name, value, self.limits, &mut self.routes),
            Name::RecordRoute => count_addresses(name, value, self.limits, &mut self.record_routes),
            Name::Date if !is_date(value) => Err(Reason::Invalid(name)),
            _ => Ok(()),
        }
    }

    fn read_vias(&mut self, value: &'a str) -> Result<(), Reason> {
        let mut found = false;
        for element in Elements(value) {
            found = true;
            self.vias += 1;
            if self.vias > self.limits.vias {
                return Err(Reason::TooManyValues(Name::Via));
            }
            let via = Via::parse_capped(element, self.limits.parameters).ok_or(Reason::Invalid(Name::Via))?;
            if self.via.is_none() {
                self.via = Some(ViaSpans::new(self.head, &via));
            }
        }
        if found { Ok(()) } else { Err(Reason::Invalid(Name::Via)) }
    }

    fn read_content_length(&mut self, value: &str) -> Result<(), Reason> {
        let length = number::<u32>(value).and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or(Reason::Invalid(Name::ContentLength))?;
        if self.content_length.is_some_and(|known| known != length) {
            return Err(Reason::ContentLengthConflict);
        }
        self.content_length = Some(length);
        Ok(())
    }

    pub(super) fn into_head(self, start: Start) -> Result<Head, Reason> {
        let missing = |name| move || Reason::Missing(name);
        let (cseq_number, cseq_method) = self.cseq.ok_or_else(missing(Name::CSeq))?;
        let index = Index {
            start,
            entries: self.entries,
            via: self.via.ok_or_else(missing(Name::Via))?,
            from: self.from.ok_or_else(missing(Name::From))?,
            to: self.to.ok_or_else(missing(Name::To))?,
            call_id: self.call_id.ok_or_else(missing(Name::CallId))?,
            cseq_number,
            cseq_method: Span::of(self.head, cseq_method),
            max_forwards: self.max_forwards,
            body_start: 0,
        };
        if let Start::Request { method, .. } = start
            && self.head.get(method.range()) != Some(cseq_method)
        {
            return Err(Reason::MethodMismatch);
        }
        Ok(Head { index, content_length: self.content_length })
    }
}

fn once<T>(place: &mut Option<T>, name: Name, value: Option<T>) -> Result<(), Reason> {
    if place.is_some() {
        return Err(Reason::Repeated(name));
    }
    *place = Some(value.ok_or(Reason::Invalid(name))?);
    Ok(())
}

fn address(head: &str, value: &str, limits: &Limits) -> Option<AddressSpans> {
    NameAddr::parse_capped(value, limits.parameters).map(|address| AddressSpans::new(head, &address))
}

fn cseq(value: &str) -> Option<(u32, &str)> {
    let (digits, method) = value.split_once([' ', '\t'])?;
    let method = trim(method);
    let number = number::<u32>(digits).filter(|number| *number < 1 << 31)?;
    is_token(method).then_some((number, method))
}

fn count_addresses(name: Name, value: &str, limits: &Limits, count: &mut usize) -> Result<(), Reason> {
    for element in Elements(value) {
        *count += 1;
        if *count > limits.values {
            return Err(Reason::TooManyValues(name));
        }
        let address = NameAddr::parse_capped(element, limits.parameters).ok_or(Reason::Invalid(name))?;
        // Routes are always in angle brackets (RFC 3261 20.30, 20.34).
        if name != Name::Contact && address.text == address.uri {
            return Err(Reason::Invalid(name));
        }
    }
    Ok(())
}

/// `Sat, 13 Nov 2010 23:29:00 GMT`, and no other zone (RFC 3261 20.17).
fn is_date(value: &str) -> bool {
    let digits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut words = value.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let day = word();
    let named = ["Mon,", "Tue,", "Wed,", "Thu,", "Fri,", "Sat,", "Sun,"].contains(&day);
    let day_number = digits(word(), 2);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.contains(&word());
    let year = digits(word(), 4);
    let mut clock = word().split(':');
    let time = (0..3).all(|_| clock.next().is_some_and(|part| digits(part, 2))) && clock.next().is_none();
    named && day_number && month && year && time && word() == "GMT" && words.next().is_none()
}
