//! Datagram sockets: batches in and out, the time and the address each packet arrived at.
#![allow(unsafe_code)] // recvmmsg and sendmmsg with ancillary data have no safe wrapper.

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use libc::{c_int, c_void, cmsghdr, iovec, mmsghdr, msghdr, socklen_t};
use ringway_model::Moment;
use ringway_sip::endpoint::Transmit;
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use crate::clock;

/// Packets read or written with one system call.
pub(crate) const BATCH: usize = 32;
/// The largest datagram there is.
const DATAGRAM_BYTES: usize = 65_536;
/// Room for a timestamp, a packet-info and a drop counter.
const CONTROL_BYTES: usize = 128;
/// What the kernel may keep for us, so that a burst waits instead of being lost.
const BUFFER_BYTES: usize = 4 << 20;
/// A packet never looks older than this: the wall clock was set, rather.
const AGE_MAX: Duration = Duration::from_secs(10);

/// A bound datagram socket.
pub(crate) struct UdpSocket {
    socket: Socket,
    local: SocketAddr,
    /// The kernel's count of packets lost for want of buffer, as last seen.
    drops_seen: u32,
}

/// A packet as read.
pub(crate) struct Datagram<'a> {
    pub(crate) remote: SocketAddr,
    /// The address it was sent to, also when the socket is bound to all of them.
    pub(crate) local: SocketAddr,
    pub(crate) arrival: Moment,
    pub(crate) bytes: &'a [u8],
}

/// What a read found.
#[derive(Default)]
pub(crate) struct Received {
    /// Datagrams read, unusable ones included.
    pub(crate) count: usize,
    /// Datagrams the kernel dropped since the last read that told.
    pub(crate) dropped: u32,
}

impl UdpSocket {
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM.nonblocking().cloexec(),
            Some(Protocol::UDP),
        )?;
        let (level, packet_info, errors) = if address.is_ipv4() {
            (libc::IPPROTO_IP, libc::IP_PKTINFO, libc::IP_RECVERR)
        } else {
            socket.set_only_v6(true)?;
            (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, libc::IPV6_RECVERR)
        };
        set_option(&socket, level, packet_info, 1)?;
        set_option(&socket, level, errors, 1)?;
        set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        set_option(&socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)?;
        enlarge(&socket);
        socket.bind(&address.into())?;
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { socket, local, drops_seen: 0 })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Reads one batch and hands each datagram on. Nothing there is a count of zero.
    pub(crate) fn receive(
        &mut self,
        arena: &mut Arena,
        mut deliver: impl FnMut(Datagram<'_>),
    ) -> io::Result<Received> {
        let lengths = match arena.read(&self.socket) {
            Ok(lengths) => lengths,
            Err(error) if would_block(&error) => return Ok(Received::default()),
            Err(error) => return Err(error),
        };
        let clocks = (clock::monotonic(), clock::wall_span());
        let mut received = Received { count: lengths, dropped: 0 };
        for index in 0..lengths {
            let ancillary = arena.ancillary(index);
            if let Some(drops) = ancillary.drops {
                received.dropped = received.dropped.wrapping_add(drops.wrapping_sub(self.drops_seen));
                self.drops_seen = drops;
            }
            let Some((remote, bytes)) = arena.datagram(index) else { continue };
            let ip = ancillary.local.unwrap_or(self.local.ip());
            let local = SocketAddr::new(ip, self.local.port());
            deliver(Datagram { remote, local, arrival: arrival(clocks, ancillary.stamp), bytes });
        }
        Ok(received)
    }

    /// Sends the first messages of `batch`, at most [`BATCH`]; says how many went. The error is that of the
    /// first one.
    pub(crate) fn send(&self, batch: &[Transmit]) -> io::Result<usize> {
        let count = batch.len().min(BATCH);
        let mut names: [Option<SockAddr>; BATCH] = [const { None }; BATCH];
        let mut vectors: [iovec; BATCH] = [iovec { iov_base: ptr::null_mut(), iov_len: 0 }; BATCH];
        let mut controls = [Control::default(); BATCH];
        // SAFETY: all fields of mmsghdr are integers and pointers, for which zero is a value.
        let mut headers: [mmsghdr; BATCH] = unsafe { mem::zeroed() };
        for (index, message) in batch.iter().take(BATCH).enumerate() {
            let name = names[index].insert(message.target.remote.into());
            // The kernel only reads through this pointer.
            vectors[index].iov_base = message.bytes.as_ptr().cast_mut().cast::<c_void>();
            vectors[index].iov_len = message.bytes.len();
            let header = &mut headers[index].msg_hdr;
            header.msg_name = name.as_ptr().cast_mut().cast();
            header.msg_namelen = name.len();
            header.msg_iov = &raw mut vectors[index];
            header.msg_iovlen = 1;
            if self.local.ip().is_unspecified()
                && let Some(local) = message.target.local
            {
                leave_from(header, &mut controls[index], local.ip());
            }
        }
        // SAFETY: the first `count` headers point to names, vectors and controls that live in this frame and to
        // message bytes borrowed from `batch`; sendmmsg reads them and writes only msg_len.
        let sent = unsafe {
            libc::sendmmsg(self.socket.as_raw_fd(), headers.as_mut_ptr(), count as u32, libc::MSG_NOSIGNAL)
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// True for "nothing there now" and for an interrupted call, which the next turn repeats.
pub(crate) fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The memory that datagrams are read into, used again for each batch.
pub(crate) struct Arena {
    bytes: Vec<u8>,
    names: Vec<SockAddrStorage>,
    controls: [Control; BATCH],
    headers: [mmsghdr; BATCH],
}

/// Ancillary data, aligned as the kernel wants it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

impl Default for Control {
    fn default() -> Self {
        Self([0; CONTROL_BYTES])
    }
}

/// What the kernel says about a datagram.
#[derive(Default)]
struct Ancillary {
    /// CLOCK_REALTIME at arrival.
    stamp: Option<Duration>,
    local: Option<IpAddr>,
    drops: Option<u32>,
}

// SAFETY: the pointers in `headers` are written anew before each system call and point into this value's own
// heap memory and fields of the moment; between calls nobody follows them.
unsafe impl Send for Arena {}

impl Arena {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH * DATAGRAM_BYTES],
            names: (0..BATCH).map(|_| SockAddrStorage::zeroed()).collect(),
            controls: [Control::default(); BATCH],
            // SAFETY: all fields of mmsghdr are integers and pointers, for which zero is a value.
            headers: unsafe { mem::zeroed() },
        }
    }

    /// Reads a batch; says how many datagrams came.
    fn read(&mut self, socket: &Socket) -> io::Result<usize> {
        let mut vectors: [iovec; BATCH] = [iovec { iov_base: ptr::null_mut(), iov_len: 0 }; BATCH];
        for (index, chunk) in self.bytes.chunks_exact_mut(DATAGRAM_BYTES).enumerate() {
            vectors[index] = iovec { iov_base: chunk.as_mut_ptr().cast(), iov_len: chunk.len() };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = self.names[index].size_of();
            header.msg_iov = &raw mut vectors[index];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut self.controls[index]).cast();
            header.msg_controllen = CONTROL_BYTES as _;
            header.msg_flags = 0;
        }
        // SAFETY: each header points to a name, a vector, its chunk and a control block of this value or this
        // frame, with their true lengths, and nothing else refers to them during the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    /// The sender and content of a datagram of the last batch; none when it has no usable sender or was cut.
    fn datagram(&self, index: usize) -> Option<(SocketAddr, &[u8])> {
        let header = self.headers.get(index)?;
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        // SAFETY: the kernel has written an address of this length into the storage, which was zeroed before
        // the first use and always holds some address or zeros.
        let name =
            unsafe { SockAddr::new(ptr::read(&raw const self.names[index]), header.msg_hdr.msg_namelen) };
        let start = index * DATAGRAM_BYTES;
        Some((name.as_socket()?, self.bytes.get(start..start + header.msg_len as usize)?))
    }

    fn ancillary(&self, index: usize) -> Ancillary {
        let mut ancillary = Ancillary::default();
        let header = &raw const self.headers[index].msg_hdr;
        // SAFETY: the kernel has filled the control block and set its length in the header; the CMSG macros
        // stay inside that length, and the block (a field of self) has not moved since `read`, which set the
        // pointer: self is borrowed from there to here by `UdpSocket::receive`.
        unsafe {
            let mut message = libc::CMSG_FIRSTHDR(header);
            while let Some(current) = message.as_ref() {
                ancillary.note(current, libc::CMSG_DATA(message));
                message = libc::CMSG_NXTHDR(header, message);
            }
        }
        ancillary
    }
}

impl Ancillary {
    /// # Safety
    /// `data` is the payload of `message`, as the kernel wrote both.
    unsafe fn note(&mut self, message: &cmsghdr, data: *const u8) {
        // SAFETY: the kernel writes the structure that belongs to each level and type; reads are unaligned.
        unsafe {
            match (message.cmsg_level, message.cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let time = data.cast::<libc::timespec>().read_unaligned();
                    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
                    self.stamp = Some(Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0)));
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                    self.drops = Some(data.cast::<u32>().read_unaligned());
                }
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                    self.local = Some(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr)).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = data.cast::<libc::in6_pktinfo>().read_unaligned();
                    self.local = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                _ => {}
            }
        }
    }
}

/// The kernel stamps with the wall clock; what counts is how long ago that was.
fn arrival((monotonic, wall): (Moment, Duration), stamp: Option<Duration>) -> Moment {
    let age = stamp.map_or(Duration::ZERO, |stamp| wall.saturating_sub(stamp));
    monotonic - if age > AGE_MAX { Duration::ZERO } else { age }
}

/// Makes a packet leave from `local`, which is an address of this machine.
fn leave_from(header: &mut msghdr, control: &mut Control, local: IpAddr) {
    header.msg_control = control.0.as_mut_ptr().cast();
    match local {
        IpAddr::V4(ip) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from(ip).to_be() },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            write_control(header, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        }
        IpAddr::V6(ip) => {
            let info =
                libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: 0 };
            write_control(header, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        }
    }
}

fn write_control<T>(header: &mut msghdr, level: c_int, kind: c_int, value: T) {
    let size = size_of::<T>() as u32;
    // SAFETY: msg_control points to a zeroed, aligned block of CONTROL_BYTES, more than CMSG_SPACE of either
    // packet-info; the header is inside it and so is its data.
    unsafe {
        header.msg_controllen = libc::CMSG_SPACE(size) as _;
        let message = libc::CMSG_FIRSTHDR(header);
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
    }
}

/// Asks for large buffers, past the system's limit where we may.
fn enlarge(socket: &Socket) {
    let size = BUFFER_BYTES as c_int;
    if set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, size).is_err() {
        let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
    }
    if set_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, size).is_err() {
        let _ = socket.set_send_buffer_size(BUFFER_BYTES);
    }
}

fn set_option(socket: &Socket, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the option value is an int that lives through the call, and its length is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<c_int>() as socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
