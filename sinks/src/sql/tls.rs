//! Why a TLS handshake failed for good: a certificate, the server's or ours, or the protocol. Relies on rustls handing its
//! error through the error of the connection, as sqlx passes it on.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// What is wrong and which setting to look at; `None` for a connection that merely broke.
pub(super) fn fault(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let advice = match error {
        Error::InvalidCertificate(reason) => server_certificate(reason),
        Error::NoCertificatesPresented => "the server has no certificate",
        Error::AlertReceived(alert) => alert_of(*alert)?,
        Error::PeerIncompatible(_) | Error::PeerMisbehaved(_) => "the server's TLS is too old or is none",
        _ => return None,
    };
    Some(format!("TLS failed: {advice} [{error}]"))
}

fn server_certificate(reason: &CertificateError) -> &'static str {
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; renew it"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; check the clocks"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is made for another host name than that in url; write the name in url that the \
             certificate has"
        }
        CertificateError::UnknownIssuer => {
            "the server's certificate is signed by an unknown authority; check tls_ca_file"
        }
        _ => "the server's certificate is not accepted; check it and tls_ca_file",
    }
}

/// Alerts that speak of our certificate or of what both sides understand.
fn alert_of(alert: AlertDescription) -> Option<&'static str> {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired
        | Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied => {
            Some("the server does not accept our certificate; check tls_certificate_file and tls_key_file")
        }
        Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
            Some("the server and we have no version of TLS or cipher in common")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(error: Error) -> Option<String> {
        fault(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn each_certificate_error_names_what_to_mend() {
        let table = [
            (Error::InvalidCertificate(CertificateError::Expired), "has expired"),
            (Error::InvalidCertificate(CertificateError::UnknownIssuer), "tls_ca_file"),
            (Error::InvalidCertificate(CertificateError::NotValidForName), "url"),
            (Error::AlertReceived(AlertDescription::CertificateRequired), "tls_certificate_file"),
        ];
        for (error, word) in table {
            let told = said(error.clone()).unwrap_or_default();
            assert!(told.contains(word), "{error}: {told}");
        }
    }

    #[test]
    fn a_connection_that_broke_is_no_fault() {
        assert_eq!(said(Error::AlertReceived(AlertDescription::CloseNotify)), None);
        assert_eq!(fault(&io::Error::from(io::ErrorKind::ConnectionReset)), None);
        assert_eq!(fault(&io::Error::other("cut")), None);
    }
}
