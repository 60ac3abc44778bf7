//! RTP of many calls over a few sockets, sent and read in batches.

use std::io;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

use super::phone::Answered;

/// Header and 20 ms of PCMU.
const PACKET_BYTES: usize = 12 + 160;
/// Datagrams of one system call.
const BATCH: usize = 64;
/// Room for what one datagram brings: a packet is 172 bytes, reports are shorter than this.
const ROOM_BYTES: usize = 512;
/// Room for its arrival time.
const CONTROL_BYTES: usize = 64;
/// Tells packets with a stamp from others.
const STAMP_MARK: &[u8] = b"time";
/// mu-law silence.
const SILENCE: u8 = 0xff;

/// One call's stream, both ways.
pub(crate) struct Stream {
    to: libc::sockaddr_in,
    sequence: u16,
    timestamp: u32,
    /// Packets that came since [`Stream::forget`].
    pub(crate) received: u64,
    /// Arrival of the first packet less its place in the stream, and the smallest such value: arrivals later
    /// than that are late.
    base: Option<Base>,
}

struct Base {
    first_sequence: u16,
    earliest_us: i64,
}

impl Stream {
    pub(crate) fn new(answered: &Answered) -> Option<Self> {
        let SocketAddr::V4(address) = answered.media else { return None };
        Some(Self::to(address))
    }

    /// A stream to this address.
    pub(crate) fn to(address: SocketAddrV4) -> Self {
        Self { to: raw(address), sequence: 0, timestamp: 0, received: 0, base: None }
    }

    /// The port that the server sends from.
    pub(crate) fn port(&self) -> u16 {
        u16::from_be(self.to.sin_port)
    }

    pub(crate) fn forget(&mut self) {
        self.received = 0;
    }

    /// How late a packet came, beside the earliest of its stream.
    fn lateness_us(&mut self, sequence: u16, arrival_us: i64) -> i64 {
        let place = |first: u16| i64::from(sequence.wrapping_sub(first)) * 20_000;
        let base = self.base.get_or_insert(Base { first_sequence: sequence, earliest_us: arrival_us });
        // Streams of minutes: a sequence number that wraps begins a new account.
        if sequence == base.first_sequence {
            base.earliest_us = arrival_us;
        }
        let transit = arrival_us - place(base.first_sequence);
        base.earliest_us = base.earliest_us.min(transit);
        transit - base.earliest_us
    }

    fn write(&mut self, number: u32, packet: &mut [u8; PACKET_BYTES]) {
        packet[0] = 0x80;
        packet[1] = 0;
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&number.to_be_bytes());
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(160);
    }
}

/// A socket whose port many calls name as theirs.
pub(crate) struct Socket {
    socket: UdpSocket,
    pub(crate) address: SocketAddr,
}

impl Socket {
    pub(crate) fn bind() -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let set = |option: libc::c_int, value: libc::c_int| {
            // SAFETY: the value is read by the kernel during the call only.
            let result = unsafe {
                libc::setsockopt(
                    socket.as_raw_fd(),
                    libc::SOL_SOCKET,
                    option,
                    (&raw const value).cast(),
                    size_of::<libc::c_int>() as libc::socklen_t,
                )
            };
            if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
        };
        set(libc::SO_TIMESTAMPNS, 1)?;
        // Without the right to force, the system's limit decides.
        let _ = set(libc::SO_RCVBUFFORCE, 8 << 20).or_else(|_| set(libc::SO_RCVBUF, 8 << 20));
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Sends the next packet of each stream. Returns how many the kernel took.
    pub(crate) fn send<'a>(&self, streams: impl Iterator<Item = (u32, &'a mut Stream)>) -> u64 {
        self.send_with(streams, |_| ())
    }

    /// The same with the time in each packet, for [`stamp`] at the other end.
    pub(crate) fn send_stamped<'a>(&self, streams: impl Iterator<Item = (u32, &'a mut Stream)>) -> u64 {
        self.send_with(streams, |packet| {
            packet[12..16].copy_from_slice(STAMP_MARK);
            packet[16..24].copy_from_slice(&now_us().to_be_bytes());
        })
    }

    fn send_with<'a>(
        &self,
        streams: impl Iterator<Item = (u32, &'a mut Stream)>,
        finish: impl Fn(&mut [u8; PACKET_BYTES]),
    ) -> u64 {
        let mut packets = [[SILENCE; PACKET_BYTES]; BATCH];
        let mut targets: [libc::sockaddr_in; BATCH] =
            [raw(SocketAddrV4::new([127, 0, 0, 1].into(), 9)); BATCH];
        let (mut filled, mut sent) = (0, 0);
        for (number, stream) in streams {
            stream.write(number, &mut packets[filled]);
            finish(&mut packets[filled]);
            targets[filled] = stream.to;
            filled += 1;
            if filled == BATCH {
                sent += self.flush(&mut packets[..filled], &mut targets[..filled]);
                filled = 0;
            }
        }
        sent + self.flush(&mut packets[..filled], &mut targets[..filled])
    }

    fn flush(&self, packets: &mut [[u8; PACKET_BYTES]], targets: &mut [libc::sockaddr_in]) -> u64 {
        let mut parts: [libc::iovec; BATCH] = zeroed();
        let mut messages: [libc::mmsghdr; BATCH] = zeroed();
        let count = packets.len();
        for (index, (packet, target)) in packets.iter_mut().zip(targets).enumerate() {
            parts[index] = libc::iovec { iov_base: packet.as_mut_ptr().cast(), iov_len: PACKET_BYTES };
            let header = &mut messages[index].msg_hdr;
            header.msg_name = std::ptr::from_mut(target).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_iov = &raw mut parts[index];
            header.msg_iovlen = 1;
        }
        let mut done = 0;
        while done < count {
            // SAFETY: the messages point to packets, targets and parts that outlive the call.
            let sent = unsafe {
                libc::sendmmsg(
                    self.socket.as_raw_fd(),
                    messages[done..].as_mut_ptr(),
                    (count - done) as u32,
                    0,
                )
            };
            if sent <= 0 {
                break;
            }
            done += sent as usize;
        }
        done as u64
    }

    /// Reads all that came; `each` gets the sender's port, the sequence number, the kernel's arrival time and the
    /// packet.
    pub(crate) fn receive(&self, mut each: impl FnMut(u16, u16, i64, &[u8])) {
        let mut rooms = [[0_u8; ROOM_BYTES]; BATCH];
        let mut controls = [[0_u64; CONTROL_BYTES / 8]; BATCH];
        let mut senders: [libc::sockaddr_in; BATCH] = zeroed();
        loop {
            let mut parts: [libc::iovec; BATCH] = zeroed();
            let mut messages: [libc::mmsghdr; BATCH] = zeroed();
            for index in 0..BATCH {
                parts[index] =
                    libc::iovec { iov_base: rooms[index].as_mut_ptr().cast(), iov_len: ROOM_BYTES };
                let header = &mut messages[index].msg_hdr;
                header.msg_name = (&raw mut senders[index]).cast();
                header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
                header.msg_iov = &raw mut parts[index];
                header.msg_iovlen = 1;
                header.msg_control = controls[index].as_mut_ptr().cast();
                header.msg_controllen = CONTROL_BYTES as _;
            }
            // SAFETY: the messages point to rooms, controls and senders that outlive the call.
            let count = unsafe {
                libc::recvmmsg(
                    self.socket.as_raw_fd(),
                    messages.as_mut_ptr(),
                    BATCH as u32,
                    libc::MSG_DONTWAIT,
                    std::ptr::null_mut(),
                )
            };
            let count = usize::try_from(count).unwrap_or(0);
            for index in 0..count {
                let room = &rooms[index];
                let length = messages[index].msg_len as usize;
                if (12..=ROOM_BYTES).contains(&length) {
                    let port = u16::from_be(senders[index].sin_port);
                    let sequence = u16::from_be_bytes([room[2], room[3]]);
                    each(port, sequence, arrival_us(&messages[index].msg_hdr), &room[..length]);
                }
            }
            if count < BATCH {
                return;
            }
        }
    }
}

/// When a packet with a stamp was sent, in microseconds of the wall clock.
pub(crate) fn stamp(packet: &[u8]) -> Option<i64> {
    let rest = packet.get(12..)?.strip_prefix(STAMP_MARK)?;
    Some(i64::from_be_bytes(*rest.first_chunk::<8>()?))
}

/// The wall clock, as the kernel stamps packets with it.
pub(crate) fn now_us() -> i64 {
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

/// Notes a packet of a stream and returns how late it came.
pub(crate) fn note(stream: &mut Stream, sequence: u16, arrival_us: i64) -> i64 {
    stream.received += 1;
    stream.lateness_us(sequence, arrival_us)
}

/// The kernel's stamp of a datagram that was just read.
fn arrival_us(header: &libc::msghdr) -> i64 {
    // SAFETY: the kernel filled the control part of this header; its macros walk it within its length.
    unsafe {
        let mut part = libc::CMSG_FIRSTHDR(header);
        while !part.is_null() {
            if (*part).cmsg_level == libc::SOL_SOCKET && (*part).cmsg_type == libc::SCM_TIMESTAMPNS {
                let time: libc::timespec = std::ptr::read_unaligned(libc::CMSG_DATA(part).cast());
                return time.tv_sec * 1_000_000 + time.tv_nsec / 1000;
            }
            part = libc::CMSG_NXTHDR(header, part);
        }
    }
    0
}

fn raw(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    }
}

/// Plain data for the kernel to fill.
fn zeroed<T: Copy, const N: usize>() -> [T; N] {
    // SAFETY: only used with structures of numbers and pointers, for which zero is a value.
    unsafe { MaybeUninit::zeroed().assume_init() }
}
