//! The table of offsets that makes a buffer a message.

use std::ops::Range;

use smallvec::SmallVec;

use super::{Message, Name, NameAddr, Via};

/// A piece of the head, which is at most 65,535 bytes long.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    /// Where `part`, a slice of `whole`, lies in it.
    pub(super) fn of(whole: &str, part: &str) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        let end = start.wrapping_add(part.len());
        match (u16::try_from(start), u16::try_from(end)) {
            (Ok(start), Ok(end)) if usize::from(end) <= whole.len() => Self { start, end },
            _ => Self::default(),
        }
    }

    pub(super) fn range(self) -> Range<usize> {
        usize::from(self.start)..usize::from(self.end)
    }
}

/// One header line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) name: Option<Name>,
    pub(super) name_span: Span,
    pub(super) value: Span,
}

/// Header lines of an ordinary message fit without another allocation.
pub(super) type Entries = SmallVec<[Entry; 20]>;

#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    Request { method: Span, uri: Span },
    Response { status: u16, reason: Span },
}

/// Where a [`NameAddr`] lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct AddressSpans {
    display: Option<Span>,
    uri: Span,
    params: Span,
    text: Span,
}

impl AddressSpans {
    pub(super) fn new(head: &str, address: &NameAddr<'_>) -> Self {
        Self {
            display: address.display.map(|display| Span::of(head, display)),
            uri: Span::of(head, address.uri),
            params: Span::of(head, address.params),
            text: Span::of(head, address.text),
        }
    }

    pub(super) fn of<'a>(&self, message: &'a Message) -> NameAddr<'a> {
        NameAddr {
            display: self.display.map(|display| message.text(display)),
            uri: message.text(self.uri),
            params: message.text(self.params),
            text: message.text(self.text),
        }
    }
}

/// Where a [`Via`] lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct ViaSpans {
    transport: Span,
    host: Span,
    port: Option<u16>,
    sent_by: Span,
    params: Span,
    text: Span,
}

impl ViaSpans {
    pub(super) fn new(head: &str, via: &Via<'_>) -> Self {
        Self {
            transport: Span::of(head, via.transport),
            host: Span::of(head, via.host),
            port: via.port,
            sent_by: Span::of(head, via.sent_by),
            params: Span::of(head, via.params),
            text: Span::of(head, via.text),
        }
    }

    pub(super) fn of<'a>(&self, message: &'a Message) -> Via<'a> {
        Via {
            transport: message.text(self.transport),
            host: message.text(self.host),
            port: self.port,
            sent_by: message.text(self.sent_by),
            params: message.text(self.params),
            text: message.text(self.text),
        }
    }
}

#[derive(Debug)]
pub(super) struct Index {
    pub(super) start: Start,
    pub(super) entries: Entries,
    pub(super) via: ViaSpans,
    pub(super) from: AddressSpans,
    pub(super) to: AddressSpans,
    pub(super) call_id: Span,
    pub(super) cseq_number: u32,
    pub(super) cseq_method: Span,
    pub(super) max_forwards: Option<u8>,
    pub(super) body_start: usize,
}
