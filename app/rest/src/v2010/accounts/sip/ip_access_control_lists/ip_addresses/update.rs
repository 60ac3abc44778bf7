//! `POST /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses/{IP}`

use ringway_model::sid::{IpAccessControlListSid, IpAddressSid};
use ringway_store::{IpAddressUpdate, UpdateIpAddressError};

use super::{FRIENDLY_NAME_MAX, SHAPE, address_taken, describe, fetch, friendly_name_taken, invalid_prefix};
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::reply::Reply;
use crate::request::Request;
use crate::rules;

pub(super) async fn update<C>(
    request: &Request<C>,
    list: IpAccessControlListSid,
    sid: IpAddressSid,
) -> Result<Reply, Fault> {
    fetch::fetch(request, &list, &sid)?;
    let update = read(&request.form, request.app.ipv6_lists)?;
    let updated = request.store().update_ip_address(request.account.sid, list, sid, update).await;
    let address = updated.map_err(explain)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Found(&SHAPE, describe(&address, &request.place)))
}

fn read(form: &Form, ipv6: bool) -> Result<IpAddressUpdate, Fault> {
    let cidr_prefix_length = rules::listed_prefix_length(form, ipv6)?;
    let friendly_name = match form.value("FriendlyName") {
        None => None,
        Some(_) => {
            Some(rules::required_friendly_name(form, FRIENDLY_NAME_MAX, Code::AddressValidation)?.to_owned())
        }
    };
    let ip_address = rules::listed_address(form, ipv6)?;
    Ok(IpAddressUpdate { friendly_name, ip_address, cidr_prefix_length })
}

fn explain(error: UpdateIpAddressError) -> Fault {
    match error {
        UpdateIpAddressError::FriendlyNameTaken => friendly_name_taken(),
        UpdateIpAddressError::AddressTaken => address_taken(),
        UpdateIpAddressError::InvalidPrefix => invalid_prefix(),
        UpdateIpAddressError::Store(error) => error.into(),
    }
}
