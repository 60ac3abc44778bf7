//! `POST /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses`

use std::net::IpAddr;

use ringway_engine::calls::CallControl;
use ringway_model::sid::IpAccessControlListSid;
use ringway_store::{CreateIpAddressError, IpAddress, NewIpAddress};

use super::super::fetch::find;
use super::{address_taken, admit, friendly_name, friendly_name_taken, invalid_prefix};
use crate::error::{Code, Fault};
use crate::parameters::{Sent, parameters};
use crate::reply::Created;
use crate::request::Request;
use crate::rules::{self, required};

parameters! {
    pub(super) struct New {
        /// How many bits of the address count; all unless given.
        cidr_prefix_length: Option<u8> = "CidrPrefixLength", rules::listed_prefix_length();
        /// A text that describes the address; no two of a list have the same.
        friendly_name: String = "FriendlyName", required(friendly_name(), Code::AddressValidation);
        /// The address; IPv6 only where the operator lets it in.
        ip_address: IpAddr = "IpAddress", required(rules::listed_address(), Code::AddressValidation);
    }
}

pub(super) async fn create<C: CallControl>(
    request: Request<C>,
    list: IpAccessControlListSid,
    sent: Sent<New>,
) -> Result<Created<IpAddress>, Fault> {
    find(&request, &list)?;
    let New { cidr_prefix_length, friendly_name, ip_address } = sent.read()?;
    let ip_address = admit(ip_address, request.app.ipv6_lists)?;
    let whole = if ip_address.is_ipv4() { 32 } else { 128 };
    let new = NewIpAddress {
        account_sid: request.account.sid,
        ip_access_control_list_sid: list,
        friendly_name,
        ip_address,
        cidr_prefix_length: cidr_prefix_length.unwrap_or(whole),
    };
    let created = request.store().create_ip_address(new).await.map_err(explain)?;
    Ok(Created(created.ok_or_else(Fault::not_found)?))
}

fn explain(error: CreateIpAddressError) -> Fault {
    match error {
        CreateIpAddressError::LimitReached { limit } => {
            Fault::because(Code::MaximumAddresses, format!("a list may have {limit} addresses"))
        }
        CreateIpAddressError::FriendlyNameTaken => friendly_name_taken(),
        CreateIpAddressError::AddressTaken => address_taken(),
        CreateIpAddressError::InvalidPrefix => invalid_prefix(),
        CreateIpAddressError::Store(error) => error.into(),
    }
}
